package integration

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// illegalOperation is what a standalone server answers to a transaction.
const illegalOperation = 20

func TestTransactionOnTheSocket(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 0}})
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	c.Commands.Reset()
	err = c.UseSession(requestCtx, func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) {
			if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}); err != nil {
				return nil, err
			}
			return nil, coll.FindOne(ctx, bson.D{{Key: "_id", Value: 1}}).Err()
		})
		return err
	})
	var refused mongo.ServerError
	if errors.As(err, &refused) && refused.HasErrorCode(illegalOperation) {
		t.Skip("needs a replica set or a sharded cluster: a standalone server has no transactions")
	}
	check(t, err)
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("the transaction ran on %v, want on the request's %s alone", ids, request.Info().ConnectionID)
	}
	check(t, coll.FindOne(requestCtx, bson.D{{Key: "_id", Value: 1}}).Err())
}

package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// unauthorized is the server's code for what the user may not do.
const unauthorized = 13

// usersSite connects to the deployment at uri and makes a database of the run's own there, which close
// drops.
func usersSite(ctx context.Context, uri string) (*site, error) {
	// A name that no other run and no user has: 64 random bits.
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	s := &site{uri: uri, database: "monorail_bench_" + hex.EncodeToString(name[:]), ctx: ctx}
	client, release, err := s.official(1)
	if err != nil {
		return nil, err
	}
	s.ending = append(s.ending, release)
	if err := s.meet(client); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.ending = append(s.ending, func() error { return s.drop(client) })
	if err := s.prepareWith(client); err != nil {
		closeErr := s.close()
		if isUnauthorized(err) {
			closeErr = nil // whoever may not write may not drop either, and need not
		}
		return nil, errors.Join(explained(err, s.database), closeErr)
	}
	return s, nil
}

// meet asks what the server is.
func (s *site) meet(client *mongo.Client) error {
	if err := client.Ping(s.ctx, primary); err != nil {
		return err
	}
	var hello struct{ Msg string }
	if err := client.Database("admin").RunCommand(s.ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return err
	}
	s.mongos = hello.Msg == "isdbgrid"
	var build struct{ Version string }
	if err := client.Database("admin").RunCommand(s.ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return err
	}
	s.version = build.Version
	return nil
}

// drop drops the database, even when the run was interrupted.
func (s *site) drop(client *mongo.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), farewell)
	defer cancel()
	database := client.Database(s.database)
	err := database.Drop(ctx)
	if isUnauthorized(err) {
		// The role readWrite may not drop databases, but one without collections is gone as well.
		err = nil
		for _, name := range collections {
			err = errors.Join(err, database.Collection(name).Drop(ctx))
		}
	}
	if err != nil {
		return fmt.Errorf("database %s is not dropped: %w", s.database, err)
	}
	return nil
}

// explained says what a user of the deployment needs who may not do what the run does.
func explained(err error, database string) error {
	if isUnauthorized(err) {
		return fmt.Errorf("the user of the URI may not write in a database of the run's own (%s): it needs a role such as readWriteAnyDatabase: %w", database, err)
	}
	return err
}

func isUnauthorized(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(unauthorized)
}

package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
)

// automaticStore is way (b): the client writes with w:0 and starts requests by itself. The code of a
// visit is that of the driver alone, and each visit is a scope, a unit of work.
type automaticStore struct {
	client *monorail.Client
	counts *mongo.Collection
}

func openAutomatic(_ context.Context, d *dialer, uri, database string) (store, error) {
	client, err := monorail.Connect(clientOptions(uri, d).SetWriteConcern(writeconcern.Unacknowledged()),
		monorail.Options().SetAutoStartRequest(true))
	if err != nil {
		return nil, err
	}
	return &automaticStore{client: client, counts: countersOf(client.Client, database, "b")}, nil
}

func (s *automaticStore) visit(ctx context.Context, v visit) (int64, error) {
	ctx, end := s.client.NewScope(ctx)
	defer end()
	if _, err := s.counts.UpdateOne(ctx, counterOf(v), oneMore, options.UpdateOne().SetUpsert(true)); err != nil {
		return 0, err
	}
	return pageViews(ctx, s.counts, v.region)
}

func (s *automaticStore) close(ctx context.Context) error { return s.client.Disconnect(ctx) }

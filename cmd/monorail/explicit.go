package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
)

// explicitStore is way (c): each visit is a request that the program starts and ends. The write
// leaves with the read in one write call, and the server runs the read after it.
type explicitStore struct {
	client *monorail.Client
	counts *mongo.Collection
}

func openExplicit(_ context.Context, d *dialer, uri, database string) (store, error) {
	client, err := monorail.Connect(clientOptions(uri, d))
	if err != nil {
		return nil, err
	}
	return &explicitStore{client: client, counts: countersOf(client.Client, database, "c")}, nil
}

func (s *explicitStore) visit(ctx context.Context, v visit) (total int64, err error) {
	err = s.client.WithRequest(ctx, func(ctx context.Context) error {
		err := s.client.Unacknowledged(s.counts).UpdateOne(ctx, counterOf(v), oneMore, options.UpdateOne().SetUpsert(true))
		if err != nil {
			return err
		}
		total, err = pageViews(ctx, s.counts, v.region)
		return err
	})
	return total, err
}

func (s *explicitStore) close(ctx context.Context) error { return s.client.Disconnect(ctx) }

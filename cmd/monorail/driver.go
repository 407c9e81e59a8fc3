package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// driverStore is ways (a) and (d): the official driver by itself. The two differ only in the write
// concern: where the write is acknowledged the read begins after it; where it is not, the read may
// travel on another connection of the pool and overtake it.
type driverStore struct {
	client *mongo.Client
	counts *mongo.Collection
}

func openAcknowledged(_ context.Context, d *dialer, uri, database string) (store, error) {
	// An empty write concern is the server's default, which a w=0 in the URI would replace.
	return openDriver(d, uri, database, "a", &writeconcern.WriteConcern{})
}

func openPooled(_ context.Context, d *dialer, uri, database string) (store, error) {
	return openDriver(d, uri, database, "d", writeconcern.Unacknowledged())
}

func openDriver(d *dialer, uri, database, letter string, wc *writeconcern.WriteConcern) (store, error) {
	client, err := mongo.Connect(clientOptions(uri, d).SetWriteConcern(wc))
	if err != nil {
		return nil, err
	}
	return &driverStore{client: client, counts: countersOf(client, database, letter)}, nil
}

func (s *driverStore) visit(ctx context.Context, v visit) (int64, error) {
	if _, err := s.counts.UpdateOne(ctx, counterOf(v), oneMore, options.UpdateOne().SetUpsert(true)); err != nil {
		return 0, err
	}
	return pageViews(ctx, s.counts, v.region)
}

func (s *driverStore) close(ctx context.Context) error { return s.client.Disconnect(ctx) }

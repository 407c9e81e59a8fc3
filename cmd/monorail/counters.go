package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// The counters are documents {region, browser, os, n} in one collection per way.

// countersOf returns the collection of the counters of one way. Reads go to the primary, whatever
// the URI says: the demo is about one server's order, not about replication.
func countersOf(client *mongo.Client, database, letter string) *mongo.Collection {
	return client.Database(database).Collection("counts_"+letter,
		options.Collection().SetReadPreference(readpref.Primary()))
}

// createIndex makes the key of the counters unique: without that, two upserts at the same moment
// may each insert a counter of their own, on any MongoDB.
func createIndex(ctx context.Context, counts *mongo.Collection) error {
	_, err := counts.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "region", Value: 1}, {Key: "browser", Value: 1}, {Key: "os", Value: 1}},
		Options: options.Index().SetUnique(true),
	})
	return err
}

// counterOf is the filter for the counter of v.
func counterOf(v visit) bson.D {
	return bson.D{{Key: "region", Value: v.region}, {Key: "browser", Value: v.browser}, {Key: "os", Value: v.system}}
}

// oneMore is the update that counts one visit.
var oneMore = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}

// pageViews returns the page views of a region, or of all regions if region is empty.
func pageViews(ctx context.Context, counts *mongo.Collection, region string) (int64, error) {
	filter := bson.D{}
	if region != "" {
		filter = bson.D{{Key: "region", Value: region}}
	}
	// The default first batch of 101 counters would cost a region with more of them a second round trip.
	cursor, err := counts.Find(ctx, filter, options.Find().
		SetProjection(bson.D{{Key: "n", Value: 1}, {Key: "_id", Value: 0}}).SetBatchSize(1000))
	if err != nil {
		return 0, err
	}
	var counters []struct{ N int64 }
	if err := cursor.All(ctx, &counters); err != nil {
		return 0, err
	}
	var total int64
	for _, c := range counters {
		total += c.N
	}
	return total, nil
}

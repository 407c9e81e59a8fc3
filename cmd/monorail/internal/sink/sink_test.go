package sink

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// TestDriver checks that the driver takes the sink for a MongoDB, and that unacknowledged messages
// have no answer: the reply to the find behind them would go astray.
func TestDriver(t *testing.T) {
	server, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + server.Address()).SetMaxPoolSize(1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Disconnect(ctx); err != nil {
			t.Error(err)
		}
	}()
	coll := client.Database("analytics").Collection("counts")
	silent := coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	inc := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	for range 3 {
		if result, err := coll.UpdateOne(ctx, bson.D{}, inc); err != nil || result.ModifiedCount != 1 {
			t.Fatalf("UpdateOne: %+v, %v", result, err)
		}
		if _, err := silent.UpdateOne(ctx, bson.D{}, inc); err != nil {
			t.Fatal(err)
		}
		if _, err := coll.InsertOne(ctx, bson.D{}); err != nil {
			t.Fatal(err)
		}
		var found struct{ N int }
		if err := coll.FindOne(ctx, bson.D{}).Decode(&found); err != nil || found.N != 1 {
			t.Fatalf("FindOne: %+v, %v", found, err)
		}
	}
	if err := client.Ping(ctx, nil); err != nil {
		t.Fatal(err)
	}
}

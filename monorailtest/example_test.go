package monorailtest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func Example() {
	srv := monorailtest.NewServer()
	defer srv.Close()

	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)

	counts := client.Database("analytics").Collection("counts")
	for range 3 {
		_, err := counts.UpdateOne(ctx, bson.D{{Key: "region", Value: "north"}},
			bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, options.UpdateOne().SetUpsert(true))
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	var count struct{ N int }
	if err := counts.FindOne(ctx, bson.D{{Key: "region", Value: "north"}}).Decode(&count); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(count.N)
	// Output: 3
}

// A busy server: every find takes at least a second, so that an operation with a shorter deadline fails.
func ExampleServer_SetDelay() {
	srv := monorailtest.NewServer()
	defer srv.Close()
	srv.SetDelay(time.Second, monorailtest.Commands("find"))

	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(context.Background())

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err = client.Database("test").Collection("c").FindOne(ctx, bson.D{}).Err()
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// What the driver sent, in the order in which the server took it up.
func ExampleServer_Record() {
	srv := monorailtest.NewServer()
	defer srv.Close()
	writes := srv.Record(100, monorailtest.Commands("insert", "delete"))

	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	coll := client.Database("test").Collection("c")
	if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}); err != nil {
		fmt.Println(err)
	}
	if _, err := coll.DeleteOne(ctx, bson.D{{Key: "_id", Value: 1}}); err != nil {
		fmt.Println(err)
	}
	for _, m := range writes.Messages() {
		fmt.Println(m.Command, m.Database, m.MoreToCome)
	}
	// Output:
	// insert test false
	// delete test false
}

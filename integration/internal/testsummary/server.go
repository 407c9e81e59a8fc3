package main

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// describeTimeout bounds the question what kind of server is behind a URI. It is longer than an
// election takes on a default replica set (10 s of election timeout).
const describeTimeout = 15 * time.Second

// describeServer says what answers at uri: its version and whether it is a standalone, a replica
// set or a mongos.
func describeServer(ctx context.Context, uri string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	admin := client.Database("admin")
	var build struct{ Version string }
	if err := admin.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return "", err
	}
	var hello struct {
		SetName string
		Hosts   []string
		Msg     string
	}
	if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return "", err
	}
	kind := "standalone"
	switch {
	case hello.Msg == "isdbgrid":
		kind = "mongos"
	case hello.SetName != "":
		kind = fmt.Sprintf("replica set of %d", len(hello.Hosts))
	}
	return fmt.Sprintf("MongoDB %s, %s", build.Version, kind), nil
}

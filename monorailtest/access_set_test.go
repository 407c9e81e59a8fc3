package monorailtest

import (
	"context"
	"crypto/tls"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

// TestReplicaSetWithTLSAndUsers: the options hold for every member, secondaries included.
func TestReplicaSetWithTLSAndUsers(t *testing.T) {
	ca := certificate.NewAuthority()
	set := NewReplicaSet(3, WithUser("ann", "pass"), WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}))
	t.Cleanup(set.Close)
	client, err := mongo.Connect(options.Client().ApplyURI(set.URI()).SetTLSConfig(&tls.Config{RootCAs: ca.Pool()}).
		SetAuth(options.Credential{Username: "ann", Password: "pass"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	c := client.Database("d").Collection("c", options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: 3}))
	if _, err := c.InsertOne(t.Context(), bson.D{}); err != nil {
		t.Fatal(err)
	}
	for _, preference := range []*readpref.ReadPref{readpref.Primary(), readpref.Secondary()} {
		n, err := c.Clone(options.Collection().SetReadPreference(preference)).CountDocuments(t.Context(), bson.D{})
		if n != 1 || err != nil {
			t.Errorf("%v: %d documents, %v", preference, n, err)
		}
	}
}

package integration

import (
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// TestRequestsAuthenticateTheirSockets has automatic requests of several goroutines, with a connection
// each, on a server that wants to know who its clients are.
func TestRequestsAuthenticateTheirSockets(t *testing.T) {
	const goroutines = 4
	s := servertest.StartWithFaults(t, monorailtest.WithUser("ann", "pass"))
	s.Base = authenticated("", "ann", "pass")
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
	coll := c.Database("monorail_test").Collection("c")
	ctx := servertest.Context(t)
	var group, pinned sync.WaitGroup
	pinned.Add(goroutines)
	for g := range goroutines {
		group.Go(func() {
			scope, end := c.NewScope(ctx)
			defer end()
			report(t, c.Unacknowledged(coll).InsertOne(scope, bson.D{{Key: "_id", Value: g}}))
			report(t, coll.FindOne(scope, bson.D{{Key: "_id", Value: g}}).Err())
			pinned.Done()
			pinned.Wait() // all hold their connections
		})
	}
	group.Wait()
	if n := len(c.Commands.Connections()); n != goroutines {
		t.Errorf("%d requests at a time ran on %d connections", goroutines, n)
	}
}

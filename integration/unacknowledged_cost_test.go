package integration

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// holding returns a client of a server that sends nothing by itself until so many megabytes are
// held, so that only the cost of the client is counted. It has no monitor.
func holding(t testing.TB) (*monorail.Client, *servertest.Server) {
	t.Helper()
	s := servertest.Start(t)
	client, err := monorail.Connect(options.Client().ApplyURI(s.URI), monorail.Options().SetMaxHeldBytes(64<<20).SetFlushInterval(0))
	check(t, err)
	t.Cleanup(func() { check(t, client.Disconnect(servertest.Context(t))) })
	return client, s
}

// TestUnacknowledgedAllocations checks that a write of the lane allocates nothing.

func TestUnacknowledgedAllocations(t *testing.T) {
	c, s := holding(t)
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(t.Context())
	check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{}))
	var filter, update any = bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	upsert := options.UpdateOne().SetUpsert(true)
	for _, test := range []struct {
		name string
		call func() error
	}{
		{"UpdateOne", func() error { return c.Unacknowledged(coll).UpdateOne(ctx, filter, update, upsert) }},
		{"DeleteOne", func() error { return c.Unacknowledged(coll).DeleteOne(ctx, filter) }},
		{"InsertOne", func() error { return c.Unacknowledged(coll).InsertOne(ctx, filter) }},
	} {
		if n := testing.AllocsPerRun(1000, func() { check(t, test.call()) }); n > poolLosses {
			t.Errorf("%s: %v allocations, want %d", test.name, n, poolLosses)
		}
	}
	check(t, request.End())
}

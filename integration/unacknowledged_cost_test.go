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
func holding(t testing.TB, opts ...*monorail.OptionsBuilder) (*monorail.Client, *servertest.Server) {
	t.Helper()
	s := servertest.Start(t)
	opts = append([]*monorail.OptionsBuilder{monorail.Options().SetMaxHeldBytes(64 << 20).SetFlushInterval(0)}, opts...)
	client, err := monorail.Connect(options.Client().ApplyURI(s.URI), opts...)
	check(t, err)
	t.Cleanup(func() { check(t, client.Disconnect(servertest.Context(t))) })
	return client, s
}

// TestUnacknowledgedAllocations checks that a write of the lane allocates nothing.
func TestUnacknowledgedAllocations(t *testing.T) {
	c, s := holding(t)
	laneAllocations(t, c, s)
}

// TestMergedAllocations checks the same of a write that is merged.
func TestMergedAllocations(t *testing.T) {
	c, s := holding(t, monorail.Options().SetMergeWrites(true))
	laneAllocations(t, c, s)
}

func laneAllocations(t *testing.T, c *monorail.Client, s *servertest.Server) {
	t.Helper()
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(t.Context())
	check(t, c.Unacknowledged(coll).InsertOne(ctx, bson.D{}))
	var filter, update any = bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	id, upsert := any("id"), options.UpdateOne().SetUpsert(true)
	for _, test := range []struct {
		name string
		call func() error
	}{
		{"UpdateOne", func() error { return c.Unacknowledged(coll).UpdateOne(ctx, filter, update, upsert) }},
		{"DeleteOne", func() error { return c.Unacknowledged(coll).DeleteOne(ctx, filter) }},
		{"UpdateByID", func() error { return c.Unacknowledged(coll).UpdateByID(ctx, id, update, upsert) }},
		{"ReplaceOne", func() error { return c.Unacknowledged(coll).ReplaceOne(ctx, filter, filter) }},
		{"InsertOne", func() error { return c.Unacknowledged(coll).InsertOne(ctx, filter) }},
	} {
		if n := testing.AllocsPerRun(1000, func() { check(t, test.call()) }); n > poolLosses {
			t.Errorf("%s: %v allocations, want %d", test.name, n, poolLosses)
		}
	}
	check(t, request.End())
}

// TestUnacknowledgedWriteCalls checks that writes of the lane leave in one write call with the operation
// that follows them, and else whenever so many bytes are held as SetMaxHeldBytes says, and not before.
func TestUnacknowledgedWriteCalls(t *testing.T) { writeCalls(t, false) }

// TestMergedWriteCalls checks the same of writes that are merged.
func TestMergedWriteCalls(t *testing.T) { writeCalls(t, true) }

func writeCalls(t *testing.T, merge bool) {
	t.Helper()
	const writes, perCall = 100, 7
	s := servertest.Start(t)
	database := s.Database(t)
	var filter, update any = bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	upsert := options.UpdateOne().SetUpsert(true)
	// calls returns how many write calls the writes and a ping take, and how many bytes perCall writes have.
	calls := func(maxHeldBytes int) (calls, size int) {
		c, err := monorail.Connect(options.Client().ApplyURI(s.URI),
			monorail.Options().SetMaxHeldBytes(maxHeldBytes).SetFlushInterval(0).SetMergeWrites(merge))
		check(t, err)
		defer func() { check(t, c.Disconnect(servertest.Context(t))) }()
		ctx, request := c.StartRequest(t.Context())
		check(t, c.Ping(ctx, nil))
		lane := c.Unacknowledged(c.Database(database).Collection("c"))
		before := c.Stats().WriteCalls
		for range perCall {
			check(t, lane.UpdateOne(ctx, filter, update, upsert))
		}
		size = request.Info().HeldBytes
		for range writes - perCall {
			check(t, lane.UpdateOne(ctx, filter, update, upsert))
		}
		check(t, c.Ping(ctx, nil))
		check(t, request.End())
		return int(c.Stats().WriteCalls - before), size
	}
	one, size := calls(64 << 20)
	if one != 1 {
		t.Errorf("%d write calls, want one", one)
	}
	if got, _ := calls(size); got != writes/perCall+1 {
		t.Errorf("%d write calls of %d writes each at most, want %d", got, perCall, writes/perCall+1)
	}
}

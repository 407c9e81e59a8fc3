package integration

import (
	"context"
	"io"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/peer"
	"github.com/mongo-monorail/monorail/integration/internal/sink"
	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/delay"
)

const (
	sinkPeer    = "sink"
	distantPeer = "monorailtest behind a network of 1 ms"

	// roundTripTime is what the network adds to each round trip to the distant server.
	roundTripTime = time.Millisecond
	// writesBeforeRead is how many unacknowledged writes go before the read.
	writesBeforeRead = 10
)

// The servers of the benchmarks are processes of their own. They end with them.
func init() {
	peer.Main(map[string]peer.Server{
		sinkPeer: func() (string, error) {
			server, err := sink.Start()
			if err != nil {
				return "", err
			}
			return "mongodb://" + server.Address(), nil
		},
		distantPeer: func() (string, error) {
			server := monorailtest.NewServer()
			proxy, err := delay.Start(server.Addr(), roundTripTime)
			if err != nil {
				return "", err
			}
			return "mongodb://" + proxy.Address(), nil
		},
	})
}

// The documents of the page-view example. They are boxed once, as those of a program that calls with
// variables of its own need not be: what the caller allocates is not measured.
var (
	benchFilter any = bson.D{{Key: "region", Value: "north"}, {Key: "browser", Value: "Firefox"}, {Key: "os", Value: "Linux"}}
	benchInc    any = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	benchUpsert     = options.UpdateOne().SetUpsert(true)
)

// measure is one way to do something whose cost is of interest. It is used by one goroutine.
type measure struct {
	name string
	run  func(t testing.TB) // does it once
	// settle waits, outside the measured time, until nothing of it is under way; nil where nothing is.
	settle func(t testing.TB)
}

// contestants are the two clients of one server, with everything of theirs that is measured.
type contestants struct {
	official *mongo.Client
	ours     *monorail.Client
	request  context.Context // carries a request of ours

	officialColl, oursColl *mongo.Collection
	plain                  *mongo.Collection // ours, with write concern {w: 0}
	lane                   *monorail.UnacknowledgedCollection
}

// benchContext cannot end, so that no client pays for a watcher of it.
var benchContext = context.Background()

// contend connects both clients to a new server of that name, each with the connection that it will
// use. The monitors of both are as quiet as the driver allows.
func contend(t testing.TB, server string) *contestants {
	t.Helper()
	clientOpts := options.Client().ApplyURI(peer.Start(t, server)).SetHeartbeatInterval(time.Hour)
	official, err := mongo.Connect(clientOpts)
	check(t, err)
	t.Cleanup(func() { check(t, official.Disconnect(benchContext)) })
	ours, err := monorail.Connect(clientOpts)
	check(t, err)
	t.Cleanup(func() { check(t, ours.Disconnect(benchContext)) })
	request, handle := ours.StartRequest(benchContext)
	t.Cleanup(func() { check(t, handle.End()) })
	c := &contestants{
		official: official, ours: ours, request: request,
		officialColl: official.Database("analytics").Collection("counts"),
		oursColl:     ours.Database("analytics").Collection("counts"),
		plain:        ours.Database("analytics").Collection("counts", unacknowledged),
	}
	c.lane = ours.Unacknowledged(c.oursColl)
	for _, prepare := range []func(testing.TB){c.pingOfficial, c.pingOurs, c.pingRequest} {
		prepare(t)
	}
	return c
}

func (c *contestants) pingOfficial(t testing.TB) { check(t, c.official.Ping(benchContext, nil)) }
func (c *contestants) pingOurs(t testing.TB)     { check(t, c.ours.Ping(benchContext, nil)) }
func (c *contestants) pingRequest(t testing.TB)  { check(t, c.ours.Ping(c.request, nil)) }

// unacknowledgedWrites are the ways to write without waiting, and the part of it that none can save.
func (c *contestants) unacknowledgedWrites() []measure {
	silent := c.official.Database("analytics").Collection("counts", unacknowledged)
	// An encoder that is reused and a writer that keeps nothing: the least that two documents cost.
	encoder := bson.NewEncoder(bson.NewDocumentWriter(io.Discard))
	return []measure{
		{"official w:0", func(t testing.TB) { update(t, silent, benchContext) }, c.pingOfficial},
		{"in a request, w:0", func(t testing.TB) { update(t, c.plain, c.request) }, c.pingRequest},
		{"lane", func(t testing.TB) {
			check(t, c.lane.UpdateOne(c.request, benchFilter, benchInc, benchUpsert))
		}, c.pingRequest},
		{"its two documents alone", func(t testing.TB) {
			check(t, encoder.Encode(benchFilter))
			check(t, encoder.Encode(benchInc))
		}, nil},
	}
}

// acknowledgedUpdates are the ways to update and wait.
func (c *contestants) acknowledgedUpdates() []measure {
	return []measure{
		{"official", func(t testing.TB) { update(t, c.officialColl, benchContext) }, nil},
		{"in a request", func(t testing.TB) { update(t, c.oursColl, c.request) }, nil},
		{"outside requests", func(t testing.TB) { update(t, c.oursColl, benchContext) }, nil},
	}
}

// reads are the ways to find one document.
func (c *contestants) reads() []measure {
	return []measure{
		{"official", func(t testing.TB) { find(t, c.officialColl, benchContext) }, nil},
		{"in a request", func(t testing.TB) { find(t, c.oursColl, c.request) }, nil},
		{"outside requests", func(t testing.TB) { find(t, c.oursColl, benchContext) }, nil},
	}
}

// writesAndARead are ten writes and a read that sees them, and what one round trip takes.
func (c *contestants) writesAndARead() []measure {
	return []measure{
		{"official, acknowledged", func(t testing.TB) {
			for range writesBeforeRead {
				update(t, c.officialColl, benchContext)
			}
			find(t, c.officialColl, benchContext)
		}, nil},
		{"lane in a request", func(t testing.TB) {
			for range writesBeforeRead {
				check(t, c.lane.UpdateOne(c.request, benchFilter, benchInc, benchUpsert))
			}
			find(t, c.oursColl, c.request)
		}, nil},
		{"one round trip (ping)", c.pingOfficial, nil},
	}
}

func update(t testing.TB, coll *mongo.Collection, ctx context.Context) {
	_, err := coll.UpdateOne(ctx, benchFilter, benchInc, benchUpsert)
	check(t, err)
}

func find(t testing.TB, coll *mongo.Collection, ctx context.Context) {
	check(t, coll.FindOne(ctx, benchFilter).Err())
}

// benchmark runs each measure as a benchmark of its own. Beside the time it tells the processor time of
// this process, all threads together: what a client costs the program that waits for nothing.
func benchmark(b *testing.B, measures []measure) {
	for _, m := range measures {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			start := processorTime()
			for b.Loop() {
				m.run(b)
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N), "cpu-ns/op")
			if m.settle != nil {
				m.settle(b)
			}
		})
	}
}

// BenchmarkUnacknowledgedWrite measures the client alone: the server drops what it gets.
func BenchmarkUnacknowledgedWrite(b *testing.B) {
	benchmark(b, contend(b, sinkPeer).unacknowledgedWrites())
}

// BenchmarkAcknowledgedUpdate measures the client and a server that answers at once.
func BenchmarkAcknowledgedUpdate(b *testing.B) {
	benchmark(b, contend(b, sinkPeer).acknowledgedUpdates())
}

// BenchmarkFindOne measures the client and a server that answers at once.
func BenchmarkFindOne(b *testing.B) { benchmark(b, contend(b, sinkPeer).reads()) }

// BenchmarkTenWritesAndARead measures against monorailtest behind a network of 1 ms.
func BenchmarkTenWritesAndARead(b *testing.B) {
	c := contend(b, distantPeer)
	update(b, c.officialColl, benchContext) // so that there is something to find
	benchmark(b, c.writesAndARead())
}

package bench

import (
	"context"
	"testing"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func init() { Main() }

func TestMain(m *testing.M) { wiretest.Main(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contend connects both clients to a new server of that name.
func contend(t testing.TB, server string) *clients {
	t.Helper()
	s, err := ownSite(context.Background(), server)
	check(t, err)
	t.Cleanup(func() { check(t, s.close()) })
	c, err := s.connect()
	check(t, err)
	return c
}

// benchmark runs each contestant as a benchmark of its own. Beside the time it tells the processor time
// of this process, all threads together: what a client costs the program that waits for nothing.
func benchmark(b *testing.B, c *contest) {
	for _, contestant := range c.contestants {
		b.Run(contestant.name, func(b *testing.B) {
			b.ReportAllocs()
			start := processorTime()
			check(b, contestant.run(b.N))
			b.ReportMetric(float64(processorTime()-start)/float64(b.N), "cpu-ns/op")
			b.StopTimer()
			if contestant.settle != nil {
				check(b, contestant.settle())
			}
		})
	}
}

// BenchmarkUnacknowledged measures the client alone: the server only reads.
func BenchmarkUnacknowledged(b *testing.B) {
	writes, err := contend(b, sinkPeer).unacknowledgedWrites()
	check(b, err)
	benchmark(b, writes)
}

// BenchmarkAcknowledgedUpdate measures the client and a server that answers at once.
func BenchmarkAcknowledgedUpdate(b *testing.B) {
	benchmark(b, contend(b, sinkPeer).acknowledged(updateOne))
}

// BenchmarkFindOne measures the client and a server that answers at once.
func BenchmarkFindOne(b *testing.B) { benchmark(b, contend(b, sinkPeer).acknowledged(findOne)) }

// BenchmarkShortRequest measures requests for one operation, at monorailtest.
func BenchmarkShortRequest(b *testing.B) {
	c := contend(b, serverPeer)
	for _, o := range []operation{updateOne, findOne} {
		b.Run(o.name, func(b *testing.B) { benchmark(b, c.shortRequests(o)) })
	}
}

// BenchmarkCallers measures 64 callers at once, at monorailtest.
func BenchmarkCallers(b *testing.B) { benchmark(b, contend(b, serverPeer).throughput()) }

// BenchmarkCounting measures counters that go up until every reader sees it, at monorailtest. An
// operation is a thousand updates.
func BenchmarkCounting(b *testing.B) {
	counting, err := contend(b, serverPeer).site.counting()
	check(b, err)
	benchmark(b, counting)
}

// BenchmarkTenWritesAndARead measures against monorailtest behind a network of 1 ms.
func BenchmarkTenWritesAndARead(b *testing.B) {
	benchmark(b, contend(b, distantPeer).writesAndARead())
}

// BenchmarkIndependent measures against monorailtest behind a network of 1 ms.
func BenchmarkIndependent(b *testing.B) { benchmark(b, contend(b, distantPeer).independent()) }

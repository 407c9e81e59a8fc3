package bench

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/mnet"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/mongo-monorail/monorail"
)

const (
	// idleRounds is how many rounds there are of memory at most. Each opens connections anew, which is
	// work for a server with users and TLS; the figure hardly differs from round to round.
	idleRounds = 11
	// pinnedCount is how many connections are held in each round: many against what a garbage collection
	// leaves behind, few for a server of somebody else.
	pinnedCount = 64
)

// holder holds one more connection at each call. It returns what keeps it.
type holder func() (held any, err error)

// memoryOf returns how many bytes of heap and stacks each of pinnedCount calls of hold leaves in use.
func memoryOf(hold holder) (float64, []any, error) {
	held := make([]any, 0, pinnedCount)
	before := inUse()
	for range pinnedCount {
		h, err := hold()
		if err != nil {
			return 0, held, err
		}
		held = append(held, h)
	}
	return (inUse() - before) / pinnedCount, held, nil
}

// inUse returns how many bytes of heap and stacks are in use. Two collections empty the pools that
// the drivers keep their buffers in.
func inUse() float64 {
	for range 3 {
		runtime.GC()
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc + stats.StackInuse)
}

// memoryContest is what idle connections keep in use.
type memoryContest struct{ plain, pinned []float64 } // bytes of each, by round

// play measures both, in turns.
func (m *memoryContest) play(ctx context.Context, s *site, round int) error {
	measures := []func() error{
		func() error { return appendMeasured(&m.plain, s.plainMemory) },
		func() error { return appendMeasured(&m.pinned, s.pinnedMemory) },
	}
	if round%2 == 1 {
		slices.Reverse(measures)
	}
	for _, measure := range measures {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := measure(); err != nil {
			return err
		}
	}
	return nil
}

func appendMeasured(values *[]float64, measure func() (float64, error)) error {
	value, err := measure()
	*values = append(*values, value)
	return err
}

// beyond is how many bytes a pinned request has beyond a connection of the plain driver.
func (m *memoryContest) beyond() Spread {
	values := make([]float64, len(m.plain))
	for round := range values {
		values[round] = m.pinned[round] - m.plain[round]
	}
	return spread(values)
}

// idleGoal is in KiB.
var idleGoal = goal{relation: "≤", bound: 4, unit: " KiB"}

// row is its line of the table.
func (m *memoryContest) row() Row {
	const kibibyte = 1 << 10
	beyond := m.beyond()
	inKiB := Spread{beyond.Median / kibibyte, beyond.Least / kibibyte, beyond.Most / kibibyte}
	return Row{
		Measure: "P10", Title: "memory of an idle pinned request beyond the driver's connection", Unit: "KiB",
		Spread: inKiB, Goal: idleGoal.String(), Verdict: idleGoal.verdict(inKiB.Median), Meaning: meansMemory(beyond.Median),
		Parts: []Part{
			{Name: "idle pinned request, connection included", Bytes: spread(m.pinned).Median},
			{Name: "connection that the driver has given out", Bytes: spread(m.plain).Median},
		},
	}
}

// plainMemory is what a connection costs that the plain driver's pool has given out.
func (s *site) plainMemory() (bytes float64, err error) {
	sockets := newSockets(s.ctx, nil)
	defer sockets.release()
	config, err := topology.NewConfig(s.clientOptions(sockets, pinnedCount), nil)
	if err != nil {
		return 0, err
	}
	plain, err := topology.New(config)
	if err != nil {
		return 0, err
	}
	if err := plain.Connect(); err != nil {
		return 0, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), farewell)
		defer cancel()
		err = errors.Join(err, plain.Disconnect(ctx))
	}()
	server, err := plain.SelectServer(s.ctx, writable{})
	if err != nil {
		return 0, err
	}
	bytes, held, err := memoryOf(func() (any, error) { return server.Connection(s.ctx) })
	for _, h := range held {
		err = errors.Join(err, h.(*mnet.Connection).Close())
	}
	return bytes, err
}

// pinnedMemory is what a request costs that has written and read, and waits for more to do.
func (s *site) pinnedMemory() (bytes float64, err error) {
	client, release, err := s.monorail(pinnedCount)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	coll := client.Database(s.database).Collection(collection)
	lane := client.Unacknowledged(coll)
	bytes, held, err := memoryOf(func() (any, error) {
		ctx, request := client.StartRequest(endless)
		if err := lane.UpdateOne(ctx, counters[0], increment, upsert); err != nil {
			return nil, err
		}
		return pinned{ctx, request}, find(ctx, coll)
	})
	for _, h := range held {
		err = errors.Join(err, h.(pinned).request.End())
	}
	return bytes, err
}

// pinned is what a program keeps of a request.
type pinned struct {
	ctx     context.Context
	request *monorail.Request
}

// writable selects a server that takes writes.
type writable struct{}

// SelectServer implements description.ServerSelector.
func (writable) SelectServer(_ description.Topology, candidates []description.Server) ([]description.Server, error) {
	var selected []description.Server
	for _, server := range candidates {
		switch server.Kind {
		case description.ServerKindRSPrimary, description.ServerKindMongos, description.ServerKindStandalone, description.ServerKindLoadBalancer:
			selected = append(selected, server)
		}
	}
	return selected, nil
}

// Package model runs random programs against Monorail and, beside each, a model of its contract.
//
// A program (program_test.go) is a list of steps: starting requests, nested ones and scopes,
// operations, goroutines that share a request, cancelled operations, sockets that end, ends in any
// order. A run (run_test.go, steps_test.go, operate_test.go, cursor_test.go) does the steps and tells
// the model (model_test.go, history_test.go) what the contract makes of each; what the client and the
// server say is compared after each step and at the end (check_test.go). The server's side is its
// record of every message (tap_test.go).
//
// The programs of a replica set (set_*_test.go) are others: their steps are few, for what matters is what
// happens to the set meanwhile. Each request has a document for each of its epochs, to which it appends;
// the model knows what must be there, what may be there, and what a break has to tell of.
package model

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

const (
	// programCount is how many programs TestModel runs at least, and setProgramCount those of
	// TestModelOfASet: some hundred goroutines live and end with each, so that they are dear.
	programCount    = 20_000
	setProgramCount = 2_000
	// workers run programs side by side. After the end of a socket the driver waits half a second
	// before it looks for its server again; the more workers, the less that costs.
	workers = 48
	// setWorkers are fewer: there, the driver finds another server.
	setWorkers = 12
	// seed of the programs: the same at each run, so that a failure is one of a change. `make soak` has
	// other ones.
	seed = 20250
	// soakVariable is the environment variable that makes both tests run for half of that time each.
	soakVariable = "MONORAIL_SOAK"
)

// programsRun and setProgramsRun count the programs that were run to their end.
var programsRun, setProgramsRun atomic.Int64

func TestMain(m *testing.M) {
	// Workers wait more than they compute: more run at once than there are processors.
	if err := flag.Set("test.parallel", strconv.Itoa(setWorkers)); err != nil {
		panic(err)
	}
	os.Exit(servertest.Run(m))
}

// TestModel runs random programs against standalone servers. With -rapid.seed it runs those of one
// worker, as a failure says.
func TestModel(t *testing.T) {
	runPrograms(t, &crew{
		workers: workers, programs: programCount, run: &programsRun,
		newWorker: func(t *testing.T) func(*rapid.T) {
			w := newWorker(t)
			return func(t *rapid.T) { w.run(t, programs.Draw(t, "program")) }
		},
	})
}

// TestModelOfASet runs random programs against replica sets, to which things happen meanwhile.
func TestModelOfASet(t *testing.T) {
	runPrograms(t, &crew{
		workers: setWorkers, programs: setProgramCount, run: &setProgramsRun,
		newWorker: func(*testing.T) func(*rapid.T) {
			return func(t *rapid.T) { runSetProgram(t, setPrograms.Draw(t, "program")) }
		},
	})
}

// crew is the workers of one test.
type crew struct {
	workers, programs int
	// run counts the programs that were run to their end.
	run *atomic.Int64
	// newWorker returns what draws a program and runs it, for one worker alone.
	newWorker func(*testing.T) func(*rapid.T)
	// checking is held by the worker whose check begins.
	checking sync.Mutex
}

// The generators make their names at their first use, which is no use for several workers.
var _ = []string{steps.String(), lanes.String(), setSteps.String(), setLanes.String()}

// givenSeed is the -rapid.seed of the command line, "0" for none. Workers change the flag.
var givenSeed = sync.OnceValue(func() string { return flag.Lookup("rapid.seed").Value.String() })

func runPrograms(t *testing.T, c *crew) {
	if os.Getenv(servertest.URIVariable) != "" {
		t.Skip("needs a fault that only monorailtest can produce")
	}
	if givenSeed() != "0" {
		rapid.Check(t, c.newWorker(t))
		return
	}
	if soak := os.Getenv(soakVariable); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		c.soak(t, d/2)
		return
	}
	before := c.run.Load()
	t.Run("workers", func(t *testing.T) { c.work(t, seed, (c.programs+c.workers-1)/c.workers) })
	if n := c.run.Load() - before; n < int64(c.programs) && !t.Failed() {
		t.Errorf("%d programs ran, want %d: go test has too short a -timeout", n, c.programs)
	}
}

// soak runs programs for a time, with seeds never used before.
func (c *crew) soak(t *testing.T, d time.Duration) {
	from := uint64(time.Now().UnixNano())
	end := time.Now().Add(d)
	for round := uint64(0); time.Now().Before(end) && !t.Failed(); round++ {
		base := from + round*seedsOfRound
		fmt.Printf("%s: %s left, %d programs run, going on from seed %d\n", t.Name(), time.Until(end).Round(time.Second), c.run.Load(), base)
		t.Run(strconv.FormatUint(base, 10), func(t *testing.T) { c.work(t, base, 50) })
	}
}

const (
	// seedsOfWorker is how far the seeds of two workers are apart, and seedsOfRound those of two rounds of
	// a soak: rapid adds 1 to the seed for the second program, 2 for the third, and so on.
	seedsOfWorker = 1 << 32
	seedsOfRound  = 1 << 12
)

// work has each worker run so many programs. Worker i begins with seed base + i*seedsOfWorker.
func (c *crew) work(t *testing.T, base uint64, programCount int) {
	for i := range uint64(c.workers) {
		first := strconv.FormatUint(base+i*seedsOfWorker, 10)
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			run := c.newWorker(t)
			// rapid takes its settings from flags when a check begins, and not later: each worker sets
			// them for itself, and lets the next one do so with its own first program.
			c.checking.Lock()
			begun := sync.OnceFunc(c.checking.Unlock)
			defer begun()
			for name, value := range map[string]string{
				"rapid.seed":       first,
				"rapid.checks":     strconv.Itoa(programCount),
				"rapid.nofailfile": "true", // the seed is enough
			} {
				if err := flag.Set(name, value); err != nil {
					t.Error(err)
					return
				}
			}
			rapid.Check(t, func(t *rapid.T) {
				begun()
				run(t)
			})
		})
	}
}

// Package model runs random programs against Monorail and, beside each, a model of its contract.
//
// A program (program_test.go) is a list of steps: starting requests, nested ones and scopes,
// operations, goroutines that share a request, cancelled operations, sockets that end, ends in any
// order. A run (run_test.go, steps_test.go, operate_test.go, cursor_test.go) does the steps and tells
// the model (model_test.go, history_test.go) what the contract makes of each; what the client and the
// server say is compared after each step and at the end (check_test.go). The server's side is its
// record of every message (tap_test.go).
package model

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

const (
	// programCount is how many programs TestModel runs at least.
	programCount = 20_000
	// workers run programs side by side. After the end of a socket the driver waits half a second
	// before it looks for its server again; the more workers, the less that costs.
	workers = 48
	// seed of the programs of TestModel: the same at each run, so that a failure is one of a change.
	// `make soak` has other ones.
	seed = 20250
	// soakVariable is the environment variable that makes TestModel run for a time.
	soakVariable = "MONORAIL_SOAK"
)

func TestMain(m *testing.M) { os.Exit(servertest.Run(m)) }

// TestModel runs random programs. With -rapid.seed it runs those of one worker, as a failure says.
func TestModel(t *testing.T) {
	if os.Getenv(servertest.URIVariable) != "" {
		t.Skip("needs a fault that only monorailtest can produce")
	}
	if given := flag.Lookup("rapid.seed").Value.String(); given != "0" {
		w := newWorker(t)
		rapid.Check(t, func(t *rapid.T) { w.run(t, programs.Draw(t, "program")) })
		return
	}
	var checking sync.Mutex
	if soak := os.Getenv(soakVariable); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		from := uint64(time.Now().UnixNano())
		end := time.Now().Add(d)
		for round := uint64(0); time.Now().Before(end) && !t.Failed(); round++ {
			base := from + round*seedsOfRound
			fmt.Printf("%s left, %d programs run, going on from seed %d\n", time.Until(end).Round(time.Second), programsRun.Load(), base)
			t.Run(strconv.FormatUint(base, 10), func(t *testing.T) { runWorkers(t, &checking, base, 50) })
		}
		return
	}
	before := programsRun.Load()
	t.Run("workers", func(t *testing.T) { runWorkers(t, &checking, seed, (programCount+workers-1)/workers) })
	if n := programsRun.Load() - before; n < programCount && !t.Failed() {
		t.Errorf("%d programs ran, want %d: go test has too short a -timeout", n, programCount)
	}
}

const (
	// seedsOfWorker is how far the seeds of two workers are apart, and seedsOfRound those of two rounds of
	// a soak: rapid adds 1 to the seed for the second program, 2 for the third, and so on.
	seedsOfWorker = 1 << 32
	seedsOfRound  = 1 << 12
)

// runWorkers has each worker run so many programs. Worker i begins with seed base + i*seedsOfWorker.
func runWorkers(t *testing.T, checking *sync.Mutex, base uint64, programCount int) {
	for i := range uint64(workers) {
		first := strconv.FormatUint(base+i*seedsOfWorker, 10)
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			w := newWorker(t)
			// rapid takes its settings from flags when a check begins, and not later: each worker sets
			// them for itself, and lets the next one do so with its own first program.
			checking.Lock()
			begun := sync.OnceFunc(checking.Unlock)
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
				w.run(t, programs.Draw(t, "program"))
			})
		})
	}
}

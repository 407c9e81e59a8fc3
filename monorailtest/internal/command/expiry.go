package command

import (
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// defaultSweep is how often the documents that TTL indexes let expire are deleted: MongoDB's minute.
const defaultSweep = 60 * time.Second

// expiry deletes the documents that TTL indexes let expire, every now and then. A timer runs it, without a
// goroutine while there is nothing to do.
type expiry struct {
	// mu guards what follows, and is held during a sweep, so that Close waits for one.
	mu       sync.Mutex
	interval time.Duration
	// disabled lets sweeps do nothing.
	disabled bool
	timer    *time.Timer
	// closed goes from false to true once; then there is no sweep any more.
	closed bool
}

// start begins with the sweeps of s, which stop ends.
func (e *expiry) start(s *State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.interval = defaultSweep
	e.timer = time.AfterFunc(e.interval, func() { e.run(s) })
}

// between calls change while there is no sweep, for what sweeps look at.
func (e *expiry) between(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

// stop ends the sweeps, and waits for one that runs.
func (e *expiry) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.timer.Stop()
}

// setInterval says how often to sweep, from now on.
func (e *expiry) setInterval(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interval = d; !e.closed {
		e.timer.Reset(d)
	}
}

func (e *expiry) setEnabled(enabled bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.disabled = !enabled
}

// settings returns the interval, and whether there are sweeps.
func (e *expiry) settings() (interval time.Duration, enabled bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.interval, !e.disabled
}

// run makes one sweep and waits for the next.
func (e *expiry) run(s *State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	if !e.disabled {
		s.sweep(time.Now())
	}
	e.timer.Reset(e.interval)
}

// sweep deletes what has expired by now, except on a member that is not primary, which gets the
// deletions of the one that is.
func (s *State) sweep(now time.Time) {
	if s.Member != nil && s.Member.CheckWrite() != nil {
		return
	}
	for _, database := range s.Store.Databases() {
		for _, c := range s.Store.Collections(database) {
			for _, x := range c.Collection.Indexes() {
				if x.Expires && !c.Collection.Options().Capped {
					expire(c.Collection, x, now)
				}
			}
		}
	}
}

// sweepChunk is how many documents a sweep deletes while it holds the lock of their collection.
const sweepChunk = 100

// expire deletes the documents of a collection that a TTL index lets expire: those with a date in the
// field, or in its array, that is long enough ago. What stands in the way is tried again at the next
// sweep.
func expire(c *store.Collection, x store.IndexSpec, now time.Time) {
	limit := primitive.NewDateTimeFromTime(now.Add(-time.Duration(x.ExpireAfter) * time.Second))
	f, err := query.Parse(bson.D{{Key: x.Key[0].Key, Value: bson.D{{Key: "$lte", Value: limit}}}})
	if err != nil {
		return
	}
	for more := true; more; {
		err := c.Write(func(w *store.Writer) error {
			more = false
			deleted := 0
			scan := w.Scan(f.Constraints(), store.Hint{Index: x.Name})
			for documents := scan.NextLocked(); len(documents) > 0; documents = scan.NextLocked() {
				for _, d := range documents {
					if ok, err := f.Match(d.Fields); !ok || err != nil {
						continue
					}
					if x.Partial != nil {
						if ok, err := x.Partial.Match(d.Fields); !ok || err != nil {
							continue
						}
					}
					var conflict *store.Conflict
					if err := w.Delete(d); errors.As(err, &conflict) {
						continue
					} else if err != nil {
						return err
					}
					if deleted++; deleted == sweepChunk {
						more = true
						return nil
					}
				}
			}
			return nil
		})
		if err != nil {
			return
		}
	}
}

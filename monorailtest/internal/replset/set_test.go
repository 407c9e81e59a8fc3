package replset

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/leaktest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

func TestMain(m *testing.M) {
	leaktest.Main(m, "github.com/mongo-monorail/monorail/monorailtest")
}

// patience bounds every wait of a test for something that must come.
const patience = 20 * time.Second

// quick is an election delay that costs a test no time.
const quick = 2 * time.Millisecond

// newTestSet starts a set that ends with the test, and counts how often each member has closed its connections.
func newTestSet(t testing.TB, n int, delay time.Duration) (*Set, []*atomic.Int64) {
	t.Helper()
	hungUp := make([]*atomic.Int64, n)
	configs := make([]Config, n)
	for i := range configs {
		hungUp[i] = new(atomic.Int64)
		configs[i] = Config{Addr: fmt.Sprint("member", i), Disconnect: func() { hungUp[i].Add(1) }}
	}
	s := New("rs0", delay, configs)
	t.Cleanup(s.Close)
	return s, hungUp
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// insert stores a document on a member, as a statement of a client does.
func insert(m *Member, id int32) error {
	c, _, err := m.Data.Store.Open("db", "c")
	if err != nil {
		return err
	}
	d := bson.D{{Key: "_id", Value: id}}
	return c.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) })
}

// ids returns the documents of a store in their order.
func ids(s *store.Store) []int32 {
	c := s.Collection("db", "c")
	if c == nil {
		return nil
	}
	var out []int32
	for scan := c.Scan(nil, store.Hint{}); ; {
		documents, err := scan.Next()
		if err != nil || len(documents) == 0 {
			return out
		}
		for _, d := range documents {
			out = append(out, d.ID().(int32))
		}
	}
}

func codeOf(err error) int32 {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

var majority = WriteConcern{Majority: true}

func TestRollbackGoesBackToTheHistoryOfThePrimary(t *testing.T) {
	s, hungUp := newTestSet(t, 3, quick)
	old := s.Member(0)
	check(t, insert(old, 1))
	check(t, s.AwaitReplication(within(t)))
	old.SetIsolated(true)
	check(t, insert(old, 2)) // nobody else gets it
	check(t, s.Member(1).Elect(within(t)))
	check(t, insert(s.Member(1), 3))
	if got := ids(old.Data.Store); !slices.Equal(got, []int32{1, 2}) {
		t.Errorf("before the rollback the old primary has %v", got)
	}
	if got := ids(old.Committed.Store); !slices.Equal(got, []int32{1}) {
		t.Errorf("the old primary has %v as committed", got)
	}
	old.SetIsolated(false)
	check(t, s.AwaitReplication(within(t)))
	for i := range 3 {
		for _, d := range []Data{s.Member(i).Data, s.Member(i).Committed} {
			if got := ids(d.Store); !slices.Equal(got, []int32{1, 3}) {
				t.Errorf("member %d has %v", i, got)
			}
		}
	}
	if n := []int64{hungUp[0].Load(), hungUp[1].Load(), hungUp[2].Load()}; !slices.Equal(n, []int64{1, 0, 0}) {
		t.Errorf("the members closed their connections %v times", n)
	}
}

func TestNoMajorityNoPrimary(t *testing.T) {
	s, _ := newTestSet(t, 3, quick)
	s.Member(1).Kill()
	s.Member(2).Kill()
	check(t, s.wait(within(t), func() bool { return s.members[0].role == Secondary }))
	if err := s.Member(0).Elect(within(t)); !errors.Is(err, ErrBehind) {
		t.Errorf("an election without a majority: %v", err)
	}
	s.Member(2).Restart()
	p, err := s.AwaitPrimary(within(t))
	check(t, err)
	check(t, insert(p, 1))
	check(t, p.Await(within(t), p.Newest(), majority))
}

func TestOnlyAMemberWithTheNewestEntryIsElected(t *testing.T) {
	s, _ := newTestSet(t, 3, quick)
	s.Member(1).SetStopped(true)
	check(t, insert(s.Member(0), 1))
	check(t, s.Member(0).Await(within(t), s.Member(0).Newest(), majority))
	if err := s.Member(1).Elect(within(t)); !errors.Is(err, ErrBehind) {
		t.Errorf("a member that is behind a majority: %v", err)
	}
	s.Member(0).Kill()
	p, err := s.AwaitPrimary(within(t))
	check(t, err)
	if p.Index() != 2 {
		t.Errorf("member %d was elected, and lacks what is committed", p.Index())
	}
}

func TestStepDownThatFailsTakesNoWritesMeanwhile(t *testing.T) {
	s, _ := newTestSet(t, 3, quick)
	m := s.Member(0)
	s.Member(1).SetStopped(true)
	s.Member(2).SetStopped(true)
	check(t, insert(m, 1))
	if err := m.StepDown(within(t), time.Hour, time.Millisecond, false); !errors.Is(err, ErrNoneCaughtUp) || codeOf(err) != 262 {
		t.Errorf("the step-down: %v", err)
	}
	ctx, giveUp := context.WithCancel(within(t))
	failed := make(chan error)
	go func() { failed <- m.StepDown(ctx, time.Hour, patience, false) }()
	check(t, s.wait(within(t), func() bool { return m.refusing }))
	if err := insert(m, 2); codeOf(err) != mongoerror.PrimarySteppedDown {
		t.Errorf("a write during the attempt: %v", err)
	}
	if d := m.Describe(); d.Writable || d.Role != Primary || d.Primary != "" {
		t.Errorf("during the attempt the member says %+v", d)
	}
	giveUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the step-down: %v", err)
	}
	check(t, insert(m, 3))
	check(t, m.StepDown(within(t), time.Hour, 0, true))
	if err := m.CheckWrite(); codeOf(err) != mongoerror.NotWritablePrimary {
		t.Errorf("a forced step-down leaves a member that answers %v to writes", err)
	}
}

func TestWaitersHearOfAStepDown(t *testing.T) {
	s, _ := newTestSet(t, 3, time.Hour)
	m := s.Member(0)
	s.Member(1).SetStopped(true)
	s.Member(2).SetStopped(true)
	check(t, insert(m, 1))
	position := m.Newest()
	waited := make(chan error)
	go func() { waited <- m.Await(within(t), position, majority) }()
	for ready := false; !ready; {
		s.mu.Lock()
		ready = s.progress.told != nil
		s.mu.Unlock()
	}
	check(t, m.StepDown(within(t), time.Hour, 0, true))
	if code := codeOf(<-waited); code != mongoerror.InterruptedDueToReplStateChange && code != mongoerror.PrimarySteppedDown {
		t.Errorf("who waited for the majority gets %d", code)
	}
	if err := m.Await(within(t), position, majority); codeOf(err) != mongoerror.PrimarySteppedDown {
		t.Errorf("who comes later gets %v", err)
	}
}

// TestConfirmedWritesSurvive breaks a set in every way at random while clients write. What a client was told to be on the
// majority is there at the end, and so is everything that it wrote before on the same member, if that member did not
// close its connections in between. In the end all members have the same.
func TestConfirmedWritesSurvive(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	const members, rounds = 3, 150
	s, hungUp := newTestSet(t, members, quick)
	ctx, stop := context.WithCancel(within(t))
	var last atomic.Int32
	var mu sync.Mutex
	confirmed := map[int32]bool{}
	var clients sync.WaitGroup
	for client := range 4 {
		r := rand.New(rand.NewPCG(seed, uint64(client)+2))
		clients.Go(func() {
			for ctx.Err() == nil {
				i := r.IntN(members)
				m, before := s.Member(i), hungUp[i].Load()
				var written []int32
				for range r.IntN(5) {
					id := last.Add(1)
					if insert(m, id) != nil {
						written = nil // an unacknowledged write that fails ends the connection
						break
					}
					written = append(written, id)
				}
				if m.CheckWrite() != nil || len(written) == 0 {
					time.Sleep(50 * time.Microsecond) // not primary: nothing to write there for a while
					continue
				}
				err := m.Await(ctx, m.Newest(), WriteConcern{Majority: true, Timeout: 5 * time.Millisecond})
				if err != nil || hungUp[i].Load() != before {
					continue
				}
				mu.Lock()
				for _, id := range written {
					confirmed[id] = true
				}
				mu.Unlock()
			}
		})
	}
	heal := func() {
		for i := range members {
			m := s.Member(i)
			m.Restart()
			m.SetIsolated(false)
			m.SetStopped(false)
			m.SetLag(0)
		}
	}
	for range rounds {
		m := s.Member(random.IntN(members))
		switch random.IntN(10) {
		case 0:
			m.Kill()
		case 1, 2:
			m.Restart()
		case 3:
			m.SetIsolated(true)
		case 4:
			m.SetIsolated(false)
		case 5:
			m.SetStopped(true)
		case 6:
			m.SetLag(time.Duration(random.IntN(2000)) * time.Microsecond)
		case 7:
			_ = m.StepDown(ctx, time.Millisecond, time.Millisecond, random.IntN(2) == 0)
		case 8:
			bounded, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			_ = m.Elect(bounded)
			cancel()
		default:
			heal()
		}
		time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
	}
	stop()
	clients.Wait()
	heal()
	check(t, s.AwaitReplication(within(t)))
	want := ids(s.Member(0).Data.Store)
	for i := range members {
		for _, d := range []Data{s.Member(i).Data, s.Member(i).Committed} {
			if got := ids(d.Store); !slices.Equal(got, want) {
				t.Errorf("member %d has %d documents, member 0 %d", i, len(got), len(want))
			}
		}
	}
	lost := 0
	for id := range confirmed {
		if !slices.Contains(want, id) {
			lost++
		}
	}
	t.Logf("%d written, %d confirmed, %d at the end, in %d terms", last.Load(), len(confirmed), len(want), s.term)
	if lost > 0 || len(confirmed) == 0 {
		t.Errorf("%d of %d confirmed writes are lost", lost, len(confirmed))
	}
}

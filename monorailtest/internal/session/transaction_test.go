package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// fixture is a table with the transactions that it has said have ended.
type fixture struct {
	*Table
	t     *testing.T
	store *store.Store

	mu    sync.Mutex // guards ended
	ended []int64
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, store: store.New()}
	f.Table = NewTable()
	f.OnEnd(func(_ string, number int64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended = append(f.ended, number)
	})
	t.Cleanup(f.Close)
	return f
}

// wantEnded expects that the transactions with these numbers have ended, and no others.
func (f *fixture) wantEnded(want ...int64) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.ended, want) {
		f.t.Errorf("ended: %v, want %v", f.ended, want)
	}
}

func (f *fixture) checkOut(id string) *Session {
	f.t.Helper()
	s, err := f.CheckOut(context.Background(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// begin begins a transaction that makes the collection db.c and an _id in it.
func (f *fixture) begin(id string, number int64) {
	f.t.Helper()
	s := f.checkOut(id)
	defer f.CheckIn(s)
	tx, err := f.BeginTransaction(s, number, f.store)
	if err != nil {
		f.t.Fatal(err)
	}
	c, _, err := tx.Store().Open("db", "c")
	if err != nil {
		f.t.Fatal(err)
	}
	d := bson.D{{Key: "_id", Value: number}}
	if err := c.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) }); err != nil {
		f.t.Fatal(err)
	}
}

// commit commits and returns the code of the error, 0 for none.
func (f *fixture) commit(id string, number int64) int32 {
	f.t.Helper()
	s := f.checkOut(id)
	defer f.CheckIn(s)
	return code(f.Commit(s, number))
}

func code(err error) int32 {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func (f *fixture) want(got int32, want int32, what string) {
	f.t.Helper()
	if got != want {
		f.t.Errorf("%s: code %d, want %d", what, got, want)
	}
}

func (f *fixture) wantCollection(want bool) {
	f.t.Helper()
	if got := f.store.Collection("db", "c") != nil; got != want {
		f.t.Errorf("the collection is there: %v, want %v", got, want)
	}
}

func TestCommitOnceAndAgain(t *testing.T) {
	f := newFixture(t)
	f.want(f.commit("s", 1), mongoerror.NoSuchTransaction, "nothing begun")
	f.begin("s", 1)
	f.want(f.commit("other", 1), mongoerror.NoSuchTransaction, "another session")
	f.wantCollection(false)
	f.want(f.commit("s", 1), 0, "first")
	f.wantCollection(true)
	f.want(f.commit("s", 1), 0, "again")
	s := f.checkOut("s")
	defer f.CheckIn(s)
	f.want(code(f.Abort(s, 1)), mongoerror.TransactionCommitted, "abort")
	_, err := f.BeginTransaction(s, 1, f.store)
	f.want(code(err), mongoerror.ConflictingOperationInProgress, "same number")
	_, err = f.BeginTransaction(s, 0, f.store)
	f.want(code(err), mongoerror.TransactionTooOld, "smaller number")
	f.want(code(f.Begin(s, 1)), mongoerror.InvalidOptions, "a retryable write with the number of a transaction")
	f.want(code(f.Begin(s, 2)), 0, "a retryable write")
	f.want(code(f.Begin(s, 2)), 0, "its retry")
	_, err = f.Transaction(s, 2)
	f.want(code(err), mongoerror.NoSuchTransaction, "the number of a retryable write")
	f.wantEnded(1)
}

func TestGreaterNumberAborts(t *testing.T) {
	f := newFixture(t)
	f.begin("s", 1)
	f.begin("s", 2)
	f.want(f.commit("s", 1), mongoerror.TransactionTooOld, "the old one")
	f.want(f.commit("s", 2), 0, "the new one")
	f.begin("t", 1)
	s := f.checkOut("t")
	f.want(code(f.Begin(s, 5)), 0, "a retryable write")
	f.CheckIn(s)
	f.want(f.commit("t", 1), mongoerror.TransactionTooOld, "aborted by a retryable write")
}

func TestKillWaitsForTheCommand(t *testing.T) {
	f := newFixture(t)
	f.begin("s", 1)
	s := f.checkOut("s")
	f.Kill("s")
	f.wantEnded() // not under a running command
	_, err := f.Transaction(s, 1)
	f.want(code(err), mongoerror.NoSuchTransaction, "killed")
	f.CheckIn(s)
	f.wantEnded(1)
	f.wantCollection(false)
	f.begin("s", 2)
	f.End("s")
	f.want(f.commit("s", 2), mongoerror.NoSuchTransaction, "ended session")
	f.begin("s", 1)
	f.KillAll()
	f.want(f.commit("s", 1), mongoerror.NoSuchTransaction, "all killed")
}

func TestOneCommandOfASessionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s := f.checkOut("s")
		ctx, cancel := context.WithCancel(context.Background())
		refused := make(chan error, 1)
		go func() {
			_, err := f.CheckOut(ctx, "s")
			refused <- err
		}()
		got := make(chan *Session, 1)
		go func() { got <- f.checkOut("s") }()
		synctest.Wait()
		cancel()
		if err := <-refused; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		select {
		case <-got:
			t.Fatal("two have the session")
		default:
		}
		f.CheckIn(s)
		f.CheckIn(<-got)
	})
}

func TestLimitsOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.SetLifetime(time.Second)
		f.begin("s", 1)
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		f.wantEnded()
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		f.want(f.commit("s", 1), mongoerror.NoSuchTransaction, "too old")

		// A session that nobody uses is forgotten when others come.
		f.SetLifetime(2 * Timeout)
		f.begin("s", 2)
		time.Sleep(Timeout - time.Second)
		f.Refresh("s")
		time.Sleep(Timeout - time.Second)
		f.CheckIn(f.checkOut("other"))
		f.wantEnded(1)
		time.Sleep(sweepInterval)
		f.CheckIn(f.checkOut("other"))
		f.wantEnded(1, 2)
		f.want(f.commit("s", 2), mongoerror.NoSuchTransaction, "a forgotten session")
	})
}

func TestCloseAborts(t *testing.T) {
	f := newFixture(t)
	f.begin("s", 1)
	f.Close()
	f.want(f.commit("s", 1), mongoerror.NoSuchTransaction, "closed")
	s := f.checkOut("s")
	defer f.CheckIn(s)
	if _, err := f.BeginTransaction(s, 2, f.store); code(err) != mongoerror.InterruptedAtShutdown {
		t.Errorf("begun after Close: %v", err)
	}
}

// TestCommitIsKnownElsewhere has the journal's change tell another member that the transaction was committed.
func TestCommitIsKnownElsewhere(t *testing.T) {
	f := newFixture(t)
	j := &journal{}
	f.store = store.NewJournaled(j)
	f.begin("s", 3)
	f.want(f.commit("s", 3), 0, "commit")
	if len(j.entries) != 1 {
		t.Fatalf("%d entries, want one", len(j.entries))
	}
	other := newFixture(t)
	for _, ch := range j.entries[0] {
		other.Take(ch)
	}
	other.want(other.commit("s", 3), 0, "commit again, elsewhere")
	s := other.checkOut("s")
	defer other.CheckIn(s)
	_, err := other.BeginTransaction(s, 3, other.store)
	other.want(code(err), mongoerror.ConflictingOperationInProgress, "same number elsewhere")
	other.want(code(other.Begin(s, 3)), mongoerror.InvalidOptions, "a retryable write with that number")
	other.want(code(other.Begin(s, 4)), 0, "a greater number")
}

// TestNumberFromElsewhere has a member that committed a transaction learn of a later number from another one.
func TestNumberFromElsewhere(t *testing.T) {
	f := newFixture(t)
	f.begin("s", 1)
	f.want(f.commit("s", 1), 0, "commit")
	f.Take(change(2, 0))
	f.want(f.commit("s", 2), mongoerror.NoSuchTransaction, "the number of a retryable write")
	s := f.checkOut("s")
	defer f.CheckIn(s)
	f.want(code(f.Begin(s, 2)), 0, "its retry")
}

// TestRefusedCommitAborts has the journal refuse the commit, as that of a member does that is no longer primary.
func TestRefusedCommitAborts(t *testing.T) {
	f := newFixture(t)
	f.store = store.NewJournaled(&journal{refuse: mongoerror.New(mongoerror.PrimarySteppedDown, "stepped down")})
	f.begin("s", 1)
	f.want(f.commit("s", 1), mongoerror.PrimarySteppedDown, "refused")
	f.want(f.commit("s", 1), mongoerror.NoSuchTransaction, "again")
	f.wantCollection(false)
}

// journal keeps the entries that it is told of, until it refuses.
type journal struct {
	entries [][]*store.Change
	refuse  error
}

func (j *journal) Append(changes ...*store.Change) error {
	if j.refuse != nil {
		return j.refuse
	}
	j.entries = append(j.entries, changes)
	return nil
}

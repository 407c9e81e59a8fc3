package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The messages of these tests are a header, a command of a few bytes of which one is the boolean, a
// sequence's length, and statements of statementSize bytes each.
const (
	testOrdered    = headerEnd + 1
	statementSize  = 8
	testOwn        = 1 // the boolean of a message that is alone
	testStatements = headerEnd + len("ccc") + 4
)

func testBatch(statements int) *Batch {
	return &Batch{
		CommandEnd: headerEnd + len("ccc"), Ordered: testOrdered, Sequence: headerEnd + len("ccc"),
		Statements: testStatements, Count: statements, MaxSize: 1 << 20, MaxCount: 1000,
	}
}

// joinable returns a message of the command c with those statements.
func joinable(id int, c byte, statements ...int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(testStatements+statementSize*len(statements)))
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = append(b, make([]byte, 8)...)
	b = append(b, c, testOwn, c)
	b = binary.LittleEndian.AppendUint32(b, uint32(4+statementSize*len(statements)))
	for _, s := range statements {
		b = binary.LittleEndian.AppendUint64(b, uint64(s))
	}
	return b
}

func join(t testing.TB, o *Outbox, id int, c byte, statements ...int) {
	t.Helper()
	if queued, err := o.Join(t.Context(), joinable(id, c, statements...), testBatch(len(statements))); !queued || err != nil {
		t.Fatal(queued, err)
	}
}

// describe returns what messages say: "id command boolean [statements]", and fails where a length is wrong.
func describe(t testing.TB, messages []byte) string {
	t.Helper()
	var out []string
	for len(messages) > 0 {
		length := int(binary.LittleEndian.Uint32(messages))
		if length < headerEnd || length > len(messages) {
			t.Fatalf("a message of %d bytes in %d", length, len(messages))
		}
		m := messages[:length]
		messages = messages[length:]
		id := binary.LittleEndian.Uint32(m[4:])
		if m[headerEnd] != 'a' && m[headerEnd] != 'b' {
			out = append(out, fmt.Sprint(id))
			continue
		}
		sequence := m[headerEnd+3:]
		if n := int(binary.LittleEndian.Uint32(sequence)); n != len(sequence) {
			t.Fatalf("a sequence of %d bytes says %d", len(sequence), n)
		}
		var statements []uint64
		for rest := sequence[4:]; len(rest) > 0; rest = rest[statementSize:] {
			statements = append(statements, binary.LittleEndian.Uint64(rest))
		}
		out = append(out, fmt.Sprintf("%d %c%d%v", id, m[headerEnd], m[testOrdered], statements))
	}
	return strings.Join(out, ", ")
}

// recordingConn keeps what it is given. With stop it takes that many bytes, and then nothing in that write
// and the next: the outbox goes on once, with an eye on the context.
type recordingConn struct {
	written []byte
	stop    int // 0 for never
	// onStop is called before a write that stops returns.
	onStop  func()
	stopped bool
}

func (c *recordingConn) Write(b []byte) (int, error) {
	if c.stopped {
		c.stopped = false
		return 0, os.ErrDeadlineExceeded
	}
	if n := c.stop; n > 0 && n < len(b) {
		c.written = append(c.written, b[:n]...)
		c.stop, c.stopped = 0, true
		c.onStop()
		return n, os.ErrDeadlineExceeded
	}
	c.written = append(c.written, b...)
	return len(b), nil
}

func (c *recordingConn) SetWriteDeadline(time.Time) error { return nil }

func wantSent(t testing.TB, conn *recordingConn, want string) {
	t.Helper()
	if got := describe(t, conn.written); got != want {
		t.Errorf("sent\n%s, want\n%s", got, want)
	}
	conn.written = nil
}

func TestJoin(t *testing.T) {
	conn := &recordingConn{}
	o := newOutbox(conn, Config{Resumable: true})
	flush := func() {
		t.Helper()
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	join(t, o, 1, 'a', 1)
	flush()
	wantSent(t, conn, "1 a1[1]")

	join(t, o, 2, 'a', 1)
	join(t, o, 3, 'a', 2, 3)
	join(t, o, 4, 'a', 4)
	if want := len(joinable(0, 'a', 1, 2, 3, 4)); o.Held() != want {
		t.Errorf("%d bytes are held, want %d", o.Held(), want)
	}
	join(t, o, 5, 'b', 5)
	join(t, o, 6, 'a', 6)
	flush()
	wantSent(t, conn, "2 a0[1 2 3 4], 5 b1[5], 6 a1[6]")

	changed := joinable(20, 'a', 2)
	changed[testOrdered+1] = 'c' // behind the boolean
	join(t, o, 19, 'a', 1)
	if _, err := o.Join(t.Context(), changed, testBatch(1)); err != nil {
		t.Fatal(err)
	}
	flush()
	wantSent(t, conn, "19 a1[1], 20 a1[2]")

	other := testBatch(1)
	other.Kind = 1
	join(t, o, 21, 'a', 1)
	for i := range 2 {
		if _, err := o.Join(t.Context(), joinable(22+i, 'a', 2+i), other); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	wantSent(t, conn, "21 a1[1], 22 a0[2 3]")

	join(t, o, 7, 'a', 1) // nothing joins what has left
	hold(t, o, 8)
	join(t, o, 9, 'a', 2)
	send(t, o, 10)
	join(t, o, 11, 'a', 3)
	o.Seal()
	join(t, o, 12, 'a', 4)
	flush()
	wantSent(t, conn, "7 a1[1], 8, 9 a1[2], 10, 11 a1[3], 12 a1[4]")
}

func TestJoinKeepsLimits(t *testing.T) {
	conn := &recordingConn{}
	o := newOutbox(conn, Config{Resumable: true})
	for i := range 7 {
		b := testBatch(1)
		b.MaxCount = 3
		if _, err := o.Join(t.Context(), joinable(i, 'a', i), b); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		b := testBatch(1)
		b.MaxSize = len(joinable(0, 'b', 1, 2))
		if _, err := o.Join(t.Context(), joinable(i, 'b', i), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSent(t, conn, "0 a0[0 1 2], 3 a0[3 4 5], 6 a1[6], 0 b0[0 1], 2 b0[2 3], 4 b1[4]")

	// At the limit of held bytes the caller writes.
	o = newOutbox(conn, Config{Resumable: true, Limit: len(joinable(0, 'a', 1, 2, 3))})
	for i := range 7 {
		join(t, o, i, 'a', i)
	}
	wantSent(t, conn, "0 a0[0 1 2], 3 a0[3 4 5]")
	if n := o.WriteCalls(); n != 2 {
		t.Errorf("%d write calls, want 2", n)
	}
}

// TestJoinDuringAWrite: what is being written is joined by nothing, and what was joined behind it keeps
// its place when the write stops between two messages.
func TestJoinDuringAWrite(t *testing.T) {
	conn := &recordingConn{}
	o := newOutbox(conn, Config{Resumable: true})
	ctx, cancel := context.WithCancel(t.Context())
	conn.stop = len(joinable(1, 'a', 1))
	conn.onStop = func() {
		join(t, o, 3, 'a', 3)
		join(t, o, 4, 'a', 4)
		cancel()
	}
	join(t, o, 1, 'a', 1)
	o.Seal()
	join(t, o, 2, 'a', 2)
	if err := o.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("a flush that was stopped gives %v", err)
	}
	join(t, o, 5, 'a', 5)
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSent(t, conn, "1 a1[1], 2 a1[2], 3 a0[3 4], 5 a1[5]")
}

// TestSealed: each message is told once, before it leaves, as it leaves, with its caller's context.
func TestSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		conn := &recordingConn{}
		var mu sync.Mutex // guards told: the timer's goroutine tells too
		var told []Sealed
		o := newOutbox(conn, Config{Resumable: true, Interval: time.Second, Sealed: func(s Sealed) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, s)
		}})
		count := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(told)
		}
		with := func(n int) context.Context { return context.WithValue(t.Context(), key{}, n) }
		add := func(n int, c byte) {
			t.Helper()
			if _, err := o.Join(with(n), joinable(n, c, n), testBatch(1)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		add(1, 'a')
		time.Sleep(time.Millisecond)
		add(2, 'a')
		add(3, 'b')
		if n := count(); n != 1 {
			t.Fatalf("told of %d messages, want of 1 so far", n)
		}
		time.Sleep(time.Hour) // the timer sends
		synctest.Wait()
		hold(t, o, 4)
		add(5, 'a')
		if s, ok := o.Seal(); !ok || describe(t, s.Message) != "5 a1[5]" || s.Context.Value(key{}) != 5 {
			t.Errorf("sealing gives %t and %v", ok, s)
		}
		if s, ok := o.Seal(); ok {
			t.Errorf("sealing again gives %v", s)
		}
		o.Fail(errEnded)
		add6, err := o.Join(t.Context(), joinable(6, 'a', 6), testBatch(1))
		if add6 || !errors.Is(err, errEnded) {
			t.Errorf("an outbox that has failed gives %t, %v", add6, err)
		}
		var got []string
		for _, s := range told {
			got = append(got, fmt.Sprintf("%s of %v and %d, %v", describe(t, s.Message), s.Context.Value(key{}), s.Batch.Count, s.Err))
		}
		want := []string{"1 a0[1 2] of 1 and 2, <nil>", "3 b1[3] of 3 and 1, <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("told\n%q, want\n%q", got, want)
		}
		if !told[0].Began.Equal(began) || !told[1].Began.Equal(began.Add(time.Millisecond)) {
			t.Errorf("began at %v and %v, want %v", told[0].Began, told[1].Began, began)
		}
		wantSent(t, conn, "1 a0[1 2], 3 b1[3]")
	})
}

func TestFailureTellsWhatWasOpen(t *testing.T) {
	var told []Sealed
	o := newOutbox(&recordingConn{}, Config{Resumable: true, Sealed: func(s Sealed) { told = append(told, s) }})
	join(t, o, 1, 'a', 1)
	join(t, o, 2, 'a', 2)
	o.Fail(errEnded)
	if len(told) != 1 || !errors.Is(told[0].Err, errEnded) || describe(t, told[0].Message) != "1 a0[1 2]" {
		t.Errorf("told of %v", told)
	}
}

// TestJoinOfManyGoroutines: each goroutine's statements keep their order, and none is lost.
func TestJoinOfManyGoroutines(t *testing.T) {
	const joiners, each = 8, 500
	conn := &recordingConn{}
	o := newOutbox(conn, Config{Resumable: true, Limit: 40 * statementSize, Interval: 100 * time.Microsecond})
	var done sync.WaitGroup
	for g := range joiners {
		done.Go(func() {
			for n := range each {
				switch {
				case n%50 == 49:
					send(t, o, int32(100_000+g))
				case n%70 == 69:
					o.Seal()
				}
				join(t, o, g, 'a', g*each+n)
			}
		})
	}
	done.Wait()
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := make([]int, joiners)
	total, messages := 0, 0
	for rest := conn.written; len(rest) > 0; messages++ {
		length := int(binary.LittleEndian.Uint32(rest))
		message := rest[:length]
		rest = rest[length:]
		if message[headerEnd] != 'a' {
			continue
		}
		for s := message[testStatements:]; len(s) > 0; s = s[statementSize:] {
			n := int(binary.LittleEndian.Uint64(s))
			if g := n / each; n%each != last[g] {
				t.Fatalf("goroutine %d: statement %d came in place of %d", g, n%each, last[g])
			}
			last[n/each]++
			total++
		}
	}
	if total != joiners*each || messages >= total {
		t.Errorf("%d statements in %d messages, want %d in less", total, messages, joiners*each)
	}
}

// TestJoinAllocatesNothing: no copy, and no allocation, of what is held.
func TestJoinAllocatesNothing(t *testing.T) {
	o := newOutbox(sink{}, Config{Resumable: true, Interval: time.Hour})
	m, b := joinable(1, 'a', 1), testBatch(1)
	run := func() {
		for range 100 {
			if _, err := o.Join(t.Context(), m, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run()
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkJoin(b *testing.B) {
	o := newOutbox(sink{}, Config{Resumable: true})
	m, batch := joinable(1, 'a', 1), testBatch(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Join(b.Context(), m, batch); err != nil {
			b.Fatal(err)
		}
	}
}

package monorailtest

import (
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// increment upserts {_id: id} with $inc {n: 1}.
func increment(id int32) bson.D {
	return bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: id}}},
		{Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int32(1)}}}}}, {Key: "upsert", Value: true}}
}

// sequence is a kind 1 section.
func sequence(t testing.TB, identifier string, docs ...bson.D) []byte {
	t.Helper()
	rest := append([]byte(identifier), 0)
	for _, d := range docs {
		rest = append(rest, marshal(t, d)...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte{1}, uint32(4+len(rest))), rest...)
}

func TestNoIncrementIsLost(t *testing.T) {
	const connections, each = 64, 1000
	s := newServer(t)
	var all sync.WaitGroup
	for i := range connections {
		c := dial(t, s)
		update := bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{increment(1)}}}
		messages := make([][]byte, each)
		for j := range messages {
			messages[j] = c.tell(update)
			if (i+j)%10 == 0 {
				messages[j] = c.ask(update)
			}
		}
		want := 0
		for j := range messages {
			if (i+j)%10 == 0 {
				want++
			}
		}
		// Owned by this test, which waits below; ends when every acknowledged update is answered.
		all.Go(func() {
			for _, m := range messages {
				if _, err := c.socket.Write(m); err != nil {
					t.Error(err)
					return
				}
			}
			for range want {
				if r, err := c.read(); err != nil || r.body.Lookup("n").Int32() != 1 {
					t.Errorf("reply %v, %v", r.body, err)
					return
				}
			}
			// The updates behind the last acknowledged one are done when this is answered.
			if _, err := c.socket.Write(c.ask(pingCommand())); err != nil {
				t.Error(err)
			} else if _, err := c.read(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	body := dial(t, s).ok(bson.D{{Key: "find", Value: "c"}})
	docs, err := body.Lookup("cursor", "firstBatch").Array().Values()
	if err != nil || len(docs) != 1 {
		t.Fatalf("documents %v, %v", docs, err)
	}
	if n := docs[0].Document().Lookup("n").Int32(); n != connections*each {
		t.Errorf("n = %d, want %d", n, connections*each)
	}
}

func TestUniqueIndexLetsNoDuplicateIn(t *testing.T) {
	const connections, keys = 16, 200
	s := newServer(t)
	dial(t, s).ok(bson.D{{Key: "createIndexes", Value: "c"}, {Key: "indexes", Value: bson.A{bson.D{
		{Key: "key", Value: bson.D{{Key: "k", Value: 1}}}, {Key: "name", Value: "k_1"}, {Key: "unique", Value: true},
	}}}})
	var all sync.WaitGroup
	for range connections {
		c := dial(t, s)
		// Owned by this test, which waits below; ends with its last reply.
		all.Go(func() {
			for k := range keys {
				insert := bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{{Key: "k", Value: int32(k)}}}}}
				if _, err := c.socket.Write(c.ask(insert)); err != nil {
					t.Error(err)
					return
				}
				if _, err := c.read(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := dial(t, s).ok(bson.D{{Key: "count", Value: "c"}}).Lookup("n").Int32(); n != keys {
		t.Errorf("%d documents, want %d", n, keys)
	}
}

func TestMemoryStaysFlat(t *testing.T) {
	const documents, perMessage = 100, 1000
	s := newServer(t)
	c := dial(t, s)
	statements := make([]bson.D, perMessage)
	for i := range statements {
		statements[i] = increment(int32(i % documents))
	}
	message := c.message(0, bson.D{{Key: "update", Value: "c"}}, sequence(t, "updates", statements...))
	update := func(n int) {
		t.Helper()
		for range n / perMessage {
			c.send(message)
			if n := c.reply().body.Lookup("n").Int32(); n != perMessage {
				t.Fatalf("n = %d", n)
			}
		}
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	update(manyUpdates / 10)
	before := heap()
	update(manyUpdates)
	after := heap()
	// What grows by a byte an update would grow by the number of updates.
	if after > before && after-before > manyUpdates/4 {
		t.Errorf("%d updates: the heap grew from %d to %d bytes", manyUpdates, before, after)
	}
	t.Logf("%d updates: heap %d, then %d bytes", manyUpdates, before, after)
}

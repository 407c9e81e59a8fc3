package command

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// fill stores documents {_id: i, n: i, g: i/10, plain: i} for i up to size, with indexes on n, and on g and n.
func fill(t testing.TB, s *State, size int) {
	t.Helper()
	c := newSession(t, s)
	c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{"n":1},"name":"n"},{"key":{"g":1,"n":-1},"name":"gn"}]}`), 1.0, "ok")
	in, _, err := s.Store.Open("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	for i := range size {
		n := int32(i)
		d := bson.D{{Key: "_id", Value: n}, {Key: "n", Value: n}, {Key: "g", Value: n / 10}, {Key: "plain", Value: n}}
		if err := in.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWorkByIndexIsFlat counts the documents that commands look at: the same, however many there are.
func TestWorkByIndexIsFlat(t *testing.T) {
	for _, test := range []struct {
		command string
		// examined is how many documents are looked at.
		examined int64
	}{
		{`{"find":"c","filter":{"_id":500}}`, 1},
		{`{"find":"c","filter":{"n":500}}`, 1},
		{`{"find":"c","filter":{"n":{"$in":[5,50,500]}}}`, 3},
		{`{"find":"c","filter":{"n":{"$gte":500,"$lt":510}}}`, 10},
		{`{"find":"c","filter":{"g":50,"n":{"$lt":505}}}`, 5},
		{`{"find":"c","filter":{"g":50},"sort":{"n":-1}}`, 10},
		{`{"count":"c","query":{"n":{"$gte":500,"$lt":510}}}`, 10},
		{`{"distinct":"c","key":"g","query":{"n":{"$gte":500,"$lt":510}}}`, 10},
		{`{"aggregate":"c","pipeline":[{"$match":{"n":{"$gte":500,"$lt":510}}}],"cursor":{}}`, 10},
		{`{"update":"c","updates":[{"q":{"_id":500},"u":{"$inc":{"plain":1}}}]}`, 1},
		{`{"update":"c","updates":[{"q":{"n":500},"u":{"$inc":{"plain":1}}}]}`, 1},
		{`{"update":"c","updates":[{"q":{"n":{"$gte":500,"$lt":510}},"u":{"$inc":{"plain":1}},"multi":true}]}`, 10},
		{`{"update":"c","updates":[{"q":{"n":-1},"u":{"$inc":{"plain":1}}}]}`, 0},
		{`{"findAndModify":"c","query":{"n":500},"update":{"$inc":{"plain":1}}}`, 1},
		{`{"delete":"c","deletes":[{"q":{"n":{"$in":[500,501]}},"limit":0}]}`, 2},
	} {
		for _, size := range []int{1_000, 10_000} {
			s := newTestState(t)
			fill(t, s, size)
			c := newSession(t, s)
			before := s.Store.Examined().Documents.Load()
			c.expect(c.run("%s", test.command), 1.0, "ok")
			if got := s.Store.Examined().Documents.Load() - before; got != test.examined {
				t.Errorf("%s of %d documents looks at %d, want %d", test.command, size, got, test.examined)
			}
		}
	}
}

// TestOrderOfAnIndexNeedsNoSort looks at a few documents for the first ones of an order.
func TestOrderOfAnIndexNeedsNoSort(t *testing.T) {
	s := newTestState(t)
	fill(t, s, 5_000)
	c := newSession(t, s)
	for _, command := range []string{
		`{"find":"c","sort":{"n":-1},"limit":5}`,
		`{"find":"c","sort":{"_id":1},"skip":2,"limit":3}`,
		`{"find":"c","filter":{"plain":{"$gte":0}},"sort":{"n":1},"limit":5}`,
		`{"find":"c","filter":{"n":{"$gt":2000}},"sort":{"n":1},"limit":5}`,
		`{"find":"c","sort":{"g":-1,"n":1},"batchSize":5}`,
		`{"findAndModify":"c","sort":{"n":-1},"update":{"$inc":{"plain":1}}}`,
		`{"findAndModify":"c","query":{"n":{"$lt":2000}},"sort":{"n":-1},"remove":true}`,
	} {
		before := s.Store.Examined().Documents.Load()
		c.expect(c.run("%s", command), 1.0, "ok")
		if got := s.Store.Examined().Documents.Load() - before; got > 16 {
			t.Errorf("%s looks at %d documents", command, got)
		}
	}
}

// TestACursorHoldsNoDocuments reads a large collection through a cursor: what it has read ahead stays small.
func TestACursorHoldsNoDocuments(t *testing.T) {
	const size, batch, most = 100_000, 500, 128
	s := newTestState(t)
	fill(t, s, size)
	collection := s.Store.Collection("db", "c")
	f, err := query.Parse(bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	for _, hint := range []store.Hint{{}, {Index: "n"}} {
		m := newMatcher(collection, f, hint)
		src := &pull{limit: -1, suspend: m.suspend, next: func() (bson.Raw, error) {
			d, err := m.next()
			if d == nil || err != nil {
				return nil, err
			}
			return d.Raw, nil
		}}
		read := 0
		for exhausted := false; !exhausted; {
			var docs []bson.Raw
			if docs, exhausted, err = src.Next(batch, math.MaxInt); err != nil {
				t.Fatal(err)
			}
			if read += len(docs); len(m.waiting) > most {
				t.Fatalf("after %d documents the cursor holds %d", read, len(m.waiting))
			}
		}
		if read != size {
			t.Errorf("%d documents, want %d", read, size)
		}
	}
}

// TestNothingIsLockedWhileAResultIsMade writes to the collection whenever a reader has been given a document: it would wait
// for itself.
func TestNothingIsLockedWhileAResultIsMade(t *testing.T) {
	s := newTestState(t)
	fill(t, s, 300)
	collection := s.Store.Collection("db", "c")
	f, err := query.Parse(bson.D{{Key: "n", Value: bson.D{{Key: "$gte", Value: int32(0)}}}})
	if err != nil {
		t.Fatal(err)
	}
	m := newMatcher(collection, f, store.Hint{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for n := range 300 {
		if d, err := m.next(); d == nil || err != nil {
			t.Fatalf("document %d: %v, %v", n, d, err)
		}
		written := make(chan error, 1)
		go func() { written <- collection.Write(func(*store.Writer) error { return nil }) }()
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
		case <-ctx.Done():
			t.Fatal("the collection is locked")
		}
	}
}

// TestIdleCursorsAndSessionsEnd has the times of MongoDB: ten minutes for a cursor, thirty for a session with all that it has.
func TestIdleCursorsAndSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestState(t)
		c, in := newSession(t, s), newClient(t, s, 1)
		c.run(`{"insert":"c","documents":[{"_id":1},{"_id":2},{"_id":3},{"_id":4}]}`)
		open := func(options string) any {
			return lookup(c.run(`{"find":"c","batchSize":1%s}`, options), "cursor", "id")
		}
		more := func(id any, options string) bson.D {
			return c.run(`{"getMore":{"$numberLong":"%v"},"collection":"c","batchSize":1%s}`, id, options)
		}
		lsid := "," + in.lsid
		plain, used, endless := open(""), open(""), open(`,"noCursorTimeout":true`)
		ofSession := open(`,"noCursorTimeout":true` + lsid)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		c.expect(more(used, ""), 1.0, "ok")
		time.Sleep(time.Minute)
		synctest.Wait()
		c.expect(more(plain, ""), 43, "code")
		c.expect(more(used, ""), 1.0, "ok")
		c.expect(more(endless, ""), 1.0, "ok")
		c.expect(more(ofSession, lsid), 1.0, "ok")
		for range 3 {
			time.Sleep(20 * time.Minute)
			synctest.Wait()
			c.expect(c.run(`{"refreshSessions":[%s]}`, in.lsid[len(`"lsid":`):]), 1.0, "ok")
		}
		c.expect(more(ofSession, lsid), 1.0, "ok")
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		c.expect(more(ofSession, lsid), 43, "code")
		c.expect(more(endless, ""), 1.0, "ok")
		if n := s.Active.Len(); n != 1 {
			t.Errorf("%d sessions after the last command of one", n)
		}
	})
}

// BenchmarkByIndex measures commands on a small and on a large collection: the time should be the same.
func BenchmarkByIndex(b *testing.B) {
	for _, size := range []int{1_000, 1_000_000} {
		s := newTestState(b)
		fill(b, s, size)
		for name, command := range map[string]string{
			"find":   `{"find":"c","filter":{"n":500}}`,
			"in":     `{"find":"c","filter":{"n":{"$in":[5,50,500]}}}`,
			"range":  `{"find":"c","filter":{"n":{"$gte":500,"$lt":510}}}`,
			"sort":   `{"find":"c","sort":{"n":-1},"limit":10}`,
			"update": `{"update":"c","updates":[{"q":{"n":500},"u":{"$inc":{"plain":1}}}]}`,
		} {
			d := bson.D{}
			if err := bson.UnmarshalExtJSON([]byte(command), false, &d); err != nil {
				b.Fatal(err)
			}
			body := bsonvalue.Encode(append(d, bson.E{Key: "$db", Value: "db"}))
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				conn := NewConn(1, "127.0.0.1:1")
				b.ReportAllocs()
				for b.Loop() {
					s.Run(context.Background(), &Request{Name: d[0].Key, Database: "db", Body: body, Conn: conn})
				}
			})
		}
	}
}

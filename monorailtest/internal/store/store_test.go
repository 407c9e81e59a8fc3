package store

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

func doc(pairs ...any) bson.D {
	d := bson.D{}
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return d
}

func insert(t testing.TB, c *Collection, d bson.D) error {
	t.Helper()
	return c.Write(func(w *Writer) error { return w.Insert(d, bsonvalue.Encode(d)) })
}

func open(t testing.TB) *Collection {
	t.Helper()
	c, _, err := New().Open("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// find returns the _ids of the documents that a scan delivers and the filter accepts.
func find(t testing.TB, c *Collection, filter bson.D) []any {
	t.Helper()
	f, err := query.Parse(filter)
	if err != nil {
		t.Fatal(err)
	}
	var out []any
	scan := c.Scan(f.Constraints(), Hint{})
	for {
		documents, err := scan.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(documents) == 0 {
			return out
		}
		for _, d := range documents {
			if ok, _ := f.Match(d.Fields); ok {
				out = append(out, d.ID())
			}
		}
	}
}

func createIndex(c *Collection, name string, unique bool, fields ...string) error {
	spec := IndexSpec{Name: name, Unique: unique}
	for _, f := range fields {
		spec.Key = append(spec.Key, bson.E{Key: f, Value: int32(1)})
	}
	return c.Write(func(w *Writer) error { return w.CreateIndex(spec) })
}

func code(err error) int32 {
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestUniqueIndexRefusesDuplicates(t *testing.T) {
	c := open(t)
	if err := createIndex(c, "u", true, "a", "b"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		d    bson.D
		want int32
	}{
		{doc("_id", 1, "a", "x", "b", "y"), 0},
		{doc("_id", 1, "a", "other"), mongoerror.DuplicateKey},
		{doc("_id", 2, "a", "x", "b", "y"), mongoerror.DuplicateKey},
		{doc("_id", 2, "a", "x", "b", bson.A{"z", "y"}), mongoerror.DuplicateKey},
		{doc("_id", 2, "a", "x"), 0},
		{doc("_id", 3, "a", "x", "b", nil), mongoerror.DuplicateKey},
		{doc("_id", 3, "a", bson.A{1}, "b", bson.A{2}), mongoerror.CannotIndexParallelArrays},
	} {
		d := s.d
		d[0].Value = int32(d[0].Value.(int))
		for i := range d {
			if a, ok := d[i].Value.(bson.A); ok {
				for j := range a {
					if n, ok := a[j].(int); ok {
						a[j] = int32(n)
					}
				}
			}
		}
		if got := code(insert(t, c, d)); got != s.want {
			t.Errorf("%v: code %d, want %d", d, got, s.want)
		}
	}
	if n, _ := c.Size(); n != 2 {
		t.Errorf("%d documents, want 2", n)
	}
}

func TestScanByIndexFindsWhatAFullScanFinds(t *testing.T) {
	indexed, plain := open(t), open(t)
	for _, f := range [][]string{{"a"}, {"a", "b"}, {"x.y", "x.z"}} {
		if err := createIndex(indexed, fmt.Sprint(f), false, f...); err != nil {
			t.Fatal(err)
		}
	}
	values := []any{int32(1), 1.0, "s", nil, bson.A{int32(1), "s"}, bson.A{}, doc("y", int32(1))}
	for i := range 400 {
		d := doc("_id", int32(i), "a", values[i%7], "b", int32(i%3),
			"x", bson.A{doc("y", int32(i%2), "z", int32(i%5)), doc("y", int32(i%3), "z", int32(1))})
		if err := errors.Join(insert(t, indexed, d), insert(t, plain, d)); err != nil {
			t.Fatal(err)
		}
	}
	for _, filter := range []bson.D{
		doc("a", int32(1)), doc("a", "s", "b", int32(2)), doc("a", nil), doc("a", bson.A{}), doc("_id", int32(7)),
		doc("a", doc("$in", bson.A{"s", int64(1)})), doc("x.y", int32(1), "x.z", int32(4)), doc("b", int32(1), "a", 1.0),
	} {
		got, want := find(t, indexed, filter), find(t, plain, filter)
		if len(got) == 0 || len(got) != len(want) {
			t.Errorf("%v: %d by index, %d by scan", filter, len(got), len(want))
		}
	}
}

func TestReplaceMovesIndexEntries(t *testing.T) {
	c := open(t)
	if err := createIndex(c, "a", true, "a"); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, c, doc("_id", int32(1), "a", int32(1))); err != nil {
		t.Fatal(err)
	}
	err := c.Write(func(w *Writer) error {
		d := doc("_id", int32(1), "a", int32(2))
		_, err := w.Replace(w.Scan(nil, Hint{}).NextLocked()[0], d, bsonvalue.Encode(d))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := insert(t, c, doc("_id", int32(2), "a", int32(1))); err != nil {
		t.Errorf("the old key is still taken: %v", err)
	}
	if got := find(t, c, doc("a", int32(2))); len(got) != 1 || got[0] != int32(1) {
		t.Errorf("found %v by the new key", got)
	}
}

func TestDroppedCollectionRefuses(t *testing.T) {
	s := New()
	c, _, _ := s.Open("db", "c")
	scan := c.Scan(nil, Hint{})
	s.Drop("db", "c")
	if _, err := scan.Next(); !errors.Is(err, ErrDropped) {
		t.Errorf("scan: %v", err)
	}
	if err := insert(t, c, doc("_id", int32(1))); !errors.Is(err, ErrDropped) {
		t.Errorf("insert: %v", err)
	}
	if len(s.Databases()) != 0 {
		t.Errorf("databases left: %v", s.Databases())
	}
}

func TestDocumentsReadAreNeverHalfUpdated(t *testing.T) {
	c := open(t)
	if err := insert(t, c, doc("_id", int32(1), "a", int64(0), "b", int64(0))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				err := c.Write(func(w *Writer) error {
					old := w.Scan(nil, Hint{}).NextLocked()[0]
					n := old.Fields[1].Value.(int64) + 1
					d := doc("_id", int32(1), "a", n, "b", n)
					_, err := w.Replace(old, d, bsonvalue.Encode(d))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 500 {
				documents, err := c.Scan(nil, Hint{}).Next()
				if err != nil || documents[0].Fields[1].Value != documents[0].Fields[2].Value {
					t.Errorf("read %v, %v", documents, err)
				}
			}
		})
	}
	wg.Wait()
	documents, _ := c.Scan(nil, Hint{}).Next()
	if got := documents[0].Fields[1].Value; got != int64(2000) {
		t.Errorf("counted %v, want 2000", got)
	}
}

func TestMemoryStaysFlatOverUpdates(t *testing.T) {
	c := open(t)
	for i := range 100 {
		if err := insert(t, c, doc("_id", int32(i), "n", int64(0))); err != nil {
			t.Fatal(err)
		}
	}
	update := func(rounds int) {
		for i := range rounds {
			err := c.Write(func(w *Writer) error {
				f, _ := query.Parse(doc("_id", int32(i%100)))
				old := w.Scan(f.Constraints(), Hint{}).NextLocked()[0]
				d := doc("_id", int32(i%100), "n", int64(i))
				_, err := w.Replace(old, d, bsonvalue.Encode(d))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	update(1000)
	before := heap()
	update(100000)
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
}

// BenchmarkUpdateByID shows that an update by _id costs the same however many documents there are.
func BenchmarkUpdateByID(b *testing.B) { benchmarkUpdate(b, doc("_id", int32(42))) }

// BenchmarkUpdateByCompoundIndex is BenchmarkUpdateByID by all the fields of a compound index.
func BenchmarkUpdateByCompoundIndex(b *testing.B) {
	benchmarkUpdate(b, doc("region", int32(42), "browser", "b"))
}

func benchmarkUpdate(b *testing.B, filter bson.D) {
	for _, n := range []int{100, 100000} {
		c := open(b)
		if err := createIndex(c, "u", true, "region", "browser"); err != nil {
			b.Fatal(err)
		}
		for i := range n {
			if err := insert(b, c, doc("_id", int32(i), "region", int32(i), "browser", "b", "n", int64(0))); err != nil {
				b.Fatal(err)
			}
		}
		f, err := query.Parse(filter)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				err := c.Write(func(w *Writer) error {
					found := w.Scan(f.Constraints(), Hint{}).NextLocked()
					if len(found) != 1 {
						return fmt.Errorf("%d documents", len(found))
					}
					d := append(bson.D(nil), found[0].Fields...)
					d[3].Value = int64(i)
					_, err := w.Replace(found[0], d, bsonvalue.Encode(d))
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

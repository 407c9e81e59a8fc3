package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// list is an array with the numbers that BSON has.
func list(values ...any) bson.A {
	for i := range values {
		values[i] = value(values[i])
	}
	return bson.A(values)
}

// index makes an index with a key pattern such as row("a", 1, "b", -1).
func index(t testing.TB, c *Collection, spec IndexSpec) {
	t.Helper()
	if err := c.Write(func(w *Writer) error { return w.CreateIndex(spec) }); err != nil {
		t.Fatal(err)
	}
}

// scanned is what a scan came to.
type scanned struct {
	ids             []any
	keys, documents int64
	sorted          bool
}

// scan runs a scan to its end and keeps what meets the filter.
func scan(t testing.TB, s *Store, c *Collection, filter bson.D, order ...indexkey.Field) scanned {
	t.Helper()
	f, err := query.Parse(filter)
	if err != nil {
		t.Fatal(err)
	}
	keys, documents := s.Examined().Keys.Load(), s.Examined().Documents.Load()
	scan := c.ScanInOrder(f.Constraints(), Hint{}, order)
	out := scanned{sorted: scan.Sorted()}
	for {
		batch, err := scan.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			break
		}
		for _, d := range batch {
			ok, err := f.Match(d.Fields)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				out.ids = append(out.ids, d.ID())
			}
		}
	}
	out.keys, out.documents = s.Examined().Keys.Load()-keys, s.Examined().Documents.Load()-documents
	return out
}

// TestIndexesNarrowScans counts what is looked at: exactly what the bounds hold.
func TestIndexesNarrowScans(t *testing.T) {
	const size = 10_000
	s, c := newStoreWith(t)
	index(t, c, IndexSpec{Name: "n", Key: row("n", 1)})
	index(t, c, IndexSpec{Name: "down", Key: row("down", -1)})
	index(t, c, IndexSpec{Name: "g,h,i", Key: row("g", 1, "h", -1, "i", 1)})
	index(t, c, IndexSpec{Name: "sparse", Key: row("sparse", 1), Sparse: true})
	index(t, c, IndexSpec{Name: "tags", Key: row("tags", 1)})
	for i := range size {
		d := row("_id", i, "n", i, "down", i, "g", i%10, "h", i/10%10, "i", i/100, "tags", list(i, i+1), "plain", i)
		if i%100 == 0 {
			d = append(d, bson.E{Key: "sparse", Value: value(i)})
		}
		if err := insert(t, c, d); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		filter bson.D
		// found is how many documents meet the filter, and examined how many are looked at.
		found, examined int
	}{
		{row("_id", 7), 1, 1},
		{row("_id", doc("$in", list(1, 9_999, 5_000, 5_000, -1))), 3, 3},
		{row("_id", doc("$in", list())), 0, 0},
		{row("n", row("$gte", 10, "$lt", 20)), 10, 10},
		{row("n", row("$gt", 9_990)), 9, 9},
		{row("n", row("$lte", 4)), 5, 5},
		{row("n", row("$gt", 5, "$lt", 5)), 0, 0},
		{row("n", row("$gt", 5, "$lt", 3)), 0, 0},
		{row("n", row("$gt", "a")), 0, 0},
		{row("n", row("$in", list(3, 4, 5), "$gt", 3)), 2, 2},
		{doc("$and", bson.A{row("n", row("$gt", 5)), row("n", row("$lt", 8))}), 2, 2},
		{row("down", row("$gte", 10, "$lt", 20)), 10, 10},
		{row("down", row("$gt", 9_990)), 9, 9},
		{row("g", 3, "h", 4), 100, 100},
		{row("g", 3, "h", 4, "i", 7), 1, 1},
		{row("g", 3, "h", row("$in", list(1, 2)), "i", row("$lt", 5)), 10, 10},
		{row("g", row("$in", list(1, 2)), "h", row("$gte", 8)), 400, 400},
		{row("g", row("$gt", 8), "h", 1), 100, 1000}, // the range is the last that narrows
		{row("n", row("$gte", 10, "$lt", 20), "plain", 15), 1, 10},
		{row("sparse", row("$gte", 9_900)), 1, 1},
		{row("sparse", nil), 9_900, 10_000},
		{row("tags", row("$gte", 5_000, "$lt", 5_001)), 2, 5_001}, // of an array, each bound may be met by another element
		{row("tags", 5_000), 2, 2},
		{row("plain", 5), 1, 10_000},
		{row("n", nil), 0, 0},
		{row("n", row("$ne", 5)), 9_999, 10_000},
	} {
		got := scan(t, s, c, test.filter)
		if len(got.ids) != test.found || got.documents != int64(test.examined) {
			t.Errorf("%s: %d found, %d examined; want %d and %d", bsonvalue.Format(test.filter), len(got.ids), got.documents, test.found, test.examined)
		}
	}
}

// TestIndexesSort looks at ten documents of ten thousand in the order of an index.
func TestIndexesSort(t *testing.T) {
	const size = 10_000
	s, c := newStoreWith(t)
	index(t, c, IndexSpec{Name: "a,b", Key: row("a", 1, "b", -1)})
	index(t, c, IndexSpec{Name: "sparse", Key: row("sparse", 1), Sparse: true})
	index(t, c, IndexSpec{Name: "tags", Key: row("tags", 1)})
	for i := range size {
		if err := insert(t, c, row("_id", i, "a", i%10, "b", i, "sparse", i, "tags", list(size-i, 2*size))); err != nil {
			t.Fatal(err)
		}
	}
	up := func(name string) indexkey.Field { return indexkey.Field{Name: name} }
	down := func(name string) indexkey.Field { return indexkey.Field{Name: name, Descending: true} }
	for _, test := range []struct {
		filter bson.D
		order  []indexkey.Field
		want   []any // the first _ids; nil where no index gives the order
	}{
		{nil, []indexkey.Field{up("_id")}, list(0, 1, 2)},
		{nil, []indexkey.Field{down("_id")}, list(9_999, 9_998, 9_997)},
		{row("_id", row("$gte", 50)), []indexkey.Field{up("_id")}, list(50, 51, 52)},
		{row("_id", row("$lt", 50)), []indexkey.Field{down("_id")}, list(49, 48, 47)},
		{row("_id", row("$in", list(1, 2))), []indexkey.Field{up("_id")}, nil},
		{nil, []indexkey.Field{up("a")}, list(9_990, 9_980, 9_970)},
		{nil, []indexkey.Field{up("a"), down("b")}, list(9_990, 9_980, 9_970)},
		{nil, []indexkey.Field{down("a"), up("b")}, list(9, 19, 29)},
		{nil, []indexkey.Field{up("a"), up("b")}, nil},
		{nil, []indexkey.Field{up("b")}, nil},
		{nil, []indexkey.Field{up("a"), down("b"), up("_id")}, nil},
		{row("a", 3), []indexkey.Field{up("b")}, list(3, 13, 23)},
		{row("a", 3), []indexkey.Field{down("b")}, list(9_993, 9_983, 9_973)},
		{row("a", 3, "b", row("$lt", 100)), []indexkey.Field{down("b")}, list(93, 83, 73)},
		{row("a", 3), []indexkey.Field{up("b"), up("a")}, list(3, 13, 23)},
		{row("a", 3), []indexkey.Field{down("a"), up("b")}, list(3, 13, 23)},
		{row("a", row("$gt", 3)), []indexkey.Field{up("b")}, nil},
		{nil, []indexkey.Field{up("sparse")}, nil},
		{row("sparse", row("$gt", 7)), []indexkey.Field{up("sparse")}, list(8, 9, 10)},
		{nil, []indexkey.Field{up("tags")}, list(9_999, 9_998, 9_997)},
		{nil, []indexkey.Field{down("tags")}, list(9_999, 9_998, 9_997)},
		{row("tags", row("$gt", 7)), []indexkey.Field{up("tags")}, nil},
	} {
		name := fmt.Sprint(bsonvalue.Format(test.filter), test.order)
		got := scan(t, s, c, test.filter, test.order...)
		if got.sorted != (test.want != nil) {
			t.Errorf("%s: sorted is %v", name, got.sorted)
			continue
		}
		if test.want != nil && !slices.Equal(got.ids[:3], []any(test.want)) {
			t.Errorf("%s: %v, want %v", name, got.ids[:3], test.want)
		}
	}
	before := s.Examined().Documents.Load()
	if _, err := c.ScanInOrder(nil, Hint{}, []indexkey.Field{down("_id")}).Next(); err != nil {
		t.Fatal(err)
	}
	if n := s.Examined().Documents.Load() - before; n > 10 {
		t.Errorf("the first documents of an order cost looking at %d", n)
	}
}

// TestPlansFindWhatAFullScanFinds asks random questions of random documents of all types.
func TestPlansFindWhatAFullScanFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	indexed, _ := newStoreWith(t)
	c := indexed.Collection("db", "c")
	_, plain := newStoreWith(t)
	index(t, c, IndexSpec{Name: "1", Key: row("a", 1)})
	index(t, c, IndexSpec{Name: "2", Key: row("b", -1, "c", 1)})
	index(t, c, IndexSpec{Name: "3", Key: row("c", 1, "a.x", -1), Sparse: true})
	index(t, c, IndexSpec{Name: "4", Key: row("d", 1, "b", 1, "e", -1)})
	simple := anyValues(t)
	pick := func() any { return simple[random.IntN(len(simple))] }
	field := func() any {
		switch random.IntN(8) {
		case 0:
			return bson.A{pick(), pick()}
		case 1:
			return doc("x", pick())
		case 2:
			return bson.A{}
		}
		return pick()
	}
	names := []string{"a", "b", "c", "d", "e", "a.x"}
	for i := range 600 {
		d := row("_id", i)
		for _, name := range names[:5] {
			// d and e hold no arrays, so that an index on them is used to its end.
			v := field()
			if _, ok := v.(bson.A); ok && (name == "d" || name == "e" || name == "b") {
				v = pick()
			}
			if random.IntN(5) > 0 {
				d = append(d, bson.E{Key: name, Value: v})
			}
		}
		for _, c := range []*Collection{c, plain} {
			if err := insert(t, c, d); err != nil && code(err) != 171 {
				t.Fatal(err)
			}
		}
	}
	// Two arrays that are indexed together were refused.
	for _, d := range scan(t, indexed, plain, nil).ids {
		if len(scan(t, indexed, c, doc("_id", d)).ids) == 0 {
			if err := remove(plain, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	operators := []string{"$eq", "$gt", "$gte", "$lt", "$lte", "$in"}
	for range 1_500 {
		filter := bson.D{}
		for range 1 + random.IntN(3) {
			condition := bson.D{}
			for range 1 + random.IntN(2) {
				o := operators[random.IntN(len(operators))]
				v := pick()
				if o == "$in" {
					v = bson.A{pick(), pick(), pick()}
				}
				condition = append(condition, bson.E{Key: o, Value: v})
			}
			filter = append(filter, bson.E{Key: names[random.IntN(len(names))], Value: condition})
		}
		got, want := scan(t, indexed, c, filter), scan(t, indexed, plain, filter)
		slices.SortFunc(got.ids, bsonvalue.Compare)
		slices.SortFunc(want.ids, bsonvalue.Compare)
		if !slices.Equal(got.ids, want.ids) {
			t.Fatalf("%s: %v by index, %v by scan", bsonvalue.Format(filter), got.ids, want.ids)
		}
	}
}

// anyValues returns values of the types that filters compare.
func anyValues(t testing.TB) []any {
	t.Helper()
	raw, err := bson.Marshal(bson.D{{Key: "v", Value: bson.A{
		nil, 1, 2, int64(3), 2.5, -1.0, math.NaN(), math.Inf(1), "", "a", "b", true, false, doc("x", int32(1)), bson.D{},
		primitive.ObjectID{1}, primitive.ObjectID{255}, primitive.DateTime(0), primitive.DateTime(-5),
		primitive.Timestamp{T: 1}, primitive.Binary{}, primitive.Binary{Data: []byte("zz")}, decimal(t, "2.5"), decimal(t, "NaN"),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := bsonvalue.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return fields[0].Value.(bson.A)
}

func decimal(t testing.TB, s string) primitive.Decimal128 {
	t.Helper()
	d, err := primitive.ParseDecimal128(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

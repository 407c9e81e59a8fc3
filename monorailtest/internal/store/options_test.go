package store

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func openWith(t *testing.T, options string) *Collection {
	t.Helper()
	c, err := New().Create("db", "c", bsontest.Parse(t, options))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestValidationLevels(t *testing.T) {
	const validator = `"validator":{"a":{"$type":"int"}}`
	for _, c := range []struct {
		options                string
		insert, repair, damage int32
	}{
		{`{` + validator + `}`, 121, 121, 121},
		{`{` + validator + `,"validationLevel":"moderate"}`, 121, 0, 121},
		{`{` + validator + `,"validationLevel":"off"}`, 0, 0, 0},
		{`{` + validator + `,"validationAction":"warn"}`, 0, 0, 0},
		{`{}`, 0, 0, 0},
	} {
		s := openWith(t, c.options)
		bad, good := doc("_id", int32(1), "a", "x"), doc("_id", int32(2), "a", int32(1))
		err := s.Write(func(w *Writer) error {
			w.SkipValidation()
			return errors.Join(w.Insert(bad, bsonvalue.Encode(bad)), w.Insert(good, bsonvalue.Encode(good)))
		})
		if err != nil {
			t.Fatal(err)
		}
		replace := func(old int, d bson.D) error {
			return s.Write(func(w *Writer) error {
				_, err := w.Replace(w.Scan(nil, Hint{}).NextLocked()[old], d, bsonvalue.Encode(d))
				return err
			})
		}
		for what, got := range map[string]struct {
			err  error
			want int32
		}{
			"the insert of a bad document":  {insert(t, s, doc("_id", int32(3), "a", "x")), c.insert},
			"an update that leaves it bad":  {replace(0, doc("_id", int32(1), "a", "y")), c.repair},
			"an update that makes one bad":  {replace(1, doc("_id", int32(2), "a", "y")), c.damage},
			"the insert of a good document": {insert(t, s, doc("_id", int32(4), "a", int32(4))), 0},
		} {
			if code(got.err) != got.want {
				t.Errorf("%s: %s: %v, want code %d", c.options, what, got.err, got.want)
			}
		}
	}
}

func TestCappedCollectionKeepsTheNewest(t *testing.T) {
	c := openWith(t, `{"capped":true,"size":100,"max":3}`)
	grown := c.Grown()
	for i := range int32(5) {
		if err := insert(t, c, doc("_id", i)); err != nil {
			t.Fatal(err)
		}
	}
	<-grown
	if got := find(t, c, nil); len(got) != 3 || got[0] != int32(2) {
		t.Errorf("it keeps %v", got)
	}
	if n, bytes := c.Size(); n != 3 || bytes != 42 {
		t.Errorf("%d documents of %d bytes", n, bytes)
	}
	// What was deleted has left the indexes, too.
	if err := insert(t, c, doc("_id", int32(0))); err != nil {
		t.Error(err)
	}
	long := doc("_id", int32(9), "s", string(make([]byte, 100)))
	if err := insert(t, c, long); code(err) != mongoerror.BadValue {
		t.Errorf("a document that is too large: %v", err)
	}
	err := c.Write(func(w *Writer) error { return w.Delete(w.Scan(nil, Hint{}).NextLocked()[0]) })
	if code(err) != mongoerror.IllegalOperation {
		t.Errorf("delete: %v", err)
	}
}

func TestCappedCollectionInTransaction(t *testing.T) {
	s := New()
	if _, err := s.Create("db", "c", bsontest.Parse(t, `{"capped":true,"size":100}`)); err != nil {
		t.Fatal(err)
	}
	x := s.Begin()
	defer x.Abort()
	if err := insert(t, x.Store().Collection("db", "c"), doc("_id", int32(1))); code(err) != mongoerror.OperationNotSupportedInTransaction {
		t.Errorf("insert: %v", err)
	}
}

// A resumed scan goes on with what has come, and tells that its place is gone.
func TestScanResumes(t *testing.T) {
	c := openWith(t, `{"capped":true,"size":1000,"max":2}`)
	next := func(s *Scan, want int) {
		t.Helper()
		documents, err := s.Next()
		if err != nil || len(documents) != want {
			t.Errorf("%d documents, %v; want %d", len(documents), err, want)
		}
	}
	if err := insert(t, c, doc("_id", int32(1))); err != nil {
		t.Fatal(err)
	}
	scan := c.Scan(nil, Hint{Natural: true})
	next(scan, 1)
	next(scan, 0)
	if err := insert(t, c, doc("_id", int32(2))); err != nil {
		t.Fatal(err)
	}
	next(scan, 0)
	if scan.Resume() {
		t.Error("the place is lost")
	}
	next(scan, 1)
	for i := range int32(2) {
		if err := insert(t, c, doc("_id", 3+i)); err != nil {
			t.Fatal(err)
		}
	}
	if !scan.Resume() {
		t.Error("the place is not lost")
	}
}

func TestIndexUnderCollation(t *testing.T) {
	under, err := collation.Parse(bsontest.Parse(t, `{"locale":"en","strength":2}`))
	if err != nil {
		t.Fatal(err)
	}
	c := openWith(t, `{}`)
	spec := IndexSpec{Name: "s", Key: doc("s", int32(1)), Unique: true, Collation: under}
	if err := c.Write(func(w *Writer) error { return w.CreateIndex(spec) }); err != nil {
		t.Fatal(err)
	}
	if err := insert(t, c, doc("_id", int32(1), "s", "x")); err != nil {
		t.Fatal(err)
	}
	var e *mongoerror.Error
	if err := insert(t, c, doc("_id", int32(2), "s", "X")); !errors.As(err, &e) || e.Code != mongoerror.DuplicateKey {
		t.Fatalf("X beside x: %v", err)
	}
	if got := bsonvalue.Format(e.Fields); got != "{ keyPattern: { s: 1 }, keyValue: { s: \"W\x01\x05\" } }" {
		t.Error(got)
	}
	if err := insert(t, c, doc("_id", int32(2), "s", "é")); err != nil {
		t.Error(err)
	}
	// Without the collation, the index finds no strings, and so is not asked.
	if got := find(t, c, doc("s", "x")); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestKindsOfIndexes(t *testing.T) {
	c := openWith(t, `{}`)
	for _, spec := range []IndexSpec{
		{Name: "hashed", Key: doc("h", "hashed"), Kind: Hashed}, {Name: "text", Key: doc("t", "text"), Kind: Nominal},
		{Name: "hidden", Key: doc("h", int32(1)), Hidden: true},
	} {
		if err := c.Write(func(w *Writer) error { return w.CreateIndex(spec) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(t, c, doc("_id", int32(1), "h", bson.A{int32(1)})); code(err) != codeHashedArray {
		t.Errorf("an array in a hashed field: %v", err)
	}
	if err := insert(t, c, doc("_id", int32(1), "h", int32(1), "t", "x")); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []bson.D{doc("h", int32(1)), doc("t", "x"), doc("h", doc("$gt", int32(0)))} {
		if got := find(t, c, filter); len(got) != 1 {
			t.Errorf("%v finds %v", filter, got)
		}
	}
}

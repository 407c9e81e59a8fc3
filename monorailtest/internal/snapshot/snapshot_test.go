package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// insert stores documents.
func insert(t testing.TB, s *store.Store, database, name string, documents ...bson.D) {
	t.Helper()
	c, _, err := s.Open(database, name)
	check(t, err)
	for _, d := range documents {
		check(t, c.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) }))
	}
}

// everyValue has a value of each type of BSON.
func everyValue(t testing.TB) bson.D {
	t.Helper()
	decimal, err := primitive.ParseDecimal128("1.50")
	check(t, err)
	d := bson.D{{Key: "_id", Value: primitive.ObjectID{1, 2, 3}}}
	for i, v := range []any{
		nil, int32(1), int64(1 << 40), 2.5, math.NaN(), decimal, "ü\x00", true, primitive.DateTime(-1), primitive.Timestamp{T: 1, I: 2},
		primitive.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}, primitive.Regex{Pattern: "a", Options: "i"}, primitive.MinKey{},
		primitive.MaxKey{}, primitive.Undefined{}, primitive.JavaScript("f"), primitive.Symbol("s"), bson.A{bson.A{}, bson.D{}},
		primitive.CodeWithScope{Code: "g", Scope: bson.D{{Key: "x", Value: int32(1)}}}, primitive.DBPointer{DB: "d.c"},
	} {
		d = append(d, bson.E{Key: fmt.Sprint("f", i), Value: v})
	}
	return d
}

// example returns a store with something of everything, and users.
func example(t testing.TB) (*store.Store, *access.Users) { return exampleOf(t, 100) }

// exampleOf is example with n documents in the collection with indexes.
func exampleOf(t testing.TB, n int32) (*store.Store, *access.Users) {
	t.Helper()
	s := store.New()
	insert(t, s, "db", "values", everyValue(t))
	spec := bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: int32(2)}}
	c, err := collation.Parse(spec)
	check(t, err)
	_, err = s.Create("db", "strict", bson.D{
		{Key: "collation", Value: spec}, {Key: "validator", Value: bson.D{{Key: "n", Value: bson.D{{Key: "$gte", Value: int32(0)}}}}},
	})
	check(t, err)
	_, err = s.Create("db.with", "empty", bson.D{})
	check(t, err)
	_, err = s.Create("other", "capped", bson.D{{Key: "capped", Value: true}, {Key: "size", Value: int64(4096)}, {Key: "max", Value: int64(2)}})
	check(t, err)
	for i := range int32(4) {
		insert(t, s, "other", "capped", bson.D{{Key: "_id", Value: i}})
	}
	for i := range n {
		insert(t, s, "db", "strict", bson.D{{Key: "_id", Value: n - i}, {Key: "n", Value: i}, {Key: "tags", Value: bson.A{i, "x"}}, {Key: "s", Value: fmt.Sprint("A", i)}})
	}
	partial, err := query.ParseWith(bson.D{{Key: "n", Value: bson.D{{Key: "$gt", Value: int32(50)}}}}, query.Options{Collation: c})
	check(t, err)
	key := func(name string, v any) bson.D { return bson.D{{Key: name, Value: v}} }
	for _, x := range []store.IndexSpec{
		{Name: "n", Key: key("n", int32(-1)), Unique: true, Partial: partial, Document: bson.D{{Key: "v", Value: int32(2)}}},
		{Name: "tags", Key: key("tags", 1.0), Sparse: true, Hidden: true, Expires: true, ExpireAfter: 10},
		{Name: "s", Key: key("s", int32(1)), Collation: c, Kind: store.Hashed},
		{Name: "text", Key: key("$**", "text"), Kind: store.Nominal},
	} {
		check(t, s.Collection("db", "strict").Write(func(w *store.Writer) error { return w.CreateIndex(x) }))
	}
	users := &access.Users{}
	check(t, users.Add("root", "secret"))
	check(t, users.Add("reader", "hush", "find"))
	return s, users
}

// describe writes down all that a store holds.
func describe(t testing.TB, s *store.Store) string {
	t.Helper()
	var b strings.Builder
	for _, f := range s.Freeze() {
		fmt.Fprintf(&b, "%s %x %s\n", f.Namespace, f.UUID.Data, bsonvalue.Format(f.Options))
		for _, x := range f.Indexes {
			fmt.Fprintf(&b, "  %s\n", bsonvalue.Format(encodeIndex(x)))
		}
		check(t, f.Each(func(d *store.Document) error {
			fmt.Fprintf(&b, "  %x %x\n", d.Raw, bsonvalue.Encode(d.Fields))
			return nil
		}))
	}
	return b.String()
}

// encode returns what a file with c has.
func encode(t testing.TB, c *Contents) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	check(t, err)
	defer func() { check(t, f.Close()) }()
	check(t, write(f, c))
	b, err := os.ReadFile(f.Name())
	check(t, err)
	return b
}

func exampleFile(t testing.TB) []byte {
	s, users := example(t)
	return encode(t, &Contents{Users: users.Export(), Collections: s.Freeze()})
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	s, users := example(t)
	b := encode(t, &Contents{Users: users.Export(), Collections: s.Freeze()})
	got, stored, err := Read(bytes.NewReader(b), int64(len(b)))
	check(t, err)
	if want := describe(t, s); describe(t, got) != want {
		t.Errorf("read\n%s\nwant\n%s", describe(t, got), want)
	}
	if !reflect.DeepEqual(stored, users.Export()) {
		t.Errorf("read the users %v, want %v", stored, users.Export())
	}
	// The indexes serve what they did, and the collections take what they did.
	strict := got.Collection("db", "strict")
	add := func(d bson.D) error {
		return strict.Write(func(w *store.Writer) error { return w.Insert(d, bsonvalue.Encode(d)) })
	}
	if err := add(bson.D{{Key: "_id", Value: int32(1000)}, {Key: "n", Value: int32(60)}}); err == nil {
		t.Error("the unique index takes a duplicate")
	}
	if err := add(bson.D{{Key: "_id", Value: int32(1000)}, {Key: "n", Value: int32(-1)}}); err == nil {
		t.Error("the validator is gone")
	}
	insert(t, got, "other", "capped", bson.D{{Key: "_id", Value: int32(9)}})
	if n, _ := got.Collection("other", "capped").Size(); n != 2 {
		t.Errorf("%d documents in the capped collection", n)
	}
	f, err := query.ParseWith(bson.D{{Key: "n", Value: int32(60)}}, query.Options{})
	check(t, err)
	documents, err := strict.Scan(f.Constraints(), store.Hint{Index: "n"}).Next()
	if err != nil || len(documents) != 1 {
		t.Errorf("the index finds %v, %v", documents, err)
	}
}

// TestAllOfAnIndexIsKept fails when IndexSpec gets a field, until encodeIndex and decodeIndex have it.
func TestAllOfAnIndexIsKept(t *testing.T) {
	known := []string{"Name", "Key", "Unique", "Sparse", "Partial", "Collation", "Kind", "Hidden", "Expires", "ExpireAfter", "Document"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[store.IndexSpec]()) {
		if !slices.Contains(known, f.Name) {
			t.Errorf("the field %s of an index is not kept", f.Name)
		}
	}
}

// TestTornFilesAreRefused cuts a file everywhere, and changes each of its bytes.
func TestTornFilesAreRefused(t *testing.T) {
	whole := exampleFile(t)
	if len(whole) < 1000 {
		t.Fatalf("the file has %d bytes", len(whole))
	}
	refused := func(what string, b []byte, size int64) {
		t.Helper()
		s, users, err := Read(bytes.NewReader(b), size)
		if err == nil || s != nil || users != nil {
			t.Fatalf("%s is accepted", what)
		}
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !strings.Contains(err.Error(), "version") {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for n := range whole {
		if n > headerSize && n%31 > 0 {
			continue // each cut costs reading what is left
		}
		refused(fmt.Sprintf("the first %d bytes of %d", n, len(whole)), whole[:n], int64(n))
		refused(fmt.Sprintf("%d bytes that should be %d", n, len(whole)), whole[:n], int64(len(whole)))
	}
	refused("a file with a byte behind it", append(slices.Clone(whole), 0), int64(len(whole)+1))
	for n := range whole {
		if n > headerSize && n%23 > 0 {
			continue
		}
		changed := slices.Clone(whole)
		changed[n] ^= 0x20
		refused(fmt.Sprintf("byte %d changed", n), changed, int64(len(changed)))
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	for _, content := range []string{"", "x", "hello, world: this is a text file of more than 32 bytes\n", "MONO", strings.Repeat("\x00", 100)} {
		_, _, err := Read(strings.NewReader(content), int64(len(content)))
		if content == "MONO" {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%q: %v", content, err)
			}
		} else if !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", content, err)
		}
	}
	b := exampleFile(t)
	binary.LittleEndian.PutUint32(b[len(magic):], 2)
	if _, _, err := Read(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a file of version 2: %v", err)
	}
	broken := errors.New("broken")
	if _, _, err := Read(io.MultiReader(bytes.NewReader(b[:10]), failing{broken}), int64(len(b))); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// seal gives a body the header that it needs.
func seal(body []byte) []byte {
	h := header{length: int64(len(body))}.append(nil)
	sum := crc32.Checksum(body, castagnoli)
	return append(binary.LittleEndian.AppendUint32(h, checksum(h, sum, int64(len(body)))), body...)
}

// FuzzRead feeds bodies with the right header to the reader: no panic, and what is accepted is written and read again as it
// is.
func FuzzRead(f *testing.F) {
	// Small ones: to make an input small, the fuzzer tries each part of it.
	s, _ := exampleOf(f, 1)
	for _, c := range s.Freeze() {
		f.Add(encode(f, &Contents{Collections: []store.Frozen{c}})[headerSize:])
	}
	var users access.Users
	if err := users.Add("reader", "hush", "find"); err != nil {
		f.Fatal(err)
	}
	f.Add(encode(f, &Contents{Users: users.Export()})[headerSize:])
	f.Fuzz(func(t *testing.T, body []byte) {
		b := seal(body)
		s, stored, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("neither accepted nor damaged: %v", err)
			}
			return
		}
		again := encode(t, &Contents{Users: stored, Collections: s.Freeze()})
		copied, _, err := Read(bytes.NewReader(again), int64(len(again)))
		if err != nil || describe(t, copied) != describe(t, s) {
			t.Fatalf("what was accepted is not what is written: %v", err)
		}
	})
}

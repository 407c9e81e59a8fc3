package lane

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// levels returns a document of so many levels.
func levels(n int) bson.D {
	d := bson.D{}
	for range n - 1 {
		d = bson.D{{Key: "d", Value: d}}
	}
	return d
}

// damaged returns {d: {d: {x: 1}}} with one byte of the innermost document changed: its length, its end, or
// the type of x. The driver looks at the top level alone.
func damaged(t *testing.T, offset int, to byte) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(bson.D{{Key: "d", Value: bson.D{{Key: "d", Value: bson.D{{Key: "x", Value: int32(1)}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	raw[4+3+4+3+offset] = to
	return raw
}

// company encodes one statement, and returns which others it may share a message with.
func company(t *testing.T, name string, statement any) Company {
	t.Helper()
	e := NewEncoder()
	e.Configure(nil, nil)
	operation := Insert
	switch statement.(type) {
	case UpdateStatement:
		operation = Update
	case DeleteStatement:
		operation = Delete
	}
	if err := e.Begin(&Command{Operation: operation, Database: "d", Collection: "c", Ordered: &yes}); err != nil {
		t.Fatal(err)
	}
	var err error
	switch s := statement.(type) {
	case UpdateStatement:
		err = e.AppendUpdate(&s)
	case DeleteStatement:
		err = e.AppendDelete(&s)
	default:
		err = e.AppendInsert(s)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	message, _, err := e.Next(usualLimits)
	if err != nil {
		t.Fatal(err)
	}
	return e.Company(message, usualLimits)
}

func TestCompany(t *testing.T) {
	update := func(u any) UpdateStatement { return UpdateStatement{Filter: bson.D{}, Update: u} }
	filters := func(elements ...any) UpdateStatement {
		return UpdateStatement{Filter: bson.D{}, Update: inc, ArrayFilters: elements}
	}
	sorted := update(inc)
	sorted.Sort = bson.D{{Key: "x", Value: 1}}
	filtered := filters(bson.D{{Key: "x", Value: 1}})
	filtered.Update = []bson.D{{{Key: "$set", Value: bson.D{}}}}
	collated := UpdateStatement{
		Filter: visit, Update: inc, Multi: true, Upsert: &yes, Collation: &options.Collation{Locale: "de", Strength: 2},
		ArrayFilters: []any{bson.D{{Key: "x", Value: 1}}},
	}
	types := bson.D{
		{Key: "a", Value: 1.5}, {Key: "b", Value: "text"}, {Key: "c", Value: bson.D{}}, {Key: "d", Value: bson.A{1, "x", nil}},
		{Key: "e", Value: bson.Binary{Data: []byte{1, 2}}}, {Key: "f", Value: bson.NewObjectID()}, {Key: "g", Value: true},
		{Key: "h", Value: bson.DateTime(7)}, {Key: "i", Value: nil}, {Key: "j", Value: bson.Regex{Pattern: "p", Options: "i"}},
		{Key: "k", Value: bson.JavaScript("f")}, {Key: "l", Value: int32(1)}, {Key: "m", Value: bson.Timestamp{T: 1}},
		{Key: "n", Value: int64(1)}, {Key: "o", Value: bson.NewDecimal128(1, 2)}, {Key: "p", Value: bson.MinKey{}},
		{Key: "q", Value: bson.MaxKey{}}, {Key: "", Value: ""},
	}
	for _, test := range []struct {
		name      string
		statement any
		want      Company
	}{
		{"every type in use", types, Usual},
		{"an empty document", bson.D{}, Usual},
		{"a well-formed bson.Raw", damaged(t, 0, 12), Usual},
		{"nested deep enough", levels(maxMergedDepth), Usual},
		{"an update of every field", collated, Upserting},
		{"no upsert", UpdateStatement{Filter: visit, Update: inc, Upsert: new(bool)}, Usual},
		{"a replacement", UpdateStatement{Filter: visit, Update: visit, Kind: Replacement}, Usual},
		{"a pipeline", update([]bson.D{{{Key: "$set", Value: bson.D{{Key: "x", Value: 1}}}}, {{Key: "$unset", Value: "y"}}}), Usual},
		{"an empty pipeline", update(bson.A{}), Usual},
		{"a delete", DeleteStatement{Filter: visit, Many: true, Collation: &options.Collation{Locale: "de"}}, Usual},
		{"an unknown operator, which is the statement's own error", update(bson.D{{Key: "$nonsense", Value: 1}}), Usual},

		{"nested too deep", levels(maxMergedDepth + 1), Alone},
		{"nested too deep in a statement", DeleteStatement{Filter: levels(maxMergedDepth)}, Alone},
		{"a nested document that is too long", damaged(t, 0, 13), Alone},
		{"a nested document that is too short", damaged(t, 0, 11), Alone},
		{"a nested document of no size", damaged(t, 0, 0), Alone},
		{"a nested document without its end", damaged(t, 11, 1), Alone},
		{"a nested element of an unknown type", damaged(t, 4, 0x55), Alone},
		{"a nested element without a type", damaged(t, 4, 0), Alone},
		{"a nested boolean that is neither", bson.D{{Key: "d", Value: bson.RawValue{Type: bson.TypeBoolean, Value: []byte{2}}}}, Alone},
		{"a string without its end", bson.D{{Key: "d", Value: bson.RawValue{Type: bson.TypeString, Value: []byte("\x02\x00\x00\x00xy")}}}, Alone},
		{"a raw filter", DeleteStatement{Filter: damaged(t, 0, 13)}, Alone},
		{"undefined", bson.D{{Key: "d", Value: bson.Undefined{}}}, Alone},
		{"a symbol", bson.D{{Key: "d", Value: bson.Symbol("s")}}, Alone},
		{"a DBPointer", bson.D{{Key: "d", Value: bson.DBPointer{DB: "x"}}}, Alone},
		{"code with scope", bson.D{{Key: "d", Value: bson.CodeWithScope{Code: "c", Scope: bson.D{}}}}, Alone},
		{"a sort", sorted, Alone},
		{"array filters that are no documents", filters(bson.D{{Key: "x", Value: 1}}, 7), Alone},
		{"an unknown stage", update([]bson.D{{{Key: "$set", Value: bson.D{}}}, {{Key: "$match", Value: bson.D{}}}}), Alone},
		{"a stage of two keys", update([]bson.D{{{Key: "$set", Value: bson.D{}}, {Key: "$unset", Value: "x"}}}), Alone},
		{"a pipeline of no documents", update(rawPipeline{7}), Alone},
		{"a pipeline with array filters", filtered, Alone},
	} {
		if got := company(t, test.name, test.statement); got != test.want {
			t.Errorf("%s: company %d, want %d", test.name, got, test.want)
		}
	}
}

// rawPipeline gets its elements past the driver.
type rawPipeline bson.A

// MarshalBSONValue implements bson.ValueMarshaler.
func (p rawPipeline) MarshalBSONValue() (byte, []byte, error) {
	t, value, err := bson.MarshalValue(bson.A(p))
	return byte(t), value, err
}

// TestCompanyWantsOrdered: a message that does not say ordered stops at its first error.
func TestCompanyWantsOrdered(t *testing.T) {
	e := NewEncoder()
	e.Configure(nil, nil)
	for _, ordered := range []*bool{nil, &yes} {
		err := e.Begin(&Command{Database: "d", Collection: "c", Ordered: ordered})
		message, _, errNext := []byte(nil), 0, error(nil)
		if err = errors.Join(err, e.AppendInsert(visit)); err == nil {
			message, _, errNext = e.Next(usualLimits)
		}
		if err = errors.Join(err, errNext); err != nil {
			t.Fatal(err)
		}
		if got := e.Company(message, usualLimits); (got != Alone) != (ordered != nil) {
			t.Errorf("ordered %v: company %d", ordered, got)
		}
		if at := e.Layout().Ordered; ordered != nil && !bytes.HasSuffix(message[:at], []byte("\x08ordered\x00")) {
			t.Errorf("ordered is not at %d", at)
		}
	}
	limits := usualLimits
	limits.DocumentSize = 50
	if err := e.Begin(&Command{Operation: Update, Database: "d", Collection: "c", Ordered: &yes}); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendUpdate(&UpdateStatement{Filter: visit, Update: inc}); err != nil {
		t.Fatal(err)
	}
	if message, _, err := e.Next(limits); err != nil || e.Company(message, limits) != Alone {
		t.Errorf("a statement that only just fits is mergeable, or %v", err)
	}
}

// FuzzIsParsable: what is parsable the driver finds valid, too, and each prefix of it is not.
func FuzzIsParsable(f *testing.F) {
	for _, d := range []any{visit, inc, levels(5), bson.D{{Key: "a", Value: bson.A{1, "x", bson.Regex{Pattern: "p"}, bson.Binary{Data: []byte{1}}}}}} {
		raw, err := bson.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		if !isParsable(document, maxMergedDepth) {
			return
		}
		if err := bson.Raw(document).Validate(); err != nil {
			t.Fatalf("%x: %v", document, err)
		}
		var d bson.D
		if err := bson.Unmarshal(document, &d); err != nil {
			t.Fatalf("%x: %v", document, err)
		}
		for n := range len(document) {
			if isParsable(document[:n], maxMergedDepth) {
				t.Fatalf("%x is parsable, and so are its first %d bytes", document, n)
			}
		}
	})
}

// BenchmarkCompany measures what looking through a statement costs.
func BenchmarkCompany(b *testing.B) {
	e := NewEncoder()
	e.Configure(nil, nil)
	err := e.Begin(&Command{Operation: Update, Database: "analytics", Collection: "counts", Ordered: &yes})
	if err = errors.Join(err, e.AppendUpdate(&UpdateStatement{Filter: visit, Update: inc, Upsert: &yes})); err != nil {
		b.Fatal(err)
	}
	message, _, err := e.Next(usualLimits)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if e.Company(message, usualLimits) == Alone {
			b.Fatal(io.ErrUnexpectedEOF)
		}
	}
}

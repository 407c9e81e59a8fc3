package lane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// decoded is what a message says, but for its ids.
type decoded struct {
	moreToCome bool
	body       bson.Raw
	identifier string
	statements []bsoncore.Document
}

func decode(t testing.TB, message []byte) decoded {
	t.Helper()
	length, _, responseTo, opcode, rest, ok := wiremessage.ReadHeader(message)
	if !ok || int(length) != len(message) || responseTo != 0 || opcode != wiremessage.OpMsg {
		t.Fatalf("header of a message of %d bytes: length %d, responseTo %d, opcode %v", len(message), length, responseTo, opcode)
	}
	flags, rest, ok := wiremessage.ReadMsgFlags(rest)
	if !ok || flags&^wiremessage.MoreToCome != 0 {
		t.Fatalf("flags %b", flags)
	}
	d := decoded{moreToCome: flags == wiremessage.MoreToCome}
	kind, rest, _ := wiremessage.ReadMsgSectionType(rest)
	body, rest, ok := wiremessage.ReadMsgSectionSingleDocument(rest)
	if !ok || kind != wiremessage.SingleDocument {
		t.Fatalf("no kind-0 section in % x", message)
	}
	d.body = bson.Raw(body)
	kind, rest, _ = wiremessage.ReadMsgSectionType(rest)
	d.identifier, d.statements, rest, ok = wiremessage.ReadMsgSectionDocumentSequence(rest)
	if !ok || kind != wiremessage.DocumentSequence || len(rest) != 0 {
		t.Fatalf("no kind-1 section that ends the message in % x", message)
	}
	for _, statement := range d.statements {
		hideGeneratedID(statement)
	}
	return d
}

// hideGeneratedID clears the ObjectID of a document that begins with one; no test uses one as an
// _id of its own.
func hideGeneratedID(document []byte) {
	const key = "\x07_id\x00"
	if bytes.HasPrefix(document[4:], []byte(key)) {
		clear(document[4+len(key):][:12])
	}
}

// compare performs a write with the driver and with the lane and fails where they differ.
func compare(t testing.TB, ctx context.Context, w *write, coll *mongo.Collection, r *recorder, e *Encoder, base Command) {
	t.Helper()
	driverErr := w.driver(ctx, coll)
	want := r.take()
	base.Database, base.Collection = coll.Database().Name(), coll.Name()
	if _, ok := ctx.Deadline(); ok && len(want) > 0 {
		// The time that is left is another for every call; that both send it is what can be compared.
		base.MaxTimeMS = decode(t, want[0]).body.Lookup("maxTimeMS").Int64()
	}
	got, laneErr := w.lane(e, base, r.limits)

	// The driver forgets the error of a command of an unordered bulk write when a later command of it
	// goes out unacknowledged. The lane does not.
	unordered := w.method == "BulkWrite" && w.ordered != nil && !*w.ordered
	if errors.Is(laneErr, ErrRefused) && sentMalformed(t, want) {
		return // refused for a good reason, and so handed to the driver, which sends it
	}
	if (driverErr == nil) != (laneErr == nil) && !(unordered && driverErr == nil) {
		t.Fatalf("%v\ndriver: %v\nlane:   %v", w, driverErr, laneErr)
	}
	if laneErr != nil && !errors.Is(laneErr, ErrRefused) && !errors.Is(laneErr, driver.ErrDocumentTooLarge) {
		t.Fatalf("%v\nan error of no known kind: %v", w, laneErr)
	}
	if len(got) != len(want) {
		t.Fatalf("%v\nthe lane sends %d messages, the driver %d", w, len(got), len(want))
	}
	for i := range want {
		g, d := decode(t, got[i]), decode(t, want[i])
		if !g.moreToCome {
			t.Fatalf("%v\nmessage %d wants a reply", w, i)
		}
		// The driver has all but the last message of a command acknowledged.
		d.moreToCome = true
		if g.body.String() != d.body.String() || !bytes.Equal(g.body, d.body) {
			t.Fatalf("%v\nbody of message %d\ndriver: %v\nlane:   %v", w, i, d.body, g.body)
		}
		if !reflect.DeepEqual(g, d) {
			t.Fatalf("%v\nmessage %d\ndriver: %s\nlane:   %s", w, i, d.describe(), g.describe())
		}
	}
}

// sentMalformed tells whether one of the messages has a command or a statement that is no BSON.
func sentMalformed(t testing.TB, messages [][]byte) bool {
	for _, message := range messages {
		d := decode(t, message)
		for _, document := range append(d.statements, bsoncore.Document(d.body)) {
			if bson.Unmarshal(document, new(bson.D)) != nil {
				return true
			}
		}
	}
	return false
}

func (d decoded) describe() string {
	text := d.identifier
	for _, statement := range d.statements {
		text += fmt.Sprintf(" %v", bson.Raw(statement))
	}
	return text
}

func raw(t testing.TB, value any) bson.Raw {
	t.Helper()
	document, err := bson.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestSendsWhatTheDriverSends compares calls one by one, among them those that the driver rejects.
func TestSendsWhatTheDriverSends(t *testing.T) {
	coll, r := newDriver(t, usualLimits, nil)
	e := NewEncoder()
	e.Configure(nil, nil)
	for _, w := range writes(t) {
		t.Run(w.method, func(t *testing.T) {
			compare(t, t.Context(), w, coll, r, e, Command{})
		})
	}
}

// TestSettings compares with every BSON option and with a registry of the user's.
func TestSettings(t *testing.T) {
	type inner struct{ A int }
	type document struct {
		Nested   inner
		Slice    []string
		Map      map[string]int
		Bytes    []byte
		Count    int64
		Untagged string `json:"tagged"`
		Keys     map[fmt.Stringer]int
	}
	w := &write{method: "InsertMany", documents: []any{
		document{Count: 1, Keys: map[fmt.Stringer]int{time.Second: 1}},
		bson.D{{Key: "n", Value: int64(1)}, {Key: "u", Value: uint(1)}, {Key: "b", Value: []byte(nil)}, {Key: "s", Value: bson.A(nil)}, {Key: "m", Value: bson.M(nil)}},
	}}
	all := options.BSONOptions{}
	fields := reflect.ValueOf(&all).Elem()
	for i := range fields.NumField() {
		var one options.BSONOptions
		reflect.ValueOf(&one).Elem().Field(i).SetBool(true)
		fields.Field(i).SetBool(true)
		checkSettings(t, w, nil, one)
	}
	all.UseJSONStructTags = false
	checkSettings(t, w, nil, all)

	shouting := bson.NewRegistry()
	shouting.RegisterKindEncoder(reflect.String, bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			return w.WriteString(strings.ToUpper(v.String()))
		}))
	checkSettings(t, &write{method: "UpdateOne", filter: bson.D{{Key: "a", Value: "loud"}}, update: bson.D{{Key: "$set", Value: bson.M{"b": "c"}}},
		comment: "d", let: bson.M{"e": "f"}, arrayFilters: []any{bson.D{{Key: "g", Value: "h"}}}}, shouting, options.BSONOptions{})

	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(reflect.TypeFor[inner](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			return w.WriteString(fmt.Sprintf("inner %d", v.Field(0).Int()))
		}))
	checkSettings(t, w, registry, options.BSONOptions{StringifyMapKeysWithFmt: true})
	checkSettings(t, &write{method: "UpdateOne", filter: bson.D{{Key: "a", Value: inner{3}}},
		update: bson.D{{Key: "$set", Value: bson.D{{Key: "b", Value: []inner{{4}}}}}}, comment: inner{5},
		arrayFilters: []any{bson.D{{Key: "x", Value: inner{6}}}}, let: bson.D{{Key: "y", Value: inner{7}}},
	}, registry, options.BSONOptions{})
}

func checkSettings(t *testing.T, w *write, registry *bson.Registry, settings options.BSONOptions) {
	t.Helper()
	coll, r := newDriver(t, usualLimits, func(o *options.ClientOptions) {
		o.SetBSONOptions(&settings)
		if registry != nil {
			o.SetRegistry(registry)
		}
	})
	e := NewEncoder()
	// What the encoder was configured with before must leave no trace.
	e.Configure(bson.NewRegistry(), &options.BSONOptions{NilSliceAsEmpty: true, OmitEmpty: true})
	e.Configure(registry, &settings)
	compare(t, t.Context(), w, coll, r, e, Command{})
}

// TestClientFields compares the fields that come from the client and from the context.
func TestClientFields(t *testing.T) {
	strict := true
	w := &write{method: "DeleteMany", filter: bson.D{{Key: "a", Value: 1}}, comment: "c", let: bson.D{}}
	e := NewEncoder()
	e.Configure(nil, nil)

	t.Run("Stable API", func(t *testing.T) {
		api := options.ServerAPI(options.ServerAPIVersion1).SetStrict(strict).SetDeprecationErrors(false)
		coll, r := newDriver(t, usualLimits, func(o *options.ClientOptions) { o.SetServerAPIOptions(api) })
		compare(t, t.Context(), w, coll, r, e, Command{ServerAPI: driver.NewServerAPIOptions("1").SetStrict(strict).SetDeprecationErrors(false)})
	})
	t.Run("cluster time", func(t *testing.T) {
		coll, r := newDriver(t, usualLimits, nil)
		r.gossips = true
		if err := coll.Database().Client().Ping(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		r.take()
		compare(t, t.Context(), w, coll, r, e, Command{ClusterTime: raw(t, bson.D{{Key: "$clusterTime", Value: clusterTime}})})
	})
	t.Run("deadline", func(t *testing.T) {
		coll, r := newDriver(t, usualLimits, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		compare(t, ctx, w, coll, r, e, Command{})
	})
}

// TestSplitsAsTheDriver compares commands that need several messages, by count and by size, at
// limits around each boundary.
func TestSplitsAsTheDriver(t *testing.T) {
	var documents []any
	var models []mongo.WriteModel
	for i := range 40 {
		documents = append(documents, bson.D{{Key: "_id", Value: i}, {Key: "pad", Value: string(make([]byte, i*7))}})
		models = append(models, mongo.NewDeleteOneModel().SetFilter(documents[i]))
		if i%11 == 0 {
			models = append(models, mongo.NewInsertOneModel().SetDocument(documents[i]))
		}
	}
	yes, no := true, false
	e := NewEncoder()
	e.Configure(nil, nil)
	for size := 480; size < 900; size += 7 {
		for _, count := range []int{1, 2, 7, 39, 40, 100} {
			limits := Limits{DocumentSize: 16 << 20, MessageSize: size, BatchCount: count}
			coll, r := newDriver(t, limits, nil)
			for _, ordered := range []*bool{nil, &yes, &no} {
				compare(t, t.Context(), &write{method: "InsertMany", documents: documents, ordered: ordered}, coll, r, e, Command{})
				compare(t, t.Context(), &write{method: "BulkWrite", models: models, ordered: ordered}, coll, r, e, Command{})
			}
		}
	}
}

// TestTooLarge checks what the lane refuses and the driver sends to its end: documents that only
// the reply would have refused.
func TestTooLarge(t *testing.T) {
	limits := Limits{DocumentSize: 1000, MessageSize: math.MaxInt32, BatchCount: 100}
	e := NewEncoder()
	e.Configure(nil, nil)
	document := func(size int) bson.D {
		empty := len(raw(t, bson.D{{Key: "_id", Value: int32(1)}, {Key: "a", Value: []byte{}}}))
		return bson.D{{Key: "_id", Value: int32(1)}, {Key: "a", Value: make([]byte, size-empty)}}
	}
	for _, test := range []struct {
		name string
		w    write
		ok   bool
	}{
		{"document at the limit", write{method: "InsertOne", documents: []any{document(1000)}}, true},
		{"document over it", write{method: "InsertOne", documents: []any{document(1001)}}, false},
		{"second of two", write{method: "InsertMany", documents: []any{document(100), document(1001)}}, false},
		{"statement over a document's limit", write{method: "DeleteOne", filter: document(2000)}, true},
		{"statement over its own", write{method: "DeleteOne", filter: document(1000 + statementOverhead)}, false},
		{"command", write{method: "DeleteOne", filter: bson.D{}, let: document(1000 + statementOverhead)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			messages, err := test.w.lane(e, Command{}, limits)
			if test.ok != (err == nil) || test.ok != (len(messages) == 1) {
				t.Fatalf("%d messages, error %v", len(messages), err)
			}
			var tooLarge *TooLargeError
			if !test.ok && (!errors.Is(err, driver.ErrDocumentTooLarge) || !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Limit) {
				t.Fatalf("error %#v", err)
			}
		})
	}
}

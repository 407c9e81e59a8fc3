package wire

import (
	"bytes"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// commandMessage returns an OP_MSG with that body, its sequence in front where it has one.
func commandMessage(t testing.TB, body any, sequenceFirst bool) []byte {
	t.Helper()
	document, err := bson.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	index, b := wiremessage.AppendHeaderStart(nil, 7, 0, wiremessage.OpMsg)
	b = wiremessage.AppendMsgFlags(b, wiremessage.MoreToCome)
	if sequenceFirst {
		b = wiremessage.AppendMsgSectionType(b, wiremessage.DocumentSequence)
		start, sequence := bsoncore.ReserveLength(b)
		b = append(sequence, "updates\x00"...)
		b = append(b, document...)
		b = bsoncore.UpdateLength(b, start, int32(len(b))-start)
	}
	b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	b = append(b, document...)
	return bsoncore.UpdateLength(b, index, int32(len(b)))
}

// everyType has a value of each BSON type before its database.
func everyType(collection any) bson.D {
	return bson.D{
		{Key: "update", Value: collection}, {Key: "a", Value: 1.5}, {Key: "b", Value: "text"},
		{Key: "c", Value: bson.D{{Key: "$db", Value: "inner"}}}, {Key: "d", Value: bson.A{1, "x"}},
		{Key: "e", Value: bson.Binary{Data: []byte{1, 2}}}, {Key: "f", Value: bson.Undefined{}},
		{Key: "g", Value: bson.NewObjectID()}, {Key: "h", Value: true}, {Key: "i", Value: bson.NewDateTimeFromTime(time.Now())},
		{Key: "j", Value: nil}, {Key: "k", Value: bson.Regex{Pattern: "p", Options: "i"}},
		{Key: "l", Value: bson.DBPointer{DB: "x", Pointer: bson.NewObjectID()}}, {Key: "m", Value: bson.JavaScript("f")},
		{Key: "n", Value: bson.Symbol("s")}, {Key: "o", Value: bson.CodeWithScope{Code: "c", Scope: bson.D{{Key: "y", Value: 1}}}},
		{Key: "p", Value: int32(1)}, {Key: "q", Value: bson.Timestamp{T: 1}}, {Key: "r", Value: int64(1)},
		{Key: "s", Value: bson.NewDecimal128(1, 2)}, {Key: "t", Value: bson.MinKey{}}, {Key: "u", Value: bson.MaxKey{}},
		{Key: "$db", Value: "shop"},
	}
}

func TestReadCommand(t *testing.T) {
	for _, first := range []bool{false, true} {
		got, ok := ReadCommand(commandMessage(t, everyType("counts"), first))
		if !ok || string(got.Name) != "update" || string(got.Database) != "shop" || string(got.Collection) != "counts" {
			t.Errorf("read %q, %t", got, ok)
		}
	}
	if got, ok := ReadCommand(commandMessage(t, everyType(1), false)); !ok || got.Collection != nil {
		t.Errorf("a command without a collection: read %q, %t", got, ok)
	}
	if _, ok := ReadCommand(commandMessage(t, bson.D{{Key: "ping", Value: 1}}, false)); ok {
		t.Error("a command without a database was read")
	}
	message := commandMessage(t, everyType("counts"), true)
	if n := testing.AllocsPerRun(100, func() { ReadCommand(message) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzReadCommand compares with what the driver's BSON readers find, for documents that they accept.
func FuzzReadCommand(f *testing.F) {
	f.Add(commandMessage(f, everyType("counts"), false))
	f.Add(commandMessage(f, everyType(1), true))
	f.Fuzz(func(t *testing.T, message []byte) {
		got, ok := ReadCommand(message)
		if !ok {
			return
		}
		body, _ := bodyOf(message[HeaderLength+4:])
		elements, err := bsoncore.Document(body).Elements()
		if err != nil || bsoncore.Document(body).Validate() != nil {
			return
		}
		if key := elements[0].Key(); key != string(got.Name) {
			t.Errorf("the command is %q, want %q", got.Name, key)
		}
		if collection, _ := elements[0].Value().StringValueOK(); !bytes.Equal([]byte(collection), got.Collection) {
			t.Errorf("the collection is %q, want %q", got.Collection, collection)
		}
		for _, element := range elements[1:] {
			if database, isString := element.Value().StringValueOK(); isString && element.Key() == "$db" {
				if database != string(got.Database) {
					t.Errorf("the database is %q, want %q", got.Database, database)
				}
				return
			}
		}
	})
}

func BenchmarkReadCommand(b *testing.B) {
	message := commandMessage(b, bson.D{{Key: "update", Value: "counts"}, {Key: "ordered", Value: true},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: 0}}}, {Key: "$db", Value: "shop"}}, false)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ReadCommand(message); !ok {
			b.Fatal("not read")
		}
	}
}

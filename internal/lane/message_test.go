package lane

import (
	"errors"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

func insertCommand() *Command {
	return &Command{Operation: Insert, Database: "shop", Collection: "orders"}
}

// TestNext checks that every statement is in one message, that each message has an id of its own,
// and that a message stays what it was until the next call.
func TestNext(t *testing.T) {
	e := NewEncoder()
	e.Configure(nil, nil)
	if err := e.Begin(insertCommand()); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := e.AppendInsert(bson.D{{Key: "_id", Value: i}}); err != nil {
			t.Fatal(err)
		}
	}
	limits := Limits{DocumentSize: 1000, MessageSize: 1000, BatchCount: 4}
	var ids []int
	seen := map[int32]bool{}
	for {
		message, n, err := e.Next(limits)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := decode(t, message); len(d.statements) != n {
			t.Fatalf("%d statements, said to be %d", len(d.statements), n)
		}
		for _, statement := range decode(t, message).statements {
			ids = append(ids, int(statement.Lookup("_id").Int32()))
		}
		if seen[e.RequestID()] {
			t.Fatalf("request id %d twice", e.RequestID())
		}
		seen[e.RequestID()] = true
	}
	if len(ids) != 10 || len(seen) != 3 {
		t.Fatalf("statements %v in %d messages", ids, len(seen))
	}
	for i, id := range ids {
		if id != i {
			t.Fatalf("order %v", ids)
		}
	}
}

// TestNextWithoutRoom checks that a statement that fits no message is an error and no endless loop.
func TestNextWithoutRoom(t *testing.T) {
	e := NewEncoder()
	e.Configure(nil, nil)
	if err := e.Begin(insertCommand()); err != nil {
		t.Fatal(err)
	}
	if err := e.AppendInsert(bson.D{{Key: "a", Value: make([]byte, 500)}}); err != nil {
		t.Fatal(err)
	}
	for _, limits := range []Limits{{DocumentSize: 1000, MessageSize: 400, BatchCount: 1}, {DocumentSize: 1000, MessageSize: 4000}} {
		if _, _, err := e.Next(limits); !errors.Is(err, driver.ErrDocumentTooLarge) {
			t.Errorf("%+v: %v", limits, err)
		}
	}
}

// TestAppendCommand checks the form that command monitors see.
func TestAppendCommand(t *testing.T) {
	e := NewEncoder()
	e.Configure(nil, nil)
	if err := e.Begin(insertCommand()); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := e.AppendInsert(bson.D{{Key: "_id", Value: int32(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	message, _, err := e.Next(usualLimits)
	if err != nil {
		t.Fatal(err)
	}
	prefix := bson.Raw("prefix")
	command := e.AppendCommand(prefix, message)[len(prefix):]
	if err := command.Validate(); err != nil {
		t.Fatal(err)
	}
	body := decode(t, message).body
	elements, err := command.Elements()
	if err != nil {
		t.Fatal(err)
	}
	want, err := body.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for i, element := range want {
		if string(elements[i]) != string(element) {
			t.Errorf("field %d is %v, want %v", i, elements[i], element)
		}
	}
	last := elements[len(elements)-1]
	values, err := last.Value().Array().Values()
	if err != nil || last.Key() != "documents" || len(values) != 12 || len(elements) != len(want)+1 {
		t.Fatalf("%v, %v", command, err)
	}
}

// TestReusedAfterAnError checks that what a failed command left behind is not in the next one.
func TestReusedAfterAnError(t *testing.T) {
	coll, r := newDriver(t, usualLimits, nil)
	e := NewEncoder()
	e.Configure(nil, nil)
	for _, bad := range []any{make(chan int), bson.D{{Key: "a", Value: bson.D{{Key: "b", Value: func() {}}}}}, bson.A{1}, 3} {
		if err := e.Begin(insertCommand()); err != nil {
			t.Fatal(err)
		}
		if err := e.AppendInsert(bad); !errors.Is(err, ErrRefused) {
			t.Fatalf("%T: %v", bad, err)
		}
		compare(t, t.Context(), &write{method: "InsertOne", documents: []any{bson.D{{Key: "a", Value: 1}}}}, coll, r, e, Command{})
	}
}

// TestResetGivesUpLargeBuffers checks that an idle encoder does not hold what one large write took.
func TestResetGivesUpLargeBuffers(t *testing.T) {
	e := NewEncoder()
	e.Configure(nil, &options.BSONOptions{})
	for _, test := range []struct {
		size int
		kept bool
	}{{1000, true}, {2 * maxPooledBuffer, false}} {
		if err := e.Begin(insertCommand()); err != nil {
			t.Fatal(err)
		}
		if err := e.AppendInsert(bson.D{{Key: "a", Value: make([]byte, test.size)}}); err != nil {
			t.Fatal(err)
		}
		e.Reset()
		if kept := cap(e.buffer) > 0; kept != test.kept {
			t.Errorf("after a document of %d bytes: buffer of %d kept", test.size, cap(e.buffer))
		}
	}
}

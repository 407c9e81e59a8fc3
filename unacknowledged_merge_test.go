package monorail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/internal/lane"
	"github.com/mongo-monorail/monorail/internal/outbox"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// transcript is a connection that keeps what was sent on it.
type transcript struct{ bytes.Buffer }

func (*transcript) SetWriteDeadline(time.Time) error { return nil }

// mergingHandle returns a view of a socket whose server has those limits, and which holds so many bytes.
func mergingHandle(conn outbox.Conn, held int, limits lane.Limits) *handle {
	c := &Client{settings: clientSettings{mergeWrites: true}}
	e := newEpoch(newSeries(c, requestSettings{}), 0)
	e.pin = &pin{merges: true, limits: limits, outbox: outbox.New(conn, outbox.Config{Limit: held, Resumable: true, Failed: func(error) {}})}
	return &handle{epoch: e, pin: e.pin}
}

// statement is a statement that was asked for, or sent.
type statement struct {
	// command is the document of the command, without the boolean ordered.
	command string
	// bytes is the statement, or a whole message of another kind.
	bytes string
	// message numbers the messages, and ordered says what its message said.
	message int
	ordered bool
}

// appendStatements appends those of one message, decoded with the driver's functions.
func appendStatements(t *testing.T, all []statement, message []byte, number int) []statement {
	t.Helper()
	body, sequences, err := splitMessage(message)
	if err != nil {
		t.Fatalf("%x: %v", message, err)
	}
	if len(sequences) == 0 {
		return append(all, statement{bytes: string(message), message: number})
	}
	s := statement{message: number}
	elements, err := body.Elements()
	if err != nil || len(sequences) != 1 || sequences[0].identifier != statementSequences[elements[0].Key()] {
		t.Fatalf("a message of %s with %d sequences: %v", body, len(sequences), err)
	}
	for _, element := range elements {
		if element.Key() == "ordered" {
			s.ordered = element.Value().Boolean()
			continue
		}
		s.command += string(element)
	}
	for _, document := range sequences[0].documents {
		s.bytes = string(document)
		all = append(all, s)
	}
	return all
}

// choices reads decisions from the fuzzer's bytes; 0 when there are none left.
type choices struct {
	rest []byte
	// company is what the last call asks for, unless its documents do not permit it.
	company lane.Company
}

func (c *choices) next(n int) int {
	if len(c.rest) == 0 {
		return 0
	}
	v := int(c.rest[0]) % n
	c.rest = c.rest[1:]
	return v
}

// What is in a message that has to stay alone: a document with an element of no type, and undefined.
const unparsable, deprecated = "\x07\x00\x00\x00\x55\x00\x00", "\x06u\x00"

// document returns a value to write; some are what no server can parse.
func (c *choices) document() any {
	n := c.next(12)
	switch n {
	case 0:
		return bson.D{{Key: "_id", Value: 1}, {Key: "d", Value: bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: []byte(unparsable)}}}
	case 1:
		return bson.D{{Key: "_id", Value: 1}, {Key: "u", Value: bson.Undefined{}}}
	default:
		return bson.D{{Key: "_id", Value: n}, {Key: "b", Value: make([]byte, c.next(200))}}
	}
}

// call encodes one random call of the lane.
func (c *choices) call(w *laneWrite) {
	yes, no := true, false
	w.command = lane.Command{Database: [...]string{"d", "e"}[c.next(8)/7], Collection: [...]string{"a", "b"}[c.next(8)/7], Ordered: &yes}
	c.company = lane.Usual
	comment := any(nil)
	if c.next(8) == 7 {
		comment = "why"
	}
	switch c.next(6) {
	case 0:
		w.insertOne(c.document(), []options.Lister[options.InsertOneOptions]{options.InsertOne().SetComment(comment)})
	case 1:
		var documents []any
		for range 1 + c.next(3) {
			documents = append(documents, c.document())
		}
		ordered := c.next(2) == 0
		if ordered {
			c.company = lane.Alone
		}
		w.insertMany(documents, []options.Lister[options.InsertManyOptions]{options.InsertMany().SetComment(comment).SetOrdered(ordered)})
	case 2:
		o := options.UpdateOne().SetComment(comment)
		switch c.next(8) {
		case 7:
			c.company = lane.Alone
			o.SetSort(bson.D{{Key: "x", Value: 1}})
		case 6:
			c.company = lane.Upserting
			o.SetUpsert(true)
		case 5:
			o.SetUpsert(false)
		}
		w.updateOne(c.document(), bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, []options.Lister[options.UpdateOneOptions]{o})
	case 3:
		stage := [...]string{"$set", "$unset", "$what"}[c.next(3)]
		if stage == "$what" {
			c.company = lane.Alone
		}
		w.updateMany(bson.D{}, []any{bson.D{{Key: stage, Value: bson.D{}}}},
			[]options.Lister[options.UpdateManyOptions]{options.UpdateMany().SetLet(bson.D{{Key: "x", Value: c.next(2)}})})
	case 4:
		w.deleteMany(c.document(), []options.Lister[options.DeleteManyOptions]{options.DeleteMany().SetComment(comment)})
	default:
		w.command.Operation, w.command.Ordered, w.several = lane.Delete, &no, true
		w.refused = w.encoder.Begin(&w.command)
		for range 1 + c.next(9) {
			if w.refused == nil {
				w.refused = w.encoder.AppendDelete(&lane.DeleteStatement{Filter: c.document()})
			}
		}
	}
}

// FuzzMergeWrites decodes what was sent and compares it with what was asked, statement by statement and
// in order.
func FuzzMergeWrites(f *testing.F) {
	for seed := range 50 {
		var data []byte
		for source := rand.New(rand.NewPCG(uint64(seed), 5)); len(data) < 1000; {
			data = append(data, byte(source.Uint32()))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			return // each byte is a decision or two
		}
		c := &choices{rest: data}
		limits := lane.Limits{DocumentSize: 1000, MessageSize: 700 + 10*c.next(256), BatchCount: 1 + c.next(9)}
		conn := &transcript{}
		h := mergingHandle(conn, 500+20*c.next(256), limits)
		w := &laneWrite{encoder: lane.NewEncoder(), ctx: t.Context(), client: h.epoch.series.client}
		w.encoder.Configure(nil, nil)
		var asked []statement
		companies := map[int]lane.Company{} // by the numbers of the messages
		number := 0
		for len(c.rest) > 0 {
			number++
			if c.next(16) == 15 {
				message := wiretest.Request(int32(number), 10)
				asked = appendStatements(t, asked, message, number)
				if _, err := h.pin.outbox.Send(t.Context(), message); err != nil {
					t.Fatal(err)
				}
				continue
			}
			w.args, w.refused, w.several = laneOptions{}, nil, false
			c.call(w)
			if w.refused != nil || w.encoder.CheckSizes(limits) != nil {
				continue
			}
			for {
				message, statements, err := w.encoder.Next(limits)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				number++
				companies[number] = c.company
				if bytes.Contains(message, []byte(unparsable)) || bytes.Contains(message, []byte(deprecated)) {
					companies[number] = lane.Alone
				}
				asked = appendStatements(t, asked, message, number)
				if err := w.holdMessage(t.Context(), h, message, statements); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := h.pin.outbox.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var sent []statement
		for number, rest := 0, conn.Bytes(); len(rest) > 0; number++ {
			length := binary.LittleEndian.Uint32(rest)
			if int(length) > limits.MessageSize {
				t.Errorf("a message of %d bytes, the server takes %d", length, limits.MessageSize)
			}
			before := len(sent)
			sent = appendStatements(t, sent, rest[:length], number)
			if n := len(sent) - before; n > limits.BatchCount {
				t.Errorf("a message of %d statements, the server takes %d", n, limits.BatchCount)
			}
			rest = rest[length:]
		}
		compareStatements(t, asked, sent, companies)
	})
}

func compareStatements(t *testing.T, asked, sent []statement, companies map[int]lane.Company) {
	t.Helper()
	if len(sent) != len(asked) {
		t.Fatalf("%d statements were sent, %d asked for", len(sent), len(asked))
	}
	for i := range asked {
		if sent[i].command != asked[i].command || sent[i].bytes != asked[i].bytes {
			t.Fatalf("statement %d is\n%q %q, want\n%q %q", i, sent[i].command, sent[i].bytes, asked[i].command, asked[i].bytes)
		}
		if i > 0 && asked[i].message == asked[i-1].message && sent[i].message != sent[i-1].message {
			t.Fatalf("statement %d was torn from its message", i)
		}
		merged := i > 0 && sent[i].message == sent[i-1].message && asked[i].message != asked[i-1].message
		company := companies[asked[i].message]
		if merged && (sent[i].ordered || company == lane.Alone || company != companies[asked[i-1].message]) {
			t.Fatalf("statement %d shares a message, and must not: ordered %t, companies %d and %d", i, sent[i].ordered,
				company, companies[asked[i-1].message])
		}
		if company == lane.Alone && sent[i].ordered != asked[i].ordered {
			t.Fatalf("statement %d is sent alone, and with another ordered", i)
		}
	}
}

// TestMergeWrites counts the messages that calls become.
func TestMergeWrites(t *testing.T) {
	yes := true
	limits := lane.Limits{DocumentSize: 1 << 20, MessageSize: 1 << 20, BatchCount: 1000}
	for _, test := range []struct {
		name string
		call func(w *laneWrite)
		want string // for three calls: the statements of each message, and whether it is ordered
	}{
		{"InsertOne", func(w *laneWrite) { w.insertOne(bson.D{}, nil) }, "[3 false]"},
		{"InsertMany in order", func(w *laneWrite) { w.insertMany([]bson.D{{}, {}}, nil) }, "[2 true 2 true 2 true]"},
		{"InsertMany of one", func(w *laneWrite) { w.insertMany([]bson.D{{}}, nil) }, "[1 true 1 true 1 true]"},
		{"InsertMany in no order", func(w *laneWrite) {
			w.insertMany([]bson.D{{}, {}}, []options.Lister[options.InsertManyOptions]{options.InsertMany().SetOrdered(false)})
		}, "[6 false]"},
		{"an update with a sort", func(w *laneWrite) {
			w.updateOne(bson.D{}, bson.D{{Key: "$set", Value: bson.D{}}}, []options.Lister[options.UpdateOneOptions]{options.UpdateOne().SetSort(bson.D{{Key: "x", Value: 1}})})
		}, "[1 true 1 true 1 true]"},
	} {
		conn := &transcript{}
		h := mergingHandle(conn, 1<<20, limits)
		w := &laneWrite{encoder: lane.NewEncoder(), client: h.epoch.series.client}
		w.encoder.Configure(nil, nil)
		for range 3 {
			w.command = lane.Command{Database: "d", Collection: "c", Ordered: &yes}
			w.args, w.several = laneOptions{}, false
			test.call(w)
			message, n, err := w.encoder.Next(limits)
			if err = errors.Join(w.refused, err); err == nil {
				err = w.holdMessage(t.Context(), h, message, n)
			}
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
		}
		if err := h.pin.outbox.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []any
		for rest := conn.Bytes(); len(rest) > 0; {
			length := binary.LittleEndian.Uint32(rest)
			all := appendStatements(t, nil, rest[:length], 0)
			got, rest = append(got, len(all), all[0].ordered), rest[length:]
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%s: messages of %v, want %s", test.name, got, test.want)
		}
	}
}

package golden

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"go.mongodb.org/mongo-driver/bson"
)

// serve answers every command with what answer returns, and closes the connection for nil. It returns the address, and
// ends with the test.
func serve(t *testing.T, answer func(command bson.D) bson.D) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	// Owned by the test; ends when the listener is closed; the cleanup waits.
	go func() {
		defer close(done)
		for {
			// The runner has one connection at a time.
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			answerAll(socket, answer)
			_ = socket.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

// answerAll answers the messages of one connection.
func answerAll(socket net.Conn, answer func(command bson.D) bson.D) {
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(socket, head); err != nil {
			return
		}
		rest := make([]byte, binary.LittleEndian.Uint32(head)-16)
		if _, err := io.ReadFull(socket, rest); err != nil {
			return
		}
		skip, before := 5, make([]byte, 5)
		opCode := uint32(opMsg)
		if binary.LittleEndian.Uint32(head[12:]) == opQuery {
			skip, before, opCode = 4+len("admin.$cmd\x00")+8, make([]byte, 20), opReply
		}
		size := int(binary.LittleEndian.Uint32(rest[skip:]))
		command, err := bsonvalue.Decode(rest[skip : skip+size])
		if err != nil {
			return
		}
		reply := answer(command)
		if reply == nil {
			return
		}
		if opCode == opMsg && binary.LittleEndian.Uint32(rest)&flagMoreToCome != 0 {
			continue
		}
		body := bsonvalue.AppendDocument(before, reply)
		b := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
		b = binary.LittleEndian.AppendUint32(b, 1)
		b = append(b, head[4:8]...)
		b = append(binary.LittleEndian.AppendUint32(b, opCode), body...)
		if _, err := socket.Write(b); err != nil {
			return
		}
	}
}

// Each kind of reply gets its verdict.
func TestRunJudges(t *testing.T) {
	ok := bson.D{{Key: "ok", Value: 1.0}}
	failure := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "no"}, {Key: "code", Value: int32(2)}}
	writeError := bson.D{{Key: "ok", Value: 1.0}, {Key: "writeErrors", Value: bson.A{}}}
	for _, test := range []struct {
		name, step string
		reply      bson.D
		want       Verdict
		// differs says that there is a difference, also of a step that agreed.
		differs bool
	}{
		{"the same", `"reply": {"ok": {"$numberDouble": "1"}}`, ok, Agreed, false},
		{"as a query", `"wire": "OP_QUERY", "reply": {"ok": {"$numberDouble": "1"}}`, ok, Agreed, false},
		{"without a reply", `"flags": ["moreToCome"], "reply": {"$noReply": 1}`, ok, Agreed, false},
		{"another result", `"reply": {"n": "x", "ok": {"$numberDouble": "1"}}`, ok, Wrong, true},
		{"an error for a result", `"reply": {"ok": {"$numberDouble": "1"}}`, failure, Refused, true},
		{"a statement's error for a result", `"reply": {"ok": {"$numberDouble": "1"}}`, writeError, Refused, true},
		{"an error for a shape", `"shape": true, "reply": {"n": "int", "ok": "double"}`, failure, Refused, true},
		{"a result for an error", `"reply": {"ok": {"$numberDouble": "0"}, "errmsg": "no", "code": {"$numberInt": "2"}}`, ok, Wrong, true},
		{"another error", `"reply": {"ok": {"$numberDouble": "0"}, "errmsg": "no", "code": {"$numberInt": "3"}}`, failure, Wrong, true},
		{"an error for a statement's", `"reply": {"ok": {"$numberDouble": "1"}, "writeErrors": []}`, failure, Wrong, true},
		{"another text", `"reply": {"ok": {"$numberDouble": "0"}, "errmsg": "never", "code": {"$numberInt": "2"}}`, failure, Agreed, true},
		{"closed", `"reply": {"$closed": 1}`, nil, Agreed, false},
		{"closed for a result", `"reply": {"ok": {"$numberDouble": "1"}}`, nil, Wrong, true},
		{"a result for closed", `"reply": {"$closed": 1}`, ok, Wrong, true},
		{"too early", `"minMillis": 3600000, "reply": {"ok": {"$numberDouble": "1"}}`, ok, Wrong, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, func(command bson.D) bson.D {
				if command[0].Key == "tested" {
					return test.reply
				}
				return ok
			})
			s := Scenario{Name: "command/test", Steps: read(t, `{"command": {"tested": "c"}, `+test.step+`}`)}
			start := time.Now()
			results, err := Run(addr, &s)
			if err != nil {
				t.Fatal(err)
			}
			if r := results[0]; r.Verdict != test.want || (r.Difference != nil) != test.differs {
				t.Errorf("%v, %v after %v", r.Verdict, r.Difference, time.Since(start))
			}
		})
	}
}

// A scenario begins on an empty database, keeps its connection, and sends the ids of its cursors.
func TestRunResets(t *testing.T) {
	var commands []string
	addr := serve(t, func(command bson.D) bson.D {
		commands = append(commands, show(command))
		return bson.D{{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(77)}}}, {Key: "ok", Value: 1.0}}
	})
	s := Scenario{Name: "find/test", Steps: read(t, `{"command": {"find": "c"}, "reply": {"cursor": {"id": {"$cursorId": 1}}, "ok": {"$numberDouble": "1"}}},`+
		`{"command": {"getMore": {"$cursorId": 1}}, "reply": {"cursor": {"id": {"$cursorId": 1}}, "ok": {"$numberDouble": "1"}}}`)}
	results, err := Run(addr, &s)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Difference != nil {
			t.Errorf("step %d: %v", i, r.Difference)
		}
	}
	want := []string{
		`{"configureFailPoint":"failCommand","mode":"off","$db":"admin"}`, `{"dropDatabase":{"$numberInt":"1"},"$db":"golden"}`,
		`{"find":"c"}`, `{"getMore":{"$numberLong":"77"}}`,
	}
	if !slices.Equal(commands, want) {
		t.Errorf("the server got %s", strings.Join(commands, "\n"))
	}
}

// A server that cannot be emptied is not tested.
func TestRunNeedsReset(t *testing.T) {
	addr := serve(t, func(bson.D) bson.D { return bson.D{{Key: "ok", Value: 0.0}} })
	if _, err := Run(addr, &Scenario{Name: "find/test"}); err == nil {
		t.Error("a scenario began though the database could not be dropped")
	}
}

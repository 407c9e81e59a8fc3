package wire

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestReadAttempt(t *testing.T) {
	id := bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}
	session := bson.E{Key: "lsid", Value: bson.D{{Key: "id", Value: id}}}
	number := bson.E{Key: "txnNumber", Value: int64(7)}
	database := bson.E{Key: "$db", Value: "shop"}
	for _, test := range []struct {
		body bson.D
		want bool
		is   int64
	}{
		{bson.D{{Key: "find", Value: "c"}, session, database}, true, 0},
		{append(everyType("c"), session, number), true, 7},
		{bson.D{{Key: "insert", Value: "c"}, number, database, session}, true, 7},
		{bson.D{{Key: "find", Value: "c"}, database}, false, 0},
		{bson.D{{Key: "find", Value: "c"}, {Key: "lsid", Value: bson.D{}}, database}, false, 0},
		{bson.D{{Key: "getMore", Value: int64(1)}, session, database}, false, 0},
		{bson.D{{Key: "killCursors", Value: "c"}, session, database}, false, 0},
		{bson.D{{Key: "insert", Value: "c"}, session, number, {Key: "autocommit", Value: false}}, false, 0},
	} {
		message := commandMessage(t, test.body, true)
		a, ok := ReadAttempt(message)
		if ok != test.want || ok && (string(a.Session[:]) != "0123456789abcdef" || a.Number != test.is) || !ok && a != (Attempt{}) {
			t.Errorf("of %v is read %v, %t", test.body, a, ok)
		}
		for n := range message {
			ReadAttempt(message[:n]) // must not panic
		}
		if n := testing.AllocsPerRun(100, func() { ReadAttempt(message) }); n != 0 {
			t.Errorf("reading allocates %v times, want 0", n)
		}
	}
}

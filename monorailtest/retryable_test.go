package monorailtest

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// retryable makes a command one of a session with a transaction number.
func retryable(number int64, command bson.D) bson.D {
	id := primitive.Binary{Subtype: 4, Data: make([]byte, 16)}
	return append(slices.Clone(command), bson.E{Key: "lsid", Value: bson.D{{Key: "id", Value: id}}}, bson.E{Key: "txnNumber", Value: number})
}

func updates(statements ...bson.D) bson.D {
	list := bson.A{}
	for _, s := range statements {
		list = append(list, s)
	}
	return bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: list}}
}

func incrementOf(id int32) bson.D {
	return bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: id}}}, {Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}},
		{Key: "upsert", Value: true}}
}

// TestRetryableWriteIsExecutedOnce sends each write twice, the second time to the next primary.
func TestRetryableWriteIsExecutedOnce(t *testing.T) {
	findAndModify := func(more ...bson.E) bson.D {
		return append(bson.D{{Key: "findAndModify", Value: "c"}, {Key: "query", Value: bson.D{{Key: "_id", Value: 1}}}}, more...)
	}
	inc := bson.E{Key: "update", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}}
	for _, w := range []struct {
		name  string
		write bson.D
	}{
		{"insert", bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: 5}}, bson.D{{Key: "_id", Value: 6}}}}}},
		{"update and upsert", updates(incrementOf(1), incrementOf(7))},
		{"delete", bson.D{{Key: "delete", Value: "c"}, {Key: "deletes", Value: bson.A{bson.D{{Key: "q", Value: bson.D{}}, {Key: "limit", Value: 1}}}}}},
		{"findAndModify", findAndModify(inc)},
		{"findAndModify, new", findAndModify(inc, bson.E{Key: "new", Value: true}, bson.E{Key: "fields", Value: bson.D{{Key: "n", Value: 1}}})},
		{"findAndModify, remove", findAndModify(bson.E{Key: "remove", Value: true})},
	} {
		rs := newSet(t, 3)
		c := dial(t, rs.Member(0))
		c.ok(updates(incrementOf(1)))
		c.ok(updates(incrementOf(2)))
		command := withMajority(retryable(1, w.write), 0)
		first := c.ok(command)
		before := everything(t, rs.Member(0))
		check(t, rs.AwaitReplication(soon(t)))
		check(t, rs.Elect(soon(t), 1))
		next := dial(t, rs.Member(1))
		for range 2 {
			second := next.ok(command)
			for _, field := range []string{"n", "nModified", "upserted", "lastErrorObject", "value"} {
				if got, want := second.Lookup(field), first.Lookup(field); !got.Equal(want) {
					t.Errorf("%s: the retry answers %s %v, the first time %v", w.name, field, got, want)
				}
			}
		}
		if got := everything(t, rs.Member(1)); got != before {
			t.Errorf("%s: after the retries %s, want %s", w.name, got, before)
		}
		if got := code(next.call(retryable(0, w.write))); got != 225 {
			t.Errorf("%s: an old number gives %d, want 225", w.name, got)
		}
		next.ok(retryable(2, w.write))
		if got := everything(t, rs.Member(1)); got == before && w.name != "insert" && w.name != "findAndModify, remove" {
			t.Errorf("%s: a new number changes nothing", w.name)
		}
	}
}

// everything returns what is in test.c of a member.
func everything(t testing.TB, s *Server) string {
	t.Helper()
	return dial(t, s).ok(bson.D{{Key: "find", Value: "c"}, anywhere}).Lookup("cursor", "firstBatch").String()
}

func TestRetryableWriteIsForgottenWithItsRollback(t *testing.T) {
	rs := newSet(t, 3)
	c := dial(t, rs.Member(0))
	c.ok(withMajority(updates(incrementOf(1)), 0))
	check(t, rs.AwaitReplication(soon(t)))
	rs.Isolate(0)
	c.ok(retryable(1, updates(incrementOf(1))))
	check(t, rs.Elect(soon(t), 1))
	rs.Rejoin(0)
	check(t, rs.AwaitReplication(soon(t)))
	check(t, rs.Elect(soon(t), 0))
	dial(t, rs.Member(0)).ok(retryable(1, updates(incrementOf(1))))
	if got, want := everything(t, rs.Member(0)), `[{"_id": {"$numberInt":"1"},"n": {"$numberInt":"2"}}]`; got != want {
		t.Errorf("after the rollback and the retry: %s, want %s", got, want)
	}
}

func TestRetryableWriteErrors(t *testing.T) {
	rs := newSet(t, 2)
	primary, secondary := dial(t, rs.Member(0)), dial(t, rs.Member(1))
	multi := append(incrementOf(1), bson.E{Key: "multi", Value: true})
	for _, w := range []struct {
		command bson.D
		code    int32
	}{
		{updates(multi), 72},
		{bson.D{{Key: "delete", Value: "c"}, {Key: "deletes", Value: bson.A{bson.D{{Key: "q", Value: bson.D{}}, {Key: "limit", Value: 0}}}}}, 72},
		{bson.D{{Key: "find", Value: "c"}}, 50768},
	} {
		if got := code(primary.call(retryable(1, w.command))); got != w.code {
			t.Errorf("%v: %d, want %d", w.command, got, w.code)
		}
	}
	body := secondary.call(retryable(1, insertOne(1)))
	if label, _ := body.Lookup("errorLabels", "0").StringValueOK(); code(body) != 10107 || label != "RetryableWriteError" {
		t.Errorf("a secondary answers %v", body)
	}
	if body := secondary.call(insertOne(1)); body.Lookup("errorLabels").Type != 0 {
		t.Errorf("without a transaction number: %v", body)
	}
	admin := dial(t, rs.Member(0))
	admin.send(packet(1, 2013, append([]byte{0, 0, 0, 0, 0}, marshal(t, bson.D{{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}}, {Key: "$db", Value: "admin"},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 91}}}}}})...)))
	admin.reply()
	body = primary.ok(retryable(2, insertOne(1)))
	if label, _ := body.Lookup("errorLabels", "0").StringValueOK(); concernOf(body) != 91 || label != "RetryableWriteError" {
		t.Errorf("a write concern error of a fail point: %v", body)
	}
	rs.StopReplication()
	primary.ok(retryable(3, insertOne(2)))
	if got := concernOf(primary.ok(withMajority(retryable(3, insertOne(2)), 20))); got != 64 {
		t.Errorf("the retry of what is not replicated waits for nothing: %d, want 64", got)
	}
}

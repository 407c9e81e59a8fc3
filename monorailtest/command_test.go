package monorailtest

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// lsid is a session id.
func lsid(n byte) bson.E {
	id := make([]byte, 16)
	id[15] = n
	return bson.E{Key: "lsid", Value: bson.D{{Key: "id", Value: primitive.Binary{Subtype: 4, Data: id}}}}
}

// openCursor fills test.c with five documents and returns a cursor that has delivered the first.
func openCursor(t *testing.T, c *rawConn, more ...bson.E) int64 {
	t.Helper()
	if n := len(c.ids()); n == 0 {
		for i := range int32(5) {
			c.ok(insertOne(i))
		}
	}
	find := append(bson.D{{Key: "find", Value: "c"}, {Key: "batchSize", Value: 1}}, more...)
	id := c.ok(find).Lookup("cursor", "id").Int64()
	if id == 0 {
		t.Fatal("no cursor")
	}
	return id
}

func getMore(id any, more ...bson.E) bson.D {
	return append(bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: "c"}}, more...)
}

func TestGetMore(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	id := openCursor(t, c)
	for _, tt := range []struct {
		command bson.D
		want    int32
	}{
		{getMore(int32(5)), 14},
		{getMore(int64(0)), 2},
		{getMore(int64(4711)), 43},
		{getMore(id, bson.E{Key: "batchSize", Value: 0}), 2},
		{getMore(id, bson.E{Key: "batchSize", Value: -1}), 2},
		{getMore(id, bson.E{Key: "nope", Value: 1}), 9},
		{getMore(id, bson.E{Key: "maxTimeMS", Value: 100}), 2},
		{getMore(id, lsid(1)), 50736},
		{bson.D{{Key: "getMore", Value: id}}, 9},
		{bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: "other"}}, 13},
	} {
		if body := c.call(tt.command); code(body) != tt.want {
			t.Errorf("%v: %v, want code %d", tt.command, body, tt.want)
		}
	}
	// None of these ended the cursor. A batch that ends with the data leaves it open, the next ends it.
	for _, want := range []struct{ n, open int }{{2, 1}, {2, 1}, {0, 0}} {
		body := c.ok(getMore(id, bson.E{Key: "batchSize", Value: 2}))
		batch, err := body.Lookup("cursor", "nextBatch").Array().Values()
		if err != nil || len(batch) != want.n || (body.Lookup("cursor", "id").Int64() != 0) != (want.open == 1) {
			t.Errorf("%v, %v, want %d documents, open %d", body, err, want.n, want.open)
		}
	}
	if body := c.call(getMore(id)); code(body) != 43 {
		t.Errorf("after the end: %v", body)
	}
}

func TestCursorsBelongToSessions(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	id := openCursor(t, c, lsid(1))
	if body := c.call(getMore(id)); code(body) != 50737 {
		t.Errorf("without the session: %v", body)
	}
	if body := c.call(getMore(id, lsid(2))); code(body) != 50738 {
		t.Errorf("in another session: %v", body)
	}
	c.ok(getMore(id, bson.E{Key: "batchSize", Value: 1}, lsid(1)))
	session := lsid(1).Value
	c.ok(bson.D{{Key: "endSessions", Value: bson.A{session}}})
	if body := c.call(getMore(id, lsid(1))); code(body) != 43 {
		t.Errorf("after the session: %v", body)
	}
}

func TestKillCursors(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	id := openCursor(t, c)
	body := c.ok(bson.D{{Key: "killCursors", Value: "other"}, {Key: "cursors", Value: bson.A{id, int64(4711)}}})
	killed, _ := body.Lookup("cursorsKilled").Array().Values()
	missing, _ := body.Lookup("cursorsNotFound").Array().Values()
	if len(killed) != 1 || killed[0].Int64() != id || len(missing) != 1 || missing[0].Int64() != 4711 {
		t.Errorf("%v", body)
	}
	for _, tt := range []struct {
		cursors any
		want    int32
	}{{bson.A{}, 2}, {1, 9}, {bson.A{"x"}, 9}, {bson.A{int32(5)}, 9}} {
		if body := c.call(bson.D{{Key: "killCursors", Value: "c"}, {Key: "cursors", Value: tt.cursors}}); code(body) != tt.want {
			t.Errorf("cursors %v: %v, want code %d", tt.cursors, body, tt.want)
		}
	}
}

func TestHello(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	body := c.ok(bson.D{{Key: "hello", Value: 1}, {Key: "compression", Value: bson.A{"nope", "zlib", "zstd", "zlib"}}})
	agreed, err := body.Lookup("compression").Array().Values()
	if err != nil || len(agreed) != 2 || agreed[0].StringValue() != "zlib" || agreed[1].StringValue() != "zstd" {
		t.Errorf("compression %v, %v", agreed, err)
	}
	for name, want := range map[string]int32{
		"maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
		"logicalSessionTimeoutMinutes": 30, "connectionId": 1, "maxWireVersion": 9,
	} {
		if got, _ := body.Lookup(name).Int32OK(); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	part := func(name string) bson.E {
		return bson.E{Key: name, Value: bson.D{{Key: "name", Value: "x"}, {Key: "version", Value: "1"}, {Key: "type", Value: "x"}}}
	}
	greet := func(client bson.D) bson.D { return bson.D{{Key: "hello", Value: 1}, {Key: "client", Value: client}} }
	for _, tt := range []struct {
		client bson.D
		want   int32
	}{
		{bson.D{}, 183},
		{bson.D{part("driver")}, 183},
		{bson.D{{Key: "driver", Value: 1}, part("os")}, 14},
		{bson.D{part("driver"), part("os"), {Key: "pad", Value: make([]byte, 512)}}, 185},
		{bson.D{part("driver"), part("os"), {Key: "application", Value: bson.D{{Key: "name", Value: string(make([]byte, 129))}}}}, 184},
		{bson.D{part("driver"), part("os")}, 0},
		{bson.D{part("driver"), part("os")}, 186},
	} {
		if body := c.call(greet(tt.client)); code(body) != tt.want {
			t.Errorf("client %v: %v, want code %d", tt.client, body, tt.want)
		}
	}
}

func TestChecksOfEveryCommand(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	e := func(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
	concern := func(d bson.D) bson.E { return e("writeConcern", d) }
	one := insertOne(1)
	for _, tt := range []struct {
		command bson.D
		want    int32
	}{
		{bson.D{e("nope", 1)}, 59},
		{bson.D{e("ping", 1), e("ping", 1)}, 40413},
		{bson.D{e("ping", 1), e("lsid", 1)}, 14},
		{bson.D{e("ping", 1), e("lsid", bson.D{})}, 40414},
		{bson.D{e("ping", 1), e("lsid", nil)}, 0},
		{bson.D{e("ping", 1), lsid(1), e("txnNumber", int64(1))}, 50889},
		{bson.D{e("find", "c"), lsid(1), e("txnNumber", int64(1))}, 20},
		{bson.D{e("find", "c"), e("txnNumber", int64(1))}, 72},
		{bson.D{e("find", "c"), lsid(1), e("autocommit", false)}, 72},
		{bson.D{e("find", "c"), e("maxTimeMS", "x")}, 2},
		{bson.D{e("find", "c"), e("maxTimeMS", -1)}, 2},
		{bson.D{e("find", "c"), e("maxTimeMS", 1000)}, 0},
		{bson.D{e("find", "c"), e("comment", "why")}, 0},
		{bson.D{e("find", "c"), e("readConcern", bson.D{e("level", "majority")})}, 0},
		{bson.D{e("find", "c"), e("readConcern", bson.D{e("level", "linearizable")})}, 123},
		{bson.D{e("find", "c"), e("readConcern", bson.D{e("level", "snapshot")})}, 72},
		{bson.D{e("find", "c"), e("$readPreference", bson.D{e("mode", "nearest")})}, 0},
		{bson.D{e("find", "c"), e("$readPreference", bson.D{e("mode", "foo")})}, 2},
		{bson.D{e("find", "c"), concern(bson.D{e("w", 1)})}, 72},
		{bson.D{e("ping", 1), concern(bson.D{e("w", 1)})}, 72},
		{append(one, concern(bson.D{e("w", 2)})), 2},
		{append(one, concern(bson.D{e("w", "elsewhere")})), 2},
		{append(one, e("writeConcern", nil)), 14},
		{append(one, concern(bson.D{e("w", "majority"), e("wtimeout", 100)})), 0},
		{bson.D{e("getParameter", 1)}, 13},
		{bson.D{e("killOp", 1)}, 13},
	} {
		if body := c.call(tt.command); code(body) != tt.want {
			t.Errorf("%v: %v, want code %d", tt.command, body, tt.want)
		}
	}
	wantIDs(t, s, 1)
	// {w: 0} without moreToCome is answered with ok and nothing else; with j it is answered in full.
	if body := c.ok(insertZero(2)); body.Lookup("n").Type != 0 {
		t.Errorf("{w: 0}: %v", body)
	}
	if body := c.ok(append(insertOne(3), concern(bson.D{e("w", 0), e("j", true)}))); body.Lookup("n").Type == 0 {
		t.Errorf("{w: 0, j: true}: %v", body)
	}
}

func TestAdministration(t *testing.T) {
	s := newServer(t)
	c := dial(t, s)
	for name, want := range map[string]int32{
		"buildInfo": 0, "connectionStatus": 0, "getCmdLineOpts": 0, "hostInfo": 0, "listCommands": 0, "serverStatus": 0,
		"features": 0, "usersInfo": 0, "startSession": 0, "killAllSessions": 10065, "replSetGetStatus": 76, "getShardMap": 203,
	} {
		if body := c.runAdmin(bson.D{{Key: name, Value: 1}}); code(body) != want {
			t.Errorf("%s: %v, want code %d", name, body, want)
		}
	}
	if body := c.runAdmin(bson.D{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}}); body.Lookup("featureCompatibilityVersion", "version").StringValue() != "4.4" {
		t.Errorf("getParameter: %v", body)
	}
	// The command after the reply sees what the one before it changed.
	openCursor(t, c)
	status := c.runAdmin(bson.D{{Key: "serverStatus", Value: 1}})
	if n := status.Lookup("metrics", "cursor", "open", "total").Int64(); n != 1 {
		t.Errorf("%d open cursors, want 1", n)
	}
	if n := status.Lookup("connections", "current").Int32(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

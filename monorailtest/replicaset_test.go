package monorailtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// newSet starts a replica set that ends with the test.
func newSet(t testing.TB, n int, opts ...Option) *ReplicaSet {
	t.Helper()
	rs := NewReplicaSet(n, opts...)
	t.Cleanup(rs.Close)
	return rs
}

// connectSet returns a client of the official driver, which is disconnected with the test.
func connectSet(t testing.TB, rs *ReplicaSet, opts ...*options.ClientOptions) *mongo.Client {
	t.Helper()
	all := append([]*options.ClientOptions{options.Client().ApplyURI(rs.URI())}, opts...)
	client, err := mongo.Connect(all...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended when this runs.
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client
}

// soon returns a context that bounds what must come.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReplicaSetIsDiscovered(t *testing.T) {
	for _, n := range []int{1, 3} {
		rs := newSet(t, n)
		seeds := options.Client().ApplyURI("mongodb://" + rs.Member(n-1).Addr() + "/?replicaSet=rs0").SetHeartbeatInterval(500 * time.Millisecond)
		client, err := mongo.Connect(seeds)
		check(t, err)
		defer func() { check(t, client.Disconnect(context.Background())) }()
		c := client.Database("db").Collection("c", options.Collection().SetWriteConcern(writeconcern.Majority()))
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
		var hello struct {
			Hosts   []string
			Primary string
			Me      string
			SetName string
		}
		check(t, client.Database("admin").RunCommand(soon(t), bson.D{{Key: "hello", Value: 1}}).Decode(&hello))
		if len(hello.Hosts) != n || hello.Primary != rs.Member(0).Addr() || hello.Me != hello.Primary || hello.SetName != "rs0" {
			t.Errorf("%d members: hello says %+v", n, hello)
		}
		check(t, rs.AwaitReplication(soon(t)))
		for i, member := range rs.Members() {
			direct := must[*mongo.Client](t)(mongo.Connect(options.Client().ApplyURI(member.URI()).SetReadPreference(readpref.Nearest()).SetHeartbeatInterval(500 * time.Millisecond)))
			if got := must[int64](t)(direct.Database("db").Collection("c").CountDocuments(soon(t), bson.D{})); got != 1 {
				t.Errorf("member %d has %d documents, want 1", i, got)
			}
			check(t, direct.Disconnect(context.Background()))
		}
	}
}

func TestReadPreferenceTags(t *testing.T) {
	rs := newSet(t, 3, WithTags(1, map[string]string{"zone": "a"}), WithTags(2, map[string]string{"zone": "b"}))
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c", options.Collection().SetReadPreference(
		must[*readpref.ReadPref](t)(readpref.New(readpref.SecondaryMode, readpref.WithTags("zone", "b")))))
	finds := rs.Member(2).Record(100, Commands("find"))
	for range 5 {
		cursor := must[*mongo.Cursor](t)(c.Find(soon(t), bson.D{}))
		check(t, cursor.Close(soon(t)))
	}
	if got := len(finds.Messages()); got != 5 {
		t.Errorf("the member with the tag served %d finds, want 5", got)
	}
}

func TestFailover(t *testing.T) {
	for _, end := range []struct {
		name string
		end  func(*ReplicaSet) error
	}{
		{"kill", func(rs *ReplicaSet) error { rs.Kill(0); return nil }},
		{"step-down", func(rs *ReplicaSet) error { return rs.StepDown(context.Background(), StepDownOptions{}) }},
		{"removal", func(rs *ReplicaSet) error { rs.Remove(0); return nil }},
	} {
		rs := newSet(t, 3)
		client := connectSet(t, rs, options.Client().SetHeartbeatInterval(500*time.Millisecond))
		c := client.Database("db").Collection("c", options.Collection().SetWriteConcern(writeconcern.Majority()))
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
		check(t, end.end(rs))
		// Retryable writes carry the driver over.
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 2}}))
		if got := rs.Primary(); got == 0 {
			t.Errorf("%s: the primary is %d", end.name, got)
		}
		if got := must[int64](t)(c.CountDocuments(soon(t), bson.D{})); got != 2 {
			t.Errorf("%s: %d documents, want 2", end.name, got)
		}
		rs.Restart(0)
		if end.name != "removal" {
			check(t, rs.AwaitReplication(soon(t)))
			check(t, rs.Elect(soon(t), 0))
			must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 3}}))
			if got := must[int64](t)(c.CountDocuments(soon(t), bson.D{})); got != 3 {
				t.Errorf("%s: %d documents, want 3", end.name, got)
			}
		}
	}
}

// TestStreamingMonitorSeesStepDown has a heartbeat interval in which nothing is seen by polling.
func TestStreamingMonitorSeesStepDown(t *testing.T) {
	kinds := make(chan string, 100)
	monitor := &event.ServerMonitor{ServerDescriptionChanged: func(e *event.ServerDescriptionChangedEvent) {
		kinds <- e.Address.String() + " " + e.NewDescription.Kind
	}}
	rs := newSet(t, 3)
	// await takes events until each of the wanted has come, in whatever order: each member has a monitor of its own.
	await := func(wanted ...string) {
		t.Helper()
		ctx := soon(t)
		for len(wanted) > 0 {
			select {
			case got := <-kinds:
				wanted = slices.DeleteFunc(wanted, func(want string) bool { return got == want })
			case <-ctx.Done():
				t.Fatalf("no event %q", wanted)
			}
		}
	}
	client := connectSet(t, rs, options.Client().SetHeartbeatInterval(time.Hour).SetServerMonitor(monitor))
	check(t, client.Ping(soon(t), readpref.Primary()))
	await(rs.Member(0).Addr()+" RSPrimary", rs.Member(1).Addr()+" RSSecondary", rs.Member(2).Addr()+" RSSecondary")
	check(t, rs.StepDown(soon(t), StepDownOptions{}))
	p := must[int](t)(rs.AwaitPrimary(soon(t)))
	await(rs.Member(0).Addr()+" RSSecondary", rs.Member(p).Addr()+" RSPrimary")
}

// wtimeout is an update that waits for w, for at most 50 ms.
func wtimeout(w any) bson.D {
	return bson.D{{Key: "update", Value: "c"},
		{Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: "never"}}}, {Key: "u", Value: bson.D{{Key: "$set", Value: bson.D{{Key: "x", Value: 1}}}}}}}},
		{Key: "writeConcern", Value: bson.D{{Key: "w", Value: w}, {Key: "wtimeout", Value: 50}}}}
}

// concernCode runs a command and returns the code of its writeConcernError, 0 for none.
func concernCode(t testing.TB, db *mongo.Database, command bson.D) int32 {
	t.Helper()
	raw, err := db.RunCommand(soon(t), command).Raw()
	if raw == nil {
		t.Fatal(err)
	}
	code, _ := raw.Lookup("writeConcernError", "code").AsInt64OK()
	if code == 64 {
		if timeout, _ := raw.Lookup("writeConcernError", "errInfo", "wtimeout").BooleanOK(); !timeout {
			t.Errorf("%v does not say wtimeout", raw)
		}
	}
	return int32(code)
}

func TestWriteConcernWaits(t *testing.T) {
	rs := newSet(t, 3)
	db := connectSet(t, rs).Database("db")
	insert := func() { must[*mongo.InsertOneResult](t)(db.Collection("c").InsertOne(soon(t), bson.D{})) }
	insert()
	check(t, rs.AwaitReplication(soon(t)))

	rs.StopReplication()
	if got := concernCode(t, db, wtimeout("majority")); got != 0 {
		t.Errorf("nothing to replicate: %d, want 0", got)
	}
	insert()
	for _, c := range []struct {
		w    any
		code int32
	}{{"majority", 64}, {2, 64}, {3, 64}, {1, 0}, {4, 100}, {"nowhere", 79}} {
		if got := concernCode(t, db, wtimeout(c.w)); got != c.code {
			t.Errorf("w %v while nothing replicates: %d, want %d", c.w, got, c.code)
		}
	}
	rs.ResumeReplication(1)
	unbounded := func(w any) bson.D {
		command := wtimeout(w)
		command[2].Value = bson.D{{Key: "w", Value: w}}
		return command
	}
	for _, w := range []any{2, "majority"} {
		if got := concernCode(t, db, unbounded(w)); got != 0 {
			t.Errorf("w %v with one secondary: %d, want 0", w, got)
		}
	}
	if got := concernCode(t, db, wtimeout(3)); got != 64 {
		t.Errorf("w 3 with one secondary: %d, want 64", got)
	}
	rs.ResumeReplication()
	if got := concernCode(t, db, unbounded(3)); got != 0 {
		t.Errorf("w 3 with both: %d, want 0", got)
	}
}

// TestBarriers is reference B3: what waits for everything before it, and what does not.
func TestBarriers(t *testing.T) {
	rs := newSet(t, 3)
	db := connectSet(t, rs).Database("db")
	must[*mongo.InsertOneResult](t)(db.Collection("c").InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}, {Key: "x", Value: 1}}))
	must[string](t)(db.Collection("c").Indexes().CreateOne(soon(t), mongo.IndexModel{Keys: bson.D{{Key: "x", Value: 1}}}))
	check(t, rs.AwaitReplication(soon(t)))
	rs.StopReplication()
	// Another client writes.
	must[*mongo.InsertOneResult](t)(connectSet(t, rs).Database("other").Collection("c").InsertOne(soon(t), bson.D{}))
	update := func(coll string, q, u bson.D) bson.D {
		return bson.D{{Key: "update", Value: coll}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: q}, {Key: "u", Value: u}}}}}
	}
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "x", Value: 1}}}}
	id := bson.D{{Key: "_id", Value: 1}}
	for _, c := range []struct {
		name    string
		command bson.D
		waits   bool
	}{
		{"update that matches nothing", update("c", bson.D{{Key: "_id", Value: 7}}, set), true},
		{"update to the same value", update("c", id, set), true},
		{"update of a missing collection", update("missing", id, set), true},
		{"delete in a missing collection", bson.D{{Key: "delete", Value: "missing"}, {Key: "deletes", Value: bson.A{bson.D{{Key: "q", Value: id}, {Key: "limit", Value: 1}}}}}, true},
		{"findAndModify that matches nothing", bson.D{{Key: "findAndModify", Value: "c"}, {Key: "query", Value: bson.D{{Key: "_id", Value: 7}}}, {Key: "remove", Value: true}}, true},
		{"createIndexes of an index that is there", bson.D{{Key: "createIndexes", Value: "c"}, {Key: "indexes", Value: bson.A{bson.D{{Key: "key", Value: bson.D{{Key: "x", Value: 1}}}, {Key: "name", Value: "x_1"}}}}}, true},
		{"duplicate insert", bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{id}}}, true},
		{"unknown operator", update("c", id, bson.D{{Key: "$no", Value: id}}), true},
		{"drop of a missing collection", bson.D{{Key: "drop", Value: "missing"}}, true},
		{"malformed update", bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: id}}}}}, false},
		{"aggregate", bson.D{{Key: "aggregate", Value: "c"}, {Key: "pipeline", Value: bson.A{}}, {Key: "cursor", Value: bson.D{}}}, false},
	} {
		code := concernCode(t, db, append(c.command, bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: 20}}}))
		if want := map[bool]int32{true: 64, false: 0}[c.waits]; code != want {
			t.Errorf("%s: %d, want %d", c.name, code, want)
		}
	}
}

func TestLag(t *testing.T) {
	rs := newSet(t, 3)
	db := connectSet(t, rs).Database("db")
	const lag = 100 * time.Millisecond
	rs.SetLag(1, lag)
	rs.SetLag(2, time.Hour)
	insert := func(w int) bson.D {
		return bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{}}}, {Key: "writeConcern", Value: bson.D{{Key: "w", Value: w}}}}
	}
	begin := time.Now()
	if got := concernCode(t, db, insert(2)); got != 0 {
		t.Errorf("one secondary that is behind: %d, want 0", got)
	}
	if took := time.Since(begin); took < lag {
		t.Errorf("a secondary that is behind by %v took part after %v", lag, took)
	}
	if got := concernCode(t, db, wtimeout(3)); got != 64 {
		t.Errorf("a secondary that is an hour behind: %d, want 64", got)
	}
	rs.SetLag(2, 0)
	if got := concernCode(t, db, insert(3)); got != 0 {
		t.Errorf("after the lag: %d, want 0", got)
	}
}

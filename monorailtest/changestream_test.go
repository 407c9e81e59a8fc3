package monorailtest

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// changeEvent is an event as a program decodes it.
type changeEvent struct {
	ID            bson.Raw       `bson:"_id"`
	Operation     string         `bson:"operationType"`
	ClusterTime   bson.Timestamp `bson:"clusterTime"`
	TxnNumber     *int64         `bson:"txnNumber"`
	LSID          bson.Raw       `bson:"lsid"`
	FullDocument  bson.M         `bson:"fullDocument"`
	NS            bson.D         `bson:"ns"`
	To            bson.D         `bson:"to"`
	DocumentKey   bson.M         `bson:"documentKey"`
	UpdateDetails struct {
		Updated bson.D   `bson:"updatedFields"`
		Removed []string `bson:"removedFields"`
	} `bson:"updateDescription"`
}

// nextEvent waits for the next event of a stream.
func nextEvent(t *testing.T, stream *mongo.ChangeStream) changeEvent {
	t.Helper()
	if !stream.Next(soon(t)) {
		t.Fatalf("no event: %v", stream.Err())
	}
	var e changeEvent
	check(t, stream.Decode(&e))
	return e
}

func wantOperations(t *testing.T, stream *mongo.ChangeStream, want ...string) (last changeEvent) {
	t.Helper()
	for _, operation := range want {
		last = nextEvent(t, stream)
		if last.Operation != operation {
			t.Fatalf("the event is %+v, want %s", last, operation)
		}
	}
	return last
}

func wantOver(t *testing.T, stream *mongo.ChangeStream) {
	t.Helper()
	if stream.Next(soon(t)) || stream.Err() != nil || stream.ID() != 0 {
		t.Errorf("the stream goes on with %s, error %v, cursor %d", stream.Current, stream.Err(), stream.ID())
	}
}

func watch(t *testing.T, s *mongo.ChangeStream, err error) *mongo.ChangeStream {
	t.Helper()
	check(t, err)
	t.Cleanup(func() { check(t, s.Close(context.Background())) })
	return s
}

func set(fields ...bson.E) bson.D { return bson.D{{Key: "$set", Value: bson.D(fields)}} }

func oneMember(t *testing.T) *mongo.Client { return connectSet(t, newSet(t, 1)) }

func TestChangeStreamOfACollection(t *testing.T) {
	db := oneMember(t).Database("db")
	c := db.Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	if stream.TryNext(soon(t)) || stream.Err() != nil {
		t.Fatalf("an event before there was a change: %s, %v", stream.Current, stream.Err())
	}
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: bson.A{1}}}))
	must[*mongo.InsertOneResult](t)(db.Collection("other").InsertOne(soon(t), bson.D{}))
	must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 1, set(bson.E{Key: "n", Value: 1})))
	must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 1, set(bson.E{Key: "n", Value: 1}))) // changes nothing
	must[*mongo.UpdateResult](t)(c.ReplaceOne(soon(t), bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "n", Value: 2}}))
	must[*mongo.DeleteResult](t)(c.DeleteOne(soon(t), bson.D{{Key: "_id", Value: 1}}))

	e := wantOperations(t, stream, "insert")
	if e.FullDocument["_id"] != int32(1) || e.DocumentKey["_id"] != int32(1) || e.ClusterTime.T == 0 || e.TxnNumber != nil {
		t.Errorf("insert: %+v", e)
	}
	if want := (bson.D{{Key: "db", Value: "db"}, {Key: "coll", Value: "c"}}); !equalDocuments(e.NS, want) {
		t.Errorf("ns: %v", e.NS)
	}
	if token := stream.ResumeToken(); token.String() != e.ID.String() {
		t.Errorf("the token is %s, that of the event %s", token, e.ID)
	}
	e = wantOperations(t, stream, "update")
	if e.FullDocument != nil || !equalDocuments(e.UpdateDetails.Updated, bson.D{{Key: "n", Value: int32(1)}}) || len(e.UpdateDetails.Removed) != 0 {
		t.Errorf("update: %+v", e)
	}
	if e = wantOperations(t, stream, "replace"); e.FullDocument["n"] != int32(2) {
		t.Errorf("replace: %+v", e)
	}
	if e = wantOperations(t, stream, "delete"); e.FullDocument != nil || e.DocumentKey["_id"] != int32(1) {
		t.Errorf("delete: %+v", e)
	}
	check(t, c.Drop(soon(t)))
	wantOperations(t, stream, "drop", "invalidate")
	wantOver(t, stream)
}

func equalDocuments(a, b bson.D) bool {
	x, errX := bson.Marshal(a)
	y, errY := bson.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// The updateDescription is what MongoDB 4.4 has in its oplog: what the operators have set, by their paths.
func TestUpdateDescription(t *testing.T) {
	c := oneMember(t).Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "operationType", Value: "update"}}}}})
	stream := watch(t, s, err)
	d := func(kv ...any) bson.D {
		out := bson.D{}
		for i := 0; i < len(kv); i += 2 {
			out = append(out, bson.E{Key: kv[i].(string), Value: kv[i+1]})
		}
		return out
	}
	for _, test := range []struct {
		name           string
		before, update bson.D
		updated        bson.D
		removed        []string
	}{
		{"a document in a document", d("a", d("b", 1, "c", 1)), d("$set", d("a", d("b", 1, "c", 2))), d("a", d("b", 1, "c", 2)), nil},
		{"a path", d("a", d("b", 1)), d("$set", d("a.b", 2)), d("a.b", 2), nil},
		{"a path that is made", d(), d("$set", d("a.b.c", 2)), d("a.b.c", 2), nil},
		{"paths in their order", d(), d("$set", d("z", 1, "a", 2), "$inc", d("m", 3)), d("a", 2, "m", 3, "z", 1), nil},
		{"no change beside one", d("a", 1, "b", 1), d("$set", d("a", 1, "b", 2)), d("b", 2), nil},
		{"$unset", d("a", 1, "b", d("c", 1)), d("$unset", d("a", 1, "b.c", 1, "x", 1)), d(), []string{"a", "b.c"}},
		{"$unset in an array", d("a", bson.A{1, 2}), d("$unset", d("a.0", 1)), d("a.0", nil), nil},
		{"$inc", d("a", 1), d("$inc", d("a", 2)), d("a", 3), nil},
		{"$rename", d("a", 1), d("$rename", d("a", "b")), d("b", 1), []string{"a"}},
		{"$push at the end", d("a", bson.A{1}), d("$push", d("a", 2)), d("a.1", 2), nil},
		{"$push of several", d("a", bson.A{1}), d("$push", d("a", d("$each", bson.A{2, 3}))), d("a.1", 2, "a.2", 3), nil},
		{"$push into an empty array", d("a", bson.A{}), d("$push", d("a", 2)), d("a", bson.A{2}), nil},
		{"$push that makes the array", d(), d("$push", d("a", 2)), d("a", bson.A{2}), nil},
		{"$push at the front", d("a", bson.A{1}), d("$push", d("a", d("$each", bson.A{2}, "$position", 0))), d("a", bson.A{2, 1}), nil},
		{"$push at just the end", d("a", bson.A{1}), d("$push", d("a", d("$each", bson.A{2}, "$position", 1))), d("a", bson.A{1, 2}), nil},
		{"$push beyond the end", d("a", bson.A{1}), d("$push", d("a", d("$each", bson.A{2}, "$position", 2))), d("a.1", 2), nil},
		{"an element beyond the end", d("a", bson.A{1}), d("$set", d("a.2.b", 3)), d("a.2.b", 3), nil},
		{"$push that sorts", d("a", bson.A{1}), d("$push", d("a", d("$each", bson.A{2}, "$sort", 1))), d("a", bson.A{1, 2}), nil},
		{"$push that cuts", d("a", bson.A{1, 2}), d("$push", d("a", d("$each", bson.A{3}, "$slice", -2))), d("a", bson.A{2, 3}), nil},
		{"$addToSet", d("a", bson.A{1}), d("$addToSet", d("a", 2)), d("a", bson.A{1, 2}), nil},
		{"$pull", d("a", bson.A{1, 2}), d("$pull", d("a", 1)), d("a", bson.A{2}), nil},
		{"$pop", d("a", bson.A{1, 2}), d("$pop", d("a", 1)), d("a", bson.A{1}), nil},
		{"an element", d("a", bson.A{d("b", 1), d("b", 2)}), d("$set", d("a.1.b", 3)), d("a.1.b", 3), nil},
		{"all elements", d("a", bson.A{1, 2}), d("$inc", d("a.$[]", 1)), d("a.0", 2, "a.1", 3), nil},
		{"$min, $max and $mul", d("a", 5, "b", 5, "c", 5), d("$min", d("a", 1), "$max", d("b", 1), "$mul", d("c", 2)), d("a", 1, "c", 10), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			must[*mongo.UpdateResult](t)(c.ReplaceOne(soon(t), bson.D{{Key: "_id", Value: 1}}, test.before, options.Replace().SetUpsert(true)))
			must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 1, test.update))
			e := nextEvent(t, stream)
			if !equalDocuments(e.UpdateDetails.Updated, test.updated) {
				t.Errorf("updatedFields %v, want %v", e.UpdateDetails.Updated, test.updated)
			}
			if len(e.UpdateDetails.Removed) != len(test.removed) {
				t.Fatalf("removedFields %v, want %v", e.UpdateDetails.Removed, test.removed)
			}
			for i, name := range test.removed {
				if e.UpdateDetails.Removed[i] != name {
					t.Errorf("removedFields %v, want %v", e.UpdateDetails.Removed, test.removed)
				}
			}
		})
	}
}

func TestUpdateByAPipelineIsAReplacement(t *testing.T) {
	c := oneMember(t).Database("db").Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	s, err := c.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 1, mongo.Pipeline{set(bson.E{Key: "n", Value: 1})}))
	if e := wantOperations(t, stream, "replace"); e.FullDocument["n"] != int32(1) {
		t.Errorf("replace: %+v", e)
	}
}

func TestChangeStreamLooksUpdatesUp(t *testing.T) {
	c := oneMember(t).Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetFullDocument(options.UpdateLookup))
	stream := watch(t, s, err)
	for id := range 2 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: id}}))
		must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), id, set(bson.E{Key: "n", Value: 1})))
	}
	must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 0, set(bson.E{Key: "m", Value: 2})))
	must[*mongo.DeleteResult](t)(c.DeleteOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	// The document is what it is now, not what it was then.
	if e := wantOperations(t, stream, "insert", "update"); e.FullDocument["n"] != int32(1) || e.FullDocument["m"] != int32(2) {
		t.Errorf("update: %+v", e)
	}
	wantOperations(t, stream, "insert")
	if !stream.Next(soon(t)) || stream.Current.Lookup("fullDocument").Type != bson.TypeNull {
		t.Errorf("the update of a document that is gone: %s", stream.Current)
	}
}

func TestChangeStreamOfADatabase(t *testing.T) {
	client := oneMember(t)
	db := client.Database("db")
	s, err := db.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	must[*mongo.InsertOneResult](t)(db.Collection("a").InsertOne(soon(t), bson.D{}))
	must[*mongo.InsertOneResult](t)(client.Database("other").Collection("a").InsertOne(soon(t), bson.D{}))
	check(t, client.Database("admin").RunCommand(soon(t), bson.D{{Key: "renameCollection", Value: "db.a"}, {Key: "to", Value: "db.b"}}).Err())
	e := wantOperations(t, stream, "insert", "rename")
	if want := (bson.D{{Key: "db", Value: "db"}, {Key: "coll", Value: "b"}}); !equalDocuments(e.To, want) {
		t.Errorf("rename: %+v", e)
	}
	check(t, db.Drop(soon(t)))
	e = wantOperations(t, stream, "drop", "dropDatabase")
	if !equalDocuments(e.NS, bson.D{{Key: "db", Value: "db"}}) {
		t.Errorf("dropDatabase: %+v", e)
	}
	wantOperations(t, stream, "invalidate")
	wantOver(t, stream)
}

func TestChangeStreamOfTheDeployment(t *testing.T) {
	client := oneMember(t)
	s, err := client.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	must[*mongo.InsertOneResult](t)(client.Database("a").Collection("c").InsertOne(soon(t), bson.D{}))
	must[*mongo.InsertOneResult](t)(client.Database("admin").Collection("c").InsertOne(soon(t), bson.D{}))
	must[*mongo.InsertOneResult](t)(client.Database("b").Collection("c").InsertOne(soon(t), bson.D{}))
	check(t, client.Database("a").Drop(soon(t)))
	must[*mongo.InsertOneResult](t)(client.Database("b").Collection("c").InsertOne(soon(t), bson.D{}))
	// Nothing invalidates it.
	wantOperations(t, stream, "insert", "insert", "drop", "dropDatabase", "insert")
}

func TestChangeStreamOfACollectionThatIsRenamed(t *testing.T) {
	client := oneMember(t)
	db := client.Database("db")
	for _, name := range []string{"a", "b"} {
		must[*mongo.InsertOneResult](t)(db.Collection(name).InsertOne(soon(t), bson.D{}))
	}
	s, err := db.Collection("a").Watch(soon(t), mongo.Pipeline{})
	source := watch(t, s, err)
	s, err = db.Collection("b").Watch(soon(t), mongo.Pipeline{})
	target := watch(t, s, err)
	check(t, client.Database("admin").RunCommand(soon(t), bson.D{{Key: "renameCollection", Value: "db.a"}, {Key: "to", Value: "db.b"}, {Key: "dropTarget", Value: true}}).Err())
	for _, stream := range []*mongo.ChangeStream{source, target} {
		wantOperations(t, stream, "rename", "invalidate")
		wantOver(t, stream)
	}
}

func TestChangeStreamTellsOfATransactionAtItsCommit(t *testing.T) {
	client := oneMember(t)
	db := client.Database("db")
	c := db.Collection("c")
	s, err := db.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	x := beginTransaction(t, client)
	check(t, x.insert(c, 1))
	must[*mongo.InsertOneResult](t)(db.Collection("between").InsertOne(soon(t), bson.D{}))
	check(t, x.insert(c, 2))
	must[*mongo.UpdateResult](t)(c.UpdateByID(x.ctx, 2, set(bson.E{Key: "n", Value: 1})))
	check(t, x.session.CommitTransaction(x.ctx))
	aborted := beginTransaction(t, client)
	check(t, aborted.insert(c, 3))
	check(t, aborted.session.AbortTransaction(aborted.ctx))
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 4}}))

	wantOperations(t, stream, "insert")
	first := wantOperations(t, stream, "insert")
	second := wantOperations(t, stream, "insert")
	id, uuid := x.session.ID().Lookup("id"), first.LSID.Lookup("id")
	if first.FullDocument["_id"] != int32(1) || first.TxnNumber == nil || *first.TxnNumber != *second.TxnNumber ||
		!id.Equal(uuid) || second.FullDocument["_id"] != int32(2) || first.ClusterTime != second.ClusterTime {
		t.Errorf("the transaction: %+v and %+v", first, second)
	}
	if e := wantOperations(t, stream, "update"); e.TxnNumber == nil || !equalDocuments(e.UpdateDetails.Updated, bson.D{{Key: "n", Value: int32(1)}}) {
		t.Errorf("the update in the transaction: %+v", e)
	}
	if e := wantOperations(t, stream, "insert"); e.FullDocument["_id"] != int32(4) || e.TxnNumber != nil || e.LSID != nil {
		t.Errorf("behind the transactions: %+v", e)
	}
	// A stream can be resumed within a transaction.
	s, err = db.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(first.ID))
	if e := wantOperations(t, watch(t, s, err), "insert"); e.FullDocument["_id"] != int32(2) {
		t.Errorf("resumed within the transaction: %+v", e)
	}
}

// A getMore waits for the next event, as long as the client asks it to.
func TestChangeStreamWaits(t *testing.T) {
	client := oneMember(t)
	c := client.Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetMaxAwaitTime(5*time.Second))
	stream := watch(t, s, err)
	got := make(chan bool, 1) // the goroutine sends once
	go func() { got <- stream.Next(soon(t)) }()
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{}))
	if !<-got {
		t.Errorf("no event: %v", stream.Err())
	}
}

// What a full capped collection gives up is no event: MongoDB's oplog does not have it.
func TestChangeStreamOfACappedCollection(t *testing.T) {
	db := oneMember(t).Database("db")
	check(t, db.CreateCollection(soon(t), "capped", options.CreateCollection().SetCapped(true).SetSizeInBytes(4096).SetMaxDocuments(1)))
	c := db.Collection("capped")
	s, err := c.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	for id := range 3 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: id}}))
	}
	check(t, c.Drop(soon(t)))
	wantOperations(t, stream, "insert", "insert", "insert", "drop", "invalidate")
}

package monorailtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func wantServerCode(t *testing.T, err error, code int) {
	t.Helper()
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(code) {
		t.Errorf("got %v, want code %d", err, code)
	}
}

func TestChangeStreamResumes(t *testing.T) {
	db := oneMember(t).Database("db")
	c := db.Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{})
	first := watch(t, s, err)
	var before changeEvent
	for id := range 4 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: id}}))
		if id == 0 {
			before = nextEvent(t, first)
		}
	}
	high := first.ResumeToken()
	for name, o := range map[string]*options.ChangeStreamOptionsBuilder{
		"resumeAfter":          options.ChangeStream().SetResumeAfter(before.ID),
		"startAfter":           options.ChangeStream().SetStartAfter(before.ID),
		"the token of a batch": options.ChangeStream().SetResumeAfter(high),
		"a batch of none":      options.ChangeStream().SetResumeAfter(before.ID).SetBatchSize(0),
	} {
		s, err := c.Watch(soon(t), mongo.Pipeline{}, o)
		stream := watch(t, s, err)
		for want := int32(1); want < 4; want++ {
			if e := nextEvent(t, stream); e.FullDocument["_id"] != want {
				t.Errorf("%s: %+v, want %d", name, e, want)
			}
		}
	}
	// A time includes what has happened at it.
	s, err = c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetStartAtOperationTime(&before.ClusterTime))
	if e := nextEvent(t, watch(t, s, err)); e.FullDocument["_id"] != int32(0) {
		t.Errorf("startAtOperationTime: %+v", e)
	}
	// Stages can hide an event, and the stream goes on behind it all the same.
	s, err = c.Watch(soon(t), mongo.Pipeline{{{Key: "$match", Value: bson.D{{Key: "fullDocument._id", Value: 3}}}}}, options.ChangeStream().SetResumeAfter(before.ID))
	if e := nextEvent(t, watch(t, s, err)); e.FullDocument["_id"] != int32(3) {
		t.Errorf("behind a $match: %+v", e)
	}
	// A token is one of what the stream tells of.
	s, err = db.Collection("other").Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(before.ID))
	if err == nil {
		must[*mongo.InsertOneResult](t)(db.Collection("other").InsertOne(soon(t), bson.D{}))
		if watch(t, s, nil).Next(soon(t)) {
			t.Errorf("another stream is resumed: %s", s.Current)
		}
		err = s.Err()
	}
	wantServerCode(t, err, 280)
}

func TestChangeStreamStartsAfterAnInvalidate(t *testing.T) {
	c := oneMember(t).Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{})
	stream := watch(t, s, err)
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	check(t, c.Drop(soon(t)))
	end := wantOperations(t, stream, "insert", "drop", "invalidate")
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 2}}))
	_, err = c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetResumeAfter(end.ID))
	wantServerCode(t, err, 260)
	s, err = c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetStartAfter(end.ID))
	if e := wantOperations(t, watch(t, s, err), "insert"); e.FullDocument["_id"] != int32(2) {
		t.Errorf("behind the invalidate: %+v", e)
	}
}

// The driver resumes a stream whose connection, or cursor, or server is gone.
func TestChangeStreamIsResumedByTheDriver(t *testing.T) {
	rs := newSet(t, 3)
	c := connectSet(t, rs, options.Client().SetHeartbeatInterval(500*time.Millisecond)).Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{}, options.ChangeStream().SetMaxAwaitTime(50*time.Millisecond))
	stream := watch(t, s, err)
	id := int32(0)
	for name, disturb := range map[string]func(){
		"nothing":           func() {},
		"the connection":    func() { rs.Member(rs.Primary()).CloseConnections() },
		"the cursor":        func() { check(t, killCursor(t, c, stream.ID())) },
		"another primary":   func() { check(t, rs.Elect(soon(t), (rs.Primary()+1)%3)) },
		"the primary again": func() { check(t, rs.StepDown(soon(t), StepDownOptions{})) },
	} {
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: id}}))
		if e := nextEvent(t, stream); e.FullDocument["_id"] != id {
			t.Fatalf("before %s: %+v, want %d", name, e, id)
		}
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: id + 1}}))
		disturb()
		if e := nextEvent(t, stream); e.FullDocument["_id"] != id+1 {
			t.Fatalf("behind %s: %+v, want %d", name, e, id+1)
		}
		id += 2
	}
}

func killCursor(t *testing.T, c *mongo.Collection, id int64) error {
	t.Helper()
	return c.Database().RunCommand(soon(t), bson.D{{Key: "killCursors", Value: c.Name()}, {Key: "cursors", Value: bson.A{id}}}).Err()
}

func TestChangeStreamIsRefused(t *testing.T) {
	set, standalone := oneMember(t), driverDatabase(t)
	stage := func(d bson.D) bson.D { return bson.D{{Key: "$changeStream", Value: d}} }
	token := func(text any) bson.D { return bson.D{{Key: "_data", Value: text}} }
	open := func(db *mongo.Database, collection any, stages ...bson.D) error {
		return db.RunCommand(soon(t), bson.D{{Key: "aggregate", Value: collection}, {Key: "pipeline", Value: stages}, {Key: "cursor", Value: bson.D{}}}).Err()
	}
	db := set.Database("db")
	valid := must[*mongo.ChangeStream](t)(db.Watch(soon(t), mongo.Pipeline{}))
	defer func() { check(t, valid.Close(context.Background())) }()
	resume := valid.ResumeToken()
	for name, test := range map[string]struct {
		code int
		err  error
	}{
		"a standalone":                {40573, open(standalone, "c", stage(bson.D{}))},
		"a standalone's database":     {40573, open(standalone, 1, stage(bson.D{}))},
		"not the first":               {40602, open(db, "c", bson.D{{Key: "$match", Value: bson.D{}}}, stage(bson.D{}))},
		"$sort":                       {20, open(db, "c", stage(bson.D{}), bson.D{{Key: "$sort", Value: bson.D{{Key: "_id", Value: 1}}}})},
		"$group":                      {20, open(db, "c", stage(bson.D{}), bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: 1}}}})},
		"options before the server":   {40415, open(standalone, "c", stage(bson.D{{Key: "no", Value: 1}}))},
		"the server before places":    {40573, open(standalone, "c", bson.D{{Key: "$match", Value: bson.D{}}}, stage(bson.D{}))},
		"names before the server":     {40324, open(standalone, "c", stage(bson.D{}), bson.D{{Key: "$no", Value: 1}})},
		"no stage":                    {40324, open(db, "c", stage(bson.D{}), bson.D{{Key: "$no", Value: 1}})},
		"no document":                 {50808, open(db, "c", bson.D{{Key: "$changeStream", Value: 1}})},
		"an unknown option":           {40415, open(db, "c", stage(bson.D{{Key: "no", Value: 1}}))},
		"fullDocument":                {40575, open(db, "c", stage(bson.D{{Key: "fullDocument", Value: "no"}}))},
		"no token":                    {40647, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: bson.D{}}}))},
		"a token of another type":     {40647, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: token(1)}}))},
		"a token of no digits":        {9, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: token("no")}}))},
		"an empty token":              {40649, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: token("")}}))},
		"a token of another kind":     {50811, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: token("00")}}))},
		"a token that is no document": {14, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: 1}}))},
		"a time that is none":         {14, open(db, "c", stage(bson.D{{Key: "startAtOperationTime", Value: 1}}))},
		"two tokens":                  {50865, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: resume}, {Key: "startAfter", Value: resume}}))},
		"a token and a time":          {40674, open(db, "c", stage(bson.D{{Key: "resumeAfter", Value: resume}, {Key: "startAtOperationTime", Value: bson.Timestamp{T: 1}}}))},
		"the deployment, elsewhere":   {72, open(db, 1, stage(bson.D{{Key: "allChangesForCluster", Value: true}}))},
		"the database admin":          {73, open(set.Database("admin"), 1, stage(bson.D{}))},
		"a system collection":         {73, open(db, "system.users", stage(bson.D{}))},
		"another read concern": {72, db.RunCommand(soon(t), bson.D{{Key: "aggregate", Value: "c"}, {Key: "pipeline", Value: bson.A{stage(bson.D{})}},
			{Key: "cursor", Value: bson.D{}}, {Key: "readConcern", Value: bson.D{{Key: "level", Value: "local"}}}}).Err()},
	} {
		t.Run(name, func(t *testing.T) { wantServerCode(t, test.err, test.code) })
	}
	check(t, db.CreateView(soon(t), "view", "c", mongo.Pipeline{}))
	wantServerCode(t, open(db, "view", stage(bson.D{})), 167)
	x := beginTransaction(t, set)
	_, err := db.Watch(x.ctx, mongo.Pipeline{})
	wantServerCode(t, err, 263)
}

func TestChangeStreamStages(t *testing.T) {
	c := oneMember(t).Database("db").Collection("c")
	s, err := c.Watch(soon(t), mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "operationType", Value: "insert"}}}},
		{{Key: "$addFields", Value: bson.D{{Key: "twice", Value: bson.D{{Key: "$multiply", Value: bson.A{2, "$fullDocument._id"}}}}}}},
		{{Key: "$project", Value: bson.D{{Key: "twice", Value: 1}}}},
	})
	stream := watch(t, s, err)
	s, err = c.Watch(soon(t), mongo.Pipeline{{{Key: "$project", Value: bson.D{{Key: "_id", Value: 0}}}}})
	without := watch(t, s, err)
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	must[*mongo.DeleteResult](t)(c.DeleteOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 2}}))
	for want := range int32(2) {
		if !stream.Next(soon(t)) || stream.Current.Lookup("twice").AsInt64() != 2*int64(want+1) {
			t.Errorf("event %d: %s, %v", want, stream.Current, stream.Err())
		}
	}
	if without.Next(soon(t)) {
		t.Errorf("an event without _id: %s", without.Current)
	}
	wantServerCode(t, without.Err(), 280)
	wantLabel(t, without.Err(), "NonResumableChangeStreamError")
}

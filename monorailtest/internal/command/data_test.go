package command

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// session runs commands, one after the other, as one connection does.
type session struct {
	t     testing.TB
	state *State
	conn  *Conn
}

func newSession(t testing.TB, s *State) *session { return &session{t, s, NewConn(1, "127.0.0.1:1")} }

func newTestState(t testing.TB) *State {
	s := NewState("127.0.0.1:0")
	t.Cleanup(s.Close)
	return s
}

// run runs a command given in Extended JSON and returns the reply.
func (c *session) run(command string, args ...any) bson.D {
	c.t.Helper()
	d := bson.D{}
	if err := bson.UnmarshalExtJSON(fmt.Appendf(nil, command, args...), false, &d); err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	database := "db"
	if d[0].Key == "listDatabases" || d[0].Key == "renameCollection" || d[0].Key == "setParameter" {
		database = "admin"
	}
	return c.send(database, d)
}

// runOn is run on a database.
func (c *session) runOn(database, command string) bson.D {
	c.t.Helper()
	d := bson.D{}
	if err := bson.UnmarshalExtJSON([]byte(command), false, &d); err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	return c.send(database, d)
}

// send runs a command on a database.
func (c *session) send(database string, d bson.D) bson.D {
	body := bsonvalue.Encode(append(d, bson.E{Key: "$db", Value: database}))
	return c.state.Run(context.Background(), &Request{Name: d[0].Key, Database: database, Body: body, Conn: c.conn}).Reply
}

// lookup goes down a reply by names and indexes; nil where there is nothing.
func lookup(v any, path ...any) any {
	for _, p := range path {
		switch x := v.(type) {
		case bson.D:
			v = nil
			for _, e := range x {
				if e.Key == p {
					v = e.Value
				}
			}
		case bson.A:
			i := p.(int)
			if i >= len(x) {
				return nil
			}
			v = x[i]
		case bson.Raw:
			d, err := bsonvalue.Decode(x)
			if err != nil {
				return err
			}
			v = lookup(d, p)
		default:
			return nil
		}
	}
	return v
}

func (c *session) expect(reply bson.D, want any, path ...any) {
	c.t.Helper()
	got := lookup(reply, path...)
	if a, ok := got.(bson.A); ok && want != nil {
		if _, isInt := want.(int); isInt {
			got = len(a)
		}
	}
	if n, ok := got.(int); ok {
		got = int32(n)
	}
	if n, ok := want.(int); ok {
		want = int32(n)
	}
	if got == nil || want == nil {
		if got != want {
			c.t.Errorf("%v is %v, want %v in %v", path, got, want, reply)
		}
		return
	}
	if !bsonvalue.Equal(got, want) {
		c.t.Errorf("%v is %v, want %v in %v", path, got, want, reply)
	}
}

func TestInsertOrderedAndUnordered(t *testing.T) {
	c := newSession(t, newTestState(t))
	r := c.run(`{"insert":"c","documents":[{"_id":1},{"_id":1},{"_id":2}]}`)
	c.expect(r, 1, "n")
	c.expect(r, 1, "writeErrors", 0, "index")
	c.expect(r, 11000, "writeErrors", 0, "code")
	c.expect(r, 1, "writeErrors", 0, "keyPattern", "_id")
	r = c.run(`{"insert":"c","ordered":false,"documents":[{"_id":1},{"_id":2},{"_id":1},{"_id":3}]}`)
	c.expect(r, 2, "n")
	c.expect(r, 2, "writeErrors")
	c.expect(c.run(`{"insert":"c","documents":[]}`), 16, "code")
	c.expect(c.run(`{"insert":"c","documents":[{"a":1}],"x":1}`), 40415, "code")
	c.expect(c.run(`{"insert":"c","documents":[{"_id":[1]}]}`), 2, "writeErrors", 0, "code")
}

func TestUpdateCountsAndUpserts(t *testing.T) {
	c := newSession(t, newTestState(t))
	r := c.run(`{"update":"c","updates":[{"q":{"k":1},"u":{"$inc":{"n":1}},"upsert":true},{"q":{"k":1},"u":{"$inc":{"n":1}},"upsert":true},{"q":{"k":1},"u":{"$set":{"n":2}}},{"q":{"_id":7},"u":{"$set":{"x":1}},"upsert":true}]}`)
	c.expect(r, 4, "n")
	c.expect(r, 1, "nModified")
	c.expect(r, 3, "upserted", 1, "index")
	c.expect(r, 7, "upserted", 1, "_id")
	r = c.run(`{"update":"c","ordered":false,"updates":[{"q":{},"u":{"$foo":{"a":1}}},{"q":{},"u":{"$set":{"y":1}},"multi":true},{"q":{},"u":{"_id":9}}]}`)
	c.expect(r, 2, "n")
	c.expect(r, 9, "writeErrors", 0, "code")
	c.expect(r, 66, "writeErrors", 1, "code")
	// One statement that cannot be parsed voids the whole command.
	c.expect(c.run(`{"update":"c","ordered":false,"updates":[{"q":{},"u":{"$set":{"y":2}},"multi":true},{"q":{}}]}`), 40414, "code")
	c.expect(c.run(`{"count":"c","query":{"y":2}}`), 0, "n")
}

// A document may nest as deep as a stored one may.
func TestInsertDepth(t *testing.T) {
	c := newSession(t, newTestState(t))
	nested := func(levels int) string {
		return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels)
	}
	c.expect(c.run(`{"insert":"c","documents":[%s]}`, nested(180)), 1, "n")
	c.expect(c.run(`{"insert":"c","documents":[%s]}`, nested(181)), 15, "writeErrors", 0, "code")
	c.expect(c.run(`{"insert":"c","documents":[{"a":%s]}`, strings.Repeat("[", 179)+strings.Repeat("]", 179)+"}"), 1, "n")
	c.expect(c.run(`{"insert":"c","documents":[{"a":%s]}`, strings.Repeat("[", 180)+strings.Repeat("]", 180)+"}"), 15, "writeErrors", 0, "code")
}

// An update by a pipeline is executed like others, but a stage that is not known fails the command at its end.
func TestUpdateByPipeline(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2}]}`)
	r := c.run(`{"update":"c","updates":[{"q":{},"u":[{"$set":{"b":"$a"}}],"multi":true},{"q":{"_id":1},"u":[{"$set":{"b":1}}]}]}`)
	c.expect(r, 3, "n")
	c.expect(r, 2, "nModified")
	c.expect(c.run(`{"count":"c","query":{"$expr":{"$eq":["$a","$b"]}}}`), 2, "n")
	c.expect(c.run(`{"update":"c","updates":[{"q":{},"u":[{"$limit":1}]}]}`), 72, "writeErrors", 0, "code")
	c.expect(c.run(`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1}},"c":{"v":1}}]}`), 51198, "writeErrors", 0, "code")
	c.expect(c.run(`{"update":"c","updates":[{"q":{},"u":[1]}]}`), 14, "code")
	r = c.run(`{"update":"c","updates":[{"q":{"_id":1},"u":{"$set":{"x":1}}},{"q":{},"u":[{"$foo":1}]},{"q":{"_id":2},"u":{"$set":{"x":1}}}]}`)
	c.expect(r, 40324, "code")
	c.expect(c.run(`{"count":"c","query":{"x":1}}`), 1, "n")
	r = c.run(`{"update":"c","ordered":false,"updates":[{"q":{},"u":[{}]},{"q":{"_id":2},"u":{"$set":{"x":1}}}]}`)
	c.expect(r, 40324, "code")
	c.expect(c.run(`{"count":"c","query":{"x":1}}`), 2, "n")
	c.expect(c.run(`{"findAndModify":"c","query":{"_id":1},"update":[{"$replaceWith":{"y":"$a"}}],"new":true}`), 1, "value", "y")
}

// The collation of a statement is that of its filter and of its operators.
func TestWritesUnderCollation(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":"x","l":["A","b"]},{"_id":2,"a":"X"}]}`)
	const insensitive = `"collation":{"locale":"en","strength":2}`
	c.expect(c.run(`{"update":"c","updates":[{"q":{"a":"X"},"u":{"$set":{"m":1}},"multi":true,`+insensitive+`}]}`), 2, "n")
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":1},"u":{"$addToSet":{"l":"a"}},`+insensitive+`}]}`), 0, "nModified")
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":1},"u":{"$pull":{"l":"B"}},`+insensitive+`}]}`), 1, "nModified")
	c.expect(c.run(`{"findAndModify":"c","query":{"a":"X","_id":1},"remove":true,`+insensitive+`}`), 1, "value", "_id")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{"a":"x"},"limit":0,`+insensitive+`}]}`), 1, "n")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{},"limit":0,"collation":{"locale":"zz"}}]}`), 2, "writeErrors", 0, "code")
}

func TestDeleteOneAndAll(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":1},{"_id":3,"a":1}]}`)
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{"a":1},"limit":1}]}`), 1, "n")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{},"limit":0}]}`), 2, "n")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{},"limit":7}]}`), 9, "code")
}

func TestFindSortsSkipsLimitsAndProjects(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":3,"b":{"x":1,"y":2}},{"_id":2,"a":1},{"_id":3,"a":[0,9]},{"_id":4}]}`)
	r := c.run(`{"find":"c","sort":{"a":1},"skip":1,"limit":2}`)
	c.expect(r, 2, "cursor", "firstBatch")
	c.expect(r, 3, "cursor", "firstBatch", 0, "_id")
	c.expect(r, 2, "cursor", "firstBatch", 1, "_id")
	r = c.run(`{"find":"c","sort":{"a":-1},"limit":1,"projection":{"_id":0,"a":1}}`)
	c.expect(r, nil, "cursor", "firstBatch", 0, "_id")
	c.expect(r, 9, "cursor", "firstBatch", 0, "a", 1)
	r = c.run(`{"find":"c","filter":{"_id":1},"projection":{"b.x":0}}`)
	c.expect(r, 2, "cursor", "firstBatch", 0, "b", "y")
	c.expect(r, nil, "cursor", "firstBatch", 0, "b", "x")
	c.expect(c.run(`{"find":"c","collation":{"locale":"zz"}}`), 2, "code")
	c.expect(c.run(`{"find":"c","let":{}}`), 9, "code")
	c.expect(c.run(`{"find":"c","projection":{"a":1,"b":0}}`), 31254, "code")
}

func TestCursorReadsWhatIsThereWhenItReads(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1},{"_id":2},{"_id":3},{"_id":4}]}`)
	r := c.run(`{"find":"c","batchSize":2}`)
	c.run(`{"delete":"c","deletes":[{"q":{"_id":3},"limit":1}]}`)
	c.run(`{"insert":"c","documents":[{"_id":5}]}`)
	r = c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, lookup(r, "cursor", "id"))
	c.expect(r, 2, "cursor", "nextBatch")
	c.expect(r, 4, "cursor", "nextBatch", 0, "_id")
	c.expect(r, 5, "cursor", "nextBatch", 1, "_id")
	c.expect(r, 0, "cursor", "id")
	r = c.run(`{"find":"c","batchSize":1}`)
	c.run(`{"drop":"c"}`)
	c.expect(c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, lookup(r, "cursor", "id")), 175, "code")
}

func TestFindAndModify(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"n":5},{"_id":2,"n":7}]}`)
	r := c.run(`{"findAndModify":"c","sort":{"n":-1},"update":{"$inc":{"n":1}},"new":true,"fields":{"n":1}}`)
	c.expect(r, 8, "value", "n")
	c.expect(r, true, "lastErrorObject", "updatedExisting")
	c.expect(c.run(`{"findAndModify":"c","query":{"_id":1},"remove":true}`), 5, "value", "n")
	r = c.run(`{"findAndModify":"c","query":{"_id":9},"update":{"$set":{"n":1}},"upsert":true}`)
	c.expect(r, nil, "value")
	c.expect(r, 9, "lastErrorObject", "upserted")
}

func TestCountDistinctAggregate(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"r":"x","n":1},{"_id":2,"r":"x","n":2},{"_id":3,"r":["y","x"],"n":4}]}`)
	c.expect(c.run(`{"count":"c"}`), 3, "n")
	c.expect(c.run(`{"count":"c","query":{"r":"x"},"skip":1}`), 2, "n")
	c.expect(c.run(`{"distinct":"c","key":"r"}`), 2, "values")
	r := c.run(`{"aggregate":"c","pipeline":[{"$match":{}},{"$group":{"_id":1,"n":{"$sum":1}}}],"cursor":{}}`)
	c.expect(r, 3, "cursor", "firstBatch", 0, "n")
	r = c.run(`{"aggregate":"c","pipeline":[{"$unwind":"$r"},{"$group":{"_id":"$r","t":{"$sum":"$n"},"a":{"$avg":"$n"}}},{"$sort":{"t":-1}},{"$limit":1}],"cursor":{}}`)
	c.expect(r, "x", "cursor", "firstBatch", 0, "_id")
	c.expect(r, 7, "cursor", "firstBatch", 0, "t")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$foo":1}],"cursor":{}}`), 40324, "code")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$geoNear":{}}],"cursor":{}}`), 238, "code")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$set":{"a":{"$foo":1}}}],"cursor":{}}`), 168, "code")
}

func TestIndexesAndCatalog(t *testing.T) {
	c := newSession(t, newTestState(t))
	r := c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1,"b":-1},"name":"ab","unique":true}]}`)
	c.expect(r, 1, "numIndexesBefore")
	c.expect(r, true, "createdCollectionAutomatically")
	c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1,"b":-1},"name":"ab","unique":true}]}`), "all indexes already exist", "note")
	c.run(`{"insert":"c","documents":[{"a":1,"b":1}]}`)
	c.expect(c.run(`{"insert":"c","documents":[{"a":1,"b":1}]}`), 11000, "writeErrors", 0, "code")
	c.expect(c.run(`{"listIndexes":"c"}`), 2, "cursor", "firstBatch")
	c.expect(c.run(`{"listCollections":1}`), "c", "cursor", "firstBatch", 0, "name")
	c.expect(c.run(`{"listDatabases":1,"nameOnly":true}`), "db", "databases", 0, "name")
	c.expect(c.run(`{"dropIndexes":"c","index":"ab"}`), 2, "nIndexesWas")
	c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{"a":"foo"},"name":"t"}]}`), 67, "code")
	c.expect(c.run(`{"renameCollection":"db.c","to":"db.d"}`), 1.0, "ok")
	c.expect(c.run(`{"create":"d"}`), 48, "code")
	c.expect(c.run(`{"collStats":"d"}`), 1, "count")
	c.expect(c.run(`{"dbStats":1}`), 1, "objects")
	c.expect(c.run(`{"dropDatabase":1}`), "db", "dropped")
	c.expect(c.run(`{"drop":"d"}`), 26, "code")
}

// TestConcurrentUpsertsLoseNothing counts on one document from 64 connections at once, the
// document made by whoever comes first.
func TestConcurrentUpsertsLoseNothing(t *testing.T) {
	const connections, rounds = 64, 1000
	s := newTestState(t)
	newSession(t, s).run(`{"createIndexes":"c","indexes":[{"key":{"k":1},"name":"k","unique":true}]}`)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			c := newSession(t, s)
			body := bsonvalue.Encode(bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{
				{Key: "q", Value: bson.D{{Key: "k", Value: "x"}}}, {Key: "u", Value: bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int32(1)}}}}},
				{Key: "upsert", Value: true}}}}, {Key: "$db", Value: "db"}})
			for range rounds {
				r := s.Run(context.Background(), &Request{Name: "update", Database: "db", Body: body, Conn: c.conn}).Reply
				if lookup(r, "n") != int32(1) {
					t.Errorf("reply %v", r)
					return
				}
			}
		})
	}
	wg.Wait()
	r := newSession(t, s).run(`{"find":"c"}`)
	c := newSession(t, s)
	c.expect(r, 1, "cursor", "firstBatch")
	c.expect(r, connections*rounds, "cursor", "firstBatch", 0, "n")
}

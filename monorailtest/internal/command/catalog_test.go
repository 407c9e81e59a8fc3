package command

import (
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// ids returns the _ids of the first batch of a reply.
func ids(reply bson.D) []any {
	out := []any{}
	for _, raw := range firstBatch(reply) {
		var d bson.D
		if bson.Unmarshal(raw, &d) == nil {
			out = append(out, store.Field(d, "_id"))
		}
	}
	return out
}

func (c *session) expectIDs(command string, want ...any) {
	c.t.Helper()
	reply := c.run("%s", command)
	got := ids(reply)
	same := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		n, isInt := want[i].(int)
		same = same && (isInt && got[i] == int32(n) || got[i] == want[i])
	}
	if !same {
		c.t.Errorf("%s: _ids %v, want %v in %v", command, got, want, reply)
	}
}

func TestCreateErrors(t *testing.T) {
	c := newSession(t, newTestState(t))
	for command, want := range map[string]int{
		`{"create":"c","size":100}`:                                                            72,
		`{"create":"c","capped":true}`:                                                         72,
		`{"create":"c","capped":true,"size":-1}`:                                               2,
		`{"create":"c","capped":true,"size":"x"}`:                                              14,
		`{"create":"c","collation":{"locale":"zz"}}`:                                           2,
		`{"create":"c","collation":{}}`:                                                        2,
		`{"create":"c","validator":1}`:                                                         14,
		`{"create":"c","validator":{"$foo":1}}`:                                                2,
		`{"create":"c","validator":{"$where":"1"}}`:                                            2,
		`{"create":"c","validationLevel":"x"}`:                                                 2,
		`{"create":"c","validationAction":"x"}`:                                                2,
		`{"create":"c","foo":1}`:                                                               40415,
		`{"create":"system.foo"}`:                                                              73,
		`{"create":"c","idIndex":{"key":{"a":1},"name":"a"}}`:                                  2,
		`{"create":"c","idIndex":{"key":{"_id":1},"name":"_id_","collation":{"locale":"fr"}}}`: 2,
		`{"create":"c","idIndex":{"key":{"_id":1},"name":"_id_"},"autoIndexId":true}`:          72,
		`{"create":"c","storageEngine":{"foo":{}}}`:                                            72,
		`{"create":"c","storageEngine":{"wiredTiger":1}}`:                                      2,
		`{"create":"c","capped":true,"size":1,"max":4294967296}`:                               2,
		`{"reIndex":"none"}`:                                                                   26,
		`{"compact":"none"}`:                                                                   26,
		`{"create":"v","viewOn":"","pipeline":[]}`:                                             2,
		`{"create":"v","pipeline":[]}`:                                                         2,
		`{"create":"v","viewOn":"c","pipeline":[{"$foo":1}]}`:                                  40324,
		`{"create":"v","viewOn":"c","pipeline":[{"$out":"x"}]}`:                                167,
		`{"create":"v","viewOn":"v","pipeline":[]}`:                                            5,
		`{"create":"v","viewOn":"c","capped":true,"size":1}`:                                   72,
		`{"convertToCapped":"none","size":100}`:                                                26,
		`{"emptycapped":"none"}`:                                                               26,
		`{"collMod":"none"}`:                                                                   26,
	} {
		c.expect(c.run("%s", command), want, "code")
	}
	c.expect(c.run(`{"listCollections":1}`), nil, "cursor", "firstBatch", 0, "name")
}

func TestCappedCollections(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"create":"c","capped":true,"size":1000,"max":3}`)
	c.expect(c.run(`{"listCollections":1}`), 1024, "cursor", "firstBatch", 0, "options", "size")
	c.run(`{"insert":"c","documents":[{"_id":1},{"_id":2},{"_id":3},{"_id":4}]}`)
	c.expectIDs(`{"find":"c"}`, 2, 3, 4)
	c.expectIDs(`{"find":"c","sort":{"$natural":-1}}`, 4, 3, 2)
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":2},"u":{"$set":{"a":1}}}]}`), 10003, "writeErrors", 0, "code")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{},"limit":0}]}`), 20, "writeErrors", 0, "code")
	c.expect(c.run(`{"insert":"c","documents":[{"_id":5,"s":"%01100d"}]}`, 0), 2, "writeErrors", 0, "code")
	c.run(`{"insert":"c","documents":[{"_id":6,"s":"%0500d"},{"_id":7,"s":"%0500d"}]}`, 0, 0)
	c.expectIDs(`{"find":"c"}`, 7)
	c.expect(c.run(`{"emptycapped":"c"}`), 1.0, "ok")
	c.expectIDs(`{"find":"c"}`)

	c.run(`{"insert":"d","documents":[{"_id":1,"s":"%0200d"},{"_id":2,"s":"%0200d"}]}`, 0, 0)
	c.run(`{"createIndexes":"d","indexes":[{"key":{"s":1},"name":"s"}]}`)
	c.expect(c.run(`{"convertToCapped":"d","size":256}`), 1.0, "ok")
	c.expectIDs(`{"find":"d"}`, 2)
	c.expect(c.run(`{"drop":"d"}`), 1, "nIndexesWas")

	c.run(`{"insert":"e","documents":[{"_id":1,"s":"%0200d"},{"_id":2,"s":"%0200d"}]}`, 0, 0)
	c.expect(c.run(`{"cloneCollectionAsCapped":"e","toCollection":"f","size":256}`), 1.0, "ok")
	c.expectIDs(`{"find":"f"}`, 2)
	c.expectIDs(`{"find":"e"}`, 1, 2)
	c.expect(c.run(`{"cloneCollectionAsCapped":"e","toCollection":"f","size":256}`), 48, "code")
	c.expect(c.run(`{"cloneCollectionAsCapped":"none","toCollection":"g","size":256}`), 26, "code")
	c.expect(c.run(`{"reIndex":"e"}`), "_id_", "indexes", 0, "name")
	c.expect(c.run(`{"compact":"e"}`), 0, "bytesFreed")
}

func TestTailableCursors(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"plain","documents":[{"_id":1}]}`)
	c.expect(c.run(`{"find":"plain","tailable":true}`), 2, "code")
	c.expect(c.run(`{"find":"plain","awaitData":true}`), 9, "code")
	c.run(`{"create":"c","capped":true,"size":100000,"max":3}`)
	c.expect(c.run(`{"find":"c","tailable":true}`), 0, "cursor", "id")
	c.run(`{"insert":"c","documents":[{"_id":1}]}`)
	c.expect(c.run(`{"find":"c","tailable":true,"sort":{"_id":1}}`), 2, "code")
	c.expect(c.run(`{"find":"c","tailable":true,"singleBatch":true}`), 2, "code")
	r := c.run(`{"find":"c","tailable":true}`)
	id := lookup(r, "cursor", "id").(int64)
	c.expect(c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, id), id, "cursor", "id")
	c.run(`{"insert":"c","documents":[{"_id":2}]}`)
	r = c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, id)
	if batch := lookup(r, "cursor", "nextBatch").(bson.A); len(batch) != 1 {
		t.Errorf("what has come is not there: %v", r)
	}
	c.run(`{"insert":"c","documents":[{"_id":3},{"_id":4},{"_id":5},{"_id":6}]}`)
	c.expect(c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, id), codeCappedPositionLost, "code")
}

// A getMore of a cursor that awaits data comes back with the insert, not with the end of its time.
func TestAwaitData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestState(t)
		c := newSession(t, s)
		c.run(`{"create":"c","capped":true,"size":100000}`)
		c.run(`{"insert":"c","documents":[{"_id":1}]}`)
		id := lookup(c.run(`{"find":"c","tailable":true,"awaitData":true}`), "cursor", "id").(int64)
		began := time.Now()
		c.expect(c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c","maxTimeMS":1000}`, id), id, "cursor", "id")
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it waited %v, not what it was told to", waited)
		}
		replies := make(chan bson.D)
		go func() {
			replies <- newSession(t, s).run(`{"getMore":{"$numberLong":"%d"},"collection":"c","maxTimeMS":600000}`, id)
		}()
		synctest.Wait()
		c.run(`{"insert":"c","documents":[{"_id":2}]}`)
		if r := <-replies; len(lookup(r, "cursor", "nextBatch").(bson.A)) != 1 {
			t.Errorf("%v", r)
		}
	})
}

func TestValidation(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":"bad"},{"_id":2,"a":1}]}`)
	c.run(`{"collMod":"c","validator":{"a":{"$type":"int"}}}`)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":3,"a":"x"}]}`), 121, "writeErrors", 0, "code")
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":1},"u":{"$set":{"b":1}}}]}`), 121, "writeErrors", 0, "code")
	c.expect(c.run(`{"listCollections":1}`), "strict", "cursor", "firstBatch", 0, "options", "validationLevel")
	c.run(`{"collMod":"c","validationLevel":"moderate"}`)
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":1},"u":{"$set":{"b":1}}}]}`), 1, "nModified")
	c.expect(c.run(`{"update":"c","updates":[{"q":{"_id":2},"u":{"$set":{"a":"x"}}}]}`), 121, "writeErrors", 0, "code")
	c.run(`{"collMod":"c","validationAction":"warn"}`)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":4,"a":"x"}]}`), 1, "n")
	c.run(`{"collMod":"c","validationAction":"error","validator":{"$jsonSchema":{"required":["z"]}}}`)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":5,"a":1}]}`), 121, "writeErrors", 0, "code")
	c.run(`{"collMod":"c","validator":{}}`)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":5,"a":1}]}`), 1, "n")
	c.expect(c.run(`{"collMod":"c","foo":1}`), 72, "code")
	c.expect(c.run(`{"collMod":"c","validationLevel":"x"}`), 2, "code")
	c.expect(c.run(`{"collMod":"c","validationLevel":1}`), 13111, "code")
	c.expect(c.run(`{"collMod":"c","validator":1}`), 10065, "code")
	c.expect(c.run(`{"collMod":"c","validator":{"$where":"1"}}`), 2, "code")
	c.run(`{"create":"d","validator":{"a":1}}`)
	c.expect(c.run(`{"listCollections":1,"filter":{"name":"d"}}`), nil, "cursor", "firstBatch", 0, "options", "validationLevel")
}

func TestViews(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2},{"_id":3,"a":2}]}`)
	c.expect(c.run(`{"create":"v","viewOn":"c","pipeline":[{"$match":{"a":2}}]}`), 1.0, "ok")
	c.expect(c.run(`{"create":"w","viewOn":"v","pipeline":[{"$skip":1}]}`), 1.0, "ok")
	c.expectIDs(`{"find":"v"}`, 2, 3)
	c.expectIDs(`{"find":"w"}`, 3)
	c.expectIDs(`{"find":"v","filter":{"_id":{"$gt":2}}}`, 3)
	c.expectIDs(`{"find":"v","sort":{"_id":-1},"limit":1}`, 3)
	c.expectIDs(`{"find":"v","skip":1}`, 3)
	c.expectIDs(`{"aggregate":"v","pipeline":[{"$skip":1}],"cursor":{}}`, 3)
	c.expect(c.run(`{"find":"v"}`), "db.v", "cursor", "ns")
	c.expect(c.run(`{"count":"v"}`), 2, "n")
	c.expect(c.run(`{"count":"v","query":{"_id":7}}`), 0, "n")
	c.expect(c.run(`{"distinct":"v","key":"a"}`), 2, "values", 0)
	c.expect(c.run(`{"find":"v","returnKey":true}`), 168, "code")
	c.expect(c.run(`{"create":"v"}`), 48, "code")
	c.expect(c.run(`{"create":"v","viewOn":"c"}`), 48, "code")
	c.expect(c.run(`{"create":"c","viewOn":"d"}`), 48, "code")
	for _, command := range []string{
		`{"insert":"v","documents":[{}]}`, `{"update":"v","updates":[{"q":{},"u":{"$set":{"a":1}}}]}`,
		`{"delete":"v","deletes":[{"q":{},"limit":0}]}`,
	} {
		c.expect(c.run("%s", command), 166, "writeErrors", 0, "code")
	}
	for _, command := range []string{
		`{"findAndModify":"v","remove":true}`, `{"createIndexes":"v","indexes":[{"key":{"a":1},"name":"a"}]}`, `{"listIndexes":"v"}`,
		`{"dropIndexes":"v","index":"*"}`, `{"convertToCapped":"v","size":100}`, `{"renameCollection":"db.v","to":"db.x"}`,
		`{"collStats":"v"}`,
	} {
		c.expect(c.run("%s", command), 166, "code")
	}
	c.expect(c.run(`{"collMod":"c","viewOn":"d","pipeline":[]}`), 72, "code")
	c.expect(c.run(`{"collMod":"v","viewOn":"w","pipeline":[]}`), codeGraphContainsCycle, "code")
	c.expect(c.run(`{"collMod":"v","viewOn":"c","pipeline":[]}`), 1.0, "ok")
	c.expectIDs(`{"find":"v"}`, 1, 2, 3)
	c.expect(c.run(`{"drop":"v"}`), "db.v", "ns")
	c.expectIDs(`{"find":"v"}`)
	c.expect(c.run(`{"listCollections":1,"filter":{"type":"view"}}`), "w", "cursor", "firstBatch", 0, "name")
}

// A collection's collation is that of its commands and indexes; a view has its own.
func TestDefaultCollation(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"create":"c","collation":{"locale":"en","strength":2}}`)
	c.run(`{"insert":"c","documents":[{"_id":"x","s":"B"},{"_id":"y","s":"a"}]}`)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":"X"}]}`), "W\x01\x05", "writeErrors", 0, "keyValue", "_id")
	c.expectIDs(`{"find":"c","filter":{"_id":"X"}}`, "x")
	c.expectIDs(`{"find":"c","filter":{"_id":"X"},"collation":{"locale":"simple"}}`)
	c.expectIDs(`{"find":"c","sort":{"s":1}}`, "y", "x")
	c.expectIDs(`{"find":"c","sort":{"s":1},"collation":{"locale":"simple"}}`, "x", "y")
	c.expect(c.run(`{"count":"c","query":{"s":"A"}}`), 1, "n")
	c.expect(c.run(`{"update":"c","updates":[{"q":{"s":"A"},"u":{"$set":{"n":1}}}]}`), 1, "nModified")
	c.run(`{"createIndexes":"c","indexes":[{"key":{"s":1},"name":"own","unique":true},{"key":{"s":1},"name":"simple","collation":{"locale":"simple"}}]}`)
	c.expect(c.run(`{"listIndexes":"c"}`), 2, "cursor", "firstBatch", 1, "collation", "strength")
	c.expect(c.run(`{"listIndexes":"c"}`), nil, "cursor", "firstBatch", 2, "collation")
	c.expectIDs(`{"find":"c","filter":{"s":{"$gte":"A"}},"hint":"own"}`, "y", "x")
	c.expectIDs(`{"find":"c","filter":{"s":{"$gte":"A"}},"hint":"simple"}`, "x", "y")
	c.expect(c.run(`{"insert":"c","documents":[{"_id":"z","s":"A"}]}`), 11000, "writeErrors", 0, "code")
	c.expect(c.run(`{"delete":"c","deletes":[{"q":{"s":"b"},"limit":1}]}`), 1, "n")
}

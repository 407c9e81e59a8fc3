package command

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// $out puts what it gets in the place of a collection, which keeps its indexes; where it fails, the
// collection is as it was, and nothing else is left.
func TestOut(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"k":"x"},{"_id":2,"k":"y"}]}`)
	c.run(`{"createIndexes":"o","indexes":[{"key":{"k":1},"name":"k","unique":true}]}`)
	c.run(`{"insert":"o","documents":[{"_id":9,"k":"old"}]}`)
	r := c.run(`{"aggregate":"c","pipeline":[{"$set":{"k":"same"}},{"$out":"o"}],"cursor":{}}`)
	c.expect(r, 11000, "code")
	c.expect(r, "same", "keyValue", "k")
	c.expect(c.run(`{"find":"o"}`), 9, "cursor", "firstBatch", 0, "_id")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$out":"o"}],"cursor":{}}`), 0, "cursor", "firstBatch")
	c.expect(c.run(`{"find":"o"}`), 2, "cursor", "firstBatch")
	c.expect(c.run(`{"listIndexes":"o"}`), "k", "cursor", "firstBatch", 1, "name")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$out":{"db":"other","coll":"o"}}],"cursor":{}}`), 1.0, "ok")
	c.expect(c.runOn("other", `{"count":"o"}`), 2, "n")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$out":"$x"}],"cursor":{}}`), 20, "code")
	c.expect(c.run(`{"listCollections":1,"nameOnly":true}`), 2, "cursor", "firstBatch")
	c.run(`{"create":"v","viewOn":"c","pipeline":[]}`)
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$out":"v"}],"cursor":{}}`), 166, "code")
	c.run(`{"create":"capped","capped":true,"size":4096}`)
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$out":"capped"}],"cursor":{}}`), 17152, "code")
	// The pipeline runs when the first batch is asked for.
	c.run(`{"aggregate":"c","pipeline":[{"$out":"later"}],"cursor":{"batchSize":0}}`)
	c.expect(c.run(`{"count":"later"}`), 0, "n")
}

func TestMerge(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"k":"x","n":1},{"_id":2,"k":"y","n":2}]}`)
	c.run(`{"insert":"t","documents":[{"_id":1,"k":"x","old":true}]}`)
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$merge":"t"}],"cursor":{}}`), 1.0, "ok")
	r := c.run(`{"find":"t","sort":{"_id":1}}`)
	c.expect(r, true, "cursor", "firstBatch", 0, "old")
	c.expect(r, 1, "cursor", "firstBatch", 0, "n")
	c.expect(r, 2, "cursor", "firstBatch", 1, "n")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$unset":"_id"},{"$merge":{"into":"t","on":"k"}}],"cursor":{}}`), 51183, "code")
	c.run(`{"createIndexes":"t","indexes":[{"key":{"k":1},"name":"k","unique":true}]}`)
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$unset":"_id"},{"$merge":{"into":"t","on":"k","whenMatched":"replace"}}],"cursor":{}}`), 1.0, "ok")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$unset":"_id"},{"$merge":{"into":"t","on":"k"}}],"cursor":{},"collation":{"locale":"en"}}`), 51183, "code")
	c.expect(c.run(`{"find":"t","filter":{"k":"x"}}`), nil, "cursor", "firstBatch", 0, "old")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$set":{"_id":7}},{"$merge":{"into":"t","on":"k"}}],"cursor":{}}`), 66, "code")
	c.run(`{"aggregate":"c","pipeline":[{"$merge":{"into":"t","let":{"by":10},"whenMatched":[{"$set":{"n":{"$add":["$n","$$new.n","$$by"]}}}]}}],"cursor":{}}`)
	c.expect(c.run(`{"find":"t","sort":{"_id":1}}`), 12, "cursor", "firstBatch", 0, "n")
	r = c.run(`{"aggregate":"c","pipeline":[{"$merge":{"into":"t","whenMatched":"fail"}}],"cursor":{}}`)
	c.expect(r, 11000, "code")
	c.expect(r, 1, "keyValue", "_id")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$set":{"_id":{"$add":["$_id",10]}}},{"$merge":"c"}],"cursor":{}}`), 1.0, "ok")
	c.expect(c.run(`{"count":"c"}`), 4, "n")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$merge":{"into":"t","whenMatched":[{"$limit":1}]}}],"cursor":{}}`), 72, "code")
}

func TestAggregateViews(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"k":"x"},{"_id":2,"k":"X"},{"_id":3,"k":"z"}]}`)
	c.run(`{"create":"v","viewOn":"c","pipeline":[{"$match":{"_id":{"$gt":1}}}],"collation":{"locale":"en","strength":2}}`)
	c.expect(c.run(`{"aggregate":"v","pipeline":[{"$match":{"k":"x"}}],"cursor":{}}`), 2, "cursor", "firstBatch", 0, "_id")
	c.expect(c.run(`{"aggregate":"v","pipeline":[],"cursor":{},"collation":{"locale":"fr"}}`), 167, "code")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$unionWith":"v"}],"cursor":{}}`), 167, "code")
	r := c.run(`{"aggregate":"c","pipeline":[{"$unionWith":"v"},{"$group":{"_id":"$k","n":{"$sum":1}}},{"$sort":{"_id":1}}],"cursor":{},"collation":{"locale":"en","strength":2}}`)
	c.expect(r, 3, "cursor", "firstBatch", 0, "n")
	c.expect(r, "db.c", "cursor", "ns")
	c.expect(c.run(`{"aggregate":"v","pipeline":[{"$collStats":{}}],"cursor":{}}`), 40602, "code")
	c.expect(c.run(`{"aggregate":"v","pipeline":[{"$limit":1}],"explain":true}`), "db.c", "queryPlanner", "namespace")
}

// An argument that is wrong is refused as MongoDB 4.4 refuses it.
func TestAggregateArguments(t *testing.T) {
	c := newSession(t, newTestState(t))
	for arguments, want := range map[string]int32{
		`"aggregate":["c"],"pipeline":[],"cursor":{}`: 14, `"aggregate":2,"pipeline":[],"cursor":{}`: 9, `"aggregate":"","pipeline":[],"cursor":{}`: 73,
		`"aggregate":"c","cursor":{}`: 14, `"aggregate":"c","pipeline":{},"cursor":{}`: 14, `"aggregate":"c","pipeline":[1],"cursor":{}`: 14,
		`"aggregate":"c","pipeline":[]`: 9, `"aggregate":"c","pipeline":[],"cursor":1`: 14, `"aggregate":"c","pipeline":[],"cursor":{"batchSize":-1}`: 2,
		`"aggregate":"c","pipeline":[],"cursor":{},"allowDiskUse":1`: 14, `"aggregate":"c","pipeline":[],"cursor":{},"hint":1`: 9,
		`"aggregate":"c","pipeline":[],"cursor":{},"collation":1`: 14, `"aggregate":"c","pipeline":[],"cursor":{},"let":{}`: 9,
		`"aggregate":"c","pipeline":[],"explain":1`: 14, `"aggregate":"c","pipeline":[],"explain":true,"writeConcern":{"w":1}`: 9,
		`"aggregate":"c","pipeline":[{"$foo":1}],"explain":true`: 40324,
	} {
		c.expect(c.runOn("db", `{`+arguments+`}`), want, "code")
	}
}

// A result that no document can hold is an error; documents are computed as batches ask for them, and
// an error ends the cursor.
func TestAggregateResults(t *testing.T) {
	c := newSession(t, newTestState(t))
	for i := range 3 {
		c.send("db", bson.D{{Key: "insert", Value: "big"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: int32(i)}, {Key: "s", Value: strings.Repeat("x", 7<<20)}}}}})
	}
	c.expect(c.run(`{"aggregate":"big","pipeline":[{"$group":{"_id":1,"s":{"$push":"$s"}}}],"cursor":{}}`), 10334, "code")
	c.expect(c.run(`{"aggregate":"big","pipeline":[{"$facet":{"a":[]}}],"cursor":{}}`), 10334, "code")
	c.expect(c.run(`{"aggregate":"big","pipeline":[{"$group":{"_id":1,"s":{"$push":"$s"}}},{"$project":{"n":{"$size":"$s"}}}],"cursor":{}}`), 3, "cursor", "firstBatch", 0, "n")
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":0}]}`)
	r := c.run(`{"aggregate":"c","pipeline":[{"$project":{"r":{"$divide":[1,"$a"]}}}],"cursor":{"batchSize":1}}`)
	id := lookup(r, "cursor", "id")
	more := bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: "c"}}
	c.expect(c.send("db", more), 16608, "code")
	c.expect(c.send("db", more), 43, "code")
}

func TestCountStopsAtLimit(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":1},{"_id":3,"a":0},{"_id":4,"a":1}]}`)
	for arguments, want := range map[string]int32{
		`"query":{"a":1}`: 3, `"query":{"a":1},"limit":2`: 2, `"query":{"a":1},"skip":1,"limit":1`: 1, `"query":{"a":1},"skip":2,"limit":5`: 1,
		`"query":{"a":1},"skip":9`: 0, `"skip":1,"limit":2`: 2, `"skip":3`: 1, `"limit":-3`: 3,
		// The division fails on the third document, which the limit keeps from being looked at.
		`"query":{"$expr":{"$eq":[{"$divide":[1,"$a"]},1]}},"limit":2`: 2,
	} {
		c.expect(c.runOn("db", `{"count":"c",`+arguments+`}`), want, "n")
	}
	c.expect(c.run(`{"count":"c","query":{"$expr":{"$eq":[{"$divide":[1,"$a"]},1]}}}`), 16608, "code")
}

// bypassDocumentValidation lets every command write what the validator refuses: documents without a.
func TestBypassDocumentValidation(t *testing.T) {
	for command, without := range map[string]int{
		`{"insert":"v","documents":[{"_id":2}]%s}`:                                                  1,
		`{"update":"v","updates":[{"q":{"_id":1},"u":{"$unset":{"a":1}}}]%s}`:                       1,
		`{"findAndModify":"v","query":{"_id":1},"update":{"$unset":{"a":1}}%s}`:                     1,
		`{"aggregate":"c","pipeline":[{"$merge":"v"}],"cursor":{}%s}`:                               2,
		`{"aggregate":"c","pipeline":[{"$merge":{"into":"v","whenMatched":"fail"}}],"cursor":{}%s}`: 2,
		`{"aggregate":"c","pipeline":[{"$out":"v"}],"cursor":{}%s}`:                                 2,
	} {
		c := newSession(t, newTestState(t))
		c.run(`{"create":"v","validator":{"a":{"$exists":true}}}`)
		c.run(`{"insert":"v","documents":[{"_id":1,"a":1}]}`)
		c.run(`{"insert":"c","documents":[{"_id":7},{"_id":8}]}`)
		c.run(command, "")
		c.expect(c.run(`{"count":"v","query":{"a":{"$exists":false}}}`), 0, "n")
		c.run(command, `,"bypassDocumentValidation":true`)
		c.expect(c.run(`{"count":"v","query":{"a":{"$exists":false}}}`), without, "n")
	}
}

// The stages that look at the server show what they have.
func TestStatisticsStages(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1},{"_id":2}]}`)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"}]}`)
	r := c.run(`{"aggregate":"c","pipeline":[{"$collStats":{"count":{},"storageStats":{},"latencyStats":{}}}],"cursor":{}}`)
	c.expect(r, "db.c", "cursor", "firstBatch", 0, "ns")
	c.expect(r, 2, "cursor", "firstBatch", 0, "count")
	c.expect(r, 2, "cursor", "firstBatch", 0, "storageStats", "nindexes")
	c.expect(c.run(`{"aggregate":"none","pipeline":[{"$collStats":{"count":{}}}],"cursor":{}}`), 40481, "code")
	r = c.run(`{"aggregate":"c","pipeline":[{"$indexStats":{}},{"$sort":{"name":-1}}],"cursor":{}}`)
	c.expect(r, "a", "cursor", "firstBatch", 0, "name")
	c.expect(r, 1, "cursor", "firstBatch", 0, "key", "a")
	c.expect(c.run(`{"aggregate":"c","pipeline":[{"$planCacheStats":{}}],"cursor":{}}`), 0, "cursor", "firstBatch")
	c.expect(c.run(`{"aggregate":"none","pipeline":[{"$planCacheStats":{}}],"cursor":{}}`), 50933, "code")
	r = c.runOn("admin", `{"aggregate":1,"pipeline":[{"$currentOp":{}}],"cursor":{}}`)
	c.expect(r, 1, "cursor", "firstBatch", 0, "command", "aggregate")
	c.expect(r, "admin.$cmd.aggregate", "cursor", "ns")
	c.expect(c.runOn("config", `{"aggregate":"system.sessions","pipeline":[{"$listSessions":{}}],"cursor":{}}`), 0, "cursor", "firstBatch")
}

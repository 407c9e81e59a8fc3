package update

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// The examples of MongoDB's manual for the operators of updates, and for updates by pipelines.
func TestManual(t *testing.T) {
	for _, c := range []struct {
		name, document, filter, update, want string
		// filters are the array filters, as an array.
		filters string
	}{
		{name: "$inc", document: `{"_id":1,"sku":"abc123","quantity":10,"metrics":{"orders":2,"ratings":3.5}}`,
			update: `{"$inc":{"quantity":-2,"metrics.orders":1}}`,
			want:   `{"_id":1,"sku":"abc123","quantity":8,"metrics":{"orders":3,"ratings":3.5}}`},
		{name: "$min", document: `{"_id":1,"highScore":800,"lowScore":200}`, update: `{"$min":{"lowScore":150}}`,
			want: `{"_id":1,"highScore":800,"lowScore":150}`},
		{name: "$min of a date", document: `{"_id":1,"dateEntered":{"$date":"2013-10-01T05:00:00Z"}}`,
			update: `{"$min":{"dateEntered":{"$date":"2013-09-25T00:00:00Z"}}}`, want: `{"_id":1,"dateEntered":{"$date":"2013-09-25T00:00:00Z"}}`},
		{name: "$max", document: `{"_id":1,"highScore":800,"lowScore":200}`, update: `{"$max":{"highScore":950}}`,
			want: `{"_id":1,"highScore":950,"lowScore":200}`},
		{name: "$max that is less", document: `{"_id":1,"highScore":950}`, update: `{"$max":{"highScore":870}}`, want: `{"_id":1,"highScore":950}`},
		{name: "$mul", document: `{"_id":1,"item":"Hats","price":{"$numberDecimal":"10.99"},"quantity":25}`,
			update: `{"$mul":{"price":{"$numberDecimal":"1.25"},"quantity":2}}`,
			want:   `{"_id":1,"item":"Hats","price":{"$numberDecimal":"13.7375"},"quantity":50}`},
		{name: "$mul of a missing field", document: `{"_id":2,"item":"Unknown"}`, update: `{"$mul":{"price":{"$numberLong":"100"}}}`,
			want: `{"_id":2,"item":"Unknown","price":{"$numberLong":"0"}}`},
		{name: "$mul of mixed types", document: `{"_id":3,"item":"Scarf","price":{"$numberLong":"10"}}`, update: `{"$mul":{"price":5}}`,
			want: `{"_id":3,"item":"Scarf","price":{"$numberLong":"50"}}`},
		{name: "$rename", document: `{"_id":1,"alias":["The American Cincinnatus"],"mobile":"555","nmae":{"first":"george"}}`,
			update: `{"$rename":{"nmae":"name"}}`, want: `{"_id":1,"alias":["The American Cincinnatus"],"mobile":"555","name":{"first":"george"}}`},
		{name: "$rename of an inner field", document: `{"_id":1,"name":{"first":"george","last":"washington"}}`,
			update: `{"$rename":{"name.first":"name.fname"}}`, want: `{"_id":1,"name":{"last":"washington","fname":"george"}}`},
		{name: "$set", document: `{"_id":100,"quantity":250,"details":{"model":"14QQ"},"tags":["apparel"],"ratings":[{"by":"J","rating":4}]}`,
			update: `{"$set":{"quantity":500,"details.make":"zzz","tags.1":"rain gear","ratings.0.rating":2}}`,
			want:   `{"_id":100,"quantity":500,"details":{"model":"14QQ","make":"zzz"},"tags":["apparel","rain gear"],"ratings":[{"by":"J","rating":2}]}`},
		{name: "$unset", document: `{"_id":1,"item":"chisel","quantity":4,"instock":true}`, update: `{"$unset":{"quantity":"","instock":""}}`,
			want: `{"_id":1,"item":"chisel"}`},

		{name: "$", document: `{"_id":1,"grades":[85,80,80]}`, filter: `{"_id":1,"grades":80}`, update: `{"$set":{"grades.$":82}}`,
			want: `{"_id":1,"grades":[85,82,80]}`},
		{name: "$ in documents", document: `{"_id":4,"grades":[{"grade":80,"mean":75},{"grade":85,"mean":90},{"grade":85,"mean":85}]}`,
			filter: `{"_id":4,"grades.grade":85}`, update: `{"$set":{"grades.$.std":6}}`,
			want: `{"_id":4,"grades":[{"grade":80,"mean":75},{"grade":85,"mean":90,"std":6},{"grade":85,"mean":85}]}`},
		{name: "$ by $elemMatch", document: `{"_id":5,"grades":[{"grade":80,"mean":75},{"grade":85,"mean":90},{"grade":90,"mean":85}]}`,
			filter: `{"_id":5,"grades":{"$elemMatch":{"grade":{"$lte":90},"mean":{"$gt":80}}}}`, update: `{"$set":{"grades.$.std":6}}`,
			want: `{"_id":5,"grades":[{"grade":80,"mean":75},{"grade":85,"mean":90,"std":6},{"grade":90,"mean":85}]}`},
		{name: "$[]", document: `{"_id":1,"grades":[85,82,80]}`, update: `{"$inc":{"grades.$[]":10}}`, want: `{"_id":1,"grades":[95,92,90]}`},
		{name: "$[] in documents", document: `{"_id":1,"grades":[{"grade":80,"std":8},{"grade":85,"std":6}]}`,
			update: `{"$inc":{"grades.$[].std":-2}}`, want: `{"_id":1,"grades":[{"grade":80,"std":6},{"grade":85,"std":4}]}`},
		{name: "$[] and a filter", document: `{"_id":1,"grades":[{"type":"quiz","questions":[10,8,5]},{"type":"exam","questions":[25,8]}]}`,
			update: `{"$inc":{"grades.$[].questions.$[score]":2}}`, filters: `[{"score":{"$gte":8}}]`,
			want: `{"_id":1,"grades":[{"type":"quiz","questions":[12,10,5]},{"type":"exam","questions":[27,10]}]}`},
		{name: "two filters", document: `{"_id":1,"grades":[{"type":"quiz","questions":[10,8,5]},{"type":"exam","questions":[25,8]}]}`,
			update: `{"$inc":{"grades.$[t].questions.$[score]":2}}`, filters: `[{"t.type":"quiz"},{"score":{"$gte":8}}]`,
			want: `{"_id":1,"grades":[{"type":"quiz","questions":[12,10,5]},{"type":"exam","questions":[25,8]}]}`},
		{name: "a filter of two conditions", document: `{"_id":2,"grades":[{"grade":90,"mean":75,"std":8},{"grade":87,"mean":90,"std":5}]}`,
			update: `{"$inc":{"grades.$[elem].std":-1}}`, filters: `[{"elem.grade":{"$gte":80},"elem.std":{"$gte":5}}]`,
			want: `{"_id":2,"grades":[{"grade":90,"mean":75,"std":7},{"grade":87,"mean":90,"std":4}]}`},
		{name: "a negated filter", document: `{"_id":1,"degrees":[{"level":"Master"},{"level":"Bachelor"}]}`,
			update: `{"$set":{"degrees.$[degree].gradcampaign":1}}`, filters: `[{"degree.level":{"$ne":"Bachelor"}}]`,
			want: `{"_id":1,"degrees":[{"level":"Master","gradcampaign":1},{"level":"Bachelor"}]}`},

		{name: "$addToSet of an array", document: `{"_id":1,"letters":["a","b"]}`, update: `{"$addToSet":{"letters":["c","d"]}}`,
			want: `{"_id":1,"letters":["a","b",["c","d"]]}`},
		{name: "$addToSet with $each", document: `{"_id":2,"tags":["electronics","supplies"]}`,
			update: `{"$addToSet":{"tags":{"$each":["camera","electronics","accessories"]}}}`,
			want:   `{"_id":2,"tags":["electronics","supplies","camera","accessories"]}`},
		{name: "$pop", document: `{"_id":1,"scores":[8,9,10]}`, update: `{"$pop":{"scores":-1}}`, want: `{"_id":1,"scores":[9,10]}`},
		{name: "$pull of values", document: `{"_id":1,"fruits":["apples","pears","oranges","grapes","bananas"]}`,
			update: `{"$pull":{"fruits":{"$in":["apples","oranges"]}}}`, want: `{"_id":1,"fruits":["pears","grapes","bananas"]}`},
		{name: "$pull by a condition", document: `{"_id":1,"votes":[3,5,6,7,7,8]}`, update: `{"$pull":{"votes":{"$gte":6}}}`, want: `{"_id":1,"votes":[3,5]}`},
		{name: "$pull of documents", document: `{"_id":1,"results":[{"item":"A","score":5},{"item":"B","score":8}]}`,
			update: `{"$pull":{"results":{"score":8,"item":"B"}}}`, want: `{"_id":1,"results":[{"item":"A","score":5}]}`},
		{name: "$pull of documents with arrays", document: `{"_id":1,"results":[{"item":"A","answers":[{"q":1,"a":4},{"q":2,"a":6}]},{"item":"B","answers":[{"q":1,"a":8},{"q":2,"a":9}]}]}`,
			update: `{"$pull":{"results":{"answers":{"$elemMatch":{"q":2,"a":{"$gte":8}}}}}}`,
			want:   `{"_id":1,"results":[{"item":"A","answers":[{"q":1,"a":4},{"q":2,"a":6}]}]}`},
		{name: "$pullAll", document: `{"_id":1,"scores":[0,2,5,5,1,0]}`, update: `{"$pullAll":{"scores":[0,5]}}`, want: `{"_id":1,"scores":[2,1]}`},
		{name: "$push with $sort", document: `{"_id":1,"quizzes":[{"id":1,"score":6},{"id":2,"score":9}]}`,
			update: `{"$push":{"quizzes":{"$each":[{"id":3,"score":8},{"id":4,"score":7},{"id":5,"score":6}],"$sort":{"score":1}}}}`,
			want:   `{"_id":1,"quizzes":[{"id":1,"score":6},{"id":5,"score":6},{"id":4,"score":7},{"id":3,"score":8},{"id":2,"score":9}]}`},
		{name: "$push with all", document: `{"_id":5,"quizzes":[{"wk":1,"score":10},{"wk":2,"score":8},{"wk":3,"score":5},{"wk":4,"score":6}]}`,
			update: `{"$push":{"quizzes":{"$each":[{"wk":5,"score":8},{"wk":6,"score":7},{"wk":7,"score":6}],"$sort":{"score":-1},"$slice":3}}}`,
			want:   `{"_id":5,"quizzes":[{"wk":1,"score":10},{"wk":2,"score":8},{"wk":5,"score":8}]}`},
		{name: "$push with $position", document: `{"_id":1,"scores":[50,60,70,100]}`, update: `{"$push":{"scores":{"$each":[20,30],"$position":2}}}`,
			want: `{"_id":1,"scores":[50,60,20,30,70,100]}`},
		{name: "$push from the end", document: `{"_id":1,"scores":[50,60,20,30,70,100]}`, update: `{"$push":{"scores":{"$each":[90,80],"$position":-2}}}`,
			want: `{"_id":1,"scores":[50,60,20,30,90,80,70,100]}`},
		{name: "$push with $slice", document: `{"_id":1,"scores":[40,50,60]}`, update: `{"$push":{"scores":{"$each":[80,78,86],"$slice":-5}}}`,
			want: `{"_id":1,"scores":[50,60,80,78,86]}`},
		{name: "$bit and", document: `{"_id":1,"expdata":13}`, update: `{"$bit":{"expdata":{"and":10}}}`, want: `{"_id":1,"expdata":8}`},
		{name: "$bit or", document: `{"_id":2,"expdata":3}`, update: `{"$bit":{"expdata":{"or":5}}}`, want: `{"_id":2,"expdata":7}`},
		{name: "$bit xor", document: `{"_id":3,"expdata":1}`, update: `{"$bit":{"expdata":{"xor":5}}}`, want: `{"_id":3,"expdata":4}`},

		{name: "a pipeline of $set and $unset", document: `{"_id":1,"status":"Pending","misc1":"note to self","misc2":"for a walk"}`,
			update: `[{"$set":{"status":"Modified","comments":["$misc1","$misc2"]}},{"$unset":["misc1","misc2"]}]`,
			want:   `{"_id":1,"status":"Modified","comments":["note to self","for a walk"]}`},
		{name: "a pipeline that computes", document: `{"_id":1,"tests":[95,92,90]}`,
			update: `[{"$set":{"average":{"$trunc":[{"$avg":"$tests"},0]}}},
				{"$set":{"grade":{"$switch":{"branches":[{"case":{"$gte":["$average",90]},"then":"A"}],"default":"F"}}}}]`,
			want: `{"_id":1,"tests":[95,92,90],"average":92.0,"grade":"A"}`},
		{name: "a pipeline that appends", document: `{"_id":2,"quizzes":[4,5]}`, update: `[{"$set":{"quizzes":{"$concatArrays":["$quizzes",[8,6]]}}}]`,
			want: `{"_id":2,"quizzes":[4,5,8,6]}`},
		{name: "a pipeline that replaces", document: `{"_id":3,"quiz2":10,"test1":98}`,
			update: `[{"$replaceRoot":{"newRoot":{"$mergeObjects":[{"quiz1":0,"quiz2":0,"test1":0,"test2":0},"$$ROOT"]}}}]`,
			want:   `{"_id":3,"quiz1":0,"quiz2":10,"test1":98,"test2":0}`},
		{name: "a pipeline over an array", document: `{"_id":1,"temps":[4,12,17]}`,
			update: `[{"$addFields":{"tempsF":{"$map":{"input":"$temps","as":"c","in":{"$add":[{"$multiply":["$$c",1.8]},32]}}}}}]`,
			want:   `{"_id":1,"temps":[4,12,17],"tempsF":[39.2,53.6,62.6]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := parseManual(t, c.update, c.filters)
			if err != nil {
				t.Fatal(err)
			}
			document, index := bsontest.Parse(t, c.document), -1
			if c.filter != "" {
				f, err := query.Parse(bsontest.Parse(t, c.filter))
				if err != nil {
					t.Fatal(err)
				}
				matched := false
				if matched, index, err = f.MatchElement(document); err != nil || !matched {
					t.Fatalf("the filter does not match: %v", err)
				}
			}
			got, _, err := u.Apply(document, index)
			if err != nil || !bytes.Equal(bsonvalue.Encode(got), bsonvalue.Encode(bsontest.Parse(t, c.want))) {
				t.Errorf("%v, %v; want %s", got, err, c.want)
			}
		})
	}
}

// parseManual is parseAny with array filters.
func parseManual(t *testing.T, update, filters string) (*Update, error) {
	t.Helper()
	if filters == "" {
		return parseAny(t, update)
	}
	var o Options
	for _, f := range bsontest.Parse(t, `{"f":`+filters+`}`)[0].Value.(bson.A) {
		o.ArrayFilters = append(o.ArrayFilters, f.(bson.D))
	}
	return Parse(bsontest.Parse(t, update), o)
}

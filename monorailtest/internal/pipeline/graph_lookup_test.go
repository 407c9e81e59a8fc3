package pipeline

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

func TestGraphLookup(t *testing.T) {
	h := &data{collections: map[string][]bson.D{"c": documents(t,
		`{"_id":1,"n":"A","to":"B"}`, `{"_id":2,"n":"B","to":["C","A"]}`, `{"_id":3,"n":"C"}`, `{"_id":4,"n":"D","to":"D"}`)}}
	search := func(more string) string {
		return `[{"$match":{"_id":{"$in":[1,4]}}},{"$graphLookup":{"from":"c","startWith":"$to","connectFromField":"to","connectToField":"n","as":"r"` + more + `}},{"$project":{"r.n":1,"r.d":1}}]`
	}
	cases{
		search(``): {`{"_id":1,"r":[{"n":"B"},{"n":"A"},{"n":"C"}]}`, `{"_id":4,"r":[{"n":"D"}]}`},
		search(`,"maxDepth":0,"depthField":"d"`): {
			`{"_id":1,"r":[{"n":"B","d":{"$numberLong":"0"}}]}`, `{"_id":4,"r":[{"n":"D","d":{"$numberLong":"0"}}]}`},
		search(`,"restrictSearchWithMatch":{"_id":{"$ne":1}}`): {`{"_id":1,"r":[{"n":"B"},{"n":"C"}]}`, `{"_id":4,"r":[{"n":"D"}]}`},
	}.run(t, h)
	// A document that several steps lead to is found once.
	h.collections["c"] = documents(t, `{"_id":1,"n":["E","F"],"to":"F"}`)
	cases{`[{"$graphLookup":{"from":"c","startWith":"E","connectFromField":"to","connectToField":"n","as":"r"}},{"$project":{"r._id":1}}]`: {`{"_id":1,"r":[{"_id":1}]}`}}.run(t, h)
	failures{
		`[{"$graphLookup":1}]`: 9, `[{"$graphLookup":{}}]`: 9, `[{"$graphLookup":{"from":"c"}}]`: 40105, search(`,"maxDepth":-1`): 40101,
		search(`,"maxDepth":"1"`): 40100, search(`,"maxDepth":1.5`): 40102, search(`,"x":1`): 40104, search(`,"depthField":1`): 40103,
		search(`,"restrictSearchWithMatch":1`): 40185, search(`,"restrictSearchWithMatch":{"$x":1}`): 2,
	}.run(t, h)
}

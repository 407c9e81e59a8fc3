package pipeline

import (
	"slices"
	"testing"
)

func TestOutAndMerge(t *testing.T) {
	for stages, want := range map[string][]string{
		`[{"$project":{"_id":1}},{"$limit":1},{"$out":"o"}]`: {"replace d.o", "{ _id: 1 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":"o"}]`: {"update d.o { _id: 1 } { $set: { _id: 1, n: 3 } } or insert"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":{"db":"e","coll":"o"},"on":"n","whenMatched":"replace","whenNotMatched":"discard"}}]`: {
			"update e.o { n: 3 } { _id: 1, n: 3 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","whenMatched":"keepExisting"}}]`: {
			"update d.o { _id: 1 } { $setOnInsert: { _id: 1, n: 3 } } or insert"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","whenMatched":"fail"}}]`: {"insert d.o { _id: 1, n: 3 }"},
		`[{"$limit":1},{"$unset":["l","r"]},{"$merge":{"into":"o","let":{"x":"$n"},"whenMatched":[]}}]`: {
			"update d.o { _id: 1 } stages { x: 3, new: { _id: 1, n: 3 } } or insert"},
	} {
		h := sampleData(t)
		got, err := runStages(t, newContext(h, nil), stages)
		if err != nil || len(got) > 0 || !slices.Equal(h.written, want) {
			t.Errorf("%s: %v, %q, %v; want %q", stages, got, h.written, err, want)
		}
	}
	failures{
		`[{"$out":1}]`: 16990, `[{"$out":{"db":"x"}}]`: 16994, `[{"$out":""}]`: 73, `[{"$out":"system.x"}]`: 17385, `[{"$out":{"db":"admin","coll":"x"}}]`: 31321,
		`[{"$merge":1}]`: 14, `[{"$merge":{}}]`: 40414, `[{"$merge":{"into":1}}]`: 51178, `[{"$merge":{"into":"o","x":1}}]`: 40415, `[{"$merge":""}]`: 73,
		`[{"$merge":{"into":"o","on":1}}]`: 51186, `[{"$merge":{"into":"o","on":[]}}]`: 51187, `[{"$merge":{"into":"o","on":[1]}}]`: 51134,
		`[{"$merge":{"into":"o","on":["a","a"]}}]`: 31465, `[{"$merge":{"into":"o","on":["a","b"]}}]`: 51183,
		`[{"$merge":{"into":"o","whenMatched":"x"}}]`: 2, `[{"$merge":{"into":"o","whenMatched":"pipeline"}}]`: 2, `[{"$merge":{"into":"o","whenMatched":1}}]`: 51191, `[{"$merge":{"into":"o","whenNotMatched":"x"}}]`: 2,
		`[{"$merge":{"into":"o","whenMatched":"fail","whenNotMatched":"discard"}}]`: 51181, `[{"$merge":{"into":"o","let":{}}}]`: 51199,
		`[{"$merge":{"into":"o","let":{"new":1},"whenMatched":[]}}]`: 51273, `[{"$merge":"system.x"}]`: 31319,
		`[{"$merge":{"into":"o","on":"none"}}]`: 51132, `[{"$merge":{"into":"o","on":"l"}}]`: 51185,
		// Of the documents only 1 is there.
		`[{"$merge":{"into":"o","whenNotMatched":"fail"}}]`: 13113,
	}.run(t, sampleData(t))
}

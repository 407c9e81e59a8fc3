package pipeline

import (
	"testing"
)

func TestFacet(t *testing.T) {
	h := sampleData(t)
	cases{
		`[{"$facet":{"n":[{"$count":"n"}],"x":[{"$match":{"r":"x"}},{"$project":{"_id":1}}],"none":[{"$match":{"n":0}}]}}]`: {
			`{"n":[{"n":3}],"x":[{"_id":1},{"_id":3}],"none":[]}`},
		`[{"$match":{"n":0}},{"$facet":{"a":[]}}]`: {`{"a":[]}`},
	}.run(t, h)
	if h.reads != 2 {
		t.Errorf("%d reads for two runs", h.reads)
	}
	failures{
		`[{"$facet":1}]`: 40169, `[{"$facet":{}}]`: 40169, `[{"$facet":{"a":1}}]`: 40170, `[{"$facet":{"a":[1]}}]`: 40171, `[{"$facet":{"a.b":[]}}]`: 16412,
		`[{"$facet":{"$a":[]}}]`: 16410, `[{"$facet":{"a":[{"$facet":{"b":[]}}]}}]`: 40600, `[{"$facet":{"a":[{"$out":"x"}]}}]`: 40600,
		`[{"$facet":{"a":[{"$collStats":{}}]}}]`: 40600, `[{"$facet":{"a":[{"$foo":1}]}}]`: 40324,
	}.run(t, h)
}

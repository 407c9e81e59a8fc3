package pipeline

import (
	"testing"
)

func TestUnionWith(t *testing.T) {
	cases{
		`[{"$project":{"_id":1}},{"$unionWith":"v"}]`:                                               {`{"_id":1}`, `{"_id":2}`, `{"_id":3}`, `{"_id":1}`, `{"_id":2}`},
		`[{"$limit":1},{"$unionWith":{"coll":"i","pipeline":[{"$match":{"n":7}}]}},{"$count":"n"}]`: {`{"n":2}`},
		`[{"$unionWith":"none"},{"$count":"n"}]`:                                                    {`{"n":3}`},
	}.run(t, joined(t))
	failures{
		`[{"$unionWith":1}]`: 9, `[{"$unionWith":{}}]`: 40414, `[{"$unionWith":{"coll":1}}]`: 14, `[{"$unionWith":{"coll":"i","pipeline":1}}]`: 14,
		`[{"$unionWith":{"coll":"i","x":1}}]`: 40415, `[{"$unionWith":{"coll":"i","pipeline":[{"$listLocalSessions":{}}]}}]`: 73, `[{"$unionWith":{"coll":"i","pipeline":[{"$merge":"x"}]}}]`: 31441,
	}.run(t, joined(t))
}

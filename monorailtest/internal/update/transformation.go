package update

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
)

// transformation is an update by a pipeline, which makes the new version from the old one.
type transformation struct{ pipeline *pipeline.Pipeline }

// allowedStages are the stages that make one document of one, without looking at others.
var allowedStages = map[string]bool{
	"$addFields": true, "$set": true, "$project": true, "$unset": true, "$replaceRoot": true, "$replaceWith": true,
}

// ParsePipeline parses an update by a pipeline. constants are the values of variables, nil for none. Errors are
// *mongoerror.Error as of MongoDB 4.4.
func ParsePipeline(stages []bson.D, constants bson.D, o Options) (*Update, error) {
	p := &parser{collation: o.Collation}
	filters, err := p.arrayFilters(o.ArrayFilters)
	if err != nil {
		return nil, err
	}
	if len(filters) > 0 {
		// The spelling is MongoDB's.
		return nil, mongoerror.New(mongoerror.FailedToParse, "arrayFilters may not be specified for pipeline-syle updates")
	}
	parsed, err := pipeline.Parse(stages)
	if err != nil && codeOf(err) != mongoerror.NotImplemented {
		return nil, err
	}
	for _, d := range stages {
		if len(d) == 1 && !allowedStages[d[0].Key] {
			return nil, mongoerror.New(mongoerror.InvalidOptions, "%s is not allowed to be used within an update", d[0].Key)
		}
	}
	return &Update{pipeline: &transformation{parsed}}, err
}

// run returns what the pipeline makes of a document.
func (t *transformation) run(d bson.D) (*replacement, error) {
	out, err := t.pipeline.Run([]bson.D{d})
	if err != nil {
		return nil, err
	}
	return &replacement{document: out[0], given: position(out[0], "_id") >= 0}, nil
}

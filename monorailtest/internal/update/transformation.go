package update

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
)

// transformation is an update by a pipeline, which makes the new version from the old one.
type transformation struct{ pipeline *pipeline.Update }

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
	for _, e := range constants {
		if err := expression.CheckConstant(e.Key); err != nil {
			return nil, err
		}
	}
	u, err := pipeline.ParseUpdate(stages, scope(constants, o))
	return &Update{pipeline: &transformation{u}}, err
}

// scope returns what the expressions of a pipeline may refer to.
func scope(constants bson.D, o Options) *expression.Scope {
	var compare func(a, b any) int
	if o.Collation != nil {
		compare = o.Collation.Compare
	}
	now := time.Now()
	s := expression.NewScope(compare, primitive.NewDateTimeFromTime(now), primitive.Timestamp{T: uint32(now.Unix()), I: 1})
	for _, e := range constants {
		s = s.WithConstant(e.Key, e.Value)
	}
	return s
}

// run returns what the pipeline makes of a document.
func (t *transformation) run(d bson.D) (*replacement, error) {
	out, err := t.pipeline.Apply(d)
	if err != nil {
		return nil, err
	}
	return &replacement{document: out, given: position(out, "_id") >= 0}, nil
}

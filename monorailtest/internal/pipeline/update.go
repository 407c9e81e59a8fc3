package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Update is the pipeline of an update: stages that make one document of each. It is immutable and may
// be shared between goroutines.
type Update struct{ stages []transform }

// ParseUpdate parses the pipeline of an update, whose expressions may refer to what is in the scope.
// A stage that an update must not have is InvalidOptions (72). An error of a constant part of an
// expression comes with Apply, as MongoDB does not optimize the pipelines of updates.
func ParseUpdate(stages []bson.D, s *expression.Scope) (*Update, error) {
	c := &Context{Scope: s}
	if err := checkStages(c, stages); err != nil {
		return nil, err
	}
	u := &Update{}
	var forbidden error
	for _, d := range stages {
		name, k, v, err := split(d)
		if err != nil {
			return nil, err
		}
		if !k.inUpdate {
			if forbidden == nil {
				forbidden = mongoerror.New(mongoerror.InvalidOptions, "%s is not allowed to be used within an update", name)
			}
			continue
		}
		parsed, err := k.parse(c, v)
		if err != nil {
			return nil, err
		}
		u.stages = append(u.stages, parsed.(interface{ alone() transform }).alone())
	}
	if forbidden != nil {
		return nil, forbidden
	}
	return u, nil
}

// Apply returns what the pipeline makes of a document, which is not changed. variables are the values of
// those that the scope defines, in their order. The result may share its parts with the document.
func (u *Update) Apply(d bson.D, variables ...any) (bson.D, error) {
	for _, t := range u.stages {
		var err error
		if d, err = t(d, variables...); err != nil {
			return nil, err
		}
	}
	return d, nil
}

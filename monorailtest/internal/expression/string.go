package expression

import (
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	register(
		&operator{name: "$concat", most: -1, associative: true, evaluate: concat},
	)
}

func concat(f *frame, operands []node) (any, error) {
	var out strings.Builder
	for _, n := range operands {
		v, err := n.evaluate(f)
		if err != nil {
			return nil, err
		}
		if nullish(v) {
			return nil, nil
		}
		s, ok := v.(string)
		if !ok {
			return nil, mongoerror.New(16702, "$concat only supports strings, not %s", bsonvalue.TypeName(v))
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

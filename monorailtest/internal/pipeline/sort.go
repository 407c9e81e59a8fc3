package pipeline

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
)

// sorter is $sort.
type sorter struct {
	order order.Order
	// limit is how many of the documents are wanted.
	limit int64
}

func parseSort(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(15973, "the $sort key specification must be an object")
	}
	if len(d) == 0 {
		return nil, mongoerror.New(15976, "$sort stage must have at least one sort key")
	}
	o, err := order.Parse(d)
	return &sorter{o.Under(c.Collation), math.MaxInt64}, err
}

func (s *sorter) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		var held []bson.D
		used := memory{free: r.AllowDiskUse}
		err := r.each(in, func(d bson.D) error {
			held = append(held, d)
			if err := used.add(sizeOf(d)); err == nil && int64(len(held))/2 <= s.limit {
				return nil
			} else if int64(len(held)) <= s.limit {
				return err
			}
			// Twice as many as are wanted, or too much: the worst can go.
			var err error
			if held, err = s.best(held); err != nil {
				return err
			}
			used.used = 0
			for _, d := range held {
				used.used += sizeOf(d)
			}
			return used.add(0)
		})
		if err != nil {
			return nil, err
		}
		return s.best(held)
	})
}

func (s *sorter) preserves(string) bool { return true }

// best returns the documents in their order, as many as are wanted.
func (s *sorter) best(d []bson.D) ([]bson.D, error) {
	out, err := order.Sort(s.order, d, func(d bson.D) bson.D { return d })
	return out[:min(s.limit, int64(len(out)))], err
}

// limitSorts tells each $sort how many of its documents the stages behind it want.
func limitSorts(stages []stage) {
	for i, s := range stages {
		sort, ok := s.(*sorter)
		if !ok {
			continue
		}
		skipped := int64(0)
	behind:
		for _, next := range stages[i+1:] {
			switch x := next.(type) {
			case limit:
				if n := int64(x) + skipped; n >= 0 {
					sort.limit = min(sort.limit, n)
				}
			case skip:
				if skipped += int64(x); skipped < 0 {
					break behind
				}
			case transform, projected:
			default:
				break behind
			}
		}
	}
}

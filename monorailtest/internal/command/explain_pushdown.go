package command

import (
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// swapsWithLimit are the stages that give one document for each: a limit behind them may as well stand before them.
var swapsWithLimit = map[string]bool{"$project": true, "$addFields": true, "$set": true, "$unset": true, "$replaceRoot": true, "$replaceWith": true}

// pushDown has the plan do what the first stages say, as far as a plan can, and keeps the others: a
// sort, limits, and a projection that only includes fields. A pipeline without others is the plan alone.
func (p *plan) pushDown(stages []bson.D) error {
	stages = slices.Clone(stages)
	by, sorts := sortOf(stages)
	if sorts {
		stages = stages[1:]
		if err := p.sort(by); err != nil {
			return err
		}
	}
	p.limit, stages = takeLimit(stages)
	if p.sorted {
		fields := bson.D{{Key: "sortPattern", Value: by}, {Key: "memLimit", Value: int32(100 << 20)}}
		if p.limit > 0 {
			fields = append(fields, bson.E{Key: "limitAmount", Value: number(p.limit)})
		}
		p.wrap("SORT", append(fields, bson.E{Key: "type", Value: "simple"})...)
	} else {
		p.cut()
	}
	if len(stages) > 0 && stages[0][0].Key == "$project" {
		if d, _ := stages[0][0].Value.(bson.D); onlyIncludes(d) {
			p.wrap("PROJECTION_SIMPLE", bson.E{Key: "transformBy", Value: d})
			stages = stages[1:]
		}
	}
	p.stages = append([]bson.D{}, stages...)
	return nil
}

// sortOf returns the order that the first stage sorts by, if it is one of fields.
func sortOf(stages []bson.D) (by bson.D, ok bool) {
	if len(stages) == 0 || stages[0][0].Key != "$sort" {
		return nil, false
	}
	by, _ = stages[0][0].Value.(bson.D)
	return by, !slices.ContainsFunc(by, func(e bson.E) bool { _, meta := e.Value.(bson.D); return meta })
}

// takeLimit takes the limits out of the stages that can as well be applied first, and returns the least
// of them with what is skipped before it; 0 for none.
func takeLimit(stages []bson.D) (limit int64, rest []bson.D) {
	skipped := int64(0)
	for i, d := range stages {
		n, _ := bsonvalue.ToLong(d[0].Value)
		switch name := d[0].Key; {
		case name == "$skip" && n <= math.MaxInt64-skipped:
			skipped += n
		case name == "$limit" && n <= math.MaxInt64-skipped:
			if limit == 0 || n+skipped < limit {
				limit = n + skipped
			}
			continue
		case !swapsWithLimit[name]:
			return limit, append(rest, stages[i:]...)
		}
		rest = append(rest, d)
	}
	return limit, rest
}

// onlyIncludes tells whether a projection includes fields of the document, and has no expression.
func onlyIncludes(d bson.D) bool {
	includes := false
	for _, e := range d {
		switch v := e.Value.(type) {
		case bool:
			includes = includes || v && e.Key != "_id"
			if !v && e.Key != "_id" {
				return false
			}
		default:
			if !bsonvalue.IsNumber(v) || isZeroNumber(v) && e.Key != "_id" {
				return false
			}
			includes = includes || e.Key != "_id"
		}
	}
	return includes || len(d) == 1 && d[0].Key == "_id" && d[0].Value != false && !isZeroNumber(d[0].Value)
}

func isZeroNumber(v any) bool {
	return bsonvalue.IsNumber(v) && bsonvalue.CompareNumbers(v, int32(0)) == 0
}

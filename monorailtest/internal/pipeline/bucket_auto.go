package pipeline

import (
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// bucketAuto is $bucketAuto: as many ranges of values as are wanted, with about as many documents each.
type bucketAuto struct {
	by      expression.Expression
	buckets int64
	// rounder makes boundaries numbers of a series; nil for none.
	rounder rounder
	members members
}

func parseBucketAuto(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40240, "The argument to $bucketAuto must be an object, but found type: %s", bsonvalue.TypeName(v))
	}
	b := &bucketAuto{}
	given := false
	for _, e := range d {
		var err error
		switch e.Key {
		case "groupBy":
			if !isPathOrOperator(e.Value) {
				return nil, mongoerror.New(40239, "The $bucketAuto 'groupBy' field must be defined as a $-prefixed path or an expression object, but found: %s", show(e.Value))
			}
			b.by, err = expression.Parse(e.Value, c.Scope)
		case "buckets":
			given = true
			b.buckets, err = parseBuckets(e.Value)
		case "output":
			fields, ok := e.Value.(bson.D)
			if !ok {
				return nil, mongoerror.New(40244, "The $bucketAuto 'output' field must be an object, but found type: %s", bsonvalue.TypeName(e.Value))
			}
			b.members, err = parseMembers(c, fields)
		case "granularity":
			name, ok := e.Value.(string)
			if !ok {
				return nil, mongoerror.New(40261, "The $bucketAuto 'granularity' field must be a string, but found type: %s", bsonvalue.TypeName(e.Value))
			}
			if b.rounder = rounderOf(name); b.rounder == nil {
				err = mongoerror.New(40257, "Unknown rounding granularity '%s'", name)
			}
		default:
			err = mongoerror.New(40245, "Unrecognized option to $bucketAuto: %s", e.Key)
		}
		if err != nil {
			return nil, err
		}
	}
	if b.by == nil || !given {
		return nil, mongoerror.New(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified")
	}
	if b.buckets <= 0 {
		return nil, mongoerror.New(40243, "The $bucketAuto 'buckets' field must be greater than 0, but found: %d", b.buckets)
	}
	if len(b.members) == 0 {
		b.members = countMember(c)
	}
	return b, nil
}

func parseBuckets(v any) (int64, error) {
	if !bsonvalue.IsNumber(v) {
		return 0, mongoerror.New(40241, "The $bucketAuto 'buckets' field must be a numeric value, but found type: %s", bsonvalue.TypeName(v))
	}
	n, exact := bsonvalue.ToLong(v)
	if !exact || n != int64(int32(n)) {
		return 0, mongoerror.New(40242, "The $bucketAuto 'buckets' field must be representable as a 32-bit integer, but found %s", show(v))
	}
	return n, nil
}

// keyed is a document with what it is grouped by.
type keyed struct {
	key      any
	document bson.D
}

// autoBucket is one range: from least, up to most, which belongs to the last range only.
type autoBucket struct {
	least, most any
	values      []accumulator
}

func (b *bucketAuto) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		var all []keyed
		used := memory{free: r.AllowDiskUse}
		err := r.each(in, func(d bson.D) error {
			key, err := b.key(d)
			if err != nil {
				return err
			}
			all = append(all, keyed{key, d})
			return used.add(sizeOf(d) + sizeOf(key))
		})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(all, func(x, y keyed) int { return r.Scope.Compare(x.key, y.key) })
		buckets, err := b.fill(r, all)
		out := make([]bson.D, len(buckets))
		for i, x := range buckets {
			out[i] = b.members.document(bson.D{{Key: "min", Value: x.least}, {Key: "max", Value: x.most}}, x.values)
		}
		return out, err
	})
}

func (b *bucketAuto) key(d bson.D) (any, error) {
	key, err := b.by.Evaluate(d)
	if err != nil {
		return nil, err
	}
	if b.rounder != nil {
		switch {
		case !bsonvalue.IsNumber(key):
			return nil, mongoerror.New(40258, "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a value with type: %s", bsonvalue.TypeName(key))
		case bsonvalue.IsNaN(key):
			return nil, mongoerror.New(40259, "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a NaN")
		case bsonvalue.CompareNumbers(key, int32(0)) < 0:
			return nil, mongoerror.New(40260, "$bucketAuto can specify a 'granularity' with non-negative numbers only, but found a negative number")
		}
	}
	if bsonvalue.IsMissing(key) {
		return nil, nil
	}
	return key, nil
}

// fill puts documents, which are in order, into ranges. Equal keys never are in two ranges.
func (b *bucketAuto) fill(r *run, all []keyed) ([]*autoBucket, error) {
	size := max(1, int(math.Round(float64(len(all))/float64(b.buckets))))
	var out []*autoBucket
	for int64(len(out)) < b.buckets && len(all) > 0 {
		n := min(size, len(all))
		if int64(len(out)) == b.buckets-1 {
			n = len(all)
		}
		last := all[n-1].key
		most := last
		if n < len(all) && b.rounder != nil {
			rounded := b.rounder.up(last)
			for n < len(all) && r.Scope.Compare(rounded, all[n].key) > 0 {
				most = all[n].key
				n++
			}
			if n < len(all) {
				most = rounded
			}
		} else {
			for n < len(all) && r.Scope.Compare(last, all[n].key) == 0 {
				most = all[n].key
				n++
			}
		}
		x := &autoBucket{least: all[0].key, most: most, values: b.members.start(r.Context)}
		for _, k := range all[:n] {
			if _, err := b.members.add(x.values, k.document); err != nil {
				return nil, err
			}
		}
		if len(out) > 0 {
			b.join(out[len(out)-1], x)
		}
		out = append(out, x)
		all = all[n:]
	}
	if len(out) > 0 && b.rounder != nil {
		out[0].least = b.rounder.down(out[0].least)
		out[len(out)-1].most = b.rounder.up(out[len(out)-1].most)
	}
	return out, nil
}

// join has a range begin where the one before it ends.
func (b *bucketAuto) join(before, x *autoBucket) {
	if b.rounder == nil {
		before.most = x.least
		return
	}
	if bsonvalue.CompareNumbers(before.most, int32(0)) == 0 {
		before.most = b.rounder.down(x.least)
	}
	x.least = before.most
}

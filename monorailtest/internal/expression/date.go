package expression

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// dateParts are the operators that take one part of a date.
var dateParts = map[string]func(t time.Time) any{
	"$year":         func(t time.Time) any { return int32(t.Year()) },
	"$month":        func(t time.Time) any { return int32(t.Month()) },
	"$dayOfMonth":   func(t time.Time) any { return int32(t.Day()) },
	"$dayOfYear":    func(t time.Time) any { return int32(t.YearDay()) },
	"$dayOfWeek":    func(t time.Time) any { return int32(t.Weekday()) + 1 },
	"$hour":         func(t time.Time) any { return int32(t.Hour()) },
	"$minute":       func(t time.Time) any { return int32(t.Minute()) },
	"$second":       func(t time.Time) any { return int32(t.Second()) },
	"$millisecond":  func(t time.Time) any { return int32(millisecond(t)) },
	"$week":         func(t time.Time) any { return int32(week(t)) },
	"$isoDayOfWeek": func(t time.Time) any { return int32(isoWeekday(t)) },
	"$isoWeek": func(t time.Time) any {
		_, w := t.ISOWeek()
		return int32(w)
	},
	"$isoWeekYear": func(t time.Time) any {
		y, _ := t.ISOWeek()
		return int64(y)
	},
}

func init() {
	for name := range dateParts {
		parsers[name] = parseDatePart
	}
	parsers["$dateToParts"] = parseDateToParts
}

func millisecond(t time.Time) int { return t.Nanosecond() / int(time.Millisecond) }

// week is the number of Sundays in the year up to t.
func week(t time.Time) int { return (t.YearDay() - int(t.Weekday()) + 6) / 7 }

func isoWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

// toDate returns a value that has a date in it: an ObjectId has the time it was made at.
func toDate(v any) (primitive.DateTime, error) {
	switch x := v.(type) {
	case primitive.DateTime:
		return x, nil
	case primitive.Timestamp:
		return primitive.DateTime(int64(x.T) * 1000), nil
	case primitive.ObjectID:
		// The seconds have a sign on the server.
		return primitive.DateTime(int64(int32(x.Timestamp().Unix())) * 1000), nil
	}
	return 0, mongoerror.New(16006, "can't convert from BSON type %s to Date", bsonvalue.TypeName(v))
}

// inZone returns the local time of a date.
func inZone(d primitive.DateTime, zone *time.Location) time.Time {
	return time.UnixMilli(int64(d)).In(zone)
}

// evaluateZone returns the time zone that an operand names: UTC where there is none. A null operand
// gives nil.
func evaluateZone(f *frame, n node) (*time.Location, error) {
	if n == nil {
		return time.UTC, nil
	}
	v, err := n.evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	name, ok := v.(string)
	if !ok {
		return nil, mongoerror.New(40517, "timezone must evaluate to a string, found %s", bsonvalue.TypeName(v))
	}
	return findZone(name)
}

// datePart is one of dateParts.
type datePart struct {
	name string
	take func(t time.Time) any
	date node
	// zone is nil where there is none.
	zone node
}

func parseDatePart(p *parser, name string, argument any, names *variable) (node, error) {
	n := &datePart{name: name, take: dateParts[name]}
	var err error
	switch x := argument.(type) {
	case bson.A:
		if len(x) != 1 {
			return nil, mongoerror.New(40536, "%s accepts exactly one argument if given an array, but was given %d", name, len(x))
		}
		argument = x[0]
	case bson.D:
		if len(x) > 0 && hasDollar(x[0].Key) {
			break
		}
		err = p.fields(x, names, map[string]*node{"date": &n.date, "timezone": &n.zone}, func(field string) error {
			return mongoerror.New(40535, "unrecognized option to %s: \"%s\"", name, field)
		})
		if err == nil && n.date == nil {
			err = mongoerror.New(40539, "missing 'date' argument to %s, provided: %s: %s", name, name, bsonvalue.Format(x))
		}
		return n, err
	}
	n.date, err = p.operand(argument, names)
	return n, err
}

func (n *datePart) evaluate(f *frame) (any, error) {
	v, err := n.date.evaluate(f)
	if err != nil || nullish(v) {
		return nil, err
	}
	d, err := toDate(v)
	if err != nil {
		return nil, err
	}
	zone := time.UTC
	if n.zone != nil {
		v, err := n.zone.evaluate(f)
		if err != nil || nullish(v) {
			return nil, err
		}
		name, ok := v.(string)
		if !ok {
			return nil, mongoerror.New(40533, "%s requires a string for the timezone argument, but was given a %s (%s)", n.name, bsonvalue.TypeName(v), bsonvalue.Format(v))
		}
		if zone, err = findZone(name); err != nil {
			return nil, err
		}
	}
	return n.take(inZone(d, zone)), nil
}

func (n *datePart) optimize(o *optimizer) node {
	if o.each(&n.date, &n.zone) {
		return o.fold(n)
	}
	return n
}

// dateToParts is $dateToParts.
type dateToParts struct{ date, zone, iso node }

func parseDateToParts(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(40524, "$dateToParts only supports an object as its argument")
	}
	n := &dateToParts{}
	places := map[string]*node{"date": &n.date, "timezone": &n.zone, "iso8601": &n.iso}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(40520, "Unrecognized argument to $dateToParts: %s", field)
	}); err != nil {
		return nil, err
	}
	if n.date == nil {
		return nil, mongoerror.New(40522, "Missing 'date' parameter to $dateToParts")
	}
	return n, nil
}

func (n *dateToParts) evaluate(f *frame) (any, error) {
	v, err := n.date.evaluate(f)
	if err != nil {
		return nil, err
	}
	zone, err := evaluateZone(f, n.zone)
	if err != nil || zone == nil {
		return nil, err
	}
	iso := false
	if n.iso != nil {
		flag, err := n.iso.evaluate(f)
		if err != nil || nullish(flag) {
			return nil, err
		}
		var ok bool
		if iso, ok = flag.(bool); !ok {
			return nil, mongoerror.New(40521, "iso8601 must evaluate to a bool, found %s", bsonvalue.TypeName(flag))
		}
	}
	if nullish(v) {
		return nil, nil
	}
	d, err := toDate(v)
	if err != nil {
		return nil, err
	}
	t := inZone(d, zone)
	day := bson.D{{Key: "year", Value: int32(t.Year())}, {Key: "month", Value: int32(t.Month())}, {Key: "day", Value: int32(t.Day())}}
	if iso {
		y, w := t.ISOWeek()
		day = bson.D{{Key: "isoWeekYear", Value: int32(y)}, {Key: "isoWeek", Value: int32(w)}, {Key: "isoDayOfWeek", Value: int32(isoWeekday(t))}}
	}
	return append(day, bson.D{
		{Key: "hour", Value: int32(t.Hour())}, {Key: "minute", Value: int32(t.Minute())},
		{Key: "second", Value: int32(t.Second())}, {Key: "millisecond", Value: int32(millisecond(t))},
	}...), nil
}

func (n *dateToParts) optimize(o *optimizer) node {
	if o.each(&n.date, &n.zone, &n.iso) {
		return o.fold(n)
	}
	return n
}

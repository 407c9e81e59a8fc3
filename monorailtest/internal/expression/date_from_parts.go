package expression

import (
	"math"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$dateFromParts"] = parseDateFromParts
}

// dateFromParts is $dateFromParts. A part that is not given is nil.
type dateFromParts struct {
	year, month, day          node
	isoYear, isoWeek, isoDay  node
	hour, minute, second, sub node
	zone                      node
}

func parseDateFromParts(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(40519, "$dateFromParts only supports an object as its argument")
	}
	n := &dateFromParts{}
	places := map[string]*node{
		"year": &n.year, "month": &n.month, "day": &n.day, "hour": &n.hour, "minute": &n.minute, "second": &n.second,
		"millisecond": &n.sub, "isoWeekYear": &n.isoYear, "isoWeek": &n.isoWeek, "isoDayOfWeek": &n.isoDay, "timezone": &n.zone,
	}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(40518, "Unrecognized argument to $dateFromParts: %s", field)
	}); err != nil {
		return nil, err
	}
	switch {
	case n.year == nil && n.isoYear == nil:
		return nil, mongoerror.New(40516, "$dateFromParts requires either 'year' or 'isoWeekYear' to be present")
	case n.year != nil && (n.isoYear != nil || n.isoWeek != nil || n.isoDay != nil):
		return nil, mongoerror.New(40489, "$dateFromParts does not allow mixing natural dates with ISO dates")
	case n.isoYear != nil && (n.month != nil || n.day != nil):
		return nil, mongoerror.New(40525, "$dateFromParts does not allow mixing ISO dates with natural dates")
	}
	return n, nil
}

// part is the value of one part that is to be evaluated.
type part struct {
	node    node
	name    string
	bounded bool
	value   int64
}

// evaluateParts evaluates parts in their order. ok is false where one is null.
func evaluateParts(f *frame, parts []part) (ok bool, err error) {
	for i := range parts {
		p := &parts[i]
		if p.node == nil {
			continue
		}
		v, err := p.node.evaluate(f)
		if err != nil || nullish(v) {
			return false, err
		}
		n, exact := bsonvalue.ToLong(v)
		if !exact {
			return false, mongoerror.New(40515, "'%s' must evaluate to an integer, found %s with value %s", p.name, bsonvalue.TypeName(v), bsonvalue.Format(v))
		}
		if p.bounded && (n < math.MinInt16 || n > math.MaxInt16) {
			return false, mongoerror.New(31034, "'%s' must evaluate to a value in the range [%d, %d]; value %d is not in range",
				p.name, math.MinInt16, math.MaxInt16, n)
		}
		p.value = n
	}
	return true, nil
}

func (n *dateFromParts) evaluate(f *frame) (any, error) {
	clock := []part{{n.hour, "hour", true, 0}, {n.minute, "minute", true, 0}, {n.second, "second", false, 0}, {n.sub, "millisecond", false, 0}}
	if ok, err := evaluateParts(f, clock); !ok {
		return nil, err
	}
	zone, err := evaluateZone(f, n.zone)
	if err != nil || zone == nil {
		return nil, err
	}
	day := []part{{n.year, "year", false, 0}, {n.month, "month", true, 1}, {n.day, "day", true, 1}}
	code := int32(40523)
	if n.year == nil {
		day = []part{{n.isoYear, "isoWeekYear", false, 0}, {n.isoWeek, "isoWeek", true, 1}, {n.isoDay, "isoDayOfWeek", true, 1}}
		code = 31095
	}
	if ok, err := evaluateParts(f, day); !ok {
		return nil, err
	}
	year := day[0].value
	if year < 1 || year > 9999 {
		return nil, mongoerror.New(code, "'%s' must evaluate to an integer in the range 1 to 9999, found %d", day[0].name, year)
	}
	date := time.Date(int(year), time.Month(day[1].value), int(day[2].value), 0, 0, 0, 0, time.UTC)
	if n.year == nil {
		date = isoDate(int(year), int(day[1].value), int(day[2].value))
	}
	seconds := clock[0].value*3600 + clock[1].value*60
	local, ok := sumLongs(date.Unix(), seconds, clock[2].value, floorDiv(clock[3].value, 1000))
	// Milliseconds are counted in millionths of a second on the way, and a date has them in an int64.
	tooMany := clock[3].value > math.MaxInt64/1000 || clock[3].value < math.MinInt64/1000
	if tooMany || !ok || local > math.MaxInt64/1000-86400 || local < math.MinInt64/1000+86400 {
		return nil, mongoerror.New(mongoerror.DurationOverflow, "Overflow casting from a lower-precision duration to a higher-precision duration")
	}
	millis := clock[3].value - floorDiv(clock[3].value, 1000)*1000
	return primitive.DateTime(fromLocal(local, zone)*1000 + millis), nil
}

// isoDate returns a day of a week of a year as ISO 8601 counts them; weeks and days may be beyond
// the year's.
func isoDate(year, week, day int) time.Time {
	first := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
	// The first week is the one with the first Thursday.
	start := -int(first.Weekday())
	if start < -4 {
		start += 7
	}
	return first.AddDate(0, 0, start+(week-1)*7+day)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func sumLongs(values ...int64) (sum int64, ok bool) {
	for _, v := range values {
		next := sum + v
		if (next > sum) != (v > 0) && v != 0 {
			return 0, false
		}
		sum = next
	}
	return sum, true
}

func (n *dateFromParts) optimize(o *optimizer) node {
	if o.each(&n.year, &n.month, &n.day, &n.isoYear, &n.isoWeek, &n.isoDay, &n.hour, &n.minute, &n.second, &n.sub, &n.zone) {
		return o.fold(n)
	}
	return n
}

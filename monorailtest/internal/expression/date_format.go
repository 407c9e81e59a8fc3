package expression

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$dateToString"] = parseDateToString
}

// isoFormat is the format of dates where none is given.
const isoFormat = "%Y-%m-%dT%H:%M:%S.%LZ"

// formatISO writes a date in isoFormat.
func formatISO(d primitive.DateTime) (string, error) {
	return formatDate(isoFormat, inZone(d, time.UTC))
}

// checkFormat checks that each % is followed by one of the specifiers, or by another %.
func checkFormat(format, specifiers string) error {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; i == len(format) {
			return mongoerror.New(18535, "Unmatched '%%' at end of format string")
		}
		if format[i] != '%' && strings.IndexByte(specifiers, format[i]) < 0 {
			return mongoerror.New(18536, "Invalid format character '%%%c' in format string", format[i])
		}
	}
	return nil
}

// outputSpecifiers are those of $dateToString.
const outputSpecifiers = "dGHjLmMSwuUVYzZ"

// formatDate writes a date in a format that has been checked.
func formatDate(format string, t time.Time) (string, error) {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		width, n := 0, 0
		switch format[i] {
		case 'Y':
			width, n = 4, t.Year()
		case 'G':
			width = 4
			n, _ = t.ISOWeek()
		case 'm':
			width, n = 2, int(t.Month())
		case 'd':
			width, n = 2, t.Day()
		case 'H':
			width, n = 2, t.Hour()
		case 'M':
			width, n = 2, t.Minute()
		case 'S':
			width, n = 2, t.Second()
		case 'L':
			width, n = 3, millisecond(t)
		case 'j':
			width, n = 3, t.YearDay()
		case 'w':
			width, n = 1, int(t.Weekday())+1
		case 'u':
			width, n = 1, isoWeekday(t)
		case 'U':
			width, n = 2, week(t)
		case 'V':
			width = 2
			_, n = t.ISOWeek()
		case 'z', 'Z':
			out.WriteString(formatOffset(format[i], t))
			continue
		default:
			out.WriteByte(format[i])
			continue
		}
		if n < 0 || n > 9999 {
			return "", mongoerror.New(18537, "Could not convert date to string: date component was outside the supported range of 0-9999: %d", n)
		}
		fmt.Fprintf(&out, "%0*d", width, n)
	}
	return out.String(), nil
}

// formatOffset writes the offset of a time from UTC: z as +hhmm, Z in minutes.
func formatOffset(specifier byte, t time.Time) string {
	_, seconds := t.Zone()
	minutes := seconds / 60
	if specifier == 'Z' {
		return fmt.Sprint(minutes)
	}
	sign := "+"
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	return fmt.Sprintf("%s%02d%02d", sign, minutes/60, minutes%60)
}

// dateToString is $dateToString. onNull may be nil.
type dateToString struct {
	dateOperands
	onNull node
}

// dateOperands are those of $dateToString and $dateFromString. All but date may be nil.
type dateOperands struct{ date, format, zone node }

// dateInput is what dateOperands give. missing says that the format or the zone is null.
type dateInput struct {
	value   any
	format  string // empty where there is no such operand
	zone    *time.Location
	missing bool
}

// evaluate is for the operator of that name, whose formats have those specifiers; code is that of the error of
// a format that is no string.
func (n *dateOperands) evaluate(f *frame, name, specifiers string, code int32) (in dateInput, err error) {
	if in.value, err = n.date.evaluate(f); err != nil {
		return in, err
	}
	hasFormat := true
	if n.format != nil {
		if in.format, hasFormat, err = evaluateFormat(f, n.format, name, specifiers, code); err != nil {
			return in, err
		}
	}
	in.zone, err = evaluateZone(f, n.zone)
	in.missing = in.zone == nil || !hasFormat
	return in, err
}

// evaluateOptional evaluates an operand that may be nil, which gives null.
func evaluateOptional(f *frame, n node) (any, error) {
	if n == nil {
		return nil, nil
	}
	return n.evaluate(f)
}

func parseDateToString(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(18629, "$dateToString only supports an object as its argument")
	}
	n := &dateToString{}
	places := map[string]*node{"date": &n.date, "format": &n.format, "timezone": &n.zone, "onNull": &n.onNull}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(18534, "Unrecognized argument to $dateToString: %s", field)
	}); err != nil {
		return nil, err
	}
	if n.date == nil {
		return nil, mongoerror.New(18628, "Missing 'date' parameter to $dateToString")
	}
	return n, nil
}

// evaluateFormat returns the format that an operand gives, once it has been checked. ok is false
// where it is null.
func evaluateFormat(f *frame, n node, name, specifiers string, code int32) (format string, ok bool, err error) {
	v, err := n.evaluate(f)
	if err != nil || nullish(v) {
		return "", false, err
	}
	if format, ok = v.(string); !ok {
		return "", false, mongoerror.New(code, "%s requires that 'format' be a string, found: %s with value %s", name, bsonvalue.TypeName(v), bsonvalue.Format(v))
	}
	return format, true, checkFormat(format, specifiers)
}

func (n *dateToString) evaluate(f *frame) (any, error) {
	in, err := n.dateOperands.evaluate(f, "$dateToString", outputSpecifiers, 18533)
	switch {
	case err != nil:
		return nil, err
	case nullish(in.value):
		return evaluateOptional(f, n.onNull)
	case in.missing:
		return nil, nil
	}
	d, err := toDate(in.value)
	if err != nil {
		return nil, err
	}
	format := in.format
	if n.format == nil {
		format = isoFormat
	}
	return formatDate(format, inZone(d, in.zone))
}

func (n *dateToString) optimize(o *optimizer) node {
	if o.each(&n.date, &n.format, &n.zone, &n.onNull) {
		return o.fold(n)
	}
	return n
}

package expression

import (
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func init() {
	parsers["$dateFromString"] = parseDateFromString
}

// dateFromString is $dateFromString. All but date may be nil.
type dateFromString struct{ date, format, zone, onNull, onError node }

func parseDateFromString(p *parser, _ string, argument any, names *variable) (node, error) {
	d, ok := argument.(bson.D)
	if !ok {
		return nil, mongoerror.New(40540, "$dateFromString only supports an object as an argument, found: %s", bsonvalue.TypeName(argument))
	}
	n := &dateFromString{}
	places := map[string]*node{"dateString": &n.date, "format": &n.format, "timezone": &n.zone, "onNull": &n.onNull, "onError": &n.onError}
	if err := p.fields(d, names, places, func(field string) error {
		return mongoerror.New(40541, "Unrecognized argument to $dateFromString: %s", field)
	}); err != nil {
		return nil, err
	}
	if n.date == nil {
		return nil, mongoerror.New(40542, "Missing 'dateString' parameter to $dateFromString")
	}
	return n, nil
}

func (n *dateFromString) evaluate(f *frame) (any, error) {
	v, err := n.date.evaluate(f)
	if err != nil {
		return nil, err
	}
	format, hasFormat := "", true
	if n.format != nil {
		if format, hasFormat, err = evaluateFormat(f, n.format, "$dateFromString", inputSpecifiers, 40684); err != nil {
			return nil, err
		}
	}
	zone, err := evaluateZone(f, n.zone)
	if err != nil {
		return nil, err
	}
	if nullish(v) {
		if n.onNull == nil {
			return nil, nil
		}
		return n.onNull.evaluate(f)
	}
	s, ok := v.(string)
	switch {
	case !ok:
		err = mongoerror.New(mongoerror.ConversionFailure, "$dateFromString requires that 'dateString' be a string, found: %s with value %s", bsonvalue.TypeName(v), bsonvalue.Format(v))
	case zone == nil || !hasFormat:
		return nil, nil
	default:
		if v, err = n.convert(s, format, zone); err == nil {
			return v, nil
		}
	}
	if n.onError != nil && isConversionFailure(err) {
		return n.onError.evaluate(f)
	}
	return nil, err
}

func (n *dateFromString) convert(s, format string, zone *time.Location) (any, error) {
	if n.format == nil {
		return parseDate(s, zone)
	}
	return parseFormatted(s, format, zone)
}

func isConversionFailure(err error) bool {
	var e *mongoerror.Error
	return errors.As(err, &e) && e.Code == mongoerror.ConversionFailure
}

func (n *dateFromString) optimize(o *optimizer) node {
	if o.each(&n.date, &n.format, &n.zone, &n.onNull, &n.onError) {
		return o.fold(n)
	}
	return n
}

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

// dateFromString is $dateFromString. onNull and onError may be nil.
type dateFromString struct {
	dateOperands
	onNull, onError node
}

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
	in, err := n.dateOperands.evaluate(f, "$dateFromString", inputSpecifiers, 40684)
	if err != nil {
		return nil, err
	}
	if nullish(in.value) {
		return evaluateOptional(f, n.onNull)
	}
	s, ok := in.value.(string)
	switch {
	case !ok:
		err = mongoerror.New(mongoerror.ConversionFailure, "$dateFromString requires that 'dateString' be a string, found: %s with value %s",
			bsonvalue.TypeName(in.value), bsonvalue.Format(in.value))
	case in.missing:
		return nil, nil
	default:
		var date any
		if date, err = n.convert(s, in.format, in.zone); err == nil {
			return date, nil
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

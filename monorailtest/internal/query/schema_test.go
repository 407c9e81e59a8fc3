package query

import (
	"errors"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func TestSchema(t *testing.T) {
	for _, c := range []struct {
		schema, document string
		want             bool
	}{
		{`{}`, `{"a":1}`, true},
		{`{"bsonType":"object"}`, `{"a":1}`, true},
		{`{"type":"string"}`, `{"a":1}`, false},
		{`{"required":["a","b"]}`, `{"a":1}`, false},
		{`{"required":["a"]}`, `{"a":null}`, true},
		{`{"properties":{"a":{"type":"number"}}}`, `{"a":"x"}`, false},
		{`{"properties":{"a":{"type":"number"}}}`, `{}`, true},
		{`{"properties":{"a":{"type":["number","string"]}}}`, `{"a":"x"}`, true},
		{`{"properties":{"a":{"bsonType":"int"}}}`, `{"a":1.5}`, false},
		{`{"properties":{"a":{"bsonType":"int"}}}`, `{"a":[1]}`, false},
		{`{"properties":{"a":{"minimum":5}}}`, `{"a":5}`, true},
		{`{"properties":{"a":{"minimum":5,"exclusiveMinimum":true}}}`, `{"a":5}`, false},
		{`{"properties":{"a":{"maximum":5}}}`, `{"a":6}`, false},
		{`{"properties":{"a":{"maximum":5}}}`, `{"a":"x"}`, true},
		{`{"properties":{"a":{"multipleOf":2.5}}}`, `{"a":7.5}`, true},
		{`{"properties":{"a":{"multipleOf":2.5}}}`, `{"a":6}`, false},
		{`{"properties":{"a":{"minLength":2,"maxLength":3}}}`, `{"a":"éé"}`, true},
		{`{"properties":{"a":{"maxLength":3}}}`, `{"a":"abcd"}`, false},
		{`{"properties":{"a":{"pattern":"^x"}}}`, `{"a":"yx"}`, false},
		{`{"properties":{"a":{"minItems":2}}}`, `{"a":[1]}`, false},
		{`{"properties":{"a":{"maxItems":1}}}`, `{"a":[1]}`, true},
		{`{"properties":{"a":{"uniqueItems":true}}}`, `{"a":[{"x":1,"y":2},{"y":2,"x":1}]}`, false},
		{`{"properties":{"a":{"items":{"type":"string"}}}}`, `{"a":["x",1]}`, false},
		{`{"properties":{"a":{"items":[{"type":"string"}]}}}`, `{"a":["x",1]}`, true},
		{`{"properties":{"a":{"items":[{"type":"string"}],"additionalItems":false}}}`, `{"a":["x",1]}`, false},
		{`{"properties":{"a":{"additionalItems":false}}}`, `{"a":["x",1]}`, true},
		{`{"properties":{"a":{"enum":[1,{"x":1,"y":2}]}}}`, `{"a":{"y":2,"x":1}}`, true},
		{`{"properties":{"a":{"enum":[1,"x"]}}}`, `{"a":2}`, false},
		{`{"minProperties":2}`, `{"a":1}`, false},
		{`{"maxProperties":1}`, `{"a":1,"b":1}`, false},
		{`{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"b":1}`, false},
		{`{"patternProperties":{"^n":{"type":"number"}},"additionalProperties":{"type":"string"}}`, `{"n1":1,"s":"x"}`, true},
		{`{"patternProperties":{"^n":{"type":"number"}}}`, `{"n1":"x"}`, false},
		{`{"dependencies":{"a":["b"]}}`, `{"a":1}`, false},
		{`{"dependencies":{"a":{"required":["b"]}}}`, `{"a":1,"b":1}`, true},
		{`{"allOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1}`, false},
		{`{"anyOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1}`, true},
		{`{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1,"b":1}`, false},
		{`{"not":{"required":["a"]}}`, `{"a":1}`, false},
		{`{"properties":{"a":{"properties":{"b":{"type":"string"}},"required":["b"]}}}`, `{"a":{}}`, false},
		{`{"properties":{"a":{"required":["b"]}}}`, `{"a":1}`, true},
	} {
		f, err := Parse(bsontest.Parse(t, `{"$jsonSchema":`+c.schema+`}`))
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		got, err := f.Match(bsontest.Parse(t, c.document))
		if got != c.want || err != nil {
			t.Errorf("%s on %s = %v, %v", c.schema, c.document, got, err)
		}
	}
}

func TestSchemaErrors(t *testing.T) {
	for schema, want := range map[string]int32{
		`1`:                                  mongoerror.TypeMismatch,
		`{"foo":1}`:                          mongoerror.FailedToParse,
		`{"format":"x"}`:                     mongoerror.FailedToParse,
		`{"title":1}`:                        mongoerror.TypeMismatch,
		`{"type":"integer"}`:                 mongoerror.FailedToParse,
		`{"type":"int"}`:                     mongoerror.BadValue,
		`{"bsonType":"foo"}`:                 mongoerror.BadValue,
		`{"bsonType":[]}`:                    mongoerror.FailedToParse,
		`{"bsonType":1}`:                     mongoerror.TypeMismatch,
		`{"bsonType":"int","type":"number"}`: mongoerror.FailedToParse,
		`{"required":[]}`:                    mongoerror.FailedToParse,
		`{"required":"a"}`:                   mongoerror.TypeMismatch,
		`{"required":["a","a"]}`:             mongoerror.FailedToParse,
		`{"required":[1]}`:                   mongoerror.TypeMismatch,
		`{"enum":[]}`:                        mongoerror.FailedToParse,
		`{"enum":[1,1]}`:                     mongoerror.FailedToParse,
		`{"properties":1}`:                   mongoerror.TypeMismatch,
		`{"properties":{"a":1}}`:             mongoerror.TypeMismatch,
		`{"properties":{"a":{"foo":1}}}`:     mongoerror.FailedToParse,
		`{"minimum":"x"}`:                    mongoerror.TypeMismatch,
		`{"exclusiveMinimum":true}`:          mongoerror.FailedToParse,
		`{"minimum":1,"exclusiveMinimum":1}`: mongoerror.TypeMismatch,
		`{"multipleOf":0}`:                   mongoerror.FailedToParse,
		`{"multipleOf":"x"}`:                 mongoerror.TypeMismatch,
		`{"minLength":-1}`:                   mongoerror.FailedToParse,
		`{"minLength":"x"}`:                  mongoerror.FailedToParse,
		`{"pattern":1}`:                      mongoerror.TypeMismatch,
		`{"uniqueItems":1}`:                  mongoerror.TypeMismatch,
		`{"items":1}`:                        mongoerror.TypeMismatch,
		`{"additionalItems":1}`:              mongoerror.TypeMismatch,
		`{"allOf":1}`:                        mongoerror.TypeMismatch,
		`{"anyOf":[]}`:                       mongoerror.BadValue,
		`{"oneOf":[1]}`:                      mongoerror.TypeMismatch,
		`{"not":1}`:                          mongoerror.TypeMismatch,
		`{"dependencies":{"a":1}}`:           mongoerror.TypeMismatch,
		`{"dependencies":{"a":[]}}`:          mongoerror.FailedToParse,
	} {
		_, err := Parse(bsontest.Parse(t, `{"$jsonSchema":`+schema+`}`))
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", schema, err, want)
		}
	}
}

func TestMatchUnderCollation(t *testing.T) {
	c, err := collation.Parse(bsontest.Parse(t, `{"locale":"en","strength":2}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		filter, document string
		want             bool
	}{
		{`{"a":"X"}`, `{"a":"x"}`, true},
		{`{"a":"X"}`, `{"a":"y"}`, false},
		{`{"a":["X"]}`, `{"a":["x"]}`, true},
		{`{"a":{"b":"X"}}`, `{"a":{"b":"x"}}`, true},
		{`{"a":{"$gt":"B"}}`, `{"a":"a"}`, false},
		{`{"a":{"$gt":"B"}}`, `{"a":"c"}`, true},
		{`{"a":{"$ne":"X"}}`, `{"a":"x"}`, false},
		{`{"a":{"$in":["X","Y"]}}`, `{"a":"y"}`, true},
		{`{"a":{"$all":["X"]}}`, `{"a":["x"]}`, true},
		{`{"a":{"$elemMatch":{"$eq":"X"}}}`, `{"a":["x"]}`, true},
		{`{"a":{"$regex":"X"}}`, `{"a":"x"}`, false},
		{`{"$expr":{"$eq":["$a","X"]}}`, `{"a":"x"}`, true},
	} {
		f, err := ParseWith(bsontest.Parse(t, m.filter), Options{Collation: c})
		if err != nil {
			t.Errorf("%s: %v", m.filter, err)
			continue
		}
		if got, err := f.Match(bsontest.Parse(t, m.document)); got != m.want || err != nil {
			t.Errorf("%s on %s = %v, %v", m.filter, m.document, got, err)
		}
	}
}

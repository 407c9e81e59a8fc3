package store

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Options are what a collection was made with, or given since by Modify. They are immutable.
type Options struct {
	// Document is how listCollections shows them.
	Document bson.D
	// Collation is how strings compare where a command does not say; nil for byte by byte.
	Collation *collation.Collation
	// Capped collections keep at most MaxDocuments documents of at most MaxBytes bytes together,
	// those inserted last. MaxDocuments 0 is no limit of the number.
	Capped                 bool
	MaxBytes, MaxDocuments int64
	// Validator is what documents must meet; nil for nothing.
	Validator *query.Filter
	// Level says which writes are checked.
	Level ValidationLevel
	// Warn accepts documents that do not meet the validator.
	Warn bool
}

// ValidationLevel says which writes the validator of a collection checks.
type ValidationLevel int

const (
	// Strict checks every write.
	Strict ValidationLevel = iota
	// Moderate leaves out updates of documents that do not meet the validator as they are.
	Moderate
	// Off checks nothing.
	Off
)

// ParseOptions reads the options of a collection as they are stored: with the names and types of
// listCollections. An error is that of the validator or of the collation.
func ParseOptions(d bson.D) (*Options, error) {
	o := &Options{Document: d}
	var validator bson.D
	var err error
	for _, e := range d {
		switch e.Key {
		case "collation":
			spec, _ := e.Value.(bson.D)
			if o.Collation, err = collation.Parse(spec); err != nil {
				return nil, err
			}
		case "capped":
			o.Capped = bsonvalue.Truth(e.Value)
		case "size":
			o.MaxBytes, _ = bsonvalue.ToLong(e.Value)
		case "max":
			o.MaxDocuments, _ = bsonvalue.ToLong(e.Value)
		case "validator":
			validator, _ = e.Value.(bson.D)
		case "validationLevel":
			switch e.Value {
			case "moderate":
				o.Level = Moderate
			case "off":
				o.Level = Off
			}
		case "validationAction":
			o.Warn = e.Value == "warn"
		}
	}
	if len(validator) > 0 {
		o.Validator, err = query.ParseWith(validator, query.Options{Collation: o.Collation, Stored: true})
	}
	return o, err
}

// admits tells whether a document may be stored in the place of old, nil for an insert.
func (o *Options) admits(old, d *Document) (bool, error) {
	if o.Validator == nil || o.Level == Off || o.Warn {
		return true, nil
	}
	ok, err := o.Validator.Match(d.Fields)
	if ok || err != nil || old == nil || o.Level != Moderate {
		return ok, err
	}
	valid, err := o.Validator.Match(old.Fields)
	return !valid, err
}

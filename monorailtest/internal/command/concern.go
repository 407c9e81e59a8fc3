package command

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// checkReadConcern refuses what a standalone cannot do. A null or an empty readConcern asks for nothing.
func checkReadConcern(v bson.RawValue, accepted bool) error {
	if v.Type == 0 || v.Type == bson.TypeNull {
		return nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return mongoerror.New(mongoerror.FailedToParse, "readConcern field should be an object")
	}
	elems, err := doc.Elements()
	if err != nil {
		return mongoerror.New(mongoerror.InvalidBSON, "invalid readConcern")
	}
	for _, e := range elems {
		switch e.Key() {
		case "level":
			level, ok := e.Value().StringValueOK()
			if !ok {
				return mongoerror.New(mongoerror.TypeMismatch,
					"\"readConcern.level\" had the wrong type. Expected string, found %s", aliasOf(e.Value().Type))
			}
			if err := checkReadLevel(level, accepted); err != nil {
				return err
			}
		case "afterClusterTime", "atClusterTime", "afterOpTime":
			return mongoerror.New(codeNotAReplicaSet, "node needs to be a replica set member to use read concern")
		case "provenance":
		default:
			return mongoerror.New(mongoerror.InvalidOptions, "Unrecognized option in readConcern: %s", e.Key())
		}
	}
	return nil
}

func checkReadLevel(level string, accepted bool) error {
	switch level {
	case "local":
		return nil
	case "available", "majority":
		if !accepted {
			return mongoerror.New(mongoerror.InvalidOptions,
				"Command does not support { readConcern: { level: \"%s\" } } :: caused by :: read concern not supported", level)
		}
		return nil
	case "linearizable":
		return mongoerror.New(codeNotAReplicaSet, "node needs to be a replica set member to use read concern")
	case "snapshot":
		return mongoerror.New(mongoerror.InvalidOptions,
			"readConcern level snapshot is only valid in multi-statement transactions")
	default:
		return mongoerror.New(mongoerror.FailedToParse,
			"'readConcern.level' must be either 'local', 'majority', 'linearizable', 'available', or 'snapshot'")
	}
}

// writeConcern is what the server makes of a writeConcern document.
type writeConcern struct {
	// silent is {w: 0} without j: the reply to a write command says nothing but ok.
	silent bool
}

// parseWriteConcern refuses what MongoDB refuses, among that everything that only a replica set can do.
func parseWriteConcern(v bson.RawValue) (writeConcern, error) {
	if v.Type == 0 {
		return writeConcern{}, nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return writeConcern{}, mongoerror.New(mongoerror.TypeMismatch,
			"\"writeConcern\" had the wrong type. Expected object, found %s", aliasOf(v.Type))
	}
	elems, err := doc.Elements()
	if err != nil {
		return writeConcern{}, mongoerror.New(mongoerror.InvalidBSON, "invalid writeConcern")
	}
	var zero, journal, fsync bool
	for _, e := range elems {
		v := e.Value()
		switch e.Key() {
		case "w":
			if zero, err = parseW(v); err != nil {
				return writeConcern{}, err
			}
		case "j":
			if journal, ok = truth(v); !ok {
				return writeConcern{}, mongoerror.New(mongoerror.FailedToParse, "j must be numeric or a boolean value")
			}
		case "fsync":
			if fsync, ok = truth(v); !ok {
				return writeConcern{}, mongoerror.New(mongoerror.FailedToParse, "fsync must be numeric or a boolean value")
			}
		case "wtimeout", "wElectionId", "wOpTime", "getLastError", "provenance":
		default:
			return writeConcern{}, mongoerror.New(mongoerror.FailedToParse, "unrecognized write concern field: %s", e.Key())
		}
	}
	if journal && fsync {
		return writeConcern{}, mongoerror.New(mongoerror.FailedToParse, "fsync and j options cannot be used together")
	}
	return writeConcern{silent: zero && !journal && !fsync}, nil
}

// parseW checks the w of a write concern and reports whether it is 0.
func parseW(v bson.RawValue) (bool, error) {
	if mode, ok := v.StringValueOK(); ok {
		if mode != "majority" && mode != "" {
			return false, mongoerror.New(mongoerror.BadValue,
				"cannot use non-majority 'w' mode %s when a host is not a member of a replica set", mode)
		}
		return false, nil
	}
	n, ok := asFloat(v)
	switch {
	case !ok:
		return false, mongoerror.New(mongoerror.FailedToParse, "w has to be a number or a string")
	case n > 50 || n < 0:
		return false, mongoerror.New(mongoerror.FailedToParse, "w has to be a non-negative number and not greater than 50")
	case n > 1:
		return false, mongoerror.New(mongoerror.BadValue, "cannot use 'w' > 1 when a host is not replicated")
	}
	return n == 0, nil
}

// truth reads a boolean, or a number as one. null and undefined count as absent.
func truth(v bson.RawValue) (value, ok bool) {
	if b, ok := v.BooleanOK(); ok {
		return b, true
	}
	if v.Type == bson.TypeNull || v.Type == bson.TypeUndefined {
		return false, true
	}
	n, ok := asFloat(v)
	return n != 0, ok
}

// asFloat reads any of the number types but decimal.
func asFloat(v bson.RawValue) (float64, bool) {
	switch v.Type {
	case bson.TypeInt32:
		return float64(v.Int32()), true
	case bson.TypeInt64:
		return float64(v.Int64()), true
	case bson.TypeDouble:
		return v.Double(), true
	default:
		return 0, false
	}
}

// aliasOf names a type as MongoDB's messages do.
func aliasOf(t bsontype.Type) string { return bsonvalue.Alias(t) }

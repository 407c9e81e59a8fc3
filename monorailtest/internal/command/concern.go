package command

import (
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// readConcern is what the server makes of a readConcern document.
type readConcern struct {
	// majority and linearizable are the levels that a replica set serves in its own way.
	majority, linearizable bool
	// after is afterClusterTime; zero for none.
	after primitive.Timestamp
}

// parseReadConcern refuses what cannot be done: on a standalone, everything that only a replica set can do. A null or an
// empty readConcern asks for nothing.
func (s *State) parseReadConcern(g *generic, accepted bool) (readConcern, error) {
	var rc readConcern
	v := g.readConcern
	if v.Type == 0 || v.Type == bson.TypeNull {
		return rc, nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return rc, mongoerror.New(mongoerror.FailedToParse, "readConcern field should be an object")
	}
	elems, err := doc.Elements()
	if err != nil {
		return rc, mongoerror.New(mongoerror.InvalidBSON, "invalid readConcern")
	}
	if err := checkTimes(doc); err != nil {
		return rc, err
	}
	for _, e := range elems {
		v := e.Value()
		switch e.Key() {
		case "level":
			level, ok := v.StringValueOK()
			if !ok {
				return rc, mongoerror.New(mongoerror.TypeMismatch,
					"\"readConcern.level\" had the wrong type. Expected string, found %s", aliasOf(v.Type))
			}
			if g.inTransaction() {
				// Its snapshot is of the primary, and the commit waits for the majority if it is asked to.
				continue
			}
			if err := s.checkReadLevel(level, accepted); err != nil {
				return rc, err
			}
			rc.majority, rc.linearizable = level == "majority", level == "linearizable"
		case "afterClusterTime", "atClusterTime", "afterOpTime":
			if s.Member == nil {
				return rc, mongoerror.New(codeNotAReplicaSet, "node needs to be a replica set member to use read concern")
			}
			if e.Key() != "afterClusterTime" {
				return rc, notImplemented("readConcern." + e.Key())
			}
			if rc.after.T, rc.after.I, ok = v.TimestampOK(); !ok {
				return rc, mongoerror.New(mongoerror.TypeMismatch,
					"\"readConcern.afterClusterTime\" had the wrong type. Expected timestamp, found %s", aliasOf(v.Type))
			}
		case "provenance":
		default:
			return rc, mongoerror.New(mongoerror.InvalidOptions, "Unrecognized option in readConcern: %s", e.Key())
		}
	}
	return rc, nil
}

// checkTimes refuses a time that does not go with the read concern's level, which is local if none is given.
func checkTimes(doc bson.Raw) error {
	level, ok := doc.Lookup("level").StringValueOK()
	if !ok {
		level = "local"
	}
	if t, i, ok := doc.Lookup("afterClusterTime").TimestampOK(); ok {
		switch level {
		case "linearizable", "available":
			return mongoerror.New(mongoerror.InvalidOptions,
				"afterClusterTime field can be set only if level is equal to majority, local, or snapshot")
		}
		if t == 0 && i == 0 {
			return mongoerror.New(mongoerror.InvalidOptions, "afterClusterTime cannot be a null timestamp")
		}
	}
	if _, _, ok := doc.Lookup("atClusterTime").TimestampOK(); ok && (level == "local" || level == "majority" || level == "linearizable" || level == "available") {
		return mongoerror.New(mongoerror.InvalidOptions, "atClusterTime field can be set only if level is equal to snapshot")
	}
	return nil
}

func (s *State) checkReadLevel(level string, accepted bool) error {
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
		if s.Member != nil {
			return s.Member.CheckWrite()
		}
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
	// replset.WriteConcern is what a replica set waits for.
	replset.WriteConcern
	// mode is a w that names neither a number nor the majority; a replica set does not know it.
	mode string
	// document is the writeConcern as it came.
	document bson.Raw
}

// parseWriteConcern refuses what MongoDB refuses; on a standalone, that is also everything that only a replica set can do.
// Everything in memory counts as journaled, so that j waits for nothing.
func (s *State) parseWriteConcern(v bson.RawValue) (writeConcern, error) {
	var wc writeConcern
	if v.Type == 0 {
		return wc, nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return wc, mongoerror.New(mongoerror.TypeMismatch,
			"\"writeConcern\" had the wrong type. Expected object, found %s", aliasOf(v.Type))
	}
	elems, err := doc.Elements()
	if err != nil {
		return wc, mongoerror.New(mongoerror.InvalidBSON, "invalid writeConcern")
	}
	wc.document = doc
	var journal, fsync, zero bool
	for _, e := range elems {
		v := e.Value()
		switch e.Key() {
		case "w":
			if zero, err = s.parseW(v, &wc); err != nil {
				return wc, err
			}
		case "j":
			if journal, ok = truth(v); !ok {
				return wc, mongoerror.New(mongoerror.FailedToParse, "j must be numeric or a boolean value")
			}
		case "fsync":
			if fsync, ok = truth(v); !ok {
				return wc, mongoerror.New(mongoerror.FailedToParse, "fsync must be numeric or a boolean value")
			}
		case "wtimeout":
			ms, _ := asFloat(v)
			wc.Timeout = time.Duration(ms) * time.Millisecond
		case "wElectionId", "wOpTime", "getLastError", "provenance":
		default:
			return wc, mongoerror.New(mongoerror.FailedToParse, "unrecognized write concern field: %s", e.Key())
		}
	}
	if journal && fsync {
		return wc, mongoerror.New(mongoerror.FailedToParse, "fsync and j options cannot be used together")
	}
	wc.silent = zero && !journal && !fsync
	return wc, nil
}

// parseW reads the w of a write concern, and reports whether it is 0.
func (s *State) parseW(v bson.RawValue, wc *writeConcern) (zero bool, err error) {
	if mode, ok := v.StringValueOK(); ok {
		switch {
		case mode == "majority":
			wc.Majority = true
		case mode != "" && s.Member == nil:
			return false, mongoerror.New(mongoerror.BadValue,
				"cannot use non-majority 'w' mode %s when a host is not a member of a replica set", mode)
		default:
			wc.mode = mode
		}
		return false, nil
	}
	n, ok := asFloat(v)
	switch {
	case !ok:
		return false, mongoerror.New(mongoerror.FailedToParse, "w has to be a number or a string")
	case n > 50 || n < 0:
		return false, mongoerror.New(mongoerror.FailedToParse, "w has to be a non-negative number and not greater than 50")
	case n > 1 && s.Member == nil:
		return false, mongoerror.New(mongoerror.BadValue, "cannot use 'w' > 1 when a host is not replicated")
	}
	wc.Members = int(n)
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

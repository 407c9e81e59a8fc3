package command

import (
	"context"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// Codes of error_codes.yml.
const (
	codeShardingNotInitialized = 203
	codeNotOnStandalone        = 51300
)

// usersInfo and rolesInfo answer for a server without users.
func usersInfo(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "users", Value: bson.A{}}}, nil
}

func rolesInfo(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "roles", Value: bson.A{}}}, nil
}

// killOp takes the number of an operation. MongoDB does not say whether there was one, and here is never one:
// operations are not numbered.
func killOp(_ context.Context, _ *State, r *Request) (bson.D, error) {
	op := r.Body.Lookup("op")
	if op.Type == 0 {
		return nil, mongoerror.New(codeNoSuchKey, "Missing expected field \"op\"")
	}
	if _, ok := asFloat(op); !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch,
			"Expected field \"op\" to have numeric type, but found %s", aliasOf(op.Type))
	}
	return bson.D{{Key: "info", Value: "attempting to kill op"}}, nil
}

// getDefaultRWConcern tells of no defaults, which nobody can set, and when it has looked. A standalone has none.
func getDefaultRWConcern(_ context.Context, s *State, _ *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, mongoerror.New(codeNotOnStandalone, "'getDefaultRWConcern' is not supported on standalone nodes.")
	}
	return bson.D{{Key: "localUpdateWallClockTime", Value: primitive.NewDateTimeFromTime(time.Now())}}, nil
}

// getShardMap refuses, as every server without shards.
func getShardMap(context.Context, *State, *Request) (bson.D, error) {
	return nil, mongoerror.New(codeShardingNotInitialized, "Sharding is not enabled")
}

// setFeatureCompatibilityVersion accepts the version that the server has.
func setFeatureCompatibilityVersion(_ context.Context, _ *State, r *Request) (bson.D, error) {
	want, _ := r.Body.Lookup(r.Name).StringValueOK()
	if want == "4.4" {
		return bson.D{}, nil
	}
	return nil, mongoerror.New(mongoerror.BadValue, "Invalid command argument. Expected '4.4' or '4.2', found %s in: %s. "+
		"See https://docs.mongodb.com/master/release-notes/4.4-compatibility/#feature-compatibility.", want, bodyText(r))
}

// text writes a value as MongoDB's messages do.
func text(v bson.RawValue) string {
	decoded, err := bsonvalue.DecodeValue(v)
	if err != nil {
		return v.String()
	}
	return bsonvalue.Format(decoded)
}

// bodyText writes the command as MongoDB's messages do.
func bodyText(r *Request) string {
	return text(bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: r.Body})
}

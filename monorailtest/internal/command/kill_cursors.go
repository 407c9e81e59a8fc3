package command

import (
	"context"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// killCursors ends cursors, whatever collection and session they belong to.
func killCursors(_ context.Context, s *State, r *Request) (bson.D, error) {
	ids, err := parseKillCursors(r)
	if err != nil {
		return nil, err
	}
	killed, missing := bson.A{}, bson.A{}
	for _, id := range ids {
		if s.Cursors.Kill(id, s.Mongos.service(r.Conn)) {
			killed = append(killed, id)
		} else {
			missing = append(missing, id)
		}
	}
	return bson.D{
		{Key: "cursorsKilled", Value: killed},
		{Key: "cursorsNotFound", Value: missing},
		{Key: "cursorsAlive", Value: bson.A{}},
		{Key: "cursorsUnknown", Value: bson.A{}},
	}, nil
}

func parseKillCursors(r *Request) ([]int64, error) {
	collection, ok := r.Body.Lookup(r.Name).StringValueOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.FailedToParse, "First parameter must be a string in: %s", bodyText(r))
	}
	if collection == "" {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "Invalid collection name: %s.", r.Database)
	}
	array, ok := r.Body.Lookup("cursors").ArrayOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.FailedToParse, "Field 'cursors' must be of type array in: %s", bodyText(r))
	}
	elems, err := array.Elements()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid array of cursors")
	}
	if len(elems) == 0 {
		return nil, mongoerror.New(mongoerror.BadValue, "Must specify at least one cursor id in: %s", bodyText(r))
	}
	ids := make([]int64, 0, len(elems))
	for _, e := range elems {
		v := e.Value()
		if v.Type != bson.TypeInt64 {
			return nil, mongoerror.New(mongoerror.FailedToParse,
				"Field 'cursors' contains an element that is not of type long: %s: %s", e.Key(), text(v))
		}
		ids = append(ids, v.Int64())
	}
	return ids, nil
}

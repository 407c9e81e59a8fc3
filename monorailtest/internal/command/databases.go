package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// dropDatabase answers dropDatabase.
func dropDatabase(ctx context.Context, s *State, r *Request) (bson.D, error) {
	v, err := decodeValue(r.Body.Lookup(r.Name))
	if err != nil {
		return nil, err
	}
	if !bsonvalue.IsNumber(v) || bsonvalue.CompareNumbers(v, int32(1)) != 0 {
		return nil, mongoerror.New(mongoerror.IllegalOperation, "have to pass 1 as db parameter")
	}
	if r.Database == "admin" || r.Database == "config" {
		return nil, mongoerror.New(mongoerror.IllegalOperation, "Dropping the '%s' database is prohibited.", r.Database)
	}
	// There is always one of that name: the server keeps its own there.
	dropped := r.Database == "local"
	if dropped && s.Member != nil {
		return nil, mongoerror.New(mongoerror.IllegalOperation, "Cannot drop 'local' database while replication is active")
	}
	err = patiently(ctx, r, func() (err error) {
		found, err := s.Store.DropDatabase(r.Database)
		dropped = dropped || found
		return err
	})
	if err != nil || !dropped {
		return bson.D{}, err
	}
	return bson.D{{Key: "dropped", Value: r.Database}}, nil
}

// listDatabases answers listDatabases.
func listDatabases(_ context.Context, s *State, r *Request) (bson.D, error) {
	var filter bson.D
	nameOnly := false
	var err error
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case "listDatabases", "authorizedDatabases":
		case "nameOnly":
			nameOnly, err = loose(v, "listDatabases.nameOnly")
		case "filter":
			filter, err = document(v, "listDatabases.filter")
		default:
			return false, nil
		}
		return true, err
	}, nil)
	if err != nil {
		return nil, err
	}
	f, err := query.Parse(filter)
	if err != nil {
		return nil, err
	}
	databases := bson.A{}
	var total float64
	for _, name := range s.Store.Databases() {
		var size int64
		for _, c := range s.Store.Collections(name) {
			_, bytes := c.Collection.Size()
			size += bytes
		}
		d := bson.D{{Key: "name", Value: name}}
		if !nameOnly {
			d = append(d, bson.E{Key: "sizeOnDisk", Value: float64(size)}, bson.E{Key: "empty", Value: false})
		}
		ok, err := f.Match(d)
		if err != nil {
			return nil, err
		}
		if ok {
			databases = append(databases, d)
			total += float64(size)
		}
	}
	reply := bson.D{{Key: "databases", Value: databases}}
	if !nameOnly {
		reply = append(reply, bson.E{Key: "totalSize", Value: total})
	}
	return reply, nil
}

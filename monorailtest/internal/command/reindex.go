package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// reIndex answers reIndex: the indexes are as they would be after they were built again.
func reIndex(_ context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	if s.Member != nil {
		return nil, mongoerror.New(mongoerror.IllegalOperation, "reIndex is only allowed on a standalone mongod instance.")
	}
	c := s.Store.Collection(r.Database, name)
	if c == nil {
		if err := s.checkNoView(r, name); err != nil {
			return nil, err
		}
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "collection does not exist")
	}
	indexes := bson.A{}
	for _, x := range c.Indexes() {
		indexes = append(indexes, x.Document)
	}
	n := int32(len(indexes))
	return bson.D{{Key: "nIndexesWas", Value: n}, {Key: "nIndexes", Value: n}, {Key: "indexes", Value: indexes}}, nil
}

// compact answers compact: there is nothing to be freed in memory.
func compact(_ context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	if s.Store.Collection(r.Database, name) == nil {
		if err := s.checkNoView(r, name); err != nil {
			return nil, err
		}
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "collection does not exist")
	}
	return bson.D{{Key: "bytesFreed", Value: int64(0)}}, nil
}

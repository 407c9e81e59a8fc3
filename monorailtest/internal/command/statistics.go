package command

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// collStats answers collStats. Sizes are those of the documents: there is no disk.
func collStats(_ context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	scale, err := parseScale(r)
	if err != nil {
		return nil, err
	}
	reply := bson.D{{Key: "ns", Value: r.Database + "." + name}}
	c := s.Store.Collection(r.Database, name)
	if c == nil {
		if err := s.checkNoView(r, name); err != nil {
			return nil, err
		}
		return append(reply, bson.D{
			{Key: "size", Value: int32(0)}, {Key: "count", Value: int32(0)}, {Key: "storageSize", Value: int32(0)},
			{Key: "totalSize", Value: int32(0)}, {Key: "nindexes", Value: int32(0)}, {Key: "totalIndexSize", Value: int32(0)},
			{Key: "indexDetails", Value: bson.D{}}, {Key: "indexSizes", Value: bson.D{}}, {Key: "scaleFactor", Value: int32(scale)},
		}...), nil
	}
	documents, bytes := c.Size()
	reply = append(reply, bson.E{Key: "size", Value: number(bytes / scale)}, bson.E{Key: "count", Value: number(int64(documents))})
	if documents > 0 {
		reply = append(reply, bson.E{Key: "avgObjSize", Value: number(bytes / int64(documents))})
	}
	sizes, details := bson.D{}, bson.D{}
	for _, x := range c.Indexes() {
		sizes = append(sizes, bson.E{Key: x.Name, Value: int32(0)})
		details = append(details, bson.E{Key: x.Name, Value: bson.D{}})
	}
	o := c.Options()
	reply = append(reply, bson.D{
		{Key: "storageSize", Value: number(bytes / scale)}, {Key: "freeStorageSize", Value: int32(0)}, {Key: "capped", Value: o.Capped},
	}...)
	if o.Capped {
		most := o.MaxDocuments
		if most == 0 {
			most = math.MaxInt64
		}
		reply = append(reply, bson.D{{Key: "max", Value: number(most)}, {Key: "maxSize", Value: number(o.MaxBytes / scale)},
			{Key: "sleepCount", Value: int32(0)}, {Key: "sleepMS", Value: int32(0)}}...)
	}
	return append(reply, bson.D{
		// What a storage engine would tell: there is none.
		{Key: "wiredTiger", Value: bson.D{}}, {Key: "indexDetails", Value: details},
		{Key: "nindexes", Value: int32(len(sizes))}, {Key: "indexBuilds", Value: bson.A{}}, {Key: "totalIndexSize", Value: int32(0)},
		{Key: "totalSize", Value: number(bytes / scale)}, {Key: "indexSizes", Value: sizes}, {Key: "scaleFactor", Value: int32(scale)},
	}...), nil
}

// dbStats answers dbStats.
func dbStats(_ context.Context, s *State, r *Request) (bson.D, error) {
	scale, err := parseScale(r)
	if err != nil {
		return nil, err
	}
	var collections, indexes, views int32
	var documents, bytes int64
	for _, c := range s.Store.Collections(r.Database) {
		n, size := c.Collection.Size()
		if c.Name == viewsCollection {
			views = int32(n)
		}
		documents += int64(n)
		bytes += size
		collections++
		indexes += int32(len(c.Collection.Indexes()))
	}
	average := 0.0
	if documents > 0 {
		average = float64(bytes) / float64(documents)
	}
	size := float64(bytes) / float64(scale)
	return bson.D{
		{Key: "db", Value: r.Database}, {Key: "collections", Value: collections}, {Key: "views", Value: views},
		{Key: "objects", Value: number(documents)}, {Key: "avgObjSize", Value: average}, {Key: "dataSize", Value: size},
		{Key: "storageSize", Value: size}, {Key: "indexes", Value: indexes}, {Key: "indexSize", Value: 0.0},
		{Key: "totalSize", Value: size}, {Key: "scaleFactor", Value: float64(scale)},
		{Key: "fsUsedSize", Value: 0.0}, {Key: "fsTotalSize", Value: 0.0},
	}, nil
}

// number is an int32 where it fits, as the server appends numbers.
func number(n int64) any {
	if n == int64(int32(n)) {
		return int32(n)
	}
	return n
}

func parseScale(r *Request) (int64, error) {
	scale := int64(1)
	err := eachField(r, func(key string, v bson.RawValue) (bool, error) {
		switch key {
		case r.Name, "freeStorage", "verbose":
			return true, nil
		case "scale":
			n, ok := asFloat(v)
			if !ok || n < 1 {
				return true, mongoerror.New(mongoerror.BadValue, "scale has to be a number >= 1")
			}
			scale = int64(n)
			return true, nil
		}
		return false, nil
	}, nil)
	return scale, err
}

package update

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// field returns the first field of that name, or Missing.
func field(d bson.D, name string) any {
	for i := range d {
		if d[i].Key == name {
			return d[i].Value
		}
	}
	return bsonvalue.Missing
}

// idFirst returns d with _id as its first field.
func idFirst(d bson.D) bson.D {
	for i := range d {
		if d[i].Key != "_id" {
			continue
		}
		if i == 0 {
			return d
		}
		out := append(make(bson.D, 0, len(d)), d[i])
		return append(append(out, d[:i]...), d[i+1:]...)
	}
	return d
}

// FillTimestamps returns d with every Timestamp(0, 0) at the top level, _id excepted, replaced by
// the present time, as the server does with what a client stores.
func FillTimestamps(d bson.D) bson.D {
	out := d
	for i, e := range d {
		if ts, ok := e.Value.(primitive.Timestamp); !ok || !ts.IsZero() || e.Key == "_id" {
			continue
		}
		if &out[0] == &d[0] {
			out = append(bson.D(nil), d...)
		}
		out[i].Value = nextTimestamp(time.Now())
	}
	return out
}

package command

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// currentOp tells of the operation that asks: others are not numbered, nor can they be killed.
func currentOp(_ context.Context, s *State, r *Request) (bson.D, error) {
	command, err := bsonvalue.Decode(r.Body)
	if err != nil {
		return nil, err
	}
	own := bson.D{
		{Key: "type", Value: "op"}, {Key: "host", Value: s.Addr}, {Key: "desc", Value: "conn" + strconv.Itoa(int(r.Conn.ID))},
		{Key: "connectionId", Value: r.Conn.ID}, {Key: "client", Value: r.Conn.RemoteAddr}, {Key: "active", Value: true},
		{Key: "currentOpTime", Value: time.Now().Format("2006-01-02T15:04:05.000Z07:00")}, {Key: "opid", Value: int32(1)},
		{Key: "secs_running", Value: int64(0)}, {Key: "microsecs_running", Value: int64(0)}, {Key: "op", Value: "command"},
		{Key: "ns", Value: "admin.$cmd"}, {Key: "command", Value: command}, {Key: "numYields", Value: int32(0)},
	}
	filter := bson.D{}
	for _, e := range command[1:] {
		if !isGenericArgument(e.Key) && e.Key != "$all" && e.Key != "$ownOps" {
			filter = append(filter, e)
		}
	}
	f, err := query.Parse(filter)
	if err != nil {
		return nil, err
	}
	operations := bson.A{}
	if ok, err := f.Match(own); err != nil {
		return nil, err
	} else if ok {
		operations = append(operations, own)
	}
	return bson.D{{Key: "inprog", Value: operations}}, nil
}

// top tells of no time spent: nothing is measured.
func top(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "totals", Value: bson.D{{Key: "note", Value: "all times in microseconds"}}}}, nil
}

// connPoolStats tells of connections to other servers: there are none.
func connPoolStats(context.Context, *State, *Request) (bson.D, error) {
	reply := bson.D{}
	for _, name := range []string{"numClientConnections", "numAScopedConnections", "totalInUse", "totalAvailable", "totalCreated", "totalRefreshing"} {
		reply = append(reply, bson.E{Key: name, Value: int32(0)})
	}
	return append(reply, bson.E{Key: "hosts", Value: bson.D{}}, bson.E{Key: "replicaSets", Value: bson.D{}}), nil
}

// lockInfo tells that no lock is held longer than a command looks.
func lockInfo(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "lockInfo", Value: bson.A{}}}, nil
}

// accepted does nothing, for a command that asks for what is never to do here: there is no log to rotate, no cache of plans,
// and no disk.
func accepted(context.Context, *State, *Request) (bson.D, error) { return bson.D{}, nil }

// fsync tells of the files of a database that has none. A lock is refused.
func fsync(_ context.Context, _ *State, r *Request) (bson.D, error) {
	if v, err := decodeValue(r.Body.Lookup("lock")); r.Body.Lookup("lock").Type != 0 && (err != nil || bsonvalue.Truth(v)) {
		return nil, notImplemented("a lock by fsync")
	}
	return bson.D{{Key: "numFiles", Value: int32(1)}}, nil
}

// planCacheListFilters lists the filters of indexes: there are none.
func planCacheListFilters(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "filters", Value: bson.A{}}}, nil
}

// dbHash answers with a hash of each collection's documents in the order of their _id, and one of all. The hashes are the
// same for the same documents, and not those that a MongoDB computes.
func dbHash(ctx context.Context, s *State, r *Request) (bson.D, error) {
	start := time.Now()
	collections, capped, uuids := bson.D{}, bson.A{}, bson.D{}
	every := md5.New()
	none, err := query.Parse(nil)
	if err != nil {
		return nil, err
	}
	for _, c := range s.Store.Collections(r.Database) {
		h := md5.New()
		documents, err := newMatcher(c.Collection, none, store.Hint{Index: "_id_"}).all(ctx)
		if err != nil {
			return nil, err
		}
		for _, d := range documents {
			h.Write(d.Raw)
		}
		sum := hex.EncodeToString(h.Sum(nil))
		every.Write([]byte(c.Name + sum))
		collections = append(collections, bson.E{Key: c.Name, Value: sum})
		uuids = append(uuids, bson.E{Key: c.Name, Value: c.Collection.UUID})
	}
	return bson.D{
		{Key: "host", Value: s.Addr}, {Key: "collections", Value: collections}, {Key: "capped", Value: capped}, {Key: "uuids", Value: uuids},
		{Key: "md5", Value: hex.EncodeToString(every.Sum(nil))}, {Key: "timeMillis", Value: int32(time.Since(start).Milliseconds())},
	}, nil
}

package command

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
)

// Operations counts what clients asked for, as serverStatus tells it: statements of writes one by one, failed ones too.
type Operations struct {
	Insert, Query, Update, Delete, GetMore, Command atomic.Int64
}

// count counts one command by its primary name. Those that write count their statements when they execute them.
func (o *Operations) count(name string) {
	switch name {
	case "insert", "update", "delete":
	case "find":
		o.Query.Add(1)
	case "getMore":
		o.GetMore.Add(1)
	default:
		o.Command.Add(1)
	}
}

// countStatement counts one statement of a command that writes.
func (o *Operations) countStatement(name string) {
	switch name {
	case "insert":
		o.Insert.Add(1)
	case "update":
		o.Update.Add(1)
	case "delete":
		o.Delete.Add(1)
	}
}

// emptySections are the sections of serverStatus about parts that this server does not have; they are there, and empty,
// since tools look into them.
var emptySections = []string{
	"electionMetrics", "extra_info", "flowControl", "freeMonitoring", "indexBulkBuilder", "locks", "mirroredReads",
	"opReadConcernCounters", "scramCache", "security", "tcmalloc", "trafficRecording", "twoPhaseCommitCoordinator", "wiredTiger",
}

// serverStatus tells what the server knows about itself, in the sections of MongoDB's. A section whose field in the command
// is false is left out.
func serverStatus(_ context.Context, s *State, r *Request) (bson.D, error) {
	up := time.Since(s.Started)
	host, err := os.Hostname()
	if err != nil {
		host = s.Addr
	}
	reply := bson.D{
		{Key: "host", Value: host},
		{Key: "version", Value: version},
		{Key: "process", Value: "mongod"},
		{Key: "pid", Value: int64(os.Getpid())},
		{Key: "uptime", Value: up.Seconds()},
		{Key: "uptimeMillis", Value: up.Milliseconds()},
		{Key: "uptimeEstimate", Value: int64(up.Seconds())},
		{Key: "localTime", Value: primitive.NewDateTimeFromTime(time.Now())},
	}
	for _, e := range append(s.sections(up), s.metrics()) {
		if v := r.Body.Lookup(e.Key); v.Type != 0 {
			if wanted, err := decodeValue(v); err != nil || !bsonvalue.Truth(wanted) {
				continue
			}
		}
		reply = append(reply, e)
	}
	return reply, nil
}

// sections are those of serverStatus but for metrics.
func (s *State) sections(up time.Duration) bson.D {
	c, o := &s.Counters, &s.Counters.Operations
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	opcounters := bson.D{
		{Key: "insert", Value: o.Insert.Load()}, {Key: "query", Value: o.Query.Load()}, {Key: "update", Value: o.Update.Load()},
		{Key: "delete", Value: o.Delete.Load()}, {Key: "getmore", Value: o.GetMore.Load()}, {Key: "command", Value: o.Command.Load()},
	}
	none := bson.D{{Key: "latency", Value: int64(0)}, {Key: "ops", Value: int64(0)}}
	queue := bson.D{{Key: "total", Value: int32(0)}, {Key: "readers", Value: int32(0)}, {Key: "writers", Value: int32(0)}}
	out := bson.D{
		{Key: "asserts", Value: bson.D{
			{Key: "regular", Value: int32(0)}, {Key: "warning", Value: int32(0)}, {Key: "msg", Value: int32(0)},
			{Key: "user", Value: int32(0)}, {Key: "rollovers", Value: int32(0)},
		}},
		{Key: "connections", Value: bson.D{
			{Key: "current", Value: int32(c.Open.Load())}, {Key: "available", Value: int32(maxConnections - c.Open.Load())},
			{Key: "totalCreated", Value: int32(c.Opened.Load())}, {Key: "active", Value: int32(1)},
		}},
		{Key: "globalLock", Value: bson.D{
			{Key: "totalTime", Value: up.Microseconds()}, {Key: "currentQueue", Value: queue}, {Key: "activeClients", Value: queue},
		}},
		{Key: "logicalSessionRecordCache", Value: bson.D{{Key: "activeSessionsCount", Value: int32(s.Active.Len())}}},
		{Key: "network", Value: bson.D{{Key: "bytesIn", Value: int64(0)}, {Key: "bytesOut", Value: int64(0)}, {Key: "numRequests", Value: c.Messages.Load()}}},
		{Key: "opLatencies", Value: bson.D{
			{Key: "reads", Value: none}, {Key: "writes", Value: none}, {Key: "commands", Value: none}, {Key: "transactions", Value: none},
		}},
		{Key: "opcounters", Value: opcounters},
		{Key: "opcountersRepl", Value: bson.D{
			{Key: "insert", Value: int64(0)}, {Key: "query", Value: int64(0)}, {Key: "update", Value: int64(0)},
			{Key: "delete", Value: int64(0)}, {Key: "getmore", Value: int64(0)}, {Key: "command", Value: int64(0)},
		}},
		{Key: "storageEngine", Value: bson.D{{Key: "name", Value: "monorailtest"}, {Key: "readOnly", Value: false}, {Key: "persistent", Value: false}}},
		{Key: "transactions", Value: bson.D{}},
		{Key: "mem", Value: bson.D{
			{Key: "bits", Value: int32(64)}, {Key: "resident", Value: int32(memory.Sys >> 20)}, {Key: "virtual", Value: int32(memory.Sys >> 20)},
			{Key: "supported", Value: true},
		}},
	}
	for _, name := range emptySections {
		out = append(out, bson.E{Key: name, Value: bson.D{}})
	}
	return out
}

// maxConnections is how many MongoDB takes by default.
const maxConnections = 1_000_000

// metrics is the section of the same name.
func (s *State) metrics() bson.E {
	return bson.E{Key: "metrics", Value: bson.D{
		{Key: "cursor", Value: bson.D{{Key: "open", Value: bson.D{{Key: "total", Value: int64(s.Cursors.Len())}}}}},
		{Key: "queryExecutor", Value: bson.D{
			{Key: "scanned", Value: s.Store.Examined().Keys.Load()},
			{Key: "scannedObjects", Value: s.Store.Examined().Documents.Load()},
		}},
		{Key: "repl", Value: bson.D{{Key: "network", Value: bson.D{
			{Key: "notPrimaryUnacknowledgedWrites", Value: s.Counters.NotPrimaryUnacknowledged.Load()},
		}}}},
	}}
}

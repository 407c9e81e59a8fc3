package command

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Statistics implements pipeline.Host.
func (h *host) Statistics(stage string, n pipeline.Namespace, argument bson.D) ([]bson.D, error) {
	switch c := h.state.reads(h.request).Collection(n.Database, n.Collection); stage {
	case "$collStats":
		return h.collectionStatistics(c, n, argument)
	case "$indexStats":
		return h.indexStatistics(c), nil
	case "$planCacheStats":
		if c == nil {
			return nil, mongoerror.New(50933, "collection '%s' does not exist", n)
		}
		// No plan is cached.
		return nil, nil
	case "$listSessions":
		// A server that has just begun has stored none.
		return nil, nil
	case "$currentOp":
		return []bson.D{h.operation()}, nil
	}
	return nil, notImplemented("stage " + stage)
}

func (h *host) collectionStatistics(c *store.Collection, n pipeline.Namespace, argument bson.D) ([]bson.D, error) {
	out := bson.D{{Key: "ns", Value: n.String()}, {Key: "host", Value: h.state.Addr}, {Key: "localTime", Value: primitive.NewDateTimeFromTime(time.Now())}}
	for _, e := range argument {
		switch e.Key {
		case "latencyStats":
			none := bson.D{{Key: "latency", Value: int64(0)}, {Key: "ops", Value: int64(0)}}
			out = append(out, bson.E{Key: "latencyStats", Value: bson.D{
				{Key: "reads", Value: none}, {Key: "writes", Value: none}, {Key: "commands", Value: none}, {Key: "transactions", Value: none},
			}})
		case "storageStats":
			if c == nil {
				return nil, mongoerror.New(mongoerror.BadValue, "Unable to retrieve storageStats in $collStats stage :: caused by :: Collection [%s] not found.", n)
			}
			sizes, err := h.sizes(n)
			if err != nil {
				return nil, err
			}
			out = append(out, bson.E{Key: "storageStats", Value: sizes})
		case "count":
			if c == nil {
				return nil, mongoerror.New(40481, "Unable to retrieve count in $collStats stage: Collection [%s] not found.", n)
			}
			documents, _ := c.Size()
			out = append(out, bson.E{Key: "count", Value: number(int64(documents))})
		case "queryExecStats":
			if c == nil {
				return nil, mongoerror.New(31280, "Unable to retrieve queryExecStats in $collStats stage: Collection [%s] not found.", n)
			}
			scans := bson.D{{Key: "total", Value: int64(0)}, {Key: "nonTailable", Value: int64(0)}}
			out = append(out, bson.E{Key: "queryExecStats", Value: bson.D{{Key: "collectionScans", Value: scans}}})
		}
	}
	return []bson.D{out}, nil
}

// sizes are what collStats says of a collection, its name apart.
func (h *host) sizes(n pipeline.Namespace) (bson.D, error) {
	body, err := bson.Marshal(bson.D{{Key: "collStats", Value: n.Collection}})
	if err != nil {
		return nil, err
	}
	reply, err := collStats(h.ctx, h.state, &Request{Name: "collStats", Database: n.Database, Body: body, Conn: h.request.Conn})
	if err != nil {
		return nil, err
	}
	return reply[1:], nil
}

func (h *host) indexStatistics(c *store.Collection) []bson.D {
	if c == nil {
		return nil
	}
	var out []bson.D
	for _, x := range c.Indexes() {
		out = append(out, bson.D{
			{Key: "name", Value: x.Name}, {Key: "key", Value: x.Key}, {Key: "host", Value: h.state.Addr},
			// Nobody counts the uses of an index.
			{Key: "accesses", Value: bson.D{{Key: "ops", Value: int64(0)}, {Key: "since", Value: primitive.NewDateTimeFromTime(h.state.Started)}}},
			{Key: "spec", Value: x.Document},
		})
	}
	return out
}

// operation is the aggregate itself: what else is going on is not known.
func (h *host) operation() bson.D {
	return bson.D{
		{Key: "type", Value: "op"}, {Key: "host", Value: h.state.Addr}, {Key: "desc", Value: "conn"}, {Key: "active", Value: true},
		{Key: "currentOpTime", Value: time.Now().UTC().Format("2006-01-02T15:04:05.000-07:00")}, {Key: "opid", Value: int32(1)},
		{Key: "secs_running", Value: int64(0)}, {Key: "microsecs_running", Value: int64(0)}, {Key: "op", Value: "command"},
		{Key: "ns", Value: "admin.$cmd.aggregate"}, {Key: "command", Value: h.command}, {Key: "numYields", Value: int32(0)},
		{Key: "locks", Value: bson.D{}}, {Key: "waitingForLock", Value: false}, {Key: "lockStats", Value: bson.D{}},
		{Key: "waitingForFlowControl", Value: false}, {Key: "flowControlStats", Value: bson.D{}},
	}
}

package monorail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
)

// Barrier returns nil when the server has processed every message of the request that was issued
// before. It is one round trip: a ping on the request's socket, which takes what is held along.
// Processed is not durable, and not successful: a server that is killed the next moment may lose it,
// and a write that the server refused was processed too. See Confirm for durable. In a request
// without a socket it does nothing.
func (r *Request) Barrier(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	e, err := r.usable()
	if e == nil || err != nil {
		return err
	}
	return e.barrier(ctx)
}

// Confirm returns nil when the server has processed every message of the request that was issued on
// its present socket, and what they wrote has reached the write concern; nil stands for {w: "majority",
// j: true}. It is one round trip on the request's socket: behind the writes goes an update with that write
// concern which matches nothing (on the collection written last, which need not exist), and the server
// answers it when its whole log up to there has the write concern. It also waits for what other
// clients wrote before.
//
// On a replica set, nil says with {w: "majority"} that no change of primary takes back what the server
// applied. On a standalone server it is j: true that survives a crash. It does not say that a
// write succeeded: one that the server refused is confirmed as refused. What was sent on the socket of an
// earlier Epoch is not covered.
//
// Confirm waits as long as ctx allows, or the client's Timeout; what is left of it is also the server's
// wtimeout. Without either it waits for the replication without bound. Any error means: not
// confirmed. It is
//   - a *BrokenError when the socket is gone, or the server says that it is no longer writable;
//   - the driver's mongo.WriteException with a WriteConcernError when the write concern was not reached
//     in time or cannot be;
//   - another error of the server's, for one because the user may not update that collection, or
//     because it is a time-series collection, which cannot be updated so;
//   - the context's error when it ended before the server answered. Where ctx has a deadline and the write
//     concern is not reached, it is this one or the WriteConcernError, whichever comes first.
//
// Towards a mongos, a load balancer included, Confirm is refused: a mongos waits for its shards
// and hides when one of them changes its primary, so nothing behind the writes can prove that they
// survived. Barrier works there; for durability use acknowledged writes with {w: "majority"}.
//
// In a request without a socket, or one that has only read, nothing is there to be confirmed: the
// first does nothing, the second is a Barrier.
func (r *Request) Confirm(ctx context.Context, wc *writeconcern.WriteConcern) error {
	if ctx == nil {
		ctx = context.Background()
	}
	e, err := r.usable()
	if e == nil || err != nil {
		return err
	}
	if wc == nil {
		journal := true
		wc = &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
	}
	if !wc.IsValid() || !wc.Acknowledged() {
		return errNothingToWaitFor
	}
	switch e.pin.description.Kind {
	case description.ServerKindMongos, description.ServerKindLoadBalancer:
		return errConfirmThroughMongos
	}
	on := e.written.Load()
	if on == nil {
		return e.barrier(ctx)
	}
	return e.confirm(ctx, *on, wc)
}

// barrier has the server answer a ping on the epoch's socket.
func (e *epoch) barrier(ctx context.Context) error {
	err := e.run(ctx, "admin", bson.D{{Key: "ping", Value: 1}}, readpref.Nearest())
	return e.unlessBroken(err)
}

// confirm has the server answer an update that matches nothing when the write concern is reached. The
// filter examines no document, where {$alwaysFalse: 1} would scan the collection.
func (e *epoch) confirm(ctx context.Context, on namespace, wc *writeconcern.WriteConcern) error {
	concern := bson.D{}
	if wc.W != nil {
		concern = append(concern, bson.E{Key: "w", Value: wc.W})
	}
	if wc.Journal != nil {
		concern = append(concern, bson.E{Key: "j", Value: *wc.Journal})
	}
	left, ok := e.series.client.maxTimeMS(ctx)
	switch {
	case !ok:
		return context.DeadlineExceeded
	case left > 0:
		// The answer needs its time, too.
		answer := e.pin.server.RTTMonitor().Min() / time.Millisecond
		concern = append(concern, bson.E{Key: "wtimeout", Value: max(left-int64(answer), 1)})
	}
	nothing := bson.D{{Key: "_id", Value: bson.D{{Key: "$exists", Value: false}}}}
	change := bson.D{{Key: "$set", Value: bson.D{{Key: "monorail", Value: 1}}}}
	err := e.run(ctx, on.database, bson.D{
		{Key: "update", Value: on.collection},
		{Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: nothing}, {Key: "u", Value: change}}}},
		{Key: "ordered", Value: true},
		{Key: "writeConcern", Value: concern},
	}, readpref.Primary())
	if err != nil {
		err = fmt.Errorf("monorail: not confirmed, by an update of nothing in %s: %w", on, err)
	}
	return e.unlessBroken(err)
}

// run runs a command on the request's socket, outside a transaction.
func (e *epoch) run(ctx context.Context, database string, command bson.D, rp *readpref.ReadPref) error {
	c := e.series.client
	// Whatever handle the caller has, the command belongs to the series.
	r := &Request{client: c, series: e.series, lease: &lease{series: e.series}}
	ctx = context.WithValue(ctx, requestKey{c}, carrier(r))
	ctx = mongo.NewSessionContext(ctx, nil)
	if flightOf(ctx) != nil {
		ctx = context.WithValue(ctx, flightKey{}, (*flight)(nil)) // it is no command of an operation of Go
	}
	return c.Database(database).RunCommand(ctx, command, options.RunCmd().SetReadPreference(rp)).Err()
}

// unlessBroken returns err, or the break of the epoch. The command may have run on the socket after
// this one, if the request was renewed meanwhile: its success says nothing then.
func (e *epoch) unlessBroken(err error) error {
	broken := e.broken.Load()
	if broken == nil || errors.Is(err, ErrRequestBroken) {
		return err
	}
	return broken
}

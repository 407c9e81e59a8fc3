package integration

import (
	"bytes"
	"runtime/debug"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestPoolMonitorThatPanics has a monitor of the driver's panic when a break clears the pool, in the
// middle of a write or of a read of ours. The panic is the caller's; the socket goes back all the same.
func TestPoolMonitorThatPanics(t *testing.T) {
	for _, meets := range []string{"a flush", "a find"} {
		t.Run("met by "+meets, func(t *testing.T) {
			s := servertest.StartWithFaults(t)
			pool := &servertest.Pool{}
			counting := pool.Monitor()
			clientOpts := options.Client().ApplyURI(s.URI).SetRetryReads(false).SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
				counting.Event(e)
				// The watcher may meet the break first, in a goroutine of its own.
				if e.Type == event.ConnectionPoolCleared && bytes.Contains(debug.Stack(), []byte("integration.meetBreak(")) {
					panic("monitor")
				}
			}})
			client, err := monorail.Connect(clientOpts, monorail.Options().SetFlushInterval(0))
			check(t, err)
			ctx := servertest.Context(t)
			t.Cleanup(func() { check(t, client.Disconnect(servertest.Context(t))) })
			coll := client.Database(s.Database(t)).Collection("c")
			requestCtx, request := client.StartRequest(ctx)
			_, err = coll.InsertOne(requestCtx, bson.D{})
			check(t, err)
			s.Faults.Reset(connectionOf(request))
			meetBreak(func() error {
				if meets == "a find" {
					return coll.FindOne(requestCtx, bson.D{}).Err()
				}
				_ = client.Unacknowledged(coll).InsertOne(requestCtx, bson.D{})
				_ = request.Flush(ctx)
				return request.Err()
			})
			wantError(t, request.Err(), monorail.ErrRequestBroken)
			wantError(t, request.End(), monorail.ErrRequestBroken)
			if n := pool.CheckedOut(); n != 0 {
				t.Errorf("%d connections are checked out, want 0", n)
			}
		})
	}
}

// meetBreak calls f until it gives an error or panics.
func meetBreak(f func() error) {
	defer func() { _ = recover() }()
	for f() == nil {
	}
}

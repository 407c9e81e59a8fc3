package integration

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/integration/internal/setproxy"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// breaksBySilence waits until the request is broken, without running anything in it.
func breaksBySilence(t testing.TB, request *monorail.Request) *monorail.BrokenError {
	t.Helper()
	var broken *monorail.BrokenError
	servertest.Eventually(t, func() string {
		if !errors.As(request.Err(), &broken) {
			return "the request is not broken"
		}
		return ""
	})
	return broken
}

// nothingCheckedOut waits until whoever met the break has given the connection back.
func nothingCheckedOut(t testing.TB, c *servertest.Client) {
	t.Helper()
	servertest.Eventually(t, func() string {
		if n := c.Pool.CheckedOut(); n != 0 {
			return fmt.Sprintf("%d connections are checked out after the break, want 0", n)
		}
		return ""
	})
}

// TestSilentRequestBreaksWithItsSocket has requests in which nobody reads.
func TestSilentRequestBreaksWithItsSocket(t *testing.T) {
	for name, set := range map[string]func(s *monorailtest.Server, r *monorail.Request, m monorailtest.Match){
		"the server hangs up on an unacknowledged write": func(s *monorailtest.Server, _ *monorail.Request, m monorailtest.Match) {
			s.HangUpOnUnacknowledged(m)
		},
		"the server closes": func(s *monorailtest.Server, r *monorail.Request, _ monorailtest.Match) {
			s.CloseConnections(connectionOf(r))
		},
		"the server resets": func(s *monorailtest.Server, r *monorail.Request, _ monorailtest.Match) {
			s.Reset(connectionOf(r))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.StartWithFaults(t)
			c := s.Connect(t, nil)
			coll := c.Database(s.Database(t)).Collection("c")
			requestCtx, request := c.StartRequest(servertest.Context(t))
			check(t, request.Barrier(requestCtx))
			check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
			check(t, request.Barrier(requestCtx))
			match := onSocket(t, request)
			set(s.Faults, request, match)
			// It may already be broken: then this is the operation that meets it.
			if err := c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}); err != nil {
				wantError(t, err, monorail.ErrRequestBroken)
			}
			broken := breaksBySilence(t, request)
			if broken.Unconfirmed > 1 {
				t.Errorf("%d writes are unconfirmed, want at most 1", broken.Unconfirmed)
			}
			nothingCheckedOut(t, c)
			wantError(t, request.End(), monorail.ErrRequestBroken)
			usable(t, c, coll)
		})
	}
}

// TestLateRepliesAreTakenInBySilence has a reply outstanding that nobody waits for, and no operation
// that would read it.
func TestLateRepliesAreTakenInBySilence(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 2, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, read(requestCtx, coll, 0))
	s.Faults.Stall()
	short, cancel := context.WithTimeout(requestCtx, 5*time.Millisecond)
	defer cancel()
	wantError(t, read(short, coll, 1), context.DeadlineExceeded)
	s.Faults.Resume()
	servertest.Eventually(t, func() string {
		if request.Info().InFlight != 0 {
			return "the late reply was not read"
		}
		return ""
	})
	check(t, read(requestCtx, coll, 1))
	check(t, request.End())
}

// TestSilentRequestBreaksWithTheRoleOfItsServer changes what the topology knows, and nothing on the
// request's socket.
func TestSilentRequestBreaksWithTheRoleOfItsServer(t *testing.T) {
	set, c, coll := connectSet(t)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	check(t, request.Flush(requestCtx))
	primaryCtx, onPrimary := c.StartRequest(servertest.Context(t), monorail.RequestOptions().SetReadPreference(readpref.Primary()))
	check(t, c.Unacknowledged(coll).InsertOne(primaryCtx, bson.D{}))
	check(t, onPrimary.Flush(primaryCtx))
	readCtx, reading := c.StartRequest(servertest.Context(t), monorail.RequestOptions().SetReadPreference(readpref.Nearest(readpref.WithTags("member", "0"))))
	check(t, reading.Barrier(readCtx))
	if _, err := coll.CountDocuments(readCtx, bson.D{}); err != nil {
		t.Fatal(err)
	}
	set.SetRole(0, setproxy.Secondary)
	set.SetRole(1, setproxy.Primary)
	broken := breaksBySilence(t, request)
	if broken.Unconfirmed != 1 {
		t.Errorf("%d writes are unconfirmed, want 1", broken.Unconfirmed)
	}
	if broken := breaksBySilence(t, onPrimary); broken.Unconfirmed != 1 {
		t.Errorf("%d writes are unconfirmed with the read preference primary, want 1", broken.Unconfirmed)
	}
	wantError(t, onPrimary.End(), monorail.ErrRequestBroken)
	check(t, reading.Err()) // it asked for no server that takes writes
	check(t, reading.End())
	check(t, request.Renew(requestCtx))
	servertest.Eventually(t, func() string {
		_, err := coll.InsertOne(requestCtx, bson.D{})
		if err != nil {
			return err.Error()
		}
		return ""
	})
	if info := request.Info(); info.Address != set.Address(1) || info.Epoch != 1 {
		t.Errorf("the renewed request is %+v, want the new primary %s", info, set.Address(1))
	}
	check(t, request.End())
}

// TestPoolClearedWithInterruption has the driver's monitor find the server dead, and close connections
// in use.
func TestPoolClearedWithInterruption(t *testing.T) {
	s := servertest.StartWithFaults(t)
	var interrupted atomic.Int64
	clientOpts := options.Client().SetConnectTimeout(200 * time.Millisecond).SetHeartbeatInterval(500 * time.Millisecond).
		SetServerMonitoringMode(options.ServerMonitoringModePoll).
		SetServerMonitor(&event.ServerMonitor{ServerHeartbeatFailed: func(*event.ServerHeartbeatFailedEvent) { interrupted.Add(1) }})
	c := s.Connect(t, clientOpts)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(servertest.Context(t))
	_, err := coll.InsertOne(requestCtx, bson.D{})
	check(t, err)
	idleCtx, idle := c.StartRequest(servertest.Context(t))
	check(t, idle.Barrier(idleCtx))
	check(t, coll.FindOne(idleCtx, bson.D{}).Err())
	s.Faults.StallAll()
	err = coll.FindOne(requestCtx, bson.D{}).Err() // it waits for the server until the driver closes the connection
	wantError(t, err, monorail.ErrRequestBroken)
	breaksBySilence(t, idle)
	if interrupted.Load() == 0 || c.Pool.Cleared() == 0 {
		t.Errorf("%d heartbeats failed and the pool was cleared %d times, want both", interrupted.Load(), c.Pool.Cleared())
	}
	nothingCheckedOut(t, c)
	s.Faults.Resume()
	wantError(t, request.End(), monorail.ErrRequestBroken)
	wantError(t, idle.End(), monorail.ErrRequestBroken)
	usable(t, c, coll)
}

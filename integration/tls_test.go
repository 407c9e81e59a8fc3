package integration

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

// startTLS returns a server that speaks TLS, which its clients trust.
func startTLS(t testing.TB, opts ...monorailtest.Option) *servertest.Server {
	t.Helper()
	ca := certificate.NewAuthority()
	config := &tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}
	s := servertest.StartWithFaults(t, append(opts, monorailtest.WithTLS(config))...)
	s.Base = options.Client().SetTLSConfig(&tls.Config{RootCAs: ca.Pool()})
	return s
}

// oneSocket writes k times without waiting, in a request, and reads: the server gets all of it on one
// connection and in order, and the connection goes back to the pool.
func oneSocket(t testing.TB, s *servertest.Server, c *servertest.Client) {
	t.Helper()
	const k = 20
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Ping(requestCtx, nil)) // the connection is made, and what that sends has been sent
	recording := s.Faults.Record(10*k, onSocket(t, request))
	defer recording.Stop()
	upsert := options.UpdateOne().SetUpsert(true)
	for i := range k {
		if i%2 == 0 {
			check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert))
		} else {
			_, err := plain.UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert)
			check(t, err)
		}
	}
	list := pushed(requestCtx, t, coll, 1)
	if len(list) != k {
		t.Errorf("the read sees %d of %d writes", len(list), k)
	}
	for i, n := range list {
		if i != n {
			t.Errorf("write %d was executed at place %d", n, i)
		}
	}
	messages := recording.Messages()
	if len(messages) != k+1 {
		t.Fatalf("%d messages came on the request's connection, want %d", len(messages), k+1)
	}
	for i, m := range messages[:k] {
		if m.Command != "update" || !m.MoreToCome {
			t.Errorf("message %d is %s, acknowledged %t", i, m.Command, !m.MoreToCome)
		}
	}
	if m := messages[k]; m.Command != "find" {
		t.Errorf("the last message is %s", m.Command)
	}
	socket := request.Info().ConnectionID
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out after End", n)
	}
	c.Commands.Reset()
	check(t, c.Ping(ctx, nil))
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != socket {
		t.Errorf("after End, the next operation ran on %v, want the request's connection %s", ids, socket)
	}
}

func TestTLSOneSocket(t *testing.T) {
	s := startTLS(t)
	oneSocket(t, s, s.Connect(t, options.Client().SetMaxPoolSize(1)))
}

func TestTLSBreak(t *testing.T) {
	s := startTLS(t)
	for name, fault := range map[string]func(r *monorail.Request){
		"close":        func(r *monorail.Request) { s.Faults.CloseConnections(connectionOf(r)) },
		"reset":        func(r *monorail.Request) { s.Faults.Reset(connectionOf(r)) },
		"half a reply": func(r *monorail.Request) { s.Faults.CutReply(20, onSocket(t, r)) },
		"hang up":      func(r *monorail.Request) { s.Faults.HangUpOnUnacknowledged(onSocket(t, r)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
			coll := fill(t, s, c, 1, 0)
			requestCtx, request := c.StartRequest(servertest.Context(t))
			check(t, read(requestCtx, coll, 0))
			for range 3 {
				check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 0}}, inc))
			}
			fault(request)
			for _, what := range []string{"the operation that meets the fault", "the operation after it"} {
				err := read(requestCtx, coll, 0)
				var broken *monorail.BrokenError
				if !errors.Is(err, monorail.ErrRequestBroken) || !errors.As(err, &broken) || broken.Unconfirmed != 3 || !mongo.IsNetworkError(err) {
					t.Errorf("%s gives %v, want a broken request with 3 unconfirmed", what, err)
				}
			}
			if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("End gives %v", err)
			}
			if n := c.Pool.CheckedOut(); n != 0 {
				t.Errorf("%d connections are checked out after the break", n)
			}
			usable(t, c, coll)
		})
	}
}

// TestTLSMessageCutOff: TLS cannot go on behind half a record, so that a write which was given up in
// the middle breaks the request, and one that had not begun does not.
func TestTLSMessageCutOff(t *testing.T) {
	s := startTLS(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 1, 0)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, read(requestCtx, coll, 0))
	before, cancelBefore := context.WithCancel(requestCtx)
	cancelBefore()
	if err := read(before, coll, 0); !errors.Is(err, context.Canceled) || errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("a find that was cancelled before gives %v", err)
	}
	check(t, read(requestCtx, coll, 0))

	s.Faults.Stall()
	defer s.Faults.Resume()
	document := bson.D{{Key: "a", Value: strings.Repeat("x", 14<<20)}} // more than the kernel takes, with two more
	during, cancel := context.WithCancel(requestCtx)
	defer cancel()
	inserted := make(chan error, 1) // the goroutine sends once
	go func() {
		_, err := coll.InsertMany(during, []any{document, document, document})
		inserted <- err
	}()
	servertest.Eventually(t, func() string {
		if info := request.Info(); info.InFlight == 0 || info.HeldBytes > 0 {
			return "the insert is not being written"
		}
		return ""
	})
	cancel()
	if err := <-inserted; !errors.Is(err, monorail.ErrRequestBroken) || !errors.Is(err, context.Canceled) {
		t.Errorf("an insert cut off half way gives %v, want a broken request by a cancelled context", err)
	}
	s.Faults.Resume()
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v", err)
	}
	usable(t, c, coll)
}

// TestTLSBigWriteNeverDeadlocks: a write that is blocked for long is not cut off, as one below TLS may be
// that can be gone on with.
func TestTLSBigWriteNeverDeadlocks(t *testing.T) {
	s := startTLS(t)
	bigWrite(t, s, s.Connect(t, nil))
}

func TestTLSLateReplyIsDropped(t *testing.T) {
	s := startTLS(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 10, 20000) // a reply is more than a TLS record
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, read(requestCtx, coll, 0))
	socket := request.Info().ConnectionID
	s.Faults.Stall()
	for range 8 {
		abandonFind(t, requestCtx, request, coll)
	}
	s.Faults.Resume()
	check(t, read(requestCtx, coll, 9)) // behind eight late replies
	// Now the reader may be interrupted in the middle of a reply.
	s.Faults.SetReplyChunks(1000, time.Millisecond, monorailtest.Commands("find"))
	short, cancel := context.WithTimeout(requestCtx, 10*time.Millisecond)
	if err := read(short, coll, 1); err != nil && !mongo.IsTimeout(err) {
		t.Fatalf("a find with a slow reply gives %v", err)
	}
	cancel()
	check(t, read(requestCtx, coll, 2))
	check(t, request.Err())
	if info := request.Info(); info.ConnectionID != socket || info.InFlight != 0 {
		t.Errorf("after late replies: %+v", info)
	}
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out", n)
	}
}

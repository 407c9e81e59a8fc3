package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// startBalanced returns a load balancer with two mongos behind it, which connections reach in turn.
func startBalanced(t testing.TB) *servertest.Server {
	t.Helper()
	return servertest.StartWithFaults(t, monorailtest.WithLoadBalancer(2))
}

// servicesOf returns which services the commands since the last Reset ran on, each once. The events of
// a command have to agree.
func servicesOf(t testing.TB, c *servertest.Client) []bson.ObjectID {
	t.Helper()
	var services []bson.ObjectID
	started := make(map[int64]bson.ObjectID)
	for _, e := range c.Commands.Started() {
		if e.ServiceID == nil {
			t.Errorf("%s started on no service", e.CommandName)
			continue
		}
		started[e.RequestID] = *e.ServiceID
		if len(services) == 0 || services[len(services)-1] != *e.ServiceID {
			services = append(services, *e.ServiceID)
		}
	}
	for _, e := range c.Commands.Succeeded() {
		if id, ok := started[e.RequestID]; !ok || e.ServiceID == nil || *e.ServiceID != id {
			t.Errorf("%s succeeded on %v, and started on %v", e.CommandName, e.ServiceID, id)
		}
	}
	return services
}

// usedService pins the request, and returns the service that it is pinned to.
func usedService(t testing.TB, c *servertest.Client, requestCtx context.Context) bson.ObjectID {
	t.Helper()
	c.Commands.Reset()
	check(t, c.Ping(requestCtx, nil))
	services := servicesOf(t, c)
	if len(services) != 1 {
		t.Fatalf("a ping ran on %d services", len(services))
	}
	return services[0]
}

func TestLoadBalancedRequest(t *testing.T) {
	s := startBalanced(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	ctx := servertest.Context(t)
	firstCtx, first := c.StartRequest(ctx)
	secondCtx, second := c.StartRequest(ctx)
	defer second.End()
	one, other := usedService(t, c, firstCtx), usedService(t, c, secondCtx)
	if one == other {
		t.Fatal("two connections reached one service: nothing is shown")
	}
	for range 2 { // the pool has connections to both
		c.Commands.Reset()
		upsert := options.UpdateOne().SetUpsert(true)
		for i := range 10 {
			if i%2 == 0 {
				check(t, c.Unacknowledged(coll).UpdateOne(firstCtx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert))
			} else {
				_, err := plain.UpdateOne(firstCtx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert)
				check(t, err)
			}
		}
		_, err := coll.InsertOne(firstCtx, bson.D{})
		check(t, err)
		if list := pushed(firstCtx, t, coll, 1); len(list)%10 != 0 || len(list) == 0 {
			t.Errorf("the read sees %v", list)
		}
		check(t, first.Barrier(ctx))
		if got := servicesOf(t, c); len(got) != 1 || got[0] != one {
			t.Errorf("the request ran on %v, want on %v alone", got, one)
		}
		if started, finished := len(c.Commands.Started()), len(c.Commands.Succeeded()); started != finished || started < 12 {
			t.Errorf("%d commands started and %d succeeded", started, finished)
		}
		if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != first.Info().ConnectionID {
			t.Errorf("the request ran on %v, want on %s", ids, first.Info().ConnectionID)
		}
	}
	if n := c.Pool.CheckedOut(); n != 2 {
		t.Errorf("%d connections are checked out for two requests", n)
	}
	if err := first.Confirm(ctx, nil); err == nil {
		t.Error("through a load balancer, Confirm claims to have confirmed")
	}
	check(t, first.Err())
	check(t, first.End())
	if got := usedService(t, c, secondCtx); got != other {
		t.Errorf("the second request went to %v, want %v", got, other)
	}
}

// TestLoadBalancedCursor: another mongos does not know the cursor, so that each getMore has to run on
// the request's socket; with the request, the way to the cursor is gone.
func TestLoadBalancedCursor(t *testing.T) {
	s := startBalanced(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 10, 0)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	open := func() *mongo.Cursor {
		t.Helper()
		cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(2))
		check(t, err)
		return cursor
	}
	for name, with := range map[string]context.Context{"the request's context": requestCtx, "another context": ctx} {
		c.Commands.Reset()
		cursor := open()
		read := 0
		for cursor.Next(with) {
			read++
			// What runs in between reaches both mongos, and the request.
			check(t, c.Ping(ctx, nil))
			check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 0}}, inc))
		}
		if cursor.Err() != nil || read != 10 {
			t.Errorf("with %s: %d documents, %v", name, read, cursor.Err())
		}
		more := 0
		for _, e := range c.Commands.Started() {
			if e.CommandName == "getMore" {
				more++
				if e.ConnectionID != request.Info().ConnectionID {
					t.Errorf("with %s: a getMore ran on %s, want %s", name, e.ConnectionID, request.Info().ConnectionID)
				}
			}
		}
		if more < 4 {
			t.Errorf("with %s: %d getMores", name, more)
		}
	}
	closed, left := open(), open()
	c.Commands.Reset()
	check(t, closed.Close(ctx))
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
		t.Errorf("killCursors ran on %v", ids)
	}
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out after End, with a cursor open", n)
	}
	for left.Next(ctx) { // the first batch is there
	}
	if err := left.Err(); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("a getMore after End gives %v, want ErrRequestEnded", err)
	}
	_ = left.Close(ctx) // the server ends it after ten minutes
	usable(t, c, coll)
}

// TestLoadBalancedCursorOfThePool: the driver keeps a connection for a cursor that was opened outside,
// which no request can take over.
func TestLoadBalancedCursorOfThePool(t *testing.T) {
	s := startBalanced(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 10, 0)
	ctx := servertest.Context(t)
	cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(2))
	check(t, err)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Ping(requestCtx, nil))
	if n := c.Pool.CheckedOut(); n != 2 {
		t.Errorf("%d connections are checked out for a cursor and a request", n)
	}
	c.Commands.Reset()
	n := 0
	for cursor.Next(requestCtx) {
		n++
	}
	if cursor.Err() != nil || n != 10 {
		t.Errorf("%d documents, %v", n, cursor.Err())
	}
	if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] == request.Info().ConnectionID {
		t.Errorf("the getMores ran on %v, want on the cursor's connection", ids)
	}
	if n := c.Pool.CheckedOut(); n != 1 {
		t.Errorf("%d connections are checked out behind the cursor's end, want the request's", n)
	}
	check(t, request.End())
	usable(t, c, coll)
}

// TestLoadBalancedRenew: the new socket may lead to another mongos, and a cursor of the old one is gone.
func TestLoadBalancedRenew(t *testing.T) {
	s := startBalanced(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 10, 0)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	before := usedService(t, c, requestCtx)
	cursor, err := coll.Find(requestCtx, bson.D{}, options.Find().SetBatchSize(2))
	check(t, err)
	reset(t, s, requestCtx, request, coll)
	check(t, request.Renew(ctx))
	after := usedService(t, c, requestCtx)
	if after == before {
		t.Errorf("both sockets led to %v: nothing is shown", after)
	}
	if info := request.Info(); info.Epoch != 1 || !info.Pinned || c.Pool.CheckedOut() != 1 {
		t.Errorf("after Renew: %+v, %d connections checked out", info, c.Pool.CheckedOut())
	}
	for cursor.Next(ctx) { // the first batch is there
	}
	if cursor.Err() == nil {
		t.Error("the cursor of the old mongos went on")
	}
	_ = cursor.Close(ctx)
	check(t, read(requestCtx, coll, 3))
	check(t, request.End())
	usable(t, c, coll)
}

// TestLoadBalancedTransaction: the driver pins a transaction to a connection by itself, which has to be
// the request's, and must neither keep it nor give it back.
func TestLoadBalancedTransaction(t *testing.T) {
	s := startBalanced(t)
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 1, 0)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, read(requestCtx, coll, 0))
	session, err := c.StartSession()
	check(t, err)
	defer session.EndSession(ctx)
	for range 2 {
		c.Commands.Reset()
		check(t, session.StartTransaction())
		sessionCtx := mongo.NewSessionContext(requestCtx, session)
		_, err = coll.InsertOne(sessionCtx, bson.D{})
		check(t, err)
		check(t, read(requestCtx, coll, 0)) // not in the transaction, and on the same socket
		check(t, session.AbortTransaction(sessionCtx))
		if ids := c.Commands.Connections(); len(ids) != 1 || ids[0] != request.Info().ConnectionID {
			t.Errorf("the transaction ran on %v, want on %s", ids, request.Info().ConnectionID)
		}
		names := ""
		for _, e := range c.Commands.Started() {
			names += " " + e.CommandName
		}
		if names != " insert find abortTransaction" {
			t.Errorf("the commands were%s", names)
		}
		if n := c.Pool.CheckedOut(); n != 1 {
			t.Errorf("%d connections are checked out for one request", n)
		}
	}
	check(t, request.Err())
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out after End", n)
	}
	usable(t, c, coll)
}

// TestLoadBalancedBreak: a socket that dies tells of its own mongos only.
func TestLoadBalancedBreak(t *testing.T) {
	for name, held := range map[string]bool{"met by an operation": false, "met by a flush": true} {
		t.Run(name, func(t *testing.T) {
			s := startBalanced(t)
			c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
			ctx := servertest.Context(t)
			coll := c.Database(s.Database(t)).Collection("c")
			var requests [4]*monorail.Request
			var contexts [4]context.Context
			var services [4]bson.ObjectID
			var sockets [4]string
			for i := range requests {
				contexts[i], requests[i] = c.StartRequest(ctx)
				services[i] = usedService(t, c, contexts[i])
				sockets[i] = requests[i].Info().ConnectionID
			}
			if services[0] != services[2] || services[1] != services[3] || services[0] == services[1] {
				t.Fatalf("the services are %v: nothing is shown", services)
			}
			check(t, requests[2].End()) // one connection to each service is idle
			check(t, requests[3].End())
			before := len(c.Pool.ClearedServices())

			s.Faults.Reset(connectionOf(requests[0]))
			if held {
				servertest.Eventually(t, func() string {
					if c.Unacknowledged(coll).InsertOne(contexts[0], bson.D{}) == nil && requests[0].Flush(ctx) == nil {
						return "writing to a reset connection goes on without an error"
					}
					return ""
				})
			} else if err := c.Ping(contexts[0], nil); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("a ping on a reset connection gives %v", err)
			}
			if requests[0].End() == nil {
				t.Error("End tells of no break")
			}
			cleared := c.Pool.ClearedServices()[before:]
			if len(cleared) != 1 || cleared[0] == nil || *cleared[0] != services[0] {
				t.Errorf("cleared were %v, want %v", cleared, services[0])
			}
			// The idle connection to that service is not used again, and the one to the other is.
			reused := make(map[string]bool)
			for range 2 {
				requestCtx, request := c.StartRequest(ctx)
				check(t, c.Ping(requestCtx, nil))
				reused[request.Info().ConnectionID] = true
				defer request.End()
			}
			if reused[sockets[2]] || !reused[sockets[3]] {
				t.Errorf("requests after the break are on %v; %s was to be dropped, and %s to be kept", reused, sockets[2], sockets[3])
			}
			check(t, c.Ping(contexts[1], nil))
			if id := requests[1].Info().ConnectionID; id != sockets[1] {
				t.Errorf("the other service's request moved from %s to %s", sockets[1], id)
			}
			check(t, requests[1].End())
		})
	}
}

// TestLoadBalancedBreakClearsAsTheDriverDoes compares with what the driver clears for the same fault.
func TestLoadBalancedBreakClearsAsTheDriverDoes(t *testing.T) {
	s := startBalanced(t)
	clearings := func(ping func() error, pool *servertest.Pool, match ...monorailtest.ConnMatch) string {
		t.Helper()
		check(t, ping())
		before := len(pool.ClearedServices())
		s.Faults.Reset(match...)
		if err := ping(); !mongo.IsNetworkError(err) {
			t.Errorf("a find on a reset connection gives %v", err)
		}
		services := pool.ClearedServices()[before:]
		named := 0
		for _, id := range services {
			if id != nil {
				named++
			}
		}
		return fmt.Sprintf("%d clearings, %d of one service", len(services), named)
	}
	ctx := servertest.Context(t)
	once := options.Client().SetRetryReads(false)
	plainPool := &servertest.Pool{}
	plain := s.ConnectPlain(t, options.MergeClientOptions(once, options.Client().SetPoolMonitor(plainPool.Monitor())))
	find := func(ctx context.Context, client *mongo.Client) error {
		if err := client.Database("d").Collection("c").FindOne(ctx, bson.D{}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
			return err
		}
		return nil
	}
	want := clearings(func() error { return find(ctx, plain) }, plainPool)
	c := s.Connect(t, once)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	if got := clearings(func() error { return find(requestCtx, c.Client.Client) }, c.Pool); got != want {
		t.Errorf("got %s, the driver %s", got, want)
	}
}

// TestLoadBalancerMismatch compares the error of a client that does not know of the load
// balancer, and of one that takes a server for a load balancer, with the driver's.
func TestLoadBalancerMismatch(t *testing.T) {
	balanced, standalone := startBalanced(t), servertest.StartWithFaults(t)
	for name, at := range map[string]*servertest.Server{
		"no load balancer expected": {URI: "mongodb://" + balanced.Faults.Addr()},
		"a load balancer expected":  {URI: "mongodb://" + standalone.Faults.Addr() + "/?loadBalanced=true"},
	} {
		t.Run(name, func(t *testing.T) {
			results := make(map[string]string)
			for who, ping := range pingers(t, at, options.Client().SetServerSelectionTimeout(300*time.Millisecond)) {
				results[who] = refused(t, ping)
			}
			sameAsTheDriver(t, results)
		})
	}
}

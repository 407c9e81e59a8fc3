package integration

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestFutureWait: Wait may be called again, by several goroutines, and gives up with its context alone, if there
// is no result.
func TestFutureWait(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(ctx, nil))
	f := goInsert(ctx, coll, 1)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for range 2 {
		if result, err := f.Wait(ended); result != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended it gives %v, %v", result, err)
		}
	}
	if request.Info().HeldBytes == 0 {
		t.Error("a Wait that waits for nothing has sent something")
	}
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			result, err := f.Wait(ctx)
			if err != nil || result.InsertedID != int32(1) && result.InsertedID != 1 {
				t.Errorf("it gives %v, %v", result, err)
			}
		})
	}
	waiting.Wait()
	if _, err := f.Wait(ended); err != nil {
		t.Errorf("with a context that has ended, a result that is there gives %v", err)
	}
	//lint:ignore SA1012 a nil context is one that does not end
	if _, err := f.Wait(nil); err != nil {
		t.Error(err)
	}
	// The context of Go ends the operation, whoever waits.
	opCtx, cancelOp := context.WithCancel(ctx)
	g := goInsert(opCtx, coll, 2)
	cancelOp()
	if _, err := g.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation whose context has ended gives %v", err)
	}
	if _, err := goInsert(opCtx, coll, 3).Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an operation whose context had ended before gives %v", err)
	}
	check(t, request.Barrier(ctx))
	if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: 3}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("what was started with a context that had ended was sent: %v", err)
	}
}

// TestWaitBeforeTheFirstCommand: where Go has returned early, with its context, the command is not held
// when it comes.
func TestWaitBeforeTheFirstCommand(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	begin := make(chan struct{})
	f := monorail.Go(ended, func(ended context.Context) (any, error) {
		<-begin
		return coll.InsertOne(context.WithoutCancel(ended), bson.D{})
	})
	short, cancelShort := context.WithTimeout(ctx, time.Millisecond)
	defer cancelShort()
	if _, err := f.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(begin)
	_, err := f.Wait(ctx)
	check(t, err)
}

// TestFutureNobodyWaitsFor ends with the request: with its result where the reply comes in time, else
// with ErrRequestEnded. (That no goroutine is left is looked at when all tests have ended.)
func TestFutureNobodyWaitsFor(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	f := goInsert(requestCtx, coll, 1)
	check(t, request.End())
	if _, err := f.Wait(ctx); err != nil {
		t.Errorf("End has waited for the reply, and the future gives %v", err)
	}
	if closed := c.Pool.Closed(); closed != 0 {
		t.Errorf("%d connections were closed by a request that ended in order", closed)
	}

	requestCtx, request = c.StartRequest(ctx)
	check(t, c.Ping(requestCtx, nil))
	s.Faults.Stall()
	f = goInsert(requestCtx, coll, 2)
	check(t, request.End())
	if _, err := f.Wait(ctx); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("the future of a request that has ended gives %v", err)
	}
	s.Faults.Resume()
	if _, err := goInsert(requestCtx, coll, 3).Wait(ctx); !errors.Is(err, monorail.ErrRequestEnded) {
		t.Errorf("Go in a request that has ended gives %v", err)
	}
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out, want 0", n)
	}
}

// TestContextOfAnOperationThatHasEnded is one of the request, and no operation of Go any more.
func TestContextOfAnOperationThatHasEnded(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	left, err := monorail.Go(ctx, func(ctx context.Context) (context.Context, error) { return ctx, nil }).Wait(ctx)
	check(t, err)
	_, err = coll.InsertOne(left, bson.D{}) // not held
	check(t, err)
	_, err = goInsert(left, coll, 1).Wait(ctx)
	check(t, err)
	wantOneSocket(t, c, request)
}

// TestFuturesOfABrokenRequest all get the break, and what is started later, too.
func TestFuturesOfABrokenRequest(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMaxInFlight(8))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	s.Faults.Stall()
	var futures []*monorail.Future[*mongo.InsertOneResult]
	for i := range 8 {
		futures = append(futures, goInsert(requestCtx, coll, i))
	}
	breaking := make(chan struct{})
	go func() {
		defer close(breaking)
		for request.Info().HeldBytes > 0 { // until the next Go, which has no room, has sent what is held
			time.Sleep(time.Millisecond)
		}
		s.Faults.Reset(connectionOf(request))
	}()
	futures = append(futures, goInsert(requestCtx, coll, "without room"))
	<-breaking
	futures = append(futures, goInsert(requestCtx, coll, "later"))
	for i, f := range futures {
		_, err := f.Wait(ctx)
		if !errors.Is(err, monorail.ErrRequestBroken) || !mongo.IsNetworkError(err) {
			t.Errorf("future %d gives %v", i, err)
		}
	}
	s.Faults.Resume()
	check(t, request.Renew(ctx))
	_, err := goInsert(requestCtx, coll, "renewed").Wait(ctx)
	check(t, err)
}

// TestPipelinedRetryStaysOnTheSocket: the driver's retry of an operation of Go goes where the first
// attempt went.
func TestPipelinedRetryStaysOnTheSocket(t *testing.T) {
	s := servertest.StartWithFailPoints(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	requestCtx, request := c.StartRequest(ctx)
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	check(t, c.Database("admin").RunCommand(ctx, bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 2}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: 89}}},
	}).Err())
	c.Commands.Reset()
	var futures []*monorail.Future[int]
	for range 3 {
		futures = append(futures, monorail.Go(requestCtx, func(ctx context.Context) (int, error) {
			cursor, err := coll.Find(ctx, bson.D{})
			if err != nil {
				return 0, err
			}
			return 0, cursor.Close(ctx)
		}))
	}
	for _, f := range futures {
		_, err := f.Wait(ctx)
		check(t, err)
	}
	if n := len(c.Commands.Started()); n != 5 {
		t.Errorf("%d commands were started, want three finds and two retries", n)
	}
	wantOneSocket(t, c, request)
}

// TestPanicInGo goes to who waits, each time, and costs no socket.
func TestPanicInGo(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil, monorail.Options().SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	cause := errors.New("cause")
	for _, before := range []bool{true, false} {
		f := monorail.Go(requestCtx, func(ctx context.Context) (int, error) {
			if !before {
				if _, err := coll.InsertOne(ctx, bson.D{}); err != nil {
					return 0, err
				}
			}
			panic(cause)
		})
		for range 2 {
			func() {
				defer func() {
					var p *monorail.PanicError
					err, _ := recover().(error)
					if !errors.As(err, &p) || !errors.Is(err, cause) || !strings.Contains(string(p.Stack), "TestPanicInGo") {
						t.Errorf("Wait panics with %v", err)
					}
				}()
				_, _ = f.Wait(ctx)
			}()
		}
	}
	exited := monorail.Go(requestCtx, func(ctx context.Context) (int, error) { runtime.Goexit(); return 1, nil })
	if n, err := exited.Wait(ctx); n != 0 || err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("an operation that ended its goroutine gives %d, %v", n, err)
	}
	if n, err := monorail.Go[int](requestCtx, nil).Wait(ctx); n != 0 || err == nil || !strings.Contains(err.Error(), "nil") {
		t.Errorf("no operation gives %d, %v", n, err)
	}
	//lint:ignore SA1012 a nil context is one that carries nothing
	if n, err := monorail.Go(nil, func(context.Context) (int, error) { return 1, nil }).Wait(ctx); n != 1 || err != nil {
		t.Errorf("with a nil context it gives %d, %v", n, err)
	}
	check(t, c.Ping(requestCtx, nil))
	check(t, request.End())
	if closed := c.Pool.Closed(); closed != 0 {
		t.Errorf("%d connections were closed", closed)
	}
}

// TestPipelineUnderCancellation starts, waits and gives up at random: every result is the operation's own,
// and the request goes on.
func TestPipelineUnderCancellation(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, options.Client().SetRetryReads(false), monorail.Options().SetMaxInFlight(6))
	coll := c.Database(s.Database(t)).Collection("c")
	ctx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	for i := range 10 {
		_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "square", Value: i * i}})
		check(t, err)
	}
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for round := range 40 {
				var futures []*monorail.Future[int]
				for i := range 10 {
					opCtx, cancel := context.WithTimeout(ctx, time.Duration((round*caller+i)%7)*200*time.Microsecond+time.Microsecond)
					if (i+round)%3 == 0 {
						opCtx = ctx
					}
					defer cancel()
					futures = append(futures, monorail.Go(opCtx, func(ctx context.Context) (int, error) {
						var doc struct{ Square int }
						err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: i}}).Decode(&doc)
						return doc.Square, err
					}))
				}
				for i, f := range futures {
					n, err := f.Wait(ctx)
					switch own := (i+round)%3 == 0; {
					case err == nil && n != i*i:
						t.Errorf("the operation for %d has the result %d", i, n)
					case err != nil && (own || !errors.Is(err, context.DeadlineExceeded) && !mongo.IsTimeout(err)):
						t.Errorf("the operation for %d gives %v", i, err)
					}
				}
			}
		})
	}
	callers.Wait()
	check(t, request.Err())
	check(t, request.Barrier(ctx))
	if n := request.Info().InFlight; n != 0 {
		t.Errorf("%d replies are still to come behind a Barrier", n)
	}
}

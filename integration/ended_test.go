package integration

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

func TestEndedMeansEnded(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	operations := map[string]func(ctx context.Context) error{
		"InsertOne": func(ctx context.Context) error { _, err := coll.InsertOne(ctx, bson.D{}); return err },
		"Find":      func(ctx context.Context) error { _, err := coll.Find(ctx, bson.D{}); return err },
		"lane":      func(ctx context.Context) error { return c.Unacknowledged(coll).InsertOne(ctx, bson.D{}) },
		"Ping":      func(ctx context.Context) error { return c.Ping(ctx, nil) },
	}
	ended := func(name string, requestCtx context.Context, request *monorail.Request) {
		t.Helper()
		c.Commands.Reset()
		for operation, run := range operations {
			if err := run(requestCtx); !errors.Is(err, monorail.ErrRequestEnded) {
				t.Errorf("%s: %s gives %v, want ErrRequestEnded", name, operation, err)
			}
		}
		if n := len(c.Commands.Started()); n != 0 {
			t.Errorf("%s: %d commands were sent", name, n)
		}
		for what, err := range map[string]error{"Err": request.Err(), "Flush": request.Flush(ctx), "Barrier": request.Barrier(ctx)} {
			if !errors.Is(err, monorail.ErrRequestEnded) {
				t.Errorf("%s: %s gives %v, want ErrRequestEnded", name, what, err)
			}
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%s: %d sockets are held", name, n)
		}
	}
	for _, used := range []bool{false, true} {
		requestCtx, request := c.StartRequest(ctx)
		if used {
			check(t, c.Ping(requestCtx, nil))
		}
		check(t, request.End())
		ended(fmt.Sprintf("End, used %t", used), requestCtx, request)
	}

	outside, cancel := context.WithCancel(ctx)
	requestCtx, request := c.StartRequest(outside)
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{{Key: "_id", Value: "held"}}))
	cancel()
	servertest.Eventually(t, func() string {
		if c.Pool.CheckedOut() != 0 {
			return "the request did not end with its context"
		}
		return ""
	})
	ended("end of the context", context.WithoutCancel(requestCtx), request)
	// What was held was sent when the request ended.
	servertest.Eventually(t, func() string {
		if n, err := coll.CountDocuments(ctx, bson.D{}); n != 1 {
			return fmt.Sprintf("%d documents after the request ended with its context (%v), want the held one", n, err)
		}
		return ""
	})
}

func TestPanicGivesTheSocketBack(t *testing.T) {
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	ctx := servertest.Context(t)
	coll := c.Database(s.Database(t)).Collection("c")
	leave := map[string]func(){"panic": func() { panic("on purpose") }, "Goexit": runtime.Goexit}
	for name, leave := range leave {
		done := make(chan struct{}) // closed by the goroutine that leaves
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			_ = c.WithRequest(ctx, func(ctx context.Context) error {
				if err := c.Unacknowledged(coll).InsertOne(ctx, bson.D{{Key: "_id", Value: name}}); err != nil {
					t.Error(err)
				}
				leave()
				return nil
			})
		}()
		<-done
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%d sockets are held after %s", n, name)
		}
		servertest.Eventually(t, func() string {
			if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: name}}).Err(); err != nil {
				return fmt.Sprintf("the write before %s: %v", name, err)
			}
			return ""
		})
	}
	want := errors.New("the function's own error")
	if err := c.WithRequest(ctx, func(context.Context) error { return want }); !errors.Is(err, want) {
		t.Errorf("WithRequest gives %v, want the function's error", err)
	}
}

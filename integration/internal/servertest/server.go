// Package servertest gives a test the MongoDB that it runs against: monorailtest, or the deployment
// that MONORAIL_TEST_URI names, and watches what a client does to it.
package servertest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// Timeout bounds what a test waits for that should come at once. It is long, for slow machines.
const Timeout = 20 * time.Second

// URIVariable is the environment variable that names a real deployment.
const URIVariable = "MONORAIL_TEST_URI"

// Server is a running MongoDB.
type Server struct {
	URI string
	// Base is what every client has to set besides the URI; nil for nothing.
	Base *options.ClientOptions
	// Faults is the server whose faults a test may set; nil for a real deployment.
	Faults *monorailtest.Server
}

// Start returns the server for one test. One in the process is ended with the test.
func Start(t testing.TB) *Server { return start(t) }

func start(t testing.TB, opts ...monorailtest.Option) *Server {
	t.Helper()
	if uri := os.Getenv(URIVariable); uri != "" {
		return &Server{URI: uri}
	}
	faults := monorailtest.NewServer(opts...)
	t.Cleanup(faults.Close)
	return &Server{URI: faults.URI(), Faults: faults}
}

// StartWithFaults is Start for a test whose fault only monorailtest can produce, or which needs a
// server with these options. On a real deployment the test does not run, and says so.
func StartWithFaults(t testing.TB, opts ...monorailtest.Option) *Server {
	t.Helper()
	s := start(t, opts...)
	if s.Faults == nil {
		t.Skip("needs a fault that only monorailtest can produce")
	}
	return s
}

// StartWithFailPoints is Start for a test that makes commands fail with MongoDB's own failCommand. A real
// deployment has it when it was started with enableTestCommands; else the test does not run, and says so.
func StartWithFailPoints(t testing.TB) *Server {
	t.Helper()
	s := Start(t)
	if s.Faults != nil {
		return s
	}
	off := bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "off"}}
	if err := s.ConnectPlain(t, nil).Database("admin").RunCommand(Context(t), off).Err(); err != nil {
		t.Skip("needs a server with enableTestCommands")
	}
	return s
}

// Client is a client of a test with all that its monitors saw.
type Client struct {
	*monorail.Client
	Pool     *Pool
	Commands *Commands
}

// Connect returns a client with the options on top of the server's URI. It is disconnected with the
// test, which then fails if the pool still has connections checked out.
func (s *Server) Connect(t testing.TB, clientOpts *options.ClientOptions, opts ...*monorail.OptionsBuilder) *Client {
	t.Helper()
	c := &Client{Pool: &Pool{}, Commands: &Commands{}}
	all := s.options(clientOpts).SetPoolMonitor(c.Pool.Monitor()).SetMonitor(c.Commands.Monitor())
	client, err := monorail.Connect(all, opts...)
	if err != nil {
		t.Fatal(err)
	}
	c.Client = client
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		if err := client.Disconnect(ctx); err != nil {
			t.Errorf("disconnecting: %v", err)
		}
		if n := c.Pool.CheckedOut(); n != 0 {
			t.Errorf("%d connections are checked out after Disconnect, want 0", n)
		}
	})
	return c
}

// ConnectPlain returns a client of the official driver.
func (s *Server) ConnectPlain(t testing.TB, clientOpts *options.ClientOptions) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(s.options(clientOpts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		if err := client.Disconnect(ctx); err != nil {
			t.Errorf("disconnecting: %v", err)
		}
	})
	return client
}

func (s *Server) options(clientOpts *options.ClientOptions) *options.ClientOptions {
	return options.MergeClientOptions(options.Client().ApplyURI(s.URI), s.Base, clientOpts)
}

var databases atomic.Int64

// Database returns the name of a database that no other test uses. It is dropped with the test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("monorail_test_%d_%d", os.Getpid(), databases.Add(1))
	plain := s.ConnectPlain(t, nil)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		err := plain.Database(name).Drop(ctx)
		for err != nil && ctx.Err() == nil { // the test may have left a set between two primaries
			err = plain.Database(name).Drop(ctx)
		}
		if err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return name
}

// Context returns a context that ends with the test, or after Timeout.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until check returns "", and fails the test with what it returns else.
func Eventually(t testing.TB, check func() string) {
	t.Helper()
	deadline := time.Now().Add(Timeout)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(problem)
		}
		time.Sleep(time.Millisecond)
	}
}

package model

import (
	"context"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// worker runs one program after another on a server of its own, so that a program may stop that
// server. Its clients outlive a program that leaves them connected and in order.
type worker struct {
	tap     *tap
	server  *monorailtest.Server
	clients map[clientKind]*watchedClient
	// control is a client that no program uses but for reading what the others have written, and
	// for operations with contexts that carry requests of others.
	control *monorail.Client
	serial  int // of the last program
}

type clientKind struct{ auto, tight, keep, merge bool }

// watchedClient is a client with what its monitors saw.
type watchedClient struct {
	*monorail.Client
	pool     servertest.Pool
	commands servertest.Commands
}

// matching checks that each command that was started has finished once, on the same connection.
func (c *watchedClient) matching() error {
	open := make(map[int64]string)
	for _, e := range c.commands.Started() {
		open[e.RequestID] = e.ConnectionID
	}
	var wrong error
	finish := func(id int64, name, connection string) {
		if started, ok := open[id]; !ok || started != connection {
			wrong = fmt.Errorf("the command %s on %s finished, and was started on %q", name, connection, started)
		}
		delete(open, id)
	}
	for _, e := range c.commands.Succeeded() {
		finish(e.RequestID, e.CommandName, e.ConnectionID)
	}
	for _, e := range c.commands.Failed() {
		finish(e.RequestID, e.CommandName, e.ConnectionID)
	}
	if wrong == nil && len(open) > 0 {
		wrong = fmt.Errorf("%d commands were started and have not finished", len(open))
	}
	return wrong
}

func newWorker(t *testing.T) *worker {
	w := &worker{tap: &tap{}}
	w.start(t)
	t.Cleanup(w.stop)
	return w
}

func (w *worker) start(t failer) {
	w.tap.reset()
	w.server = monorailtest.NewServer(monorailtest.WithRecorder(w.tap.hear))
	w.clients = make(map[clientKind]*watchedClient)
	control, err := monorail.Connect(options.Client().ApplyURI(w.server.URI()))
	if err != nil {
		t.Fatalf("%v", err)
	}
	w.control = control
	ctx := context.Background()
	if _, err := control.Database(database).Collection("c").InsertOne(ctx, bson.D{{Key: "_id", Value: fixedID}}); err != nil {
		t.Fatalf("%v", err)
	}
	documents := make([]any, numberCount)
	for i := range documents {
		documents[i] = bson.D{{Key: "_id", Value: i}}
	}
	if _, err := control.Database(database).Collection(numbers).InsertMany(ctx, documents); err != nil {
		t.Fatalf("%v", err)
	}
}

// stop ends the clients, whatever state a program has left them in, and the server.
func (w *worker) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), servertest.Timeout)
	defer cancel()
	for _, c := range w.clients {
		_ = c.Disconnect(ctx)
	}
	_ = w.control.Disconnect(ctx)
	w.server.Close()
}

func (p program) kind() clientKind { return clientKind{p.auto, p.tight, p.keep, p.merge} }

// client returns the client of that kind.
func (w *worker) client(t failer, kind clientKind) *watchedClient {
	if c := w.clients[kind]; c != nil {
		c.commands.Reset()
		return c
	}
	c := &watchedClient{}
	settings := monorail.Options().SetAutoStartRequest(kind.auto).SetMergeWrites(kind.merge)
	if kind.tight {
		settings.SetMaxHeldBytes(500).SetFlushInterval(0)
	}
	if kind.keep {
		settings.SetKeepUnconfirmed(keepBytes)
	}
	client, err := monorail.Connect(options.Client().ApplyURI(w.server.URI()).
		SetPoolMonitor(c.pool.Monitor()).SetMonitor(c.commands.Monitor()), settings)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c.Client = client
	w.clients[kind] = c
	return c
}

// run runs one program, and fails the test where the client does not do what the contract says.
func (w *worker) run(t *rapid.T, p program) {
	t.Helper()
	w.serial++
	w.tap.reset()
	clean := false
	defer func() {
		if !clean { // the test has failed, and what is left is good for nothing
			w.stop()
			w.start(t)
		}
	}()
	r := newRun(t, w, w.client(t, p.kind()), p)
	defer r.openGates()
	for i, s := range p.steps {
		r.at = i + 1
		r.step(s)
		r.checkEverything()
	}
	r.at = len(p.steps) + 1
	r.finish()
	clean = true
	programsRun.Add(1)
}

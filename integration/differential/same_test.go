// Package differential does the same random operations with a client of the official driver and with
// Monorail, outside and inside requests, and compares the results, the errors, the events and what the
// server has at the end.
package differential

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// programCount is how many programs are compared, unless -rapid.checks says otherwise.
const programCount = 600

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", fmt.Sprint(programCount)) // a number: it cannot fail
	}
	_ = flag.Set("rapid.nofailfile", "true") // the seed is enough
	os.Exit(servertest.Run(m))
}

// way is one of the clients that are compared.
type way struct {
	name  string
	watch *watch
	// database returns a handle to a database of this client.
	database func(name string, opts ...options.Lister[options.DatabaseOptions]) *mongo.Database
	client   *monorail.Client // nil for the driver's
	request  bool             // operate in a request
	lane     bool             // unacknowledged writes go through the lane
}

// ways returns the clients; the first is the driver's, the second must do all that it does.
func ways(t *testing.T, s *servertest.Server) []*way {
	all := []*way{{name: "the driver"}, {name: "outside"}, {name: "in a request", request: true},
		{name: "in a request, by the lane", request: true, lane: true}}
	for i, w := range all {
		w.watch = &watch{}
		w.watch.reset()
		// One connection, so that even the plain driver has unacknowledged writes executed in order.
		clientOpts := options.Client().SetMonitor(w.watch.commandMonitor()).SetPoolMonitor(w.watch.poolMonitor()).
			SetMaxPoolSize(1).SetHeartbeatInterval(time.Hour) // only a failure makes the driver look
		if i == 0 {
			w.database = s.ConnectPlain(t, clientOpts).Database
			continue
		}
		client, err := monorail.Connect(options.MergeClientOptions(options.Client().ApplyURI(s.URI), clientOpts))
		if err != nil {
			t.Fatal(err)
		}
		w.client, w.database = client, client.Database
		t.Cleanup(func() {
			if err := client.Disconnect(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return all
}

// history is what became of a program.
type history struct {
	results, commands, pool, state []string
}

// run runs a program with a client.
func (w *way) run(t *rapid.T, p program, name string, control *mongo.Client) history {
	ctx, cancel := context.WithTimeout(context.Background(), 3*servertest.Timeout)
	defer cancel()
	w.watch.reset()
	outer := ctx
	var lane *monorail.Client
	var request *monorail.Request
	if w.request {
		ctx, request = w.client.StartRequest(ctx)
		defer request.End()
	}
	if w.lane {
		lane = w.client
	}
	var h history
	db := w.database(name)
	for _, o := range p {
		if o.fault != nil {
			w.processed(t, ctx, db) // lest the fault hit something before
			set(t, outer, control, o.fault.document())
		}
		h.results = append(h.results, neutral(o.run(ctx, db, lane)))
		if o.fault != nil { // which an operation without a command has not met
			set(t, outer, control, bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "off"}})
		}
	}
	w.processed(t, ctx, db)
	if request != nil {
		if err := request.End(); err != nil {
			t.Fatalf("%s: End gives %v", w.name, err)
		}
	}
	h.commands, h.pool = w.watch.taken()
	h.state = state(t, outer, control.Database(name))
	return h
}

// processed waits until the server has executed what was written unacknowledged on the one connection.
func (w *way) processed(t *rapid.T, ctx context.Context, db *mongo.Database) {
	if err := db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err(); err != nil {
		t.Fatalf("%s: a ping gives %v", w.name, err)
	}
}

func set(t *rapid.T, ctx context.Context, control *mongo.Client, failPoint bson.D) {
	if err := control.Database("admin").RunCommand(ctx, failPoint).Err(); err != nil {
		t.Fatalf("setting a fail point gives %v", err)
	}
}

// state lists the documents and the indexes, and drops the database.
func state(t *rapid.T, ctx context.Context, db *mongo.Database) []string {
	var documents []bson.Raw
	cursor, err := db.Collection("c").Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err == nil {
		err = cursor.All(ctx, &documents)
	}
	var out []string
	for _, d := range documents {
		out = append(out, d.String())
	}
	indexes, indexErr := db.Collection("c").Indexes().ListSpecifications(ctx)
	for _, i := range indexes {
		out = append(out, fmt.Sprint("index ", i.Name, i.Unique != nil && *i.Unique))
	}
	if dropErr := db.Drop(ctx); err != nil || indexErr != nil || dropErr != nil {
		t.Fatalf("what the server has: %v, %v, %v", err, indexErr, dropErr)
	}
	return out
}

// TestSameAsTheDriver runs the same random operations on the plain driver, and on Monorail outside
// and inside requests: same results, errors, events and documents.
func TestSameAsTheDriver(t *testing.T) {
	s := servertest.Start(t)
	control := s.ConnectPlain(t, nil)
	base := s.Database(t)
	clients := ways(t, s)
	serial := 0
	rapid.Check(t, func(t *rapid.T) {
		p := programs(s.Faults != nil).Draw(t, "program")
		var driver history
		for i, w := range clients {
			if p.harsh() && w.request {
				continue // there it breaks the request, on purpose
			}
			serial++
			h := w.run(t, p, fmt.Sprint(base, "_", serial), control)
			if i == 0 {
				driver = h
				continue
			}
			same(t, p, w.name, "results", driver.results, h.results)
			same(t, p, w.name, "commands", driver.commands, h.commands)
			same(t, p, w.name, "documents", driver.state, h.state)
			if !w.request {
				same(t, p, w.name, "events of the pool", driver.pool, h.pool)
			}
		}
	})
}

// same compares line by line.
func same(t *rapid.T, p program, name, what string, driver, own []string) {
	t.Helper()
	for i := range max(len(driver), len(own)) {
		var want, got string
		if i < len(driver) {
			want = driver[i]
		}
		if i < len(own) {
			got = own[i]
		}
		if want != got {
			t.Fatalf("%s, %s, number %d:\n%s\nof the driver:\n%s\nThe program: %v", name, what, i, got, want, p)
		}
	}
}

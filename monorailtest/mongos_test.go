package monorailtest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	driverbson "go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func TestStandaloneIsNoMongos(t *testing.T) {
	s := newServer(t)
	if want := "mongodb://" + s.Addr(); s.URI() != want {
		t.Errorf("the URI is %s, want %s", s.URI(), want)
	}
	hello := dial(t, s).runAdmin(bson.D{{Key: "hello", Value: 1}, {Key: "loadBalanced", Value: true}})
	for _, field := range []string{"msg", "serviceId"} {
		if hello.Lookup(field).Type != 0 {
			t.Errorf("hello has %s: %v", field, hello)
		}
	}
}

func TestMongos(t *testing.T) {
	s := newServer(t, WithMongos())
	hello := dial(t, s).runAdmin(helloCommand())
	if hello.Lookup("msg").StringValue() != "isdbgrid" || hello.Lookup("serviceId").Type != 0 {
		t.Errorf("hello: %v", hello)
	}
	var sharded atomic.Bool
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetServerMonitor(&event.ServerMonitor{
		TopologyDescriptionChanged: func(e *event.TopologyDescriptionChangedEvent) {
			if e.NewDescription.Kind == "Sharded" {
				sharded.Store(true)
			}
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	if _, err := client.Database("d").Collection("c").InsertOne(t.Context(), driverbson.D{}); err != nil {
		t.Error(err)
	}
	if !sharded.Load() {
		t.Error("the driver does not take the server for a mongos")
	}
}

func TestLoadBalancer(t *testing.T) {
	s := newServer(t, WithLoadBalancer(2))
	balanced := bson.D{{Key: "hello", Value: 1}, {Key: "loadBalanced", Value: true}}
	conns := []*rawConn{dial(t, s), dial(t, s), dial(t, s)}
	var services []string
	for _, c := range conns {
		hello := c.runAdmin(balanced)
		id, ok := hello.Lookup("serviceId").ObjectIDOK()
		if !ok || hello.Lookup("msg").StringValue() != "isdbgrid" {
			t.Fatalf("hello: %v", hello)
		}
		services = append(services, id.Hex())
	}
	if services[0] == services[1] || services[0] != services[2] {
		t.Errorf("the services are %v, want two in turn", services)
	}
	if reply := dial(t, s).runAdmin(helloCommand()); code(reply) != 354 {
		t.Errorf("a client that does not know of the load balancer: %v", reply)
	}
	// The data is common, cursors are not.
	conns[0].ok(bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{}, bson.D{}, bson.D{}}}})
	open := func(c *rawConn) bson.E {
		return bson.E{Key: "getMore", Value: c.ok(bson.D{{Key: "find", Value: "c"}, {Key: "batchSize", Value: 1}}).Lookup("cursor", "id").Int64()}
	}
	cursor := open(conns[1])
	more := bson.D{cursor, {Key: "collection", Value: "c"}, {Key: "batchSize", Value: 1}}
	if reply := conns[0].call(more); code(reply) != 43 {
		t.Errorf("another mongos knows the cursor: %v", reply)
	}
	kill := bson.D{{Key: "killCursors", Value: "c"}, {Key: "cursors", Value: bson.A{cursor.Value}}}
	if reply := conns[0].ok(kill); reply.Lookup("cursorsNotFound", "0").Int64() != cursor.Value {
		t.Errorf("another mongos kills the cursor: %v", reply)
	}
	conns[1].ok(more)
	if reply := conns[1].ok(kill); reply.Lookup("cursorsKilled", "0").Int64() != cursor.Value {
		t.Errorf("its own mongos does not kill the cursor: %v", reply)
	}
}

func TestDriverBehindALoadBalancer(t *testing.T) {
	s := newServer(t, WithLoadBalancer(2))
	if !strings.Contains(s.URI(), "loadBalanced=true") {
		t.Errorf("the URI is %s", s.URI())
	}
	ids := make(chan *driverbson.ObjectID, 100) // the monitor sends, the test receives
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) { ids <- e.ServiceID },
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	c := client.Database("d").Collection("c")
	if _, err := c.InsertMany(t.Context(), []any{driverbson.D{}, driverbson.D{}, driverbson.D{}}); err != nil {
		t.Fatal(err)
	}
	cursor, err := c.Find(t.Context(), driverbson.D{}, options.Find().SetBatchSize(1))
	if err != nil {
		t.Fatal(err)
	}
	var all []driverbson.D
	if err := cursor.All(t.Context(), &all); err != nil || len(all) != 3 {
		t.Errorf("%d documents, %v", len(all), err)
	}
	for n := range 2 {
		if id := <-ids; id == nil {
			t.Errorf("command %d has no service", n)
		}
	}
}

package integration

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

// unauthorized is MongoDB's code for a missing privilege.
const unauthorized = 13

// authenticated are the options of a client that is a user.
func authenticated(mechanism, name, password string) *options.ClientOptions {
	return options.Client().SetAuth(options.Credential{AuthMechanism: mechanism, Username: name, Password: password})
}

func TestAuthentication(t *testing.T) {
	for _, mechanism := range []string{"", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		t.Run(mechanism, func(t *testing.T) {
			s := servertest.StartWithFaults(t, monorailtest.WithUser("ann", "pass"))
			s.Base = authenticated(mechanism, "ann", "pass")
			c := s.Connect(t, options.Client().SetMaxPoolSize(1))
			oneSocket(t, s, c)
			usable(t, c, c.Database(s.Database(t)).Collection("c"))
		})
	}
}

func TestAuthenticationOverTLS(t *testing.T) {
	s := startTLS(t, monorailtest.WithUser("ann", "pass"))
	s.Base.SetAuth(*authenticated("", "ann", "pass").Auth)
	oneSocket(t, s, s.Connect(t, options.Client().SetMaxPoolSize(1)))
}

// TestEachSocketAuthenticates: after a break the next request's socket is another one, whose user has
// to be proved again.
func TestEachSocketAuthenticates(t *testing.T) {
	s := servertest.StartWithFaults(t, monorailtest.WithUser("ann", "pass"))
	s.Base = authenticated("", "ann", "pass")
	c := s.Connect(t, nil)
	coll := fill(t, s, c, 1, 0)
	proofs := s.Faults.Record(100, monorailtest.Commands("saslContinue"))
	defer proofs.Stop()
	requestCtx, request := c.StartRequest(servertest.Context(t))
	check(t, read(requestCtx, coll, 0))
	s.Faults.Reset(connectionOf(request))
	if err := read(requestCtx, coll, 0); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("a find on a reset connection gives %v", err)
	}
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v", err)
	}
	before := len(proofs.Messages())
	usable(t, c, coll)
	if len(proofs.Messages()) == before {
		t.Error("the connection after the break was used without a proof")
	}
}

// TestAuthenticationFails compares the first operation of a request with the driver's. Each has a client
// of its own: the driver clears its pool, and what comes next may meet that.
func TestAuthenticationFails(t *testing.T) {
	s := servertest.StartWithFaults(t, monorailtest.WithUser("ann", "pass"))
	read := func(ctx context.Context, db *mongo.Database) error {
		return db.Collection("c").FindOne(ctx, bson.D{}).Err()
	}
	write := func(ctx context.Context, db *mongo.Database) error {
		_, err := db.Collection("c").InsertOne(ctx, bson.D{})
		return err
	}
	silent := func(ctx context.Context, db *mongo.Database) error {
		_, err := db.Collection("c", unacknowledged).InsertOne(ctx, bson.D{})
		return err
	}
	for name, clientOpts := range map[string]*options.ClientOptions{
		"a wrong password": authenticated("", "ann", "wrong"),
		"an unknown user":  authenticated("", "bob", "pass"),
		"another database": options.Client().SetAuth(options.Credential{Username: "ann", Password: "pass", AuthSource: "test"}),
		"nobody":           options.Client(),
	} {
		for operation, test := range map[string]struct {
			plain func(ctx context.Context, db *mongo.Database) error
			lane  bool
		}{
			"a read": {read, false}, "a write": {write, false}, "an unacknowledged write": {silent, false}, "the lane": {silent, true},
		} {
			t.Run(name+", "+operation, func(t *testing.T) {
				ctx := servertest.Context(t)
				want := test.plain(ctx, s.ConnectPlain(t, clientOpts).Database("d"))
				c := s.Connect(t, clientOpts)
				requestCtx, request := c.StartRequest(ctx)
				var err error
				if test.lane {
					err = c.Unacknowledged(c.Database("d").Collection("c")).InsertOne(requestCtx, bson.D{})
				} else {
					err = test.plain(requestCtx, c.Database("d"))
				}
				if classify(err) != classify(want) {
					t.Errorf("got %v,\nwhich is %s,\nthe driver %v,\nwhich is %s", err, classify(err), want, classify(want))
				}
				// Without credentials the connection is made, and the server refuses in silence what is silent.
				if silence := name == "nobody" && operation != "a read" && operation != "a write"; (err == nil) != silence {
					t.Errorf("got %v", err)
				}
				if errors.Is(err, monorail.ErrRequestBroken) {
					t.Errorf("%v is a broken request, and nothing had been sent", err)
				}
				check(t, request.Err())
				check(t, request.End())
				if n := c.Pool.CheckedOut(); n != 0 {
					t.Errorf("%d connections are checked out", n)
				}
			})
		}
	}
}

// TestMissingPrivilege: what the server refuses it refuses in a request as outside, and what it refuses
// in silence is as silent. Nothing of it ends the request.
func TestMissingPrivilege(t *testing.T) {
	s := servertest.StartWithFaults(t, monorailtest.WithUser("root", "pass"), monorailtest.WithUser("reader", "read", "find"))
	s.Base = authenticated("", "root", "pass")
	name := s.Database(t)
	c := s.Connect(t, authenticated("", "reader", "read"))
	coll := c.Database(name).Collection("c")
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	refused := func(what string, err error) {
		t.Helper()
		var server mongo.ServerError
		if !errors.As(err, &server) || !server.HasErrorCode(unauthorized) || errors.Is(err, monorail.ErrRequestBroken) {
			t.Errorf("%s gives %v, want Unauthorized (13)", what, err)
		}
	}
	_, err := coll.InsertOne(requestCtx, bson.D{})
	refused("an insert", err)
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{})) // nobody hears of it
	if n, err := coll.CountDocuments(requestCtx, bson.D{}); err != nil || n != 0 {
		t.Errorf("%d documents of a user who may not write, %v", n, err)
	}
	check(t, request.Barrier(ctx))
	refused("Confirm", request.Confirm(ctx, nil))
	check(t, request.Err())
	check(t, request.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out", n)
	}
}

// TestMissingPrivilegeToConfirm: Confirm is an update. Who may insert and no more gets an error, and the
// writes have been made all the same.
func TestMissingPrivilegeToConfirm(t *testing.T) {
	s := servertest.StartWithFaults(t, monorailtest.WithUser("root", "pass"), monorailtest.WithUser("inserter", "insert", "insert"))
	s.Base = authenticated("", "root", "pass")
	name := s.Database(t)
	c := s.Connect(t, authenticated("", "inserter", "insert"))
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Unacknowledged(c.Database(name).Collection("c")).InsertOne(requestCtx, bson.D{}))
	var server mongo.ServerError
	if err := request.Confirm(ctx, nil); !errors.As(err, &server) || !server.HasErrorCode(unauthorized) {
		t.Errorf("Confirm gives %v, want Unauthorized (13)", err)
	}
	check(t, request.Err())
	check(t, request.End())
	if n, err := s.ConnectPlain(t, nil).Database(name).Collection("c").CountDocuments(ctx, bson.D{}); n != 1 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

// TestMergedWritesWithoutAPrivilege: who may update and not insert gets an upsert refused, and no other write
// with it, though it is merged with its like.
func TestMergedWritesWithoutAPrivilege(t *testing.T) {
	s := servertest.StartWithFaults(t, monorailtest.WithUser("root", "pass"), monorailtest.WithUser("updater", "update", "update", "find"))
	s.Base = authenticated("", "root", "pass")
	coll := s.ConnectPlain(t, nil).Database(s.Database(t)).Collection("c")
	ctx := servertest.Context(t)
	_, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
	check(t, err)
	c := s.Connect(t, authenticated("", "updater", "update"), merging())
	lane := c.Unacknowledged(c.Database(coll.Database().Name()).Collection("c"))
	requestCtx, request := c.StartRequest(ctx)
	for i := range 9 {
		check(t, lane.UpdateByID(requestCtx, 1, push(i), options.UpdateOne().SetUpsert(i >= 3 && i < 6)))
	}
	if list := pushed(requestCtx, t, c.Database(coll.Database().Name()).Collection("c"), 1); !slices.Equal(list, []int{0, 1, 2, 6, 7, 8}) {
		t.Errorf("the updates that are no upserts made %v", list)
	}
	if got := startedCommands(t, c); !slices.Equal(got, []string{"update 3", "update 3", "update 3", "find"}) {
		t.Errorf("commands %v", got)
	}
	check(t, request.End())
}

// TestSecureReplicaSet: a request's socket to the primary is lost with the primary's role, and the next
// one, to another member, is as secure.
func TestSecureReplicaSet(t *testing.T) {
	ca := certificate.NewAuthority()
	s := servertest.StartReplicaSet(t, 3, monorailtest.WithUser("ann", "pass"),
		monorailtest.WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}))
	s.Base = authenticated("", "ann", "pass").SetTLSConfig(&tls.Config{RootCAs: ca.Pool()})
	c := s.Connect(t, nil)
	coll := fill(t, s.Server, c, 1, 0)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: 0}}, inc))
	check(t, request.Confirm(ctx, nil))
	old := request.Info().Address
	check(t, s.Set.Elect(ctx, 1))
	breaksBySilence(t, request)
	check(t, request.Renew(ctx))
	servertest.Eventually(t, func() string { // the driver finds the new primary
		if err := read(requestCtx, coll, 0); err != nil {
			return err.Error()
		}
		return ""
	})
	if now := request.Info().Address; now == old || now != s.Set.Member(1).Addr() {
		t.Errorf("the request went from %s to %s, want %s", old, now, s.Set.Member(1).Addr())
	}
	check(t, request.End())
	usable(t, c, coll)
}

// TestAuthenticationTakesLong: the request's first operation gives up while the connection is still
// being made, and the next one does not.
func TestAuthenticationTakesLong(t *testing.T) {
	s := startTLS(t, monorailtest.WithUser("ann", "pass"))
	s.Base.SetAuth(*authenticated("", "ann", "pass").Auth)
	c := s.Connect(t, nil)
	check(t, c.Ping(servertest.Context(t), nil)) // the server is known
	coll := c.Database("d").Collection("c")
	holder, held := c.StartRequest(servertest.Context(t)) // keeps the connection that there is
	check(t, c.Ping(holder, nil))
	s.Faults.Stall() // hello is answered, and what proves the user is not
	defer s.Faults.Resume()
	requestCtx, request := c.StartRequest(servertest.Context(t))
	short, cancel := context.WithCancel(requestCtx)
	found := make(chan error, 1) // the goroutine sends once
	go func() { found <- coll.FindOne(short, bson.D{}).Err() }()
	servertest.Eventually(t, func() string {
		if c.Pool.Waiting() == 0 {
			return "no connection is being made"
		}
		return ""
	})
	cancel()
	if err := <-found; !errors.Is(err, context.Canceled) || errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("a find that gives up while the connection is made: %v", err)
	}
	s.Faults.Resume()
	if err := coll.FindOne(requestCtx, bson.D{}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("the find after it: %v", err)
	}
	check(t, request.End())
	check(t, held.End())
	if n := c.Pool.CheckedOut(); n != 0 {
		t.Errorf("%d connections are checked out", n)
	}
}

package integration

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/tag"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

// three is a set whose member 0 is primary and whose members 1 and 2 are secondaries, and a client of it.
type three struct {
	*servertest.Client
	set  *monorailtest.ReplicaSet
	coll *mongo.Collection
}

func connectThree(t testing.TB, clientOpts *options.ClientOptions, opts ...*monorail.OptionsBuilder) *three {
	t.Helper()
	var tags []monorailtest.Option
	for member := range 3 {
		tags = append(tags, monorailtest.WithTags(member, map[string]string{"member": strconv.Itoa(member)}))
	}
	rs := servertest.StartReplicaSet(t, 3, tags...)
	// A machine that is busy makes a member slow, which is to change nothing here.
	base := options.Client().SetLocalThreshold(time.Minute)
	if clientOpts != nil {
		base = options.MergeClientOptions(base, clientOpts)
	}
	c := rs.Connect(t, base, opts...)
	s := &three{Client: c, set: rs.Set, coll: c.Database("monorail_test").Collection("c")}
	for member := range 3 { // all are known, so that there is a choice
		check(t, s.count(servertest.Context(t), s.only(t, member)))
	}
	return s
}

// address is that of a member.
func (s *three) address(member int) string { return s.set.Member(member).Addr() }

// count reads with a read preference.
func (s *three) count(ctx context.Context, rp *readpref.ReadPref) error {
	_, err := s.coll.Clone(options.Collection().SetReadPreference(rp)).CountDocuments(ctx, bson.D{})
	return err
}

// only is a read preference that one member alone can serve.
func (s *three) only(t testing.TB, member int) *readpref.ReadPref {
	t.Helper()
	rp, err := readpref.New(readpref.NearestMode, readpref.WithTagSets(tag.NewTagSetsFromMaps([]map[string]string{{"member": strconv.Itoa(member)}})...))
	check(t, err)
	return rp
}

// spread reads until each of the members has served a read, and fails if another one does.
func (s *three) spread(t testing.TB, read func() error, members ...int) {
	t.Helper()
	served := make(map[int]bool)
	servertest.Eventually(t, func() string {
		s.Commands.Reset()
		check(t, read())
		for member := range 3 {
			if strings.HasPrefix(s.Commands.Connections()[0], s.address(member)+"[") {
				served[member] = true
			}
		}
		for _, member := range members {
			if !served[member] {
				return fmt.Sprintf("the members %v served, want each of %v to", served, members)
			}
		}
		return ""
	})
	if len(served) != len(members) {
		t.Errorf("the members %v served, want only %v to", served, members)
	}
}

// TestReadsSpreadOutsideAndAcrossRequests: a choice of a member binds one request, and nothing else.
func TestReadsSpreadOutsideAndAcrossRequests(t *testing.T) {
	s := connectThree(t, nil)
	ctx := servertest.Context(t)
	for _, test := range []struct {
		rp      *readpref.ReadPref
		members []int
	}{{readpref.Secondary(), []int{1, 2}}, {readpref.Nearest(), []int{0, 1, 2}}} {
		s.spread(t, func() error { return s.count(ctx, test.rp) }, test.members...)
		s.spread(t, func() error {
			return s.WithRequest(ctx, func(ctx context.Context) error { return s.count(ctx, test.rp) },
				monorail.RequestOptions().SetReadPreference(test.rp))
		}, test.members...)
	}
}

// TestRequestStaysOnItsMember, whatever the operations prefer, as long as it can serve them.
func TestRequestStaysOnItsMember(t *testing.T) {
	s := connectThree(t, nil)
	ctx := servertest.Context(t)
	for _, test := range []struct {
		pin        *readpref.ReadPref
		servable   []*readpref.ReadPref
		mismatched []*readpref.ReadPref
	}{
		{nil,
			[]*readpref.ReadPref{readpref.Primary(), readpref.PrimaryPreferred(), readpref.SecondaryPreferred(), readpref.Nearest(), s.only(t, 0)},
			[]*readpref.ReadPref{readpref.Secondary(), s.only(t, 1), s.only(t, 2)}},
		{s.only(t, 1),
			[]*readpref.ReadPref{readpref.PrimaryPreferred(), readpref.Secondary(), readpref.SecondaryPreferred(), readpref.Nearest(), s.only(t, 1)},
			[]*readpref.ReadPref{readpref.Primary(), s.only(t, 0), s.only(t, 2)}},
		{s.only(t, 2), []*readpref.ReadPref{s.only(t, 2)}, []*readpref.ReadPref{s.only(t, 1)}},
	} {
		requestCtx, request := s.StartRequest(ctx, monorail.RequestOptions().SetReadPreference(test.pin))
		check(t, s.count(requestCtx, readpref.Nearest()))
		s.Commands.Reset()
		for range 3 {
			for _, rp := range test.servable {
				check(t, s.count(requestCtx, rp))
			}
			for _, rp := range test.mismatched {
				if err := s.count(requestCtx, rp); !errors.Is(err, monorail.ErrServerMismatch) {
					t.Errorf("%v in a request for %v gives %v, want ErrServerMismatch", rp, test.pin, err)
				}
			}
		}
		if ids := s.Commands.Connections(); len(ids) != 1 || s.Pool.CheckedOut() != 1 {
			t.Errorf("a request for %v ran on %v and holds %d connections, want one", test.pin, ids, s.Pool.CheckedOut())
		}
		check(t, request.End())
	}
}

// TestReadsSeeTheWritesOfTheirRequest although the client's reads prefer secondaries, which replicate
// nothing.
func TestReadsSeeTheWritesOfTheirRequest(t *testing.T) {
	s := connectThree(t, options.Client().SetReadPreference(readpref.SecondaryPreferred()))
	s.set.StopReplication()
	for i := range 100 {
		check(t, s.WithRequest(servertest.Context(t), func(ctx context.Context) error {
			if err := s.Unacknowledged(s.coll).InsertOne(ctx, bson.D{{Key: "_id", Value: i}}); err != nil {
				return err
			}
			return s.coll.FindOne(ctx, bson.D{{Key: "_id", Value: i}}).Err()
		}))
	}
}

// TestSecondaryOutlivesThePrimary: a request on a secondary does not need the primary, and never moves
// to it.
func TestSecondaryOutlivesThePrimary(t *testing.T) {
	s := connectThree(t, nil)
	ctx := servertest.Context(t)
	requestCtx, request := s.StartRequest(ctx, monorail.RequestOptions().SetReadPreference(s.only(t, 1)))
	defer request.End()
	check(t, s.count(requestCtx, readpref.Secondary()))
	s.set.Kill(0)
	check(t, s.set.Elect(ctx, 2))
	servertest.Eventually(t, func() string {
		check(t, s.count(requestCtx, readpref.Secondary()))
		return s.pinsTo(ctx, 2)
	})
	if _, err := s.coll.InsertOne(requestCtx, bson.D{}); !errors.Is(err, monorail.ErrServerMismatch) {
		t.Errorf("a write in a request on a secondary gives %v, want ErrServerMismatch", err)
	}
	check(t, s.count(requestCtx, readpref.Secondary()))
	if got := request.Info().Address; got != s.address(1) {
		t.Errorf("the request is on %s, want still on %s", got, s.address(1))
	}
}

// pinsTo tells what is wrong with a write in a new request that should go to that member.
func (s *three) pinsTo(ctx context.Context, member int) string {
	err := s.WithRequest(ctx, func(ctx context.Context) error {
		if _, err := s.coll.InsertOne(ctx, bson.D{}); err != nil {
			return err
		}
		if got := s.Request(ctx).Info().Address; got != s.address(member) {
			return fmt.Errorf("a new request is pinned to %s, want the primary %s", got, s.address(member))
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestFailoverInAScope breaks the automatic request; when that was ended or renewed, the scope goes on on
// the new primary, in a request again.
func TestFailoverInAScope(t *testing.T) {
	s := connectThree(t, nil, monorail.Options().SetAutoStartRequest(true))
	ctx := servertest.Context(t)
	scope, end := s.NewScope(ctx)
	defer end()
	_, err := s.coll.InsertOne(scope, bson.D{})
	check(t, err)
	for next, accept := range map[int]func(broken *monorail.Request) error{
		1: func(broken *monorail.Request) error { return broken.Renew(ctx) },
		2: func(broken *monorail.Request) error {
			if err := broken.End(); !errors.Is(err, monorail.ErrRequestBroken) {
				t.Errorf("End of the broken request gives %v", err)
			}
			return nil
		},
	} {
		check(t, s.set.AwaitReplication(ctx))
		check(t, s.set.Elect(ctx, next))
		servertest.Eventually(t, func() string {
			if _, err := s.coll.InsertOne(scope, bson.D{}); !errors.Is(err, monorail.ErrRequestBroken) {
				return fmt.Sprintf("in the scope, after the failover: %v, want a broken request", err)
			}
			return ""
		})
		check(t, accept(s.Request(scope)))
		check(t, s.Ping(scope, nil))
		if got := s.Request(scope).Info().Address; got != s.address(next) {
			t.Errorf("the scope goes on on %s, want the new primary %s", got, s.address(next))
		}
	}
}

// TestOlderHandshakeHidesNoStepDown: the connection was made while its server was a secondary, which is what
// it says of it for ever. The request on it still breaks when that server is a secondary again.
func TestOlderHandshakeHidesNoStepDown(t *testing.T) {
	s := connectThree(t, nil) // with a connection to each member
	ctx := servertest.Context(t)
	check(t, s.set.Elect(ctx, 1))
	servertest.Eventually(t, func() string { return s.pinsTo(ctx, 1) })
	requestCtx, request := s.StartRequest(ctx)
	check(t, s.Ping(requestCtx, nil))
	if got := request.Info().Address; got != s.address(1) || s.Pool.Created() != 3 {
		t.Fatalf("the request is on %s of %d connections, want the old one to %s", got, s.Pool.Created(), s.address(1))
	}
	check(t, s.set.AwaitReplication(ctx))
	check(t, s.set.Elect(ctx, 2))
	servertest.Eventually(t, func() string { // nobody asks the server
		if request.Err() == nil {
			return "a request goes on on a server that is no longer primary"
		}
		return ""
	})
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v, want a broken request", err)
	}
	servertest.Eventually(t, func() string { return s.pinsTo(ctx, 2) })
}

package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/integration/internal/setproxy"
)

// connectSet returns a client of a set with a primary, member 0, and a secondary, member 1.
func connectSet(t testing.TB) (*setproxy.Set, *servertest.Client, *mongo.Collection) {
	t.Helper()
	primary, secondary := servertest.StartWithFaults(t), servertest.StartWithFaults(t)
	set := setproxy.Start(t, []string{primary.Faults.Addr(), secondary.Faults.Addr()},
		[]setproxy.Role{setproxy.Primary, setproxy.Secondary})
	// The members are standalone servers behind the proxies: they know no retryable writes.
	c := (&servertest.Server{URI: set.URI()}).Connect(t,
		options.Client().SetRetryWrites(false).SetHeartbeatInterval(500*time.Millisecond))
	return set, c, c.Database("monorail_test").Collection("c")
}

func TestWritableByDefault(t *testing.T) {
	set, c, coll := connectSet(t)
	ctx := servertest.Context(t)
	// Both members are known, so that there is a choice.
	if err := coll.Clone(options.Collection().SetReadPreference(readpref.Secondary())).FindOne(ctx, bson.D{}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Fatal(err)
	}
	for range 10 {
		check(t, c.WithRequest(ctx, func(ctx context.Context) error {
			if _, err := coll.CountDocuments(ctx, bson.D{}); err != nil {
				return err
			}
			if got := c.Request(ctx).Info().Address; got != set.Address(0) {
				t.Errorf("a request is pinned to %s, want the primary %s", got, set.Address(0))
			}
			return nil
		}))
	}
}

func TestServerMismatch(t *testing.T) {
	set, c, coll := connectSet(t)
	ctx := servertest.Context(t)
	count := func(ctx context.Context, rp *readpref.ReadPref) error {
		_, err := coll.Clone(options.Collection().SetReadPreference(rp)).CountDocuments(ctx, bson.D{})
		return err
	}
	write := func(ctx context.Context, _ *readpref.ReadPref) error {
		_, err := coll.InsertOne(ctx, bson.D{})
		return err
	}
	lane := func(ctx context.Context, _ *readpref.ReadPref) error {
		return c.Unacknowledged(coll).InsertOne(ctx, bson.D{})
	}
	for _, test := range []struct {
		name     string
		pin      *readpref.ReadPref
		run      func(context.Context, *readpref.ReadPref) error
		with     *readpref.ReadPref
		pinnedTo int
		mismatch bool
	}{
		{"primary, primary read", nil, count, readpref.Primary(), 0, false},
		{"primary, secondary read", nil, count, readpref.Secondary(), 0, true},
		{"primary, secondaryPreferred read", nil, count, readpref.SecondaryPreferred(), 0, false},
		{"primary, nearest read", nil, count, readpref.Nearest(), 0, false},
		{"primary, write", nil, write, nil, 0, false},
		{"primary, lane", nil, lane, nil, 0, false},
		{"secondary, secondary read", readpref.Secondary(), count, readpref.Secondary(), 1, false},
		{"secondary, primary read", readpref.Secondary(), count, readpref.Primary(), 1, true},
		{"secondary, primaryPreferred read", readpref.Secondary(), count, readpref.PrimaryPreferred(), 1, false},
		{"secondary, write", readpref.Secondary(), write, nil, 1, true},
		{"secondary, lane", readpref.Secondary(), lane, nil, 1, true},
	} {
		for _, pinned := range []bool{false, true} { // before and after the request has its socket
			requestCtx, request := c.StartRequest(ctx, monorail.RequestOptions().SetReadPreference(test.pin))
			any := readpref.Nearest()
			if pinned {
				check(t, count(requestCtx, any))
			}
			err := test.run(requestCtx, test.with)
			switch {
			case test.mismatch && !errors.Is(err, monorail.ErrServerMismatch):
				t.Errorf("%s, pinned %t: %v, want ErrServerMismatch", test.name, pinned, err)
			case test.mismatch && !strings.Contains(err.Error(), set.Address(test.pinnedTo)):
				t.Errorf("%s, pinned %t: %q does not name the pinned server", test.name, pinned, err)
			case !test.mismatch && err != nil:
				t.Errorf("%s, pinned %t: %v", test.name, pinned, err)
			}
			check(t, count(requestCtx, any)) // a mismatch ends nothing
			if got := request.Info().Address; got != set.Address(test.pinnedTo) {
				t.Errorf("%s, pinned %t: pinned to %s, want %s", test.name, pinned, got, set.Address(test.pinnedTo))
			}
			check(t, request.End())
		}
	}
}

func TestServerNoLongerWritable(t *testing.T) {
	set, c, coll := connectSet(t)
	ctx := servertest.Context(t)
	requestCtx, request := c.StartRequest(ctx)
	check(t, c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}))
	set.SetRole(0, setproxy.Secondary)
	set.SetRole(1, setproxy.Primary)
	servertest.Eventually(t, func() string {
		if err := c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{}); !errors.Is(err, monorail.ErrRequestBroken) {
			return "unacknowledged writes go on to a server that is no longer primary"
		}
		return ""
	})
	if err := request.End(); !errors.Is(err, monorail.ErrRequestBroken) {
		t.Errorf("End gives %v", err)
	}
	servertest.Eventually(t, func() string {
		err := c.WithRequest(ctx, func(ctx context.Context) error {
			_, err := coll.InsertOne(ctx, bson.D{})
			if got := c.Request(ctx).Info().Address; err == nil && got != set.Address(1) {
				t.Errorf("a new request is pinned to %s, want the new primary %s", got, set.Address(1))
			}
			return err
		})
		if err != nil {
			return err.Error()
		}
		return ""
	})
}

package integration

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestWriteThatMeetsTheBreakIsCounted: a part of it may have left.
func TestWriteThatMeetsTheBreakIsCounted(t *testing.T) {
	for _, keep := range []int{0, 1 << 20} {
		s := servertest.StartWithFaults(t)
		// Each write leaves by itself, so that one of them finds the dead socket.
		c := s.Connect(t, nil, monorail.Options().SetMaxHeldBytes(0).SetKeepUnconfirmed(keep))
		coll := c.Database(s.Database(t)).Collection("c")
		met := false
		for range 20 { // the watcher may meet a break before a write does, but not always
			issued, broken := writeIntoABreak(t, s, c, coll)
			met = met || broken.Unconfirmed == issued
			if broken.Unconfirmed < issued-1 || broken.Unconfirmed > issued || keep > 0 && len(broken.Writes) != broken.Unconfirmed {
				t.Errorf("of %d writes %d are told and %d handed back", issued, broken.Unconfirmed, len(broken.Writes))
			}
			if met {
				break
			}
		}
		if !met {
			t.Error("the write that met the break was never counted")
		}
	}
}

// writeIntoABreak writes into a request whose socket was reset, and returns how many writes there were
// when one of them heard of it.
func writeIntoABreak(t testing.TB, s *servertest.Server, c *servertest.Client, coll *mongo.Collection) (issued int, broken *monorail.BrokenError) {
	t.Helper()
	requestCtx, request := c.StartRequest(servertest.Context(t))
	servertest.Eventually(t, func() string { // the driver may have cleared its pool
		if _, err := coll.InsertOne(requestCtx, bson.D{}); err != nil {
			return err.Error()
		}
		return ""
	})
	s.Faults.Reset(connectionOf(request))
	var err error
	for err == nil {
		err = c.Unacknowledged(coll).InsertOne(requestCtx, bson.D{})
		issued++
	}
	if !errors.As(err, &broken) {
		t.Fatalf("a write on a dead socket gives %v", err)
	}
	wantError(t, request.End(), monorail.ErrRequestBroken)
	return issued, broken
}

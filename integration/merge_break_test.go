package integration

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestMergedWritesAtABreak resets the socket at random moments of a series of merged writes: what the
// server has is the first of them, and the others are all counted and handed back.
func TestMergedWritesAtABreak(t *testing.T) {
	const rounds, most = 8, 400
	random := rand.New(rand.NewPCG(7, 11))
	s := servertest.StartWithFaults(t)
	ctx := servertest.Context(t)
	c := s.Connect(t, nil,
		monorail.Options().SetMergeWrites(true).SetMaxHeldBytes(2000).SetFlushInterval(50*time.Microsecond).SetKeepUnconfirmed(1<<20))
	coll := c.Database(s.Database(t)).Collection("c")
	plain := s.ConnectPlain(t, nil).Database(coll.Database().Name()).Collection("c")
	upsert := options.UpdateOne().SetUpsert(true)
	lost := 0
	for round := range rounds {
		servertest.Eventually(t, func() string { // the driver finds out that the server is still there
			if err := c.Ping(ctx, nil); err != nil {
				return err.Error()
			}
			return ""
		})
		requestCtx, request := c.StartRequest(ctx)
		check(t, coll.FindOneAndUpdate(requestCtx, bson.D{{Key: "_id", Value: "start"}}, inc,
			options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Err())
		done := make(chan struct{}) // closed by the timer's function when the socket is reset
		connection := connectionOf(request)
		time.AfterFunc(time.Duration(random.IntN(1000))*time.Microsecond, func() {
			defer close(done)
			s.Faults.Reset(connection)
		})
		issued := 0
		for ; issued < most; issued++ {
			if err := c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: round}}, push(issued), upsert); err != nil {
				wantError(t, err, monorail.ErrRequestBroken)
				issued++ // it may be lost, too
				break
			}
		}
		<-done
		servertest.Eventually(t, func() string {
			if request.Err() == nil {
				return "the request does not break"
			}
			return ""
		})
		var broken *monorail.BrokenError
		if err := request.Err(); !errors.As(err, &broken) || broken.Unconfirmed < len(broken.Writes) || broken.Unconfirmed < issued-1 || broken.Unconfirmed > issued {
			t.Fatalf("after %d writes the break tells %v", issued, err)
		}
		for i, w := range broken.Writes {
			if got := w.Statement.Lookup("u", "$push", "list").AsInt64(); got != int64(i) {
				t.Fatalf("write %d that is handed back is number %d", i, got)
			}
		}
		wantError(t, request.End(), monorail.ErrRequestBroken)
		list := pushed(ctx, t, plain, round)
		for i, n := range list {
			if i != n {
				t.Fatalf("the server has %v", list)
			}
		}
		if len(list) > issued {
			t.Errorf("of %d writes the server has %d", issued, len(list))
		}
		lost += issued - len(list)
	}
	if lost == 0 {
		t.Errorf("nothing was lost in %d breaks: no break was in the middle", rounds)
	}
}

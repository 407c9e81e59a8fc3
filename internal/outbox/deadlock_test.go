package outbox

import (
	"context"
	"testing"

	"github.com/mongo-monorail/monorail/internal/inbox"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// A peer that answers each message with a megabyte, and does not read on while it cannot write,
// must not block a big write for ever, although nobody waits for the replies.
func TestBigWriteEndsAgainstAPeerThatIsBlockedWriting(t *testing.T) {
	const requests, megabyte = 16, 1 << 20
	conn, peer := wiretest.Loopback(t)
	peer.Go(func() {
		peer.Serve(func(request []byte) []byte { return wiretest.Reply(wiretest.ID(request), megabyte) })
	})
	in := inbox.New(conn, 2*megabyte, func(error) {})
	o := newOutbox(conn, Config{Resumable: true, Blocked: func() func() {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{}) // closed by the goroutine when it ends
		go func() {
			defer close(done)
			_ = in.Pump(ctx)
		}()
		return func() {
			cancel()
			<-done
		}
	}})
	for id := range int32(requests) {
		w := in.Expect(id+1, nil, 0)
		if _, err := o.Send(t.Context(), wiretest.Request(id+1, megabyte)); err != nil {
			t.Fatal(err)
		}
		in.Abandon(w)
	}
	if err := in.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !o.Close(errEnded) || !in.Close(errEnded) {
		t.Error("not clean at the end")
	}
}

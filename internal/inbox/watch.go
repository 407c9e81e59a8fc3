package inbox

import (
	"context"
	"sync"
	"time"
)

// past is a deadline that ends a blocked read at once.
var past = time.Unix(1, 0)

// interruption ends a blocked read when a context does.
type interruption struct {
	conn Conn
	stop func() bool
	// mu guards over, which says that the read has ended and must not be interrupted any more.
	mu   sync.Mutex
	over bool
}

// watch returns nil for a context that cannot end: such a read costs no watcher.
func watch(ctx context.Context, conn Conn) *interruption {
	if ctx.Done() == nil {
		return nil
	}
	i := &interruption{conn: conn}
	i.stop = context.AfterFunc(ctx, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if !i.over {
			_ = conn.SetReadDeadline(past)
		}
	})
	return i
}

// end stops watching and tells whether the read may have been interrupted; the connection then has
// no deadline any more.
func (i *interruption) end() bool {
	if i == nil || i.stop() {
		return false
	}
	i.mu.Lock()
	i.over = true
	i.mu.Unlock()
	_ = i.conn.SetReadDeadline(time.Time{})
	return true
}

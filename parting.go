package monorail

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// partingTimeout bounds how long a broken connection is kept so that Renew can wait for its end. A
// server that is alive closes within milliseconds of our half-close, or when it has executed what was
// sent: as long as giving a connection back may wait for a server that does not read.
const partingTimeout = flushTimeout

// parting is a connection that has left the driver's pool because its request broke, and that is
// still to be ended in order: our half is closed, so the server executes what it was sent, reads the
// end, and closes. Close alone is no fence: what the server had not read by then could be executed
// after what is sent on another connection. It may be shared between goroutines.
type parting struct {
	conn net.Conn
	// timer closes conn when nobody has waited for its end, or the end has not come.
	timer *time.Timer
	// turn holds one token, which whoever reads has taken. Nobody closes it.
	turn chan struct{}
	// over says that conn is closed, fenced that the server ended it. They belong to whoever has the
	// token.
	over, fenced bool
}

// newParting half-closes conn, which must be used by nobody else any more, and returns nil where
// that cannot be done.
func newParting(conn net.Conn) *parting {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return nil
	}
	p := &parting{
		conn:  conn,
		timer: time.AfterFunc(partingTimeout, func() { _ = conn.Close() }),
		turn:  make(chan struct{}, 1),
	}
	p.turn <- struct{}{}
	return p
}

// wait returns when the connection has ended, and tells whether the server ended it: it then
// executes nothing more of what was sent. When ctx ends first, it returns the context's error and
// may be called again.
func (p *parting) wait(ctx context.Context) (fenced bool, err error) {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	if p.over {
		return p.fenced, nil
	}
	for {
		if err := p.conn.SetReadDeadline(time.Time{}); err != nil {
			p.end(false)
			return false, nil
		}
		stop := context.AfterFunc(ctx, func() { _ = p.conn.SetReadDeadline(past) })
		_, err := io.Copy(io.Discard, p.conn) // replies that nobody waits for any more
		stop()
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			p.end(err == nil)
			return p.fenced, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		// The deadline of an operation that gave up at the moment of the break came late.
	}
}

func (p *parting) end(fenced bool) {
	p.over, p.fenced = true, fenced
	p.close()
}

// close ends the connection whether the server has or not.
func (p *parting) close() {
	p.timer.Stop()
	_ = p.conn.Close()
}

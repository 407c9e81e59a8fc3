//go:build unix

package monorail

import (
	"io"
	"net"
	"syscall"
)

// liveness looks at what has arrived on a connection without taking it. It is made once for a
// connection, so that a look allocates nothing, and used by one goroutine at a time.
type liveness struct {
	raw syscall.RawConn
	// look is l.receive: a method value made for each look would be allocated.
	look func(fd uintptr) (done bool)
	n    int   // what receive got
	err  error // and how it went
}

// newLiveness returns nil for a connection that is no socket of the kernel: nothing is known of such a
// one.
func newLiveness(conn net.Conn) *liveness {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return nil
	}
	l := &liveness{raw: raw}
	l.look = l.receive
	return l
}

func (l *liveness) receive(fd uintptr) (done bool) {
	var b [1]byte
	l.n, _, l.err = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return true // do not wait
}

// peek returns io.EOF or an error of the kernel for a connection that the other side has ended,
// errUnasked for bytes that wait to be read, nil for silence. It costs one system call.
func (l *liveness) peek() error {
	if l == nil {
		return nil
	}
	if err := l.raw.Read(l.look); err != nil {
		return err
	}
	switch {
	case l.err == syscall.EAGAIN || l.err == syscall.EWOULDBLOCK || l.err == syscall.EINTR:
		return nil
	case l.err != nil:
		return l.err
	case l.n == 0:
		return io.EOF
	default:
		return errUnasked
	}
}

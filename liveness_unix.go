//go:build unix

package monorail

import (
	"io"
	"net"
	"syscall"
)

// peek looks at what has arrived on a connection without taking it: io.EOF or an error of the kernel
// for one that the other side has ended, errUnasked for bytes that wait to be read, nil for silence.
// It knows nothing of connections that are no sockets of the kernel. It costs one system call.
func peek(conn net.Conn) error {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var peekErr error
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, peekErr = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true // do not wait
	})
	switch {
	case err != nil:
		return err
	case peekErr == syscall.EAGAIN || peekErr == syscall.EWOULDBLOCK || peekErr == syscall.EINTR:
		return nil
	case peekErr != nil:
		return peekErr
	case n == 0:
		return io.EOF
	default:
		return errUnasked
	}
}

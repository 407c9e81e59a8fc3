package inbox

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/mongo-monorail/monorail/internal/wire"
)

// ErrMalformed is in the chain of the failure of an inbox that received what is no wire message, or one
// that is too large. The connection is still open, but nothing behind can be read.
var ErrMalformed = errors.New("malformed reply")

// bufferSize is how much is read ahead: one read call brings a usual reply, or many small ones.
const bufferSize = 16 << 10

// buffers holds *[bufferSize]byte. A reader borrows one while it reads and gives it back when it is
// empty, so that an idle socket has none.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// reader cuts a stream into messages. What was read of an unfinished message stays in it, whatever
// interrupts the read.
type reader struct {
	maxMessageSize int32

	// buffer holds what was read ahead, from start to end; nil when that is nothing.
	buffer     *[bufferSize]byte
	start, end int
	// message is the message that is being put together, of which filled bytes are there; nil when
	// its header is not complete.
	message []byte
	filled  int
}

// next returns the next message, which belongs to the caller.
func (r *reader) next(conn io.Reader) ([]byte, error) {
	for {
		if r.message == nil && r.end-r.start >= wire.HeaderLength {
			length := wire.Length(r.buffer[r.start:])
			if length < wire.HeaderLength || length > r.maxMessageSize {
				return nil, fmt.Errorf("%w: a length of %d bytes, want %d to %d", ErrMalformed, length, wire.HeaderLength, r.maxMessageSize)
			}
			r.message, r.filled = make([]byte, length), 0
		}
		if r.message != nil {
			n := 0
			if r.start < r.end {
				n = copy(r.message[r.filled:], r.buffer[r.start:r.end])
			}
			r.start += n
			r.filled += n
			if r.filled == len(r.message) {
				message := r.message
				r.message = nil
				return message, nil
			}
		}
		if err := r.fill(conn); err != nil {
			return nil, err
		}
	}
}

// buffered tells whether next returns a message without reading.
func (r *reader) buffered() bool {
	return r.message == nil && r.end-r.start >= wire.HeaderLength && r.end-r.start >= int(wire.Length(r.buffer[r.start:]))
}

// fill reads once: into the message where the buffer could not hold what is missing of it, else
// into the buffer.
func (r *reader) fill(conn io.Reader) error {
	if r.message != nil && len(r.message)-r.filled >= bufferSize {
		n, err := conn.Read(r.message[r.filled:])
		r.filled += n
		return ended(n, err)
	}
	if r.buffer == nil {
		r.buffer = buffers.Get().(*[bufferSize]byte)
	}
	if r.start > 0 {
		r.end = copy(r.buffer[:], r.buffer[r.start:r.end])
		r.start = 0
	}
	n, err := conn.Read(r.buffer[r.end:])
	r.end += n
	return ended(n, err)
}

// ended keeps an error for the next read when this one brought something.
func ended(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}

// release gives the buffer back if it is empty.
func (r *reader) release() {
	if r.buffer != nil && r.start == r.end {
		buffers.Put(r.buffer)
		r.buffer, r.start, r.end = nil, 0, 0
	}
}

// empty tells whether nothing was read that was not returned.
func (r *reader) empty() bool { return r.message == nil && r.start == r.end }

package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// ErrFatal is wrapped by every error after which MongoDB closes the connection without a reply.
var ErrFatal = errors.New("malformed message")

const (
	// readBufferSize lets many small messages come with one read call; a larger message is read past it.
	readBufferSize = 16 << 10
	// firstGrowth is how much is allocated on the word of a header; more follows as bytes arrive, so that a
	// header alone, which may announce 48 MB, costs little.
	firstGrowth = 64 << 10
	// keepSize is the largest message buffer that is kept for the next message.
	keepSize = 1 << 20
)

// Reader takes messages off a connection, one at a time. It is not safe for concurrent use.
type Reader struct {
	src *bufio.Reader
	buf []byte
}

// NewReader returns a reader of r.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, readBufferSize)}
}

// Read returns the next message: its header, and the bytes behind it, which are valid until the next call. A length
// out of bounds is an error that wraps ErrFatal, reported before the rest of the message has come. The end of
// the stream between two messages is io.EOF, and within one io.ErrUnexpectedEOF.
func (r *Reader) Read() (Header, []byte, error) {
	head, err := r.src.Peek(HeaderSize)
	if err != nil {
		if err == io.EOF && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return Header{}, nil, err
	}
	h := parseHeader(head)
	if h.Length < HeaderSize || h.Length > MaxMessageSize {
		return h, nil, fmt.Errorf("%w: length %d", ErrFatal, h.Length)
	}
	if _, err := r.src.Discard(HeaderSize); err != nil {
		return h, nil, err
	}
	body, err := r.fill(int(h.Length) - HeaderSize)
	return h, body, err
}

// Buffered returns how many bytes have been read from the connection and belong to messages to come.
func (r *Reader) Buffered() int { return r.src.Buffered() }

// fill reads n bytes into the buffer, which grows with what arrives.
func (r *Reader) fill(n int) ([]byte, error) {
	if cap(r.buf) > keepSize {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		if cap(r.buf) == len(r.buf) || len(r.buf) == 0 {
			r.grow(n)
		}
		next := r.buf[len(r.buf):min(n, cap(r.buf))]
		m, err := io.ReadFull(r.src, next)
		r.buf = r.buf[:len(r.buf)+m]
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return r.buf, nil
}

// grow makes room for a message of n bytes, or for four times what has come of it.
func (r *Reader) grow(n int) {
	size := min(n, max(firstGrowth, 4*len(r.buf)))
	if size <= cap(r.buf) {
		return
	}
	grown := make([]byte, len(r.buf), size)
	copy(grown, r.buf)
	r.buf = grown
}

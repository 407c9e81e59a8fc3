package wire

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Compressor is the compressor id of an OP_COMPRESSED.
type Compressor uint8

// The compressors. NoCompression is also the id of "noop", which MongoDB refuses in a message.
const (
	NoCompression Compressor = 0
	Snappy        Compressor = 1
	Zlib          Compressor = 2
	Zstd          Compressor = 3
)

// CompressorNames are the names that hello negotiates, by compressor.
var CompressorNames = map[string]Compressor{"snappy": Snappy, "zlib": Zlib, "zstd": Zstd}

// compressedHeaderSize is that of the fields behind the header of an OP_COMPRESSED: original opcode, size of the
// uncompressed bytes, compressor id.
const compressedHeaderSize = 9

var (
	// zstdEncoder and zstdDecoder are used by EncodeAll and DecodeAll only, which may be called concurrently and
	// need no goroutine and no Close. The decoder takes no more than a message may hold.
	zstdEncoder = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)))
	zstdDecoder = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxMessageSize)))
)

// must returns v: the encoder and the decoder fail only on options that they do not know.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// decompress opens an OP_COMPRESSED. It returns the header that the message would have had uncompressed, and its
// bytes behind that. Every error wraps ErrFatal.
func decompress(h Header, b []byte) (Header, []byte, Compressor, error) {
	if len(b) < compressedHeaderSize {
		return h, nil, 0, fmt.Errorf("%w: OP_COMPRESSED cut short", ErrFatal)
	}
	opCode := OpCode(binary.LittleEndian.Uint32(b))
	size := int32(binary.LittleEndian.Uint32(b[4:]))
	id := Compressor(b[8])
	if opCode == OpCompressed {
		return h, nil, 0, fmt.Errorf("%w: nested OP_COMPRESSED", ErrFatal)
	}
	if size < 0 || size > MaxMessageSize-HeaderSize {
		return h, nil, 0, fmt.Errorf("%w: OP_COMPRESSED of %d bytes", ErrFatal, size)
	}
	plain, err := inflate(id, b[compressedHeaderSize:], int(size))
	if err != nil {
		return h, nil, 0, fmt.Errorf("%w: OP_COMPRESSED: %w", ErrFatal, err)
	}
	if len(plain) != int(size) {
		return h, nil, 0, fmt.Errorf("%w: OP_COMPRESSED announced %d bytes and holds %d", ErrFatal, size, len(plain))
	}
	h.Length = HeaderSize + size
	h.OpCode = opCode
	return h, plain, id, nil
}

// inflate returns what b holds, reading little more than size bytes of it.
func inflate(id Compressor, b []byte, size int) ([]byte, error) {
	switch id {
	case Snappy:
		if n, err := snappy.DecodedLen(b); err != nil || n != size {
			return nil, fmt.Errorf("snappy block of %d bytes: %w", n, errOr(err, io.ErrUnexpectedEOF))
		}
		return snappy.Decode(nil, b)
	case Zlib:
		r, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(r, int64(size)+1))
	case Zstd:
		return zstdDecoder.DecodeAll(b, nil)
	default:
		return nil, fmt.Errorf("unknown compressor %d", id)
	}
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// appendCompressed appends the message, a whole one with its header, as an OP_COMPRESSED.
func appendCompressed(dst []byte, id Compressor, message []byte) ([]byte, error) {
	h := parseHeader(message)
	plain := message[HeaderSize:]
	start := len(dst)
	opCode := h.OpCode
	h.OpCode = OpCompressed
	dst = appendHeader(dst, h)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(opCode))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(plain)))
	dst = append(dst, byte(id))
	switch id {
	case Snappy:
		dst = append(dst, snappy.Encode(nil, plain)...)
	case Zlib:
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		dst = append(dst, out.Bytes()...)
	case Zstd:
		dst = zstdEncoder.EncodeAll(plain, dst)
	default:
		return nil, fmt.Errorf("wire: unknown compressor %d", id)
	}
	setLength(dst, start)
	return dst, nil
}

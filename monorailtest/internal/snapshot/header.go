package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Errors of a file that is not read. Those that wrap ErrDamaged say what is wrong with it.
var (
	// ErrForeign: the file is no snapshot.
	ErrForeign = errors.New("it is not a file of monorailtest")
	// ErrDamaged: the file is a snapshot that is torn or was changed.
	ErrDamaged = errors.New("it is damaged")
)

const (
	// magic begins every file. The bytes behind the name are those that a transfer as text would change.
	magic = "MONORAIL\x00\r\n\xff"
	// version is that of the format.
	version = 1
	// headerSize is the size of magic (12), version (4), length (8), 4 bytes of zeros, and checksum (4).
	headerSize = 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the beginning of a file, but for its checksum, which covers what stands before it and the body.
type header struct {
	// length is that of the body: what follows the header.
	length int64
}

// append appends the header without its checksum.
func (h header) append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.length))
	return binary.LittleEndian.AppendUint32(dst, 0)
}

// parseHeader reads the header of a file of the given size, and its checksum.
func parseHeader(b []byte, size int64) (h header, checksum uint32, err error) {
	if size < headerSize || string(b[:len(magic)]) != magic {
		if n := min(len(b), len(magic)); n > 0 && string(b[:n]) == magic[:n] {
			return h, 0, fmt.Errorf("%w: it ends in the header", ErrDamaged)
		}
		return h, 0, ErrForeign
	}
	if v := binary.LittleEndian.Uint32(b[len(magic):]); v != version {
		return h, 0, fmt.Errorf("it is of version %d of the format, and this program reads version %d", v, version)
	}
	h.length = int64(binary.LittleEndian.Uint64(b[16:]))
	if h.length != size-headerSize {
		return h, 0, fmt.Errorf("%w: it has %d bytes behind the header, which says %d", ErrDamaged, size-headerSize, h.length)
	}
	return h, binary.LittleEndian.Uint32(b[28:]), nil
}

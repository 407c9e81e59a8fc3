package snapshot

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// Contents is what a file keeps.
type Contents struct {
	Users       []access.Stored
	Collections []store.Frozen
}

// The kinds of documents that are not documents of a collection.
const (
	kindServer     = "server"
	kindCollection = "collection"
	kindEnd        = "end"
)

// writeBuffer is how much goes to the file in one call.
const writeBuffer = 256 << 10

// write writes c to w, which stands at its beginning, in constant memory.
func write(w io.WriteSeeker, c *Contents) error {
	var unknown [headerSize]byte
	if _, err := w.Write(unknown[:]); err != nil {
		return err
	}
	body := &summed{to: bufio.NewWriterSize(w, writeBuffer)}
	if err := writeBody(body, c); err != nil {
		return err
	}
	if err := body.to.Flush(); err != nil {
		return err
	}
	h := header{length: body.length}.append(nil)
	// The checksum is that of the header and the body; the length of the header did not stand until now.
	h = binary.LittleEndian.AppendUint32(h, checksum(h, body.sum, body.length))
	if _, err := w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := w.Write(h)
	return err
}

// checksum is that of a header, without its checksum, together with the sum and length of the body: changing either
// changes it.
func checksum(header []byte, body uint32, length int64) uint32 {
	b := binary.LittleEndian.AppendUint32(append([]byte(nil), header...), body)
	return crc32.Checksum(binary.LittleEndian.AppendUint64(b, uint64(length)), castagnoli)
}

// summed counts and sums what is written.
type summed struct {
	to     *bufio.Writer
	sum    uint32
	length int64
}

func (s *summed) Write(b []byte) (int, error) {
	s.sum = crc32.Update(s.sum, castagnoli, b)
	s.length += int64(len(b))
	return s.to.Write(b)
}

func writeBody(w io.Writer, c *Contents) error {
	put := func(d bson.D) error {
		_, err := w.Write(bsonvalue.Encode(d))
		return err
	}
	users := bson.A{}
	for _, u := range c.Users {
		users = append(users, encodeUser(u))
	}
	if err := put(bson.D{{Key: "kind", Value: kindServer}, {Key: "users", Value: users}}); err != nil {
		return err
	}
	for i := range c.Collections {
		f := &c.Collections[i]
		if err := put(encodeCollection(f)); err != nil {
			return err
		}
		err := f.Each(func(d *store.Document) error {
			_, err := w.Write(d.Raw)
			return err
		})
		if err != nil {
			return err
		}
	}
	return put(bson.D{{Key: "kind", Value: kindEnd}, {Key: "collections", Value: int64(len(c.Collections))}})
}

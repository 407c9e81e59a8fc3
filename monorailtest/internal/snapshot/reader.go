package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
)

// maxDepth is how deep the documents of a file may nest. A server stores none that nests deeper than a message may, but
// what a collection is described by stands some levels down.
const maxDepth = wire.MaxDepth + 20

// Read reads a file of the given size. It returns a store of its own and the users, or an error: that the file is
// foreign, that it is damaged, or of r.
func Read(r io.Reader, size int64) (*store.Store, []access.Stored, error) {
	source := bufio.NewReaderSize(r, writeBuffer)
	b := make([]byte, min(size, headerSize))
	if _, err := io.ReadFull(source, b); err != nil {
		return nil, nil, short(err)
	}
	h, want, err := parseHeader(b, size)
	if err != nil {
		return nil, nil, err
	}
	body := &reader{from: source, left: h.length}
	s, users, err := body.contents()
	if err != nil {
		return nil, nil, err
	}
	if got := checksum(b[:headerSize-4], body.sum, h.length); got != want {
		return nil, nil, fmt.Errorf("%w: its checksum is %#x, computed %#x", ErrDamaged, want, got)
	}
	return s, users, nil
}

// short makes of the end of the file, which came too early, what is wrong with it.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrDamaged)
	}
	return err
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// reader takes documents off a body.
type reader struct {
	from *bufio.Reader
	sum  uint32
	// left is how many bytes of the body have not been read.
	left int64
}

// document reads the next document, whose bytes belong to the caller.
func (r *reader) document() (bson.Raw, error) {
	if r.left < 4 {
		return nil, damaged("it ends within a document")
	}
	size, err := r.from.Peek(4)
	if err != nil {
		return nil, short(err)
	}
	n := int64(int32(binary.LittleEndian.Uint32(size)))
	if n < 5 || n > wire.MaxDocumentSize || n > r.left {
		return nil, damaged("a document of %d bytes, %d before the end", n, r.left)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.from, b); err != nil {
		return nil, short(err)
	}
	r.left -= n
	r.sum = crc32.Update(r.sum, castagnoli, b)
	if err := wire.Validate(b, maxDepth); err != nil {
		return nil, damaged("%v", err)
	}
	return b, nil
}

// described reads the next document, which describes what follows it, and its kind.
func (r *reader) described() (string, bson.D, error) {
	raw, err := r.document()
	if err != nil {
		return "", nil, err
	}
	d, err := bsonvalue.Decode(raw)
	if err != nil {
		return "", nil, damaged("%v", err)
	}
	kind, _ := store.Field(d, "kind").(string)
	return kind, d, nil
}

// contents reads the whole body.
func (r *reader) contents() (*store.Store, []access.Stored, error) {
	kind, d, err := r.described()
	if err != nil {
		return nil, nil, err
	}
	list, ok := store.Field(d, "users").(bson.A)
	if kind != kindServer || !ok {
		return nil, nil, damaged("it does not begin with a server")
	}
	users := make([]access.Stored, len(list))
	for i, v := range list {
		if users[i], err = decodeUser(v); err != nil {
			return nil, nil, err
		}
	}
	s := store.New()
	uuids := map[string]bool{}
	for n := int64(0); ; n++ {
		kind, d, err := r.described()
		switch {
		case err != nil:
			return nil, nil, err
		case kind == kindEnd && store.Field(d, "collections") == any(n) && r.left == 0:
			return s, users, nil
		case kind != kindCollection:
			return nil, nil, damaged("a document of kind %q, %d bytes before the end, behind %d collections", kind, r.left, n)
		}
		c, err := decodeCollection(d)
		if err != nil {
			return nil, nil, err
		}
		if uuids[string(c.uuid.Data)] {
			return nil, nil, damaged("two collections with the UUID %x", c.uuid.Data)
		}
		uuids[string(c.uuid.Data)] = true
		if err := r.collection(s, c); err != nil {
			return nil, nil, err
		}
	}
}

// collection makes the collection that c describes, with the documents that follow.
func (r *reader) collection(s *store.Store, c *collection) error {
	database, name, ok := strings.Cut(c.namespace, ".")
	if !ok || database == "" || name == "" || s.Collection(database, name) != nil {
		return damaged("a collection %q", c.namespace)
	}
	s.Apply(&store.Change{Kind: store.CreateCollection, Collection: c.uuid, Namespace: c.namespace, Options: c.options})
	made := s.Collection(database, name)
	err := made.Write(func(w *store.Writer) error {
		// Documents may be older than the validator, and were not checked where that was asked for.
		w.SkipValidation()
		for i, x := range c.indexes {
			if i == 0 {
				// The one on _id is there.
				continue
			}
			if err := w.CreateIndex(x); err != nil {
				return err
			}
		}
		for range c.documents {
			raw, err := r.document()
			if err != nil {
				return err
			}
			fields, err := bsonvalue.Decode(raw)
			if err != nil {
				return err
			}
			if err := w.Insert(fields, raw); err != nil {
				return err
			}
		}
		return nil
	})
	var e *mongoerror.Error
	if errors.As(err, &e) {
		return damaged("collection %q: %s", c.namespace, e.Message)
	}
	if n, _ := made.Size(); err == nil && int64(n) != c.documents {
		return damaged("collection %q has room for %d documents of %d", c.namespace, n, c.documents)
	}
	return err
}

// collection is what a file says of a collection before its documents.
type collection struct {
	namespace string
	uuid      primitive.Binary
	options   bson.D
	indexes   []store.IndexSpec
	documents int64
}

package store

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeCappedResize is the error of an update that changes the size of a document in a capped
// collection.
const codeCappedResize = 10003

// checkCappedInsert refuses what a capped collection cannot take.
func (c *Collection) checkCappedInsert(raw bson.Raw) error {
	o := c.Options()
	switch {
	case !o.Capped:
		return nil
	case c.fork != nil:
		return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
			"Collection '%s' is a capped collection. Writes in transactions are not allowed on capped collections.", c.Namespace())
	case int64(len(raw)) > o.MaxBytes:
		return mongoerror.New(mongoerror.BadValue, "object to insert exceeds cappedMaxSize")
	}
	return nil
}

// checkCappedReplace refuses an update that changes the size of a document.
func (c *Collection) checkCappedReplace(old *Document, raw bson.Raw) error {
	if c.Options().Capped && len(old.Raw) != len(raw) {
		return mongoerror.New(codeCappedResize, "Cannot change the size of a document in a capped collection: %d != %d", len(old.Raw), len(raw))
	}
	return nil
}

// CheckDelete refuses to delete from a capped collection, whether there is anything to delete or not.
func (c *Collection) CheckDelete() error {
	if c.Options().Capped {
		return mongoerror.New(mongoerror.IllegalOperation, "cannot remove from a capped collection: %s", c.Namespace())
	}
	return nil
}

// evictLocked deletes the oldest documents of a capped collection that is too large.
func (w *Writer) evictLocked() error {
	c, o := w.c, w.c.Options()
	for o.Capped && (c.bytes > o.MaxBytes || o.MaxDocuments > 0 && int64(c.documents.Len()) > o.MaxDocuments) {
		oldest, ok := c.documents.Min()
		if !ok {
			return nil
		}
		if err := w.remove(oldest, true); err != nil {
			return err
		}
	}
	return nil
}

// Empty deletes all documents, also those of a capped collection.
func (w *Writer) Empty() error {
	for {
		oldest, ok := w.c.documents.Min()
		if !ok {
			return nil
		}
		if err := w.remove(oldest, false); err != nil {
			return err
		}
	}
}

// Grown returns a channel that is closed when the next document is inserted, or the collection is
// dropped. What a reader has not seen before it calls Grown may have been inserted earlier.
func (c *Collection) Grown() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grown == nil {
		c.grown = make(chan struct{})
		if c.dropped {
			close(c.grown)
		}
	}
	return c.grown
}

// grownLocked tells those who wait.
func (c *Collection) grownLocked() {
	if c.grown != nil && !c.dropped {
		close(c.grown)
		c.grown = nil
	}
}

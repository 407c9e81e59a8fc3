package store

import (
	"slices"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// CreateIndex builds an index. It fails with DuplicateKey (11000) where the documents violate a
// unique one, and with a *Conflict while an open transaction uses the collection, and then leaves
// the collection as it was. The name must not be taken.
func (w *Writer) CreateIndex(spec IndexSpec) error {
	c := w.c
	if err := c.redefinableLocked(); err != nil {
		return err
	}
	x := newIndex(spec)
	var failed error
	c.documents.Scan(func(d *Document) bool {
		keys, err := x.checkedKeys(c, d, nil)
		if err != nil {
			failed = err
			return false
		}
		x.add(keys, d.Record)
		return true
	})
	if failed != nil {
		return failed
	}
	if err := w.log(Change{Kind: CreateIndex, Index: spec}); err != nil {
		return err
	}
	c.indexes = append(slices.Clip(c.indexes), x)
	c.definition++
	return nil
}

// buildLocked builds an index that was checked elsewhere.
func (c *Collection) buildLocked(spec IndexSpec) {
	x := newIndex(spec)
	c.documents.Scan(func(d *Document) bool {
		// The documents were indexed elsewhere, so there is no error.
		keys, multikey, _ := x.keys(d.Fields)
		x.multikey = x.multikey || multikey
		x.add(keys, d.Record)
		return true
	})
	c.indexes = append(slices.Clip(c.indexes), x)
	c.definition++
}

// unbuildLocked removes an index if it is there.
func (c *Collection) unbuildLocked(name string) {
	c.indexes = slices.DeleteFunc(slices.Clone(c.indexes), func(x *Index) bool { return x.spec.Name == name })
	c.definition++
}

// DropIndex removes an index by name. The index on _id stays (72). It fails with a *Conflict while
// an open transaction uses the collection.
func (w *Writer) DropIndex(name string) error {
	c := w.c
	i := slices.IndexFunc(c.indexes, func(x *Index) bool { return x.spec.Name == name })
	switch {
	case i < 0:
		return mongoerror.New(mongoerror.IndexNotFound, "index not found with name [%s]", name)
	case i == 0:
		return mongoerror.New(mongoerror.InvalidOptions, "cannot drop _id index")
	}
	if err := c.redefinableLocked(); err != nil {
		return err
	}
	if err := w.log(Change{Kind: DropIndex, Index: c.indexes[i].spec}); err != nil {
		return err
	}
	c.unbuildLocked(name)
	return nil
}

// Indexes returns the descriptions of the indexes, the one on _id first.
func (w *Writer) Indexes() []IndexSpec {
	out := make([]IndexSpec, len(w.c.indexes))
	for i, x := range w.c.indexes {
		out[i] = x.spec
	}
	return out
}

// Len returns the number of documents.
func (w *Writer) Len() int { return w.c.documents.Len() }

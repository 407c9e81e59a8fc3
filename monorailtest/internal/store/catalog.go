package store

import (
	"slices"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// CreateIndex builds an index. It fails with DuplicateKey (11000) where the documents violate a
// unique one, and then leaves the collection as it was. The name must not be taken.
func (w *Writer) CreateIndex(spec IndexSpec) error {
	c := w.c
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
	c.indexes = append(slices.Clip(c.indexes), x)
	return nil
}

// DropIndex removes an index by name. The index on _id stays (72).
func (w *Writer) DropIndex(name string) error {
	c := w.c
	i := slices.IndexFunc(c.indexes, func(x *Index) bool { return x.spec.Name == name })
	switch {
	case i < 0:
		return mongoerror.New(mongoerror.IndexNotFound, "index not found with name [%s]", name)
	case i == 0:
		return mongoerror.New(mongoerror.InvalidOptions, "cannot drop _id index")
	}
	c.indexes = slices.Delete(slices.Clone(c.indexes), i, i+1)
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

package store

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"
)

// Modify gives the collection other options. It fails with a *Conflict while an open transaction uses
// the collection, and with the error of a validator that does not parse.
func (w *Writer) Modify(options bson.D) error {
	c := w.c
	if err := c.redefinableLocked(); err != nil {
		return err
	}
	o, err := ParseOptions(options)
	if err != nil {
		return err
	}
	if err := w.log(Change{Kind: ModifyCollection, Options: options}); err != nil {
		return err
	}
	c.modifyLocked(o)
	return nil
}

func (c *Collection) modifyLocked(o *Options) {
	c.options.Store(o)
	c.definition++
}

// ModifyIndex gives the index with the name of spec another description, which must not change what
// it holds. It fails with a *Conflict while an open transaction uses the collection.
func (w *Writer) ModifyIndex(spec IndexSpec) error {
	c := w.c
	if err := c.redefinableLocked(); err != nil {
		return err
	}
	if err := w.log(Change{Kind: ModifyIndex, Index: spec}); err != nil {
		return err
	}
	c.modifyIndexLocked(spec)
	return nil
}

func (c *Collection) modifyIndexLocked(spec IndexSpec) {
	i := slices.IndexFunc(c.indexes, func(x *Index) bool { return x.spec.Name == spec.Name })
	if i < 0 {
		return
	}
	y := *c.indexes[i]
	y.spec = spec
	c.indexes = slices.Clone(c.indexes)
	c.indexes[i] = &y
	c.definition++
}

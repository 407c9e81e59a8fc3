package pipeline

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
)

// Iterator gives the next document; ok is false at the end, and from then on. After an error it is
// not called again. It is for one goroutine at a time.
type Iterator func() (d bson.D, ok bool, err error)

// run is one run of a pipeline.
type run struct {
	// ctx ends the operation; a cursor's next batch has another one.
	ctx func() context.Context
	*Context
}

// checkEvery is after how many documents a stage that takes them all looks whether the operation has
// been ended.
const checkEvery = 256

// each calls f with every document that is left.
func (r *run) each(in Iterator, f func(d bson.D) error) error {
	for n := 0; ; n++ {
		d, ok, err := in()
		if err != nil || !ok {
			return err
		}
		if err := f(d); err != nil {
			return err
		}
		if n%checkEvery == checkEvery-1 {
			if err := r.ctx().Err(); err != nil {
				return err
			}
		}
	}
}

// All returns the documents that are left.
func (r *run) all(in Iterator) ([]bson.D, error) {
	var out []bson.D
	err := r.each(in, func(d bson.D) error {
		out = append(out, d)
		return nil
	})
	return out, err
}

// List returns an iterator over documents.
func List(documents []bson.D) Iterator {
	return func() (bson.D, bool, error) {
		if len(documents) == 0 {
			return nil, false, nil
		}
		d := documents[0]
		documents = documents[1:]
		return d, true, nil
	}
}

// later returns an iterator over the documents that open gives when the first one is asked for.
func later(open func() ([]bson.D, error)) Iterator {
	var documents Iterator
	return func() (bson.D, bool, error) {
		if documents == nil {
			list, err := open()
			if err != nil {
				return nil, false, err
			}
			documents = List(list)
		}
		return documents()
	}
}

// transform is a stage that makes one document of each.
type transform func(d bson.D, variables ...any) (bson.D, error)

// alone returns the stage for one document.
func (t transform) alone() transform { return t }

func (t transform) open(_ *run, in Iterator) Iterator {
	return func() (bson.D, bool, error) {
		d, ok, err := in()
		if err != nil || !ok {
			return nil, false, err
		}
		d, err = t(d)
		return d, err == nil, err
	}
}

// collector is a stage that takes all documents and gives others.
type collector func(r *run, in Iterator) ([]bson.D, error)

func (c collector) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) { return c(r, in) })
}

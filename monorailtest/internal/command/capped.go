package command

import (
	"context"
	"fmt"
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// convertToCapped answers convertToCapped: a capped collection with the newest documents takes the
// place of the collection. It has no index but the one on _id.
func convertToCapped(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	a := &creation{capped: true}
	if n, ok := asFloat(r.Body.Lookup("size")); ok {
		a.size = int64(n)
	}
	if n, ok := a.size.(int64); !ok || n <= 0 {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "Capped collection size must be greater than zero")
	}
	if err := s.checkNoView(r, name); err != nil {
		return nil, err
	}
	c := s.Store.Collection(r.Database, name)
	if c == nil {
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "source collection %s.%s does not exist", r.Database, name)
	}
	return bson.D{}, s.fillCapped(ctx, r, c, a, name, true)
}

// cloneCollectionAsCapped answers cloneCollectionAsCapped: it makes a capped collection with the newest
// documents of another.
func cloneCollectionAsCapped(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	to, _ := r.Body.Lookup("toCollection").StringValueOK()
	n, ok := asFloat(r.Body.Lookup("size"))
	if to == "" || !ok || n <= 0 {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "invalid command spec")
	}
	if err := s.checkNoView(r, name); err != nil {
		return nil, err
	}
	c := s.Store.Collection(r.Database, name)
	switch {
	case c == nil:
		return nil, mongoerror.New(mongoerror.NamespaceNotFound, "cloneCollectionAsCapped failed - source collection %s.%s does not exist", r.Database, name)
	case s.Store.Collection(r.Database, to) != nil:
		return nil, mongoerror.New(mongoerror.NamespaceExists,
			"cloneCollectionAsCapped failed - destination collection %s.%s already exists. source collection: %s.%s", r.Database, to, r.Database, name)
	}
	return bson.D{}, s.fillCapped(ctx, r, c, &creation{capped: true, size: int64(n)}, to, false)
}

// fillCapped makes a capped collection of another one's documents. It is made under a name of its own, so that
// nobody sees half of it.
func (s *State) fillCapped(ctx context.Context, r *Request, c *store.Collection, a *creation, to string, replace bool) error {
	f, err := query.Parse(nil)
	if err != nil {
		return err
	}
	documents, err := newMatcher(c, f, store.Hint{Natural: true}).all(ctx)
	if err != nil {
		return err
	}
	temporary := fmt.Sprintf("tmp%06x.convertToCapped.%s", rand.Uint32(), to)
	options := a.options(c.Options().Collation)
	return patiently(ctx, r, func() error {
		made, err := s.Store.Create(r.Database, temporary, options)
		if err != nil {
			return err
		}
		err = made.Write(func(w *store.Writer) error {
			for _, d := range documents {
				if err := w.Insert(d.Fields, d.Raw); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = s.Store.Rename(r.Database, temporary, r.Database, to, replace)
		}
		if err != nil {
			if _, dropErr := s.Store.Drop(r.Database, temporary); dropErr != nil {
				return dropErr
			}
		}
		return err
	})
}

// emptyCapped answers emptycapped: it deletes all documents, which delete does not in a capped
// collection.
func emptyCapped(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	if err := s.checkNoView(r, name); err != nil {
		return nil, err
	}
	return bson.D{}, write(ctx, s, r, 0, name, false, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return mongoerror.New(mongoerror.NamespaceNotFound, "no such collection")
		}
		return w.Empty()
	})
}

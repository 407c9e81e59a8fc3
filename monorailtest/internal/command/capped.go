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
	if v := r.Body.Lookup("size"); v.Type != 0 {
		if a.size, err = numberArgument(v, "convertToCapped.size"); err != nil {
			return nil, err
		}
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
	f, err := query.Parse(nil)
	if err != nil {
		return nil, err
	}
	documents, err := newMatcher(c, f, store.Hint{Natural: true}).all(ctx)
	if err != nil {
		return nil, err
	}
	temporary := fmt.Sprintf("tmp%06x.convertToCapped.%s", rand.Uint32(), name)
	options := a.options(c.Options().Collation)
	return bson.D{}, patiently(ctx, r, func() error {
		to, err := s.Store.Create(r.Database, temporary, options)
		if err != nil {
			return err
		}
		err = to.Write(func(w *store.Writer) error {
			for _, d := range documents {
				if err := w.Insert(d.Fields, d.Raw); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = s.Store.Rename(r.Database, temporary, r.Database, name, true)
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

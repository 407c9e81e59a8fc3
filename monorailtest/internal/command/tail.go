package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/projection"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// codeCappedPositionLost is CappedPositionLost.
const codeCappedPositionLost = 136

// tailing is the source of a tailable cursor: at the end of the documents it does not end, but goes
// on with those that come.
type tailing struct {
	pull
	matcher *matcher
}

// Next implements cursor.Source.
func (t *tailing) Next(n int, maxBytes int) ([]bson.Raw, bool, error) {
	if t.matcher.scan.Resume() {
		return nil, false, mongoerror.New(codeCappedPositionLost,
			"CollectionScan died due to position in capped collection being deleted. Last seen record id is gone.")
	}
	documents, _, err := t.pull.Next(n, maxBytes)
	return documents, false, err
}

// Grown implements cursor.Growing.
func (t *tailing) Grown() <-chan struct{} { return t.matcher.collection.Grown() }

// tail answers a find with a tailable cursor.
func (q *search) tail(s *State, r *Request, c *store.Collection, f *query.Filter, p *projection.Projection) (bson.D, error) {
	if !c.Options().Capped {
		asked := q.queried(c.Namespace(), f)
		return nil, asked.failed(mongoerror.BadValue, "tailable cursor requested on non capped collection")
	}
	if documents, _ := c.Size(); documents == 0 {
		return cursorReply("firstBatch", nil, 0, c.Namespace()), nil
	}
	limit := q.limit
	if limit == 0 {
		limit = -1
	}
	m := newMatcher(c, f, store.Hint{Natural: true})
	t := &tailing{matcher: m}
	skip := q.skip
	t.pull = pull{limit: limit, suspend: m.suspend, within: m.within, next: func() (bson.Raw, error) {
		for {
			d, err := m.next()
			if d == nil || err != nil {
				return nil, err
			}
			if skip > 0 {
				skip--
				continue
			}
			return q.show(p, m.scan, order.Order{}, d)
		}
	}}
	return openCursor(s, r, c.Namespace(), t, q.cursorOptions())
}

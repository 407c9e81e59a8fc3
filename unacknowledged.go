package monorail

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// UnacknowledgedCollection writes to a collection without waiting for the server's answer. Its
// methods take the arguments and options of the methods of mongo.Collection and return only an error.
// Do not use one where it matters whether a write succeeded: a nil error says that the write was
// well-formed and is on its way, not that the server accepted it. A duplicate key or a validation
// rule is never reported. The collection's own write concern is not looked at.
//
// In a request, a write is encoded straight into what the request holds, and leaves with the next
// acknowledged operation of the request, in the same write call; see Options for when else. The
// server processes it in its place. It has no session, is not retried, and needs no answer. The error is
//   - what the driver says to arguments that it rejects: a nil document, an update without operators …;
//   - driver.ErrDocumentTooLarge (by errors.Is) for a document above the server's limit, which the
//     server would drop in silence;
//   - ErrRequestEnded, a *BrokenError or ErrServerMismatch, which tell of the request.
//
// Arguments that the driver rejects never leave the program. A long InsertMany or BulkWrite is sent
// in as many messages as the server's limits demand, cut as the driver cuts them, and all of them
// unacknowledged; the driver has all but the last one acknowledged. So where it is ordered, and a
// statement fails, the following messages are still processed.
//
// Outside every request, in a session or a transaction, with automatic encryption, and where the
// client has a logger of the driver's, a method does what the driver does with write concern {w: 0}. Outside a
// request no order is promised: the write and the next operation may travel on different sockets.
//
// An UnacknowledgedCollection may be shared between goroutines, and costs nothing to make.
type UnacknowledgedCollection struct {
	client *Client
	coll   *mongo.Collection
	// registry and settings are what the collection encodes its documents with; nil for the driver's defaults.
	registry *bson.Registry
	settings *options.BSONOptions
}

// Unacknowledged returns the view of coll whose writes are not acknowledged. The collection must
// come from this client's Database method; if it is nil or another client's, every method says so.
func (c *Client) Unacknowledged(coll *mongo.Collection) *UnacknowledgedCollection {
	// Small enough to be inlined: a view that does not outlive its caller is not on the heap.
	u := &UnacknowledgedCollection{client: c, coll: coll}
	u.findEncoding()
	return u
}

func (u *UnacknowledgedCollection) findEncoding() {
	if u.coll == nil || !u.client.hasLane {
		return
	}
	if u.registry, u.settings = encoding(u.coll); u.registry == u.client.defaultRegistry {
		u.registry = nil
	}
}

// InsertOne inserts a document, with a new ObjectID as _id where it has none.
func (u *UnacknowledgedCollection) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.insertOne(document, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.InsertOneOptions](nil), opts...) // so that the caller's slice need not be on the heap
	_, err = u.plain().InsertOne(ctx, document, opts...)
	return err
}

// InsertMany inserts the elements of documents, which must be a slice that is not empty.
func (u *UnacknowledgedCollection) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.insertMany(documents, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.InsertManyOptions](nil), opts...)
	_, err = u.plain().InsertMany(ctx, documents, opts...)
	return err
}

// UpdateOne updates at most one document.
func (u *UnacknowledgedCollection) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.updateOne(filter, update, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.UpdateOneOptions](nil), opts...)
	_, err = u.plain().UpdateOne(ctx, filter, update, opts...)
	return err
}

// UpdateByID updates the document whose _id is id.
func (u *UnacknowledgedCollection) UpdateByID(ctx context.Context, id, update any, opts ...options.Lister[options.UpdateOneOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.updateByID(id, update, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.UpdateOneOptions](nil), opts...)
	_, err = u.plain().UpdateByID(ctx, id, update, opts...)
	return err
}

// UpdateMany updates every document that matches.
func (u *UnacknowledgedCollection) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.updateMany(filter, update, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.UpdateManyOptions](nil), opts...)
	_, err = u.plain().UpdateMany(ctx, filter, update, opts...)
	return err
}

// ReplaceOne replaces at most one document.
func (u *UnacknowledgedCollection) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.replaceOne(filter, replacement, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.ReplaceOptions](nil), opts...)
	_, err = u.plain().ReplaceOne(ctx, filter, replacement, opts...)
	return err
}

// DeleteOne deletes at most one document.
func (u *UnacknowledgedCollection) DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.deleteOne(filter, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.DeleteOneOptions](nil), opts...)
	_, err = u.plain().DeleteOne(ctx, filter, opts...)
	return err
}

// DeleteMany deletes every document that matches.
func (u *UnacknowledgedCollection) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) error {
	w, err := u.begin(ctx)
	if err != nil {
		return err
	}
	if w != nil {
		w.deleteMany(filter, opts)
		if sent, err := w.send(); sent {
			return err
		}
	}
	opts = append([]options.Lister[options.DeleteManyOptions](nil), opts...)
	_, err = u.plain().DeleteMany(ctx, filter, opts...)
	return err
}

package pipeline

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// Namespace names a collection; Collection is "" for a command that has none, {aggregate: 1}.
type Namespace struct{ Database, Collection string }

// String returns "database.collection".
func (n Namespace) String() string {
	if n.Collection == "" {
		return n.Database + ".$cmd.aggregate"
	}
	return n.Database + "." + n.Collection
}

// Host is the server to a pipeline. Its errors are *mongoerror.Error.
type Host interface {
	// Resolve returns the collection that a name stands for. For a view it is the one that the view
	// is of, and the stages are what the view makes of its documents.
	Resolve(n Namespace) (Namespace, []bson.D, error)
	// Read returns the documents of a collection that meet a filter; none if there is no such collection.
	// sorted tells whether they come in the order.
	Read(ctx context.Context, n Namespace, f *query.Filter, o order.Order) (in Iterator, sorted bool, err error)
	// Statistics returns the documents of one of the stages that look at the server: their names are
	// those of the stages.
	Statistics(stage string, n Namespace, argument bson.D) ([]bson.D, error)
	// Replace puts the documents in the place of a collection, all at once, which keeps its indexes.
	Replace(ctx context.Context, target Namespace, in Iterator) error
	// UniqueKey returns an error if the fields at the paths do not identify the documents of a
	// collection, by a unique index on just them that compares as the command does.
	UniqueKey(target Namespace, paths []string) error
	// Insert inserts documents one after the other up to the first that fails.
	Insert(ctx context.Context, target Namespace, documents []bson.D) error
	// Update updates the one document that has the values of key, and tells whether there was one.
	Update(ctx context.Context, target Namespace, key bson.D, m Modification) (matched bool, err error)
}

// Modification is what $merge does to a document of its target.
type Modification struct {
	// Document is a document of operators, or a whole one to put in the place of the other; nil for Stages.
	Document bson.D
	// Stages are a pipeline that makes the new document, and Constants the values of its variables.
	Stages    []bson.D
	Constants bson.D
	// Upsert makes a document where there is none, as an update does; with Stages it is Insert.
	Upsert bool
	Insert bson.D
}

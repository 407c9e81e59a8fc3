package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
)

// queried is what a command asks a collection for, as messages show it.
type queried struct {
	namespace        string
	filter           *query.Filter
	sort, projection bson.D
	// simple says that the command has the simple collation where it names none, which messages then show.
	simple bool
}

// failed is the error of a query that cannot be executed.
func (q *queried) failed(code int32, why string) error {
	collation := ""
	switch {
	case q.filter.Collation() != nil:
		collation = "Collation: " + bsonvalue.Format(q.filter.Collation().Document()) + "\n"
	case q.simple:
		collation = "Collation: { locale: \"simple\" }\n"
	}
	return mongoerror.New(code, "error processing query: ns=%sTree: %sSort: %s\nProj: %s\n%s %s", q.namespace, q.filter.Tree(),
		documentText(q.sort), documentText(q.projection), collation, why)
}

// unplanned is the error of a query for which there is no plan.
func (q *queried) unplanned(code int32, why string) error {
	return q.failed(code, "planner returned error :: caused by :: "+why)
}

// documentText writes a document; one that is not there is empty.
func documentText(d bson.D) string {
	if d == nil {
		return "{}"
	}
	return bsonvalue.Format(d)
}

package pipeline

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// outTarget reads the argument of $out.
func outTarget(c *Context, v any) (Namespace, error) {
	n := Namespace{Database: c.Namespace.Database}
	switch x := v.(type) {
	case string:
		n.Collection = x
	case bson.D:
		database, isDatabase := field(x, "db").(string)
		name, isName := field(x, "coll").(string)
		if len(x) != 2 || !isDatabase || !isName {
			return n, mongoerror.New(16994, "If an object is passed to $out it must have exactly 2 fields: 'db' and 'coll'")
		}
		n = Namespace{database, name}
	default:
		return n, mongoerror.New(16990, "$out only supports a string or object argument, but found %s", bsonvalue.TypeName(v))
	}
	return n, checkTarget("Invalid $out target namespace, %s.%s", n)
}

// checkTarget returns the error of a namespace that is none.
func checkTarget(text string, n Namespace) error {
	if n.Database == "" || !isCollection(n.Collection) {
		return mongoerror.New(mongoerror.InvalidNamespace, text, n.Database, n.Collection)
	}
	return nil
}

// isCollection tells whether a name is one of a collection.
func isCollection(name string) bool {
	return name != "" && name[0] != '.' && strings.IndexByte(name, 0) < 0
}

// isInternal tells the databases that belong to the server.
func isInternal(database string) bool {
	return database == "admin" || database == "local" || database == "config"
}

func checkOut(c *Context, v any) error {
	_, err := outTarget(c, v)
	return err
}

// out is $out.
type out struct{ target Namespace }

func parseOut(c *Context, v any) (stage, error) {
	n, err := outTarget(c, v)
	if err != nil {
		return nil, err
	}
	switch {
	case c.InTransaction:
		return nil, mongoerror.New(mongoerror.OperationNotSupportedInTransaction, "$out cannot be used in a transaction")
	case strings.HasPrefix(n.Collection, "system."):
		return nil, mongoerror.New(17385, "Can't $out to special collection: %s", n.Collection)
	case isInternal(n.Database):
		return nil, mongoerror.New(31321, "Can't $out to internal database: %s", n.Database)
	}
	return out{n}, nil
}

func (o out) open(r *run, in Iterator) Iterator {
	return later(func() ([]bson.D, error) {
		return nil, r.Host.Replace(r.ctx(), o.target, in)
	})
}

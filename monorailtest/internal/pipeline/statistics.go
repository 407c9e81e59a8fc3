package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// statistics is the stage whose documents are the server's own.
func statistics(c *Context, name string, argument bson.D) stage {
	n := c.Namespace
	return collector(func(r *run, _ Iterator) ([]bson.D, error) { return r.Host.Statistics(name, n, argument) })
}

func parseCollStats(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(40166, "$collStats must take a nested object but found: $collStats: %s", show(v))
	}
	for _, e := range d {
		inner, isDocument := e.Value.(bson.D)
		switch e.Key {
		case "latencyStats":
			if !isDocument {
				return nil, mongoerror.New(40167, "latencyStats argument must be an object, but got %s of type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
			if h := field(inner, "histograms"); !bsonvalue.IsMissing(h) {
				if _, ok := h.(bool); !ok {
					return nil, mongoerror.New(40305, "histograms option to latencyStats must be bool, got %s of type %s", show(h), bsonvalue.TypeName(h))
				}
			}
		case "storageStats":
			if !isDocument {
				return nil, mongoerror.New(40279, "storageStats argument must be an object, but got %s of type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
		case "count":
			if !isDocument {
				return nil, mongoerror.New(40480, "count argument must be an object, but got %s of type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
		case "queryExecStats":
			if !isDocument {
				return nil, mongoerror.New(31141, "queryExecStats argument must be an empty object, but got %s of type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
			if len(inner) > 0 {
				return nil, mongoerror.New(31170, "queryExecStats argument must be an empty object, but got %s of type %s", show(e.Value), bsonvalue.TypeName(e.Value))
			}
		default:
			return nil, mongoerror.New(40168, "unrecognized option to $collStats: %s", e.Key)
		}
	}
	return statistics(c, "$collStats", d), nil
}

// parseEmpty is the parser of a stage that takes an empty document.
func parseEmpty(name string, code int32, text string) func(c *Context, v any) (stage, error) {
	return func(c *Context, v any) (stage, error) {
		if d, ok := v.(bson.D); !ok || len(d) > 0 {
			return nil, mongoerror.New(code, "%s", text)
		}
		return statistics(c, name, nil), nil
	}
}

func parsePlanCacheStats(c *Context, v any) (stage, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.FailedToParse, "$planCacheStats value must be an object. Found: %s", bsonvalue.TypeName(v))
	}
	if len(d) > 0 {
		return nil, mongoerror.New(mongoerror.FailedToParse, "$planCacheStats parameters object must be empty. Found: $planCacheStats: %s", show(v))
	}
	return statistics(c, "$planCacheStats", nil), nil
}

func parseCurrentOp(c *Context, v any) (stage, error) {
	if c.Namespace.Database != "admin" || c.Namespace.Collection != "" {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "$currentOp must be run against the 'admin' database with {aggregate: 1}")
	}
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(mongoerror.FailedToParse, "$currentOp options must be specified in an object, but found: %s", bsonvalue.TypeName(v))
	}
	for _, e := range d {
		switch e.Key {
		case "idleConnections", "idleSessions", "allUsers", "localOps", "truncateOps", "idleCursors", "backtrace":
			if _, ok := e.Value.(bool); !ok {
				return nil, mongoerror.New(mongoerror.FailedToParse, "The '%s' parameter of the $currentOp stage must be a boolean value, but found: %s", e.Key, bsonvalue.TypeName(e.Value))
			}
		default:
			return nil, mongoerror.New(mongoerror.FailedToParse, "Unrecognized option '%s' in $currentOp stage.", e.Key)
		}
	}
	return statistics(c, "$currentOp", d), nil
}

func parseListSessions(name string) func(c *Context, v any) (stage, error) {
	return func(c *Context, v any) (stage, error) {
		d, ok := v.(bson.D)
		if !ok {
			return nil, mongoerror.New(mongoerror.TypeMismatch, "%s options must be specified in an object, but found: %s", name, bsonvalue.TypeName(v))
		}
		if name == "$listSessions" && c.Namespace != (Namespace{"config", "system.sessions"}) {
			return nil, mongoerror.New(mongoerror.InvalidNamespace, "$listSessions may only be run against config.system.sessions")
		}
		for _, e := range d {
			switch e.Key {
			case "allUsers":
				if _, ok := e.Value.(bool); !ok {
					return nil, wrongType(name+".allUsers", e.Value, "bool")
				}
			case "users":
				if _, ok := e.Value.(bson.A); !ok {
					return nil, wrongType(name+".users", e.Value, "array")
				}
			default:
				return nil, mongoerror.New(codeUnknownField, "BSON field '%s.%s' is an unknown field.", name, e.Key)
			}
		}
		return statistics(c, name, d), nil
	}
}

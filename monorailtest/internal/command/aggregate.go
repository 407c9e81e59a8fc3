package command

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	collate "github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/expression"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
)

// aggregation holds the arguments of an aggregate.
type aggregation struct {
	// name is that of the collection; "" for {aggregate: 1}.
	name    string
	stages  []bson.D
	options cursorOptions
	hint    any
	// collation is nil where it is not given.
	collation    bson.D
	allowDiskUse bool
	// unchecked lets $out and $merge write documents that do not meet the validator.
	unchecked bool
	explain   bool
}

// aggregate answers aggregate: a cursor.
func aggregate(ctx context.Context, s *State, r *Request) (bson.D, error) {
	a, err := parseAggregate(r, false)
	if err != nil {
		return nil, err
	}
	if isChangeStream(a.stages) {
		return openChangeStream(ctx, s, r, a)
	}
	h := newHost(ctx, s, r, a)
	c, stages, err := h.context(a)
	if err != nil {
		return nil, err
	}
	namespace := pipeline.Namespace{Database: r.Database, Collection: a.name}.String()
	p, err := pipeline.Parse(c, stages)
	if err != nil {
		return nil, err
	}
	if len(stages) > 0 && stages[0][0].Key == "$currentOp" {
		h.command = slices.Clone(r.Body)
	}
	level, _ := r.Body.Lookup("readConcern", "level").StringValueOK()
	if err := p.CheckReadConcern(level); err != nil {
		return nil, err
	}
	if a.explain {
		return s.explainedAggregate(ctx, r)
	}
	next, err := p.Read(func() context.Context { return h.ctx })
	if err != nil {
		return nil, err
	}
	if a.options.batchSize == 0 {
		h.suspend()
	}
	return openCursor(s, r, namespace, &pull{limit: -1, suspend: h.suspend, within: h.within, next: func() (bson.Raw, error) {
		d, ok, err := next()
		if err != nil || !ok {
			return nil, err
		}
		raw := bsonvalue.Encode(d)
		if len(raw) > maxInternal {
			return nil, tooLarge(len(raw))
		}
		return raw, nil
	}}, a.options)
}

// explainedAggregate answers aggregate with explain: true.
func (s *State) explainedAggregate(ctx context.Context, r *Request) (bson.D, error) {
	p, err := explainAggregate(s, r)
	if err != nil {
		return nil, err
	}
	reply, err := p.document(ctx, planOnly)
	return append(reply, bson.E{Key: "serverInfo", Value: s.serverInfo()}), err
}

// parseAggregate reads the arguments. explained says that it is an explain command's.
func parseAggregate(r *Request, explained bool) (*aggregation, error) {
	a := &aggregation{options: cursorOptions{batchSize: -1}}
	v := r.Body.Lookup("aggregate")
	name, ok := v.StringValueOK()
	switch n, isNumber := asFloat(v); {
	case ok:
		if err := checkCollection(r.Database, name); err != nil {
			return nil, err
		}
		a.name = name
	case !isNumber:
		return nil, mongoerror.New(mongoerror.TypeMismatch, "collection name has invalid type: %s", aliasOf(v.Type))
	case n != 1:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Invalid command format: the 'aggregate' field must specify a collection name or 1")
	}
	piped, cursor, writeConcern := false, false, false
	err := eachField(r, func(key string, v bson.RawValue) (known bool, err error) {
		switch key {
		case "pipeline":
			piped = true
			a.stages, err = parseStages(v)
		case "cursor":
			cursor = true
			a.options.batchSize, err = parseCursorOption(v)
		case "writeConcern":
			writeConcern = true
			return false, nil
		default:
			return a.take(key, v)
		}
		return true, err
	}, func(key string) error {
		return mongoerror.New(mongoerror.FailedToParse, "unrecognized field '%s'", key)
	})
	switch {
	case err != nil:
		return nil, err
	case !piped:
		return nil, mongoerror.New(mongoerror.TypeMismatch, "'pipeline' option must be specified as an array")
	case !cursor && !a.explain && !explained:
		return nil, mongoerror.New(mongoerror.FailedToParse, "The 'cursor' option is required, except for aggregate with the explain argument")
	case a.explain && writeConcern:
		return nil, mongoerror.New(mongoerror.FailedToParse, "Aggregation explain does not support the 'writeConcern' option")
	}
	return a, nil
}

// take reads one of the options.
func (a *aggregation) take(key string, v bson.RawValue) (known bool, err error) {
	switch key {
	case "aggregate":
	case "allowDiskUse":
		a.allowDiskUse, err = aggregateBoolean(key, v)
	case "bypassDocumentValidation":
		a.unchecked, err = loose(v, "aggregate.bypassDocumentValidation")
	case "hint":
		switch v.Type {
		case bson.TypeString, bson.TypeEmbeddedDocument:
			a.hint, err = decodeValue(v)
		default:
			err = mongoerror.New(mongoerror.FailedToParse, "hint must be specified as a string representing an index name, or an object representing an index's key pattern")
		}
	case "collation":
		if v.Type != bson.TypeEmbeddedDocument {
			return true, mongoerror.New(mongoerror.TypeMismatch, "collation must be a Object, not a %s", aliasOf(v.Type))
		}
		a.collation, err = bsonvalue.Decode(v.Document())
	case "explain":
		a.explain, err = aggregateBoolean(key, v)
	default:
		return false, nil
	}
	return true, err
}

func aggregateBoolean(key string, v bson.RawValue) (bool, error) {
	b, ok := v.BooleanOK()
	if !ok {
		return false, mongoerror.New(mongoerror.TypeMismatch, "%s must be a bool, not a %s", key, aliasOf(v.Type))
	}
	return b, nil
}

// context resolves a view and returns what the pipeline is to be parsed in, and its stages.
func (h *host) context(a *aggregation) (*pipeline.Context, []bson.D, error) {
	r := h.request
	c := &pipeline.Context{Host: h, Namespace: pipeline.Namespace{Database: r.Database, Collection: a.name},
		AllowDiskUse: a.allowDiskUse, InTransaction: r.transaction != nil}
	stages := a.stages
	var err error
	if c.Collation, err = collate.Parse(a.collation); err != nil {
		return nil, nil, err
	}
	if a.name != "" {
		base, made, v, err := resolveView(h.state.reads(r), r.Database, a.name)
		if err != nil {
			return nil, nil, err
		}
		c.Namespace.Collection, stages = base, append(made, stages...)
		own := h.state.defaultCollation(r, base, v)
		switch {
		case len(a.collation) == 0:
			c.Collation = own
		case v != nil && !collate.Same(c.Collation, own):
			return nil, nil, mongoerror.New(codeNotSupportedOnView, "Cannot override a view's default collation")
		}
	}
	c.Scope, h.collation = h.state.scope(c.Collation), c.Collation
	return c, stages, nil
}

// scope returns what the expressions of a command may refer to.
func (s *State) scope(c *collate.Collation) *expression.Scope {
	var compare func(a, b any) int
	if c != nil {
		compare = c.Compare
	}
	now := time.Now()
	clusterTime := primitive.Timestamp{T: uint32(now.Unix()), I: 1}
	if s.Member != nil {
		clusterTime = s.Member.Set().ClusterTime()
	}
	return expression.NewScope(compare, primitive.NewDateTimeFromTime(now), clusterTime)
}

func parseStages(v bson.RawValue) ([]bson.D, error) {
	array, ok := v.ArrayOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch, "'pipeline' option must be specified as an array")
	}
	values, err := array.Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid pipeline")
	}
	out := make([]bson.D, len(values))
	for i, e := range values {
		if e.Type != bson.TypeEmbeddedDocument {
			return nil, mongoerror.New(mongoerror.TypeMismatch, "Each element of the 'pipeline' array must be an object")
		}
		if out[i], err = bsonvalue.Decode(e.Document()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

package command

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// creation holds the arguments of a create.
type creation struct {
	name   string
	capped bool
	// size and max are the limits of a capped collection; nil where they are not given.
	size, max any
	collation bson.D
	// idIndex is what is said about the index on _id; nil for nothing.
	idIndex *indexDefinition
	// autoIndexID is the deprecated option; nil where it is not given.
	autoIndexID *bool

	validator                         bson.D
	validationLevel, validationAction string
	// others are options that are kept and mean nothing here.
	others bson.D

	// viewOn and pipeline make a view. isView and hasPipeline say that they are given.
	viewOn              string
	pipeline            bson.A
	isView, hasPipeline bool
}

// createCollection answers create: it makes a collection or a view.
func createCollection(ctx context.Context, s *State, r *Request) (bson.D, error) {
	name, err := collectionName(r)
	if err != nil {
		return nil, err
	}
	a := &creation{name: name}
	if err := eachField(r, a.take, nil); err != nil {
		return nil, err
	}
	c, err := collation.Parse(a.collation)
	if err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := checkNewName(r.Database, name); err != nil {
		return nil, err
	}
	if err := checkValidator(r.Database+"."+name, a.validator, c); err != nil {
		return nil, err
	}
	if a.isView && r.transaction != nil {
		return nil, mongoerror.New(mongoerror.OperationNotSupportedInTransaction, "Cannot create a view in a multi-document transaction.")
	}
	if a.isView {
		return bson.D{}, s.createView(ctx, r, a, c)
	}
	if a.idIndex != nil {
		if _, err := a.idIndex.resolve(&store.Options{Collation: c}); err != nil {
			return nil, err
		}
	}
	if v, err := viewOf(s.data(r), r.Database, name); v != nil || err != nil {
		if err == nil {
			err = mongoerror.New(mongoerror.NamespaceExists, "a view already exists. NS: %s.%s", r.Database, name)
		}
		return nil, err
	}
	options := a.options(c)
	reply := bson.D{}
	if a.autoIndexID != nil {
		reply = append(reply, bson.E{Key: "note", Value: "The autoIndexId option is deprecated and will be removed in a future release"})
	}
	return reply, patiently(ctx, r, func() error {
		_, err := s.data(r).Create(r.Database, name, options)
		return err
	})
}

// checkNewName refuses names of collections that only the server makes.
func checkNewName(database, name string) error {
	if n := len(database) + 1 + len(name); n > maxNamespace {
		return mongoerror.New(codeNamespaceTooLong,
			"Fully qualified namespace is too long. Namespace: %s.%s Max: %d", database, name, maxNamespace)
	}
	if !strings.HasPrefix(name, "system.") {
		return nil
	}
	switch name {
	case "system.js", "system.profile", "system.users", "system.roles", "system.version", viewsCollection:
		return nil
	}
	return mongoerror.New(mongoerror.InvalidNamespace, "Invalid system namespace: %s.%s", database, name)
}

const (
	// maxNamespace is the length of the longest namespace.
	maxNamespace = 255
	// codeNamespaceTooLong is the error of a create with a longer one.
	codeNamespaceTooLong = 4862100
)

// take reads one field of a create.
func (a *creation) take(key string, v bson.RawValue) (known bool, err error) {
	path := "create." + key
	switch key {
	case "create", "flags":
	case "temp", "recordPreImages":
		var set bool
		if set, err = loose(v, path); set {
			a.others = append(a.others, bson.E{Key: key, Value: true})
		}
	case "capped":
		a.capped, err = loose(v, path)
	case "size":
		a.size, err = numberArgument(v, path)
	case "max":
		a.max, err = numberArgument(v, path)
	case "autoIndexId":
		var set bool
		set, err = boolean(v, path)
		a.autoIndexID = &set
	case "idIndex":
		if _, err = document(v, path); err == nil {
			a.idIndex, err = parseIndexSpec(v, false)
		}
	case "collation":
		a.collation, err = document(v, path)
		if err == nil && len(a.collation) == 0 {
			err = mongoerror.New(mongoerror.BadValue, "'collation' cannot be an empty document")
		}
	case "validator":
		a.validator, err = document(v, path)
	case "validationLevel":
		a.validationLevel, err = choice(v, path, "off", "strict", "moderate")
	case "validationAction":
		a.validationAction, err = choice(v, path, "error", "warn")
	case "storageEngine", "indexOptionDefaults":
		var d bson.D
		if d, err = document(v, path); err == nil {
			err = checkStorage(key, d)
		}
		if err == nil && len(d) > 0 {
			a.others = append(a.others, bson.E{Key: key, Value: d})
		}
	case "viewOn":
		a.isView = true
		var ok bool
		if a.viewOn, ok = v.StringValueOK(); !ok {
			err = wrongType(path, v.Type, "string")
		}
	case "pipeline":
		a.hasPipeline = true
		var x any
		if x, err = decodeValue(v); err == nil {
			var ok bool
			if a.pipeline, ok = x.(bson.A); !ok {
				err = wrongType(path, v.Type, "array")
			}
		}
	default:
		return false, nil
	}
	return true, err
}

// checkStorage checks the options of storage engines, of which the server has one.
func checkStorage(key string, d bson.D) error {
	if key == "indexOptionDefaults" {
		for _, e := range d {
			engines, ok := e.Value.(bson.D)
			if e.Key != "storageEngine" {
				return mongoerror.New(mongoerror.InvalidOptions, "indexOptionDefaults.%s is not a supported option.", e.Key)
			}
			if !ok {
				return mongoerror.New(mongoerror.TypeMismatch, "'indexOptionDefaults.storageEngine' has to be a document.")
			}
			if err := checkStorage(e.Key, engines); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range d {
		if _, ok := e.Value.(bson.D); !ok {
			return mongoerror.New(mongoerror.BadValue, "'storageEngine.%s' has to be an embedded document.", e.Key)
		}
		if e.Key != "wiredTiger" {
			return mongoerror.New(mongoerror.InvalidOptions, "%s is not a registered storage engine for this server", e.Key)
		}
	}
	return nil
}

// numberArgument reads an argument that must be a number: an int64, or an int32 where it is one.
func numberArgument(v bson.RawValue, path string) (any, error) {
	x, err := decodeValue(v)
	if err != nil {
		return nil, err
	}
	if !bsonvalue.IsNumber(x) {
		return nil, mongoerror.New(mongoerror.TypeMismatch,
			"BSON field '%s' is the wrong type '%s', expected types '[long, int, decimal, double']", path, aliasOf(v.Type))
	}
	n, _ := bsonvalue.ToLong(x)
	return n, nil
}

// choice reads an argument that must be one of some strings.
func choice(v bson.RawValue, path string, choices ...string) (string, error) {
	s, ok := v.StringValueOK()
	if !ok {
		return "", wrongType(path, v.Type, "string")
	}
	return s, checkChoice(s, path, choices...)
}

func checkChoice(s, path string, choices ...string) error {
	if slices.Contains(choices, s) {
		return nil
	}
	return mongoerror.New(mongoerror.BadValue, "Enumeration value '%s' for field '%s' is not a valid value.", s, path)
}

// checkValidator refuses a validator that does not parse, or that the collection cannot have.
func checkValidator(namespace string, d bson.D, c *collation.Collation) error {
	database, name, _ := strings.Cut(namespace, ".")
	switch {
	case len(d) == 0:
		return nil
	case strings.HasPrefix(name, "system."):
		return mongoerror.New(mongoerror.InvalidOptions, "Document validators not allowed on system collection %s", namespace)
	case database == "admin" || database == "local" || database == "config":
		return mongoerror.New(mongoerror.InvalidOptions,
			"Document validators are not allowed on collections in the %s database", database)
	}
	_, err := query.ParseWith(d, query.Options{Collation: c, Stored: true})
	return err
}

// check refuses options that contradict each other.
func (a *creation) check() error {
	switch {
	case a.isView && a.viewOn == "":
		return mongoerror.New(mongoerror.BadValue, "'viewOn' cannot be empty.'")
	case a.hasPipeline && !a.isView:
		return mongoerror.New(mongoerror.BadValue, "'pipeline' requires 'viewOn' to also be specified")
	case (a.size != nil || a.max != nil) && !a.capped:
		return mongoerror.New(mongoerror.InvalidOptions,
			"the 'capped' field needs to be true when either the 'size' or 'max' fields are present")
	case a.isView && (a.capped || a.idIndex != nil || a.autoIndexID != nil || a.validator != nil || a.validationLevel != "" || a.validationAction != ""):
		return mongoerror.New(mongoerror.InvalidOptions, "the options of a collection are not allowed for a view")
	case a.idIndex != nil && a.autoIndexID != nil:
		return mongoerror.New(mongoerror.InvalidOptions, "'idIndex' is not allowed with 'autoIndexId'")
	case a.idIndex != nil && !a.idIndex.onID():
		return mongoerror.New(mongoerror.BadValue, "The field 'key' for an _id index must be {_id: 1}, but got %s", bsonvalue.Format(a.idIndex.key))
	case a.capped && a.size == nil:
		return mongoerror.New(mongoerror.InvalidOptions, "the 'size' field is required when 'capped' is true")
	}
	if n, ok := a.size.(int64); ok && (n < 0 || n > maxCappedSize) {
		return mongoerror.New(mongoerror.BadValue, "size has to be >= 0 and cannot exceed 1 PB, but is %d", n)
	}
	if n, ok := a.max.(int64); ok && n > maxCappedDocuments {
		return mongoerror.New(mongoerror.BadValue, "max in a capped collection has to be < 2^31 or not set")
	}
	return nil
}

const (
	// maxCappedSize is a petabyte.
	maxCappedSize = 1 << 50
	// maxCappedDocuments is the greatest max, and what stands for none.
	maxCappedDocuments = 1<<31 - 1
	// cappedUnit is what the size of a capped collection is rounded up to.
	cappedUnit = 256
)

// options are those of the collection as listCollections shows them.
func (a *creation) options(c *collation.Collation) bson.D {
	out := bson.D{}
	if a.capped {
		size := a.size.(int64)
		out = append(out, bson.E{Key: "capped", Value: true},
			bson.E{Key: "size", Value: number((size + cappedUnit - 1) / cappedUnit * cappedUnit)})
		if n, ok := a.max.(int64); ok {
			if n <= 0 {
				n = maxCappedDocuments
			}
			out = append(out, bson.E{Key: "max", Value: number(n)})
		}
	}
	if a.autoIndexID != nil {
		out = append(out, bson.E{Key: "autoIndexId", Value: *a.autoIndexID})
	}
	out = append(out, a.others...)
	if len(a.validator) > 0 {
		out = append(out, bson.E{Key: "validator", Value: a.validator})
	}
	if a.validationLevel != "" {
		out = append(out, bson.E{Key: "validationLevel", Value: a.validationLevel})
	}
	if a.validationAction != "" {
		out = append(out, bson.E{Key: "validationAction", Value: a.validationAction})
	}
	if c != nil {
		out = append(out, bson.E{Key: "collation", Value: c.Document()})
	}
	return out
}

// createView makes a view: it writes it down in the collection of views.
func (s *State) createView(ctx context.Context, r *Request, a *creation, c *collation.Collation) error {
	data := s.data(r)
	exists, err := viewOf(data, r.Database, a.name)
	if err != nil {
		return err
	}
	if exists != nil || data.Collection(r.Database, a.name) != nil {
		return mongoerror.New(mongoerror.NamespaceExists, "Namespace already exists")
	}
	if err := s.checkView(r, a.name, a.viewOn, a.pipeline, c); err != nil {
		return err
	}
	return s.writeViews(ctx, r, true, func(w *store.Writer) error {
		d := viewRecord(r.Database+"."+a.name, a.viewOn, a.pipeline, c)
		return w.Insert(d, bsonvalue.Encode(d))
	})
}

func viewRecord(namespace, on string, pipeline bson.A, c *collation.Collation) bson.D {
	if pipeline == nil {
		pipeline = bson.A{}
	}
	d := bson.D{{Key: "_id", Value: namespace}, {Key: "viewOn", Value: on}, {Key: "pipeline", Value: pipeline}}
	if c != nil {
		d = append(d, bson.E{Key: "collation", Value: c.Document()})
	}
	return d
}

// writeViews runs fn on the collection of views, locked for writing.
func (s *State) writeViews(ctx context.Context, r *Request, create bool, fn func(w *store.Writer) error) error {
	return write(ctx, s, r, 0, viewsCollection, create, func(c *store.Collection, w *store.Writer) error {
		if c == nil {
			return nil
		}
		return fn(w)
	})
}

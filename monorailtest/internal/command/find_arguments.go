package command

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/indexkey"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// search holds the arguments of a find.
type search struct {
	collection string
	filter     bson.D
	sort       bson.D
	projection bson.D
	collation  bson.D
	hint       any
	// min and max bound what is read of the index that hint names.
	min, max bson.D
	skip     int64
	limit    int64
	// batchSize is negative where none is given. toReturn is what old clients ask for in its place.
	batchSize    int
	toReturn     int64
	singleBatch  bool
	noTimeout    bool
	returnKey    bool
	showRecordID bool
	tailable     bool
	awaitData    bool
	allowDiskUse bool
}

func (q *search) cursorOptions() cursorOptions {
	return cursorOptions{batchSize: q.batchSize, singleBatch: q.singleBatch, noTimeout: q.noTimeout, awaitData: q.awaitData}
}

// check refuses arguments that contradict each other.
func (q *search) check() error {
	natural := naturalSort(q.sort)
	switch {
	case q.toReturn > 0 && q.limit > 0:
		return mongoerror.New(mongoerror.BadValue, "'limit' or 'batchSize' fields can not be set with 'ntoreturn' field.")
	case natural.Natural && len(q.sort) > 1:
		return mongoerror.New(mongoerror.BadValue, "Cannot include '$natural' in compound sort: %s", bsonvalue.Format(q.sort))
	case natural.Natural && q.hint != nil:
		return mongoerror.New(mongoerror.BadValue, "index hint not allowed with $natural sort order")
	case len(q.min) > 0 && len(q.max) > 0 && !sameNames(q.min, q.max):
		return mongoerror.New(codeDifferentBounds, "min and max must have the same field names")
	case q.awaitData && !q.tailable:
		return mongoerror.New(mongoerror.FailedToParse, "Cannot set 'awaitData' without also setting 'tailable'")
	case q.tailable && len(q.sort) > 0 && (!natural.Natural || natural.Backward):
		return mongoerror.New(mongoerror.BadValue, "cannot use tailable option with a sort other than {$natural: 1}")
	case q.tailable && q.singleBatch:
		return mongoerror.New(mongoerror.BadValue, "cannot use tailable option with the 'singleBatch' option")
	}
	if checkHintType(q.hint) != nil {
		return mongoerror.New(mongoerror.FailedToParse, "hint must be either a string or nested object")
	}
	return nil
}

// Codes of min and max, which have no names.
const (
	codeBoundsWithoutHint  = 51173
	codeBoundsNotOfIndex   = 51174
	codeBoundsOutOfOrder   = 51175
	codeDifferentBounds    = 51176
	codeBoundsAndOrderless = mongoerror.NoQueryExecutionPlans
)

func sameNames(a, b bson.D) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key {
			return false
		}
	}
	return true
}

// queried is what messages show of the find.
func (q *search) queried(namespace string, f *query.Filter) queried {
	return queried{namespace: namespace, filter: f, sort: q.sort, projection: q.projection}
}

// bound puts min and max into the hint, which must name their index.
func (q *search) bound(h store.Hint, indexes []store.IndexSpec, asked queried) (store.Hint, error) {
	if len(q.min) == 0 && len(q.max) == 0 {
		return h, nil
	}
	fail := func(code int32, why string) (store.Hint, error) {
		return h, asked.unplanned(code, why)
	}
	switch {
	case h.Natural:
		return fail(codeBoundsAndOrderless, "min and max are incompatible with $natural")
	case h.Index == "":
		return fail(codeBoundsWithoutHint, "When using min()/max() a hint of which index to use must be provided")
	}
	for _, x := range indexes {
		if x.Name != h.Index {
			continue
		}
		if len(q.min) > 0 && !sameNames(q.min, x.Key) || len(q.max) > 0 && !sameNames(q.max, x.Key) {
			return fail(codeBoundsNotOfIndex, "The index chosen is not compatible with min/max")
		}
		h.Min, h.Max = keyOf(q.min), keyOf(q.max)
		if h.Min != nil && h.Max != nil && store.CompareKeys(x, h.Min, h.Max) >= 0 {
			return fail(codeBoundsOutOfOrder, "The value provided for min() does not come before the value provided for max() in the hinted index")
		}
	}
	return h, nil
}

// keyOf returns the values of a bound; nil for none.
func keyOf(d bson.D) indexkey.Key {
	var k indexkey.Key
	for _, e := range d {
		k = append(k, e.Value)
	}
	return k
}

func (s *State) parseFind(r *Request) (*search, error) {
	q := &search{batchSize: -1}
	v := r.Body.Lookup("find")
	_, isName := v.StringValueOK()
	if _, _, isUUID := v.BinaryOK(); !isName && !isUUID {
		return nil, q.wrong("find", v, "string")
	}
	var err error
	if q.collection, err = s.readName(r); err != nil {
		return nil, err
	}
	err = eachField(r, func(key string, v bson.RawValue) (bool, error) { return q.take(r, key, v) },
		func(key string) error {
			return mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s. Unrecognized field '%s'.", bodyText(r), key)
		})
	if err != nil {
		return nil, err
	}
	switch {
	case q.toReturn > 0 && q.batchSize < 0:
		q.batchSize = int(min(q.toReturn, unlimitedBatch))
	case q.limit > 0 && q.batchSize > 0 && int64(q.batchSize) > q.limit:
		q.batchSize = int(q.limit)
	}
	return q, nil
}

func (q *search) wrong(key string, v bson.RawValue, want string) error {
	x, err := decodeValue(v)
	if err != nil {
		return err
	}
	return mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s: %s. '%s' field must be of BSON type %s.",
		key, bsonvalue.Format(x), key, want)
}

// take reads one field of a find.
func (q *search) take(r *Request, key string, v bson.RawValue) (known bool, err error) {
	switch key {
	case "find":
	case "filter":
		q.filter, err = q.document(key, v)
	case "sort":
		q.sort, err = q.document(key, v)
	case "projection":
		q.projection, err = q.document(key, v)
	case "collation":
		q.collation, err = q.document(key, v)
	case "hint":
		q.hint, err = decodeValue(v)
	case "skip":
		q.skip, err = q.count(r, key, "Skip", v)
	case "limit":
		q.limit, err = q.count(r, key, "Limit", v)
	case "batchSize":
		var n int64
		n, err = q.count(r, key, "BatchSize", v)
		q.batchSize = int(min(n, unlimitedBatch))
	case "singleBatch":
		q.singleBatch, err = q.boolean(key, v)
	case "noCursorTimeout":
		q.noTimeout, err = q.boolean(key, v)
	case "allowDiskUse":
		q.allowDiskUse, err = q.boolean(key, v)
	case "allowPartialResults", "oplogReplay":
		_, err = q.boolean(key, v)
	case "tailable":
		q.tailable, err = q.boolean(key, v)
	case "awaitData":
		q.awaitData, err = q.boolean(key, v)
	case "returnKey":
		q.returnKey, err = q.boolean(key, v)
	case "showRecordId":
		q.showRecordID, err = q.boolean(key, v)
	case "min":
		q.min, err = q.document(key, v)
	case "max":
		q.max, err = q.document(key, v)
	case "ntoreturn":
		q.toReturn, err = q.count(r, key, "NToReturn", v)
	case "term", "readOnce", "allowSpeculativeMajorityRead", "_resumeAfter", "_requestResumeToken", "_use44SortKeys":
		err = notImplemented("option '" + key + "'")
	default:
		return false, nil
	}
	return true, err
}

func (q *search) document(key string, v bson.RawValue) (bson.D, error) {
	if v.Type != bson.TypeEmbeddedDocument {
		return nil, q.wrong(key, v, "object")
	}
	return bsonvalue.Decode(v.Document())
}

func (q *search) boolean(key string, v bson.RawValue) (bool, error) {
	b, ok := v.BooleanOK()
	if !ok {
		return false, q.wrong(key, v, "bool")
	}
	return b, nil
}

func (q *search) count(r *Request, key, name string, v bson.RawValue) (int64, error) {
	x, err := decodeValue(v)
	if err != nil {
		return 0, err
	}
	if !bsonvalue.IsNumber(x) {
		return 0, mongoerror.New(mongoerror.FailedToParse, "Failed to parse: %s. '%s' field must be numeric.", bodyText(r), key)
	}
	n, _ := bsonvalue.ToLong(x)
	if n < 0 {
		return 0, mongoerror.New(mongoerror.BadValue, "%s value must be non-negative, but received: %d", name, n)
	}
	return n, nil
}

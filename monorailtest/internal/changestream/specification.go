package changestream

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Codes, without a name but for the last.
const (
	codeNoDocument           = 50808
	codeUnknownField         = 40415
	codeUnknownFullDocument  = 40575
	codeResumeAndStartAfter  = 50865
	codeSeveralResumeOptions = 40674

	// codeInvalidResumeToken is InvalidResumeToken.
	codeInvalidResumeToken = 260
)

// Specification is the argument of a $changeStream stage.
type Specification struct {
	// Lookup says that the event of an update gets the present version of its document.
	Lookup bool
	// Cluster says that the stream is to watch the whole deployment.
	Cluster bool
	// Resume is the token behind which the stream begins, and Start the time at which it does; nil for none.
	Resume *Token
	Start  *primitive.Timestamp
}

// Parse reads the argument of a $changeStream stage. Errors are *mongoerror.Error as of MongoDB 4.4.
func Parse(v any) (*Specification, error) {
	d, ok := v.(bson.D)
	if !ok {
		return nil, mongoerror.New(codeNoDocument, "$changeStream stage expects a document as argument.")
	}
	s := &Specification{}
	var resumeAfter, startAfter bson.D
	for _, e := range d {
		wrongType := func(want string) error {
			return mongoerror.New(mongoerror.TypeMismatch, "BSON field '$changeStream.%s' is the wrong type '%s', expected type '%s'",
				e.Key, bsonvalue.TypeName(e.Value), want)
		}
		var ok bool
		switch e.Key {
		case "resumeAfter":
			if resumeAfter, ok = e.Value.(bson.D); !ok {
				return nil, wrongType("object")
			}
		case "startAfter":
			if startAfter, ok = e.Value.(bson.D); !ok {
				return nil, wrongType("object")
			}
		case "startAtOperationTime":
			t, ok := e.Value.(primitive.Timestamp)
			if !ok {
				return nil, wrongType("timestamp")
			}
			s.Start = &t
		case "fullDocument":
			mode, ok := e.Value.(string)
			if !ok {
				return nil, wrongType("string")
			}
			if mode != "default" && mode != "updateLookup" {
				return nil, mongoerror.New(codeUnknownFullDocument, "unrecognized value for the 'fullDocument' option to the $changeStream stage. "+
					"Expected \"default\" or \"updateLookup\", got \"%s\"", mode)
			}
			s.Lookup = mode == "updateLookup"
		case "allChangesForCluster":
			if s.Cluster, ok = e.Value.(bool); !ok {
				return nil, wrongType("bool")
			}
		case "allowToRunOnConfigDB":
		default:
			return nil, mongoerror.New(codeUnknownField, "BSON field '$changeStream.%s' is an unknown field.", e.Key)
		}
	}
	return s, s.takeTokens(resumeAfter, startAfter)
}

func (s *Specification) takeTokens(resumeAfter, startAfter bson.D) error {
	token := resumeAfter
	switch {
	case resumeAfter != nil && startAfter != nil:
		return mongoerror.New(codeResumeAndStartAfter, "Do not specify both 'resumeAfter' and 'startAfter' in a $changeStream stage")
	case startAfter != nil:
		token = startAfter
	case resumeAfter == nil:
		return nil
	}
	t, err := ParseToken(token)
	switch {
	case err != nil:
		return err
	case t.invalidate && resumeAfter != nil:
		return mongoerror.New(codeInvalidResumeToken,
			"Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification.")
	case s.Start != nil:
		return mongoerror.New(codeSeveralResumeOptions, "Only one type of resume option is allowed, but multiple were found.")
	}
	s.Resume = &t
	return nil
}

// Check refuses a stage that does not fit the scope of its command: database is that of the command, and
// collection "" for {aggregate: 1}.
func (s *Specification) Check(database, collection string) error {
	switch {
	case s.Cluster && (database != "admin" || collection != ""):
		if collection == "" {
			collection = "$cmd.aggregate"
		}
		return mongoerror.New(mongoerror.InvalidOptions, "A $changeStream with 'allChangesForCluster:true' may only be opened on the 'admin' database, "+
			"and with no collection name; found %s.%s", database, collection)
	case s.Cluster:
		return nil
	case s.Resume != nil && collection != "" && s.Resume.event && s.Resume.collection == nil:
		return mongoerror.New(codeInvalidResumeToken, "Attempted to resume a single-collection stream, but the resume token does not include a UUID.")
	case database == "admin" || database == "config" || database == "local":
		return mongoerror.New(mongoerror.InvalidNamespace, "$changeStream may not be opened on the internal %s database", database)
	case len(collection) > 7 && collection[:7] == "system.":
		return mongoerror.New(mongoerror.InvalidNamespace, "$changeStream may not be opened on the internal %s.%s collection", database, collection)
	}
	return nil
}

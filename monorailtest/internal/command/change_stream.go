package command

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/changestream"
	"github.com/mongo-monorail/monorail/monorailtest/internal/cursor"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pipeline"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

const changeStreamStage = "$changeStream"

// Codes without a name: a $changeStream on a standalone, and one that is not the first stage.
const (
	codeChangeStreamStandalone = 40573
	codeChangeStreamNotFirst   = 40602
)

// changeStreamStages are the stages that may follow $changeStream.
var changeStreamStages = map[string]bool{
	"$match": true, "$project": true, "$addFields": true, "$set": true, "$unset": true, "$replaceRoot": true, "$replaceWith": true,
	"$redact": true,
}

// isChangeStream reports whether a pipeline has a $changeStream, wherever it stands.
func isChangeStream(stages []bson.D) bool {
	return slices.ContainsFunc(stages, func(d bson.D) bool { return len(d) == 1 && d[0].Key == changeStreamStage })
}

// openChangeStream answers an aggregate with a $changeStream: a cursor that waits for what is to come.
func openChangeStream(ctx context.Context, s *State, r *Request, a *aggregation) (bson.D, error) {
	collection, stages, o := a.name, a.stages, a.options
	spec, err := parseChangeStream(s, r, a)
	if err != nil {
		return nil, err
	}
	if err := checkChangeStream(r, stages); err != nil {
		return nil, err
	}
	scope := changestream.Scope{Database: r.Database, Collection: collection}
	if spec.Cluster {
		scope = changestream.Scope{}
	}
	pass, err := eventStages(ctx, s, r, a)
	if err != nil {
		return nil, err
	}
	stream, err := changestream.Open(s.Member, changestream.Options{
		Scope: scope, Specification: spec, Pass: pass,
		Present: s.present,
	})
	if err != nil {
		return nil, err
	}
	namespace := r.Database + "." + collection
	if collection == "" {
		namespace += "$cmd.aggregate"
	}
	o.awaitData = true
	return openCursor(s, r, namespace, stream, o)
}

// parseChangeStream finds the errors of the stages by themselves, before those of their places, and returns what is said in
// the $changeStream.
func parseChangeStream(s *State, r *Request, a *aggregation) (spec *changestream.Specification, err error) {
	for _, d := range a.stages {
		switch {
		case len(d) != 1:
			return nil, mongoerror.New(40323, "A pipeline stage specification object must contain exactly one field.")
		case !pipeline.IsStage(d[0].Key):
			return nil, mongoerror.New(40324, "Unrecognized pipeline stage name: '%s'", d[0].Key)
		}
	}
	i := slices.IndexFunc(a.stages, func(d bson.D) bool { return d[0].Key == changeStreamStage })
	if spec, err = changestream.Parse(a.stages[i][0].Value); err != nil {
		return nil, err
	}
	if err := spec.Check(r.Database, a.name); err != nil {
		return nil, err
	}
	if s.Member == nil {
		return nil, mongoerror.New(codeChangeStreamStandalone, "The $changeStream stage is only supported on replica sets")
	}
	return spec, nil
}

// checkChangeStream checks where the stages stand.
func checkChangeStream(r *Request, stages []bson.D) error {
	for i, d := range stages {
		switch name := d[0].Key; {
		case name == changeStreamStage && i > 0:
			return mongoerror.New(codeChangeStreamNotFirst, "$changeStream is only valid as the first stage in a pipeline")
		case r.transaction != nil:
			return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
				"Stage not supported inside of a multi-document transaction: $changeStream")
		case i > 0 && !changeStreamStages[name]:
			return mongoerror.New(mongoerror.IllegalOperation, "%s is not permitted in a $changeStream pipeline", name)
		}
	}
	if rc, ok := r.Body.Lookup("readConcern").DocumentOK(); ok {
		if level, given := rc.Lookup("level").StringValueOK(); given && level != "majority" {
			return mongoerror.New(mongoerror.InvalidOptions,
				"$changeStream cannot run with a readConcern other than 'majority'. Current readConcern: { level: \"%s\" }", level)
		}
	}
	return nil
}

// present returns the version of a changed document that is committed now, nil where it is gone.
func (s *State) present(ch *store.Change) bson.D {
	database, name, _ := strings.Cut(ch.Namespace, ".")
	c := s.Member.Committed.Store.Collection(database, name)
	if c == nil || string(c.UUID.Data) != string(ch.Collection.Data) {
		return nil
	}
	f, err := query.Parse(bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: ch.After.ID()}}}})
	if err != nil {
		return nil // no _id is so
	}
	found, err := newMatcher(c, f, store.Hint{}).all(context.Background())
	if err != nil || len(found) == 0 {
		return nil // dropped meanwhile
	}
	return found[0].Fields
}

// labelResumable tells a driver that it can resume a change stream, labelNonResumable that it cannot.
const (
	labelResumable    = "ResumableChangeStreamError"
	labelNonResumable = "NonResumableChangeStreamError"
)

// Codes of errors behind which no change stream can be resumed: ChangeStreamFatalError and ChangeStreamHistoryLost.
const (
	codeChangeStreamFatal       = 280
	codeChangeStreamHistoryLost = 286
)

// markResumable gives an error the label that says whether a change stream can go on, here or on another member.
func (s *State) markResumable(r *Request, err error) error {
	e := asMongoError(err)
	switch {
	case e.Labels != nil:
		return err // a fail point that gives labels leaves out the server's own
	case e.Code == codeChangeStreamFatal || e.Code == codeChangeStreamHistoryLost:
		return e.WithLabels(labelNonResumable)
	case isResumable(e.Code) && (r.resumable || s.onChangeStream(r)):
		return e.WithLabels(labelResumable)
	}
	return err
}

// onChangeStream reports whether a command opens a change stream, or reads one.
func (s *State) onChangeStream(r *Request) bool {
	switch r.Name {
	case "aggregate":
		return r.Body.Lookup("pipeline", "0", changeStreamStage).Type != 0
	case "getMore":
		id, _ := r.Body.Lookup(r.Name).Int64OK()
		_, ok := s.Cursors.Source(id).(cursor.Resumable)
		return ok
	}
	return false
}

// isResumable reports whether a change stream can be resumed after an error with that code.
func isResumable(code int32) bool {
	switch code {
	case 63, 150, 133, 234, 13388: // of sharded clusters, FailedToSatisfyReadPreference and RetryChangeStream
		return true
	}
	return isRetryable(code)
}

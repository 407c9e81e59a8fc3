package command

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// localDatabase is the database that every member has for itself: it is written on secondaries too.
const localDatabase = "local"

// labelRetryable marks the errors after which a driver may send a retryable write again.
const labelRetryable = "RetryableWriteError"

// checkRole refuses what the member does not serve in its role.
func (s *State) checkRole(r *Request, sp *spec, g *generic) error {
	switch {
	case s.Member == nil:
		return nil
	case g.inTransaction():
		return s.Member.CheckWrite()
	case sp.writes && r.Database != localDatabase:
		err := s.Member.CheckWrite()
		if err != nil && sp.sequence != "" {
			// MongoDB parses a write before it looks at its own role: an unacknowledged one that is malformed is
			// ignored, where any other ends the connection.
			if malformed := parseStatements(r, sp.sequence); malformed != nil {
				return malformed
			}
		}
		return err
	case sp.reads:
		mode, _ := g.readPreference.DocumentOK()
		name, _ := mode.Lookup("mode").StringValueOK()
		return s.Member.CheckRead(name != "" && name != "primary")
	}
	return nil
}

// parseStatements returns the error of a write command that cannot be parsed.
func parseStatements(r *Request, sequence string) error {
	b, err := parseBatch(r, sequence)
	if err != nil {
		return err
	}
	for _, raw := range b.statements {
		switch sequence {
		case "updates":
			_, err = parseModification(raw)
		case "deletes":
			_, err = parseDeletion(raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkStatement refuses one statement of a command that began when the member was still primary.
func (s *State) checkStatement(database, name string) error {
	if s.Member == nil || database == localDatabase {
		return nil
	}
	return s.Member.CheckStatement(database + "." + name)
}

// reads returns the store that a command reads from.
func (s *State) reads(r *Request) *store.Store {
	if r.majority {
		return s.Member.Committed.Store
	}
	return s.data(r)
}

// data returns the store that a command writes to: the server's, or the copy that its transaction has.
func (s *State) data(r *Request) *store.Store {
	if r.transaction != nil {
		return r.transaction.Store()
	}
	return s.Store
}

// gossip takes in the cluster time that the client has heard of.
func (s *State) gossip(g *generic) {
	doc, ok := g.clusterTime.DocumentOK()
	if s.Member == nil || !ok {
		return
	}
	if t, i, ok := doc.Lookup("clusterTime").TimestampOK(); ok {
		s.Member.Set().Gossip(primitive.Timestamp{T: t, I: i})
	}
}

// stamp appends the times that every reply of a member has.
func (s *State) stamp(r *Request, reply bson.D) bson.D {
	operation := s.Member.LastApplied()
	if r.majority {
		operation = s.Member.LastCommitted()
	}
	return append(reply,
		bson.E{Key: "$clusterTime", Value: bson.D{
			{Key: "clusterTime", Value: s.Member.Set().ClusterTime()},
			{Key: "signature", Value: bson.D{
				{Key: "hash", Value: primitive.Binary{Data: make([]byte, 20)}}, {Key: "keyId", Value: int64(0)},
			}},
		}},
		bson.E{Key: "operationTime", Value: operation.Timestamp})
}

// waiting returns a context that is done with ctx, and when nobody waits for the reply any more.
func (r *Request) waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Wait == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.Wait, cancel)
	return ctx, func() { stop(); cancel() }
}

// awaitReadConcern waits until the member has what the command is to read.
func (s *State) awaitReadConcern(ctx context.Context, r *Request, rc readConcern) error {
	if s.Member == nil {
		return nil
	}
	ctx, cancel := r.waiting(ctx)
	defer cancel()
	r.majority = rc.majority
	if rc.after != (primitive.Timestamp{}) {
		if err := s.Member.AwaitTime(ctx, rc.after, rc.majority); err != nil {
			return err
		}
	}
	if rc.linearizable {
		if err := s.Member.AppendNote(); err != nil {
			return err
		}
		return s.Member.Await(ctx, s.Member.Newest(), replset.WriteConcern{Majority: true})
	}
	return nil
}

// awaitWriteConcern waits for the write concern of a command that has tried to write, and returns the fields to append
// to its reply: a writeConcernError, with what belongs to it; none where it is met. As in MongoDB, a write that changed
// nothing waits for the newest entry of the member.
func (s *State) awaitWriteConcern(ctx context.Context, r *Request, g *generic, wc writeConcern) bson.D {
	if s.Member == nil || !r.attempted || r.Database == localDatabase {
		return nil
	}
	var err error
	switch {
	case wc.mode != "":
		err = mongoerror.New(codeUnknownWriteConcern, "No write concern mode named '%s' found in replica set configuration", wc.mode)
	case !wc.Majority && wc.Members < 2:
		return nil
	default:
		waiting, cancel := r.waiting(ctx)
		defer cancel()
		err = s.Member.Await(waiting, s.Member.Newest(), wc.WriteConcern)
	}
	if err == nil {
		return nil
	}
	e := asMongoError(err)
	document := bson.D{}
	// It was parsed before.
	_ = bson.Unmarshal(wc.document, &document)
	info := bson.D{{Key: "writeConcern", Value: append(document, bson.E{Key: "provenance", Value: "clientSupplied"})}}
	if e.Code == mongoerror.WriteConcernFailed {
		info = append(bson.D{{Key: "wtimeout", Value: true}}, info...)
	}
	return append(bson.D{{Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: e.Code}, {Key: "codeName", Value: e.Name}, {Key: "errmsg", Value: e.Message}, {Key: "errInfo", Value: info},
	}}}, s.annotations(g, e.Code)...)
}

// codeUnknownWriteConcern is UnknownReplWriteConcern of error_codes.yml.
const codeUnknownWriteConcern = 79

// withConcern adds the fields of a write concern that was not met to the error of a command.
func withConcern(err error, concern bson.D) error {
	if len(concern) == 0 {
		return err
	}
	e := asMongoError(err)
	return e.WithFields(append(append(bson.D{}, e.Fields...), concern[0]))
}

// explain adds to an error what drivers expect there: a member's topologyVersion, and labels.
func (s *State) explain(g *generic, err error) error {
	e := asMongoError(err)
	if e.Labels != nil {
		// A fail point that gives labels leaves out the server's own.
		g = nil
	}
	fields := s.annotations(g, e.Code)
	if hasField(e.Fields, "writeConcernError") && g != nil && g.ends && e.Code == mongoerror.NoSuchTransaction {
		// What the member knows may be rolled back: the transaction may have been committed.
		fields = nil
	}
	if len(fields) == 0 {
		return err
	}
	return e.WithFields(append(append(bson.D{}, e.Fields...), fields...))
}

func hasField(d bson.D, name string) bool {
	return slices.ContainsFunc(d, func(e bson.E) bool { return e.Key == name })
}

// annotations returns the fields that a reply of a member has beside an error of that code.
func (s *State) annotations(g *generic, code int32) bson.D {
	var fields bson.D
	if s.Member != nil && (isNotPrimary(code) || isShutdown(code)) {
		fields = append(fields, topologyVersionField(s.Member.TopologyVersion()))
	}
	if labels := g.labels(code); len(labels) > 0 {
		fields = append(fields, bson.E{Key: "errorLabels", Value: labels})
	}
	return fields
}

// labels returns the labels of an error: of one after which a driver may send the command again, and of one after which
// the application may begin its transaction again. A nil g has none.
func (g *generic) labels(code int32) bson.A {
	var labels bson.A
	if g == nil || !present(g.txnNumber) {
		return nil
	}
	if (!g.inTransaction() || g.ends) && isRetryable(code) {
		labels = append(labels, labelRetryable)
	}
	if g.inTransaction() && isTransient(code, g.ends) {
		labels = append(labels, labelTransient)
	}
	return labels
}

// refusedForRole reports whether a statement of a write command has failed because the server is not primary.
func refusedForRole(reply bson.D) bool {
	for _, e := range firstWriteError(reply) {
		if code, ok := e.Value.(int32); ok && e.Key == "code" {
			return isNotPrimary(code)
		}
	}
	return false
}

// isShutdown reports whether the server ends.
func isShutdown(code int32) bool {
	return code == mongoerror.InterruptedAtShutdown || code == mongoerror.ShutdownInProgress
}

// isRetryable reports whether a retryable write may be sent again after the error.
func isRetryable(code int32) bool {
	switch code {
	case mongoerror.HostUnreachable, codeHostNotFound, codeNetworkTimeout, codeExceededTimeLimit, codeConnectionPoolExpired, codeSocketException:
		return true
	}
	return isNotPrimary(code) || isShutdown(code)
}

// Codes of error_codes.yml that are retriable, besides those of a server that is not primary or ends.
const (
	codeHostNotFound          = 7
	codeNetworkTimeout        = 89
	codeExceededTimeLimit     = 262
	codeConnectionPoolExpired = 317
	codeSocketException       = 9001
)

// notRunning is the error of a command of replica sets on a standalone.
func notRunning() error {
	return mongoerror.New(mongoerror.NoReplicationEnabled, "not running with --replSet")
}

// interrupted turns the end of a wait into the error of the command.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return mongoerror.New(mongoerror.InterruptedAtShutdown, "interrupted at shutdown")
	}
	return err
}

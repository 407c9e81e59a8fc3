package command

import (
	"context"
	"strings"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/failpoint"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
)

// Result is what a command came to.
type Result struct {
	// Reply is the whole reply, ok included. It is to be sent unless the request was unacknowledged, or After says
	// otherwise.
	Reply bson.D
	// After says what becomes of the connection.
	After After
	// Stream is the topologyVersion after which another reply follows this one, nil where none does.
	Stream *replset.TopologyVersion
}

// After is what becomes of a connection after a command.
type After int

const (
	// Keep: the next message is served.
	Keep After = iota
	// HangUp: the connection is closed at once, without a reply; nothing behind is executed. It is what MongoDB does
	// when an unacknowledged command fails because the server is not primary.
	HangUp
	// Shut: the socket is shut down in both directions, without a reply, but what had already come is still served
	// until a reply cannot be written. It is what the fail point's closeConnection does.
	Shut
)

// NewRequest makes a request of a message. The request's slices are those of the message. The error is one to answer.
func NewRequest(c *Conn, m *wire.Message) (*Request, error) {
	r := &Request{Body: m.Body, Sequences: m.Sequences, Unacknowledged: m.MoreToCome, ExhaustAllowed: m.ExhaustAllowed, Conn: c}
	if elem, err := m.Body.IndexErr(0); err == nil {
		r.Name = elem.Key()
	}
	if m.Namespace != "" {
		r.Database, _, _ = strings.Cut(m.Namespace, ".")
		return r, nil
	}
	db := m.Body.Lookup("$db")
	if db.Type == 0 {
		return r, mongoerror.New(codeNoDatabase, "OP_MSG requests require a $db argument")
	}
	var ok bool
	if r.Database, ok = db.StringValueOK(); !ok {
		return r, mongoerror.New(codeWrongDBType, "wrong type for field ($db) %s != string", aliasOf(db.Type))
	}
	return r, nil
}

// Run serves one request from the checks that all commands share to the reply. It blocks as long as the command
// takes; ctx ends it when the server closes.
func (s *State) Run(ctx context.Context, r *Request) Result {
	result := s.run(ctx, r)
	if s.Member != nil && result.After == Keep && !r.Unacknowledged {
		result.Reply = s.stamp(r, result.Reply)
	}
	return result
}

func (s *State) run(ctx context.Context, r *Request) Result {
	sp, ok := table[r.Name]
	if !ok {
		return s.failure(r, nil, mongoerror.New(mongoerror.CommandNotFound, "no such command: '%s'", r.Name))
	}
	r.Conn.Monitoring = r.Conn.Monitoring && sp.handshake
	g, err := parseGeneric(r.Body, duplicatePrefix(r.Name, &sp))
	if err != nil {
		return s.failure(r, nil, err)
	}
	g.ends = sp.transaction == ends
	if err := s.checkSession(r, &g, &sp); err != nil {
		return s.failure(r, &g, err)
	}
	s.touch(g.lsid)
	if err := s.checkAuthenticated(r, &sp); err != nil {
		return s.failure(r, &g, err)
	}
	if err := checkTransaction(r, &sp, &g); err != nil {
		return s.failure(r, &g, err)
	}
	s.gossip(&g)
	action := s.FailPoints.Evaluate(failpoint.Command{
		Name: sp.primaryName(r.Name), Sent: r.Name, WriteConcern: sp.writeConcern, Namespace: namespaceOf(r), AppName: r.Conn.AppName,
	})
	if action != nil {
		if err := sleep(ctx, action.Block); err != nil {
			return s.failure(r, &g, err)
		}
		if action.Close {
			return Result{After: Shut}
		}
		if action.Err != nil {
			return s.failure(r, &g, action.Err)
		}
	}
	reply, err := s.execute(ctx, r, &sp, &g)
	if err != nil {
		return s.failure(r, &g, err)
	}
	if r.Unacknowledged && refusedForRole(reply) {
		s.Counters.NotPrimaryUnacknowledged.Add(1)
		return Result{Reply: reply, After: HangUp}
	}
	if action != nil && action.WriteConcernError != nil && sp.writeConcern {
		reply = append(reply, bson.E{Key: "writeConcernError", Value: action.WriteConcernError})
		if len(action.Labels) > 0 {
			reply = append(reply, bson.E{Key: "errorLabels", Value: action.Labels})
		} else if code, ok := action.WriteConcernError.Lookup("code").AsInt64OK(); ok {
			reply = append(reply, s.annotations(&g, int32(code))...)
		}
	}
	return Result{Reply: reply, Stream: r.streams(reply)}
}

// execute checks what is left to check and runs the handler.
func (s *State) execute(ctx context.Context, r *Request, sp *spec, g *generic) (bson.D, error) {
	if err := checkDatabase(r.Database); err != nil {
		return nil, err
	}
	if sp.adminOnly && r.Database != "admin" {
		return nil, mongoerror.New(mongoerror.Unauthorized, "%s may only be run against the admin database.", r.Name)
	}
	for name := range r.Sequences {
		if sp.sequence == "" {
			return nil, mongoerror.New(codeNoSequences, "The %s command does not support document sequences.", r.Name)
		}
		if name != sp.sequence {
			return nil, mongoerror.New(codeUnknownField, "BSON field '%s.%s' is an unknown field.", r.Name, name)
		}
	}
	if err := s.checkAuthorized(r, sp); err != nil {
		return nil, err
	}
	limit, err := parseMaxTime(g.maxTimeMS)
	if err != nil {
		return nil, err
	}
	if err := checkInternal(g); err != nil {
		return nil, err
	}
	if err := checkReadPreference(g.readPreference); err != nil {
		return nil, err
	}
	if err := s.checkRole(r, sp, g); err != nil {
		return nil, err
	}
	if err := checkTransactionConcerns(sp, g); err != nil {
		return nil, err
	}
	rc, err := s.parseReadConcern(g, sp.readConcern)
	if err != nil {
		return nil, err
	}
	if g.writeConcern.Type != 0 && !sp.writeConcern {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "Command does not support writeConcern")
	}
	wc, err := s.parseWriteConcern(g.writeConcern)
	if err != nil {
		return nil, err
	}
	s.Counters.Operations.count(sp.primaryName(r.Name))
	ctx, cancel := limitTime(ctx, limit)
	defer cancel()
	if err := s.awaitReadConcern(ctx, r, rc); err != nil {
		return nil, err
	}
	reply, err := s.handle(ctx, r, sp, g)
	concern := s.awaitWriteConcern(ctx, r, g, wc)
	if err != nil {
		return nil, withConcern(err, concern)
	}
	r.Conn.remember(reply, sp.sequence != "")
	if wc.silent && sp.sequence != "" {
		return bson.D{{Key: "ok", Value: 1.0}}, nil
	}
	return append(okReply(reply), concern...), nil
}

// handle runs the handler, with the session that a retryable write or a transaction has to itself.
func (s *State) handle(ctx context.Context, r *Request, sp *spec, g *generic) (bson.D, error) {
	if g.inTransaction() {
		return s.runInTransaction(ctx, r, sp, g)
	}
	if err := s.checkOut(ctx, r, g); err != nil {
		return nil, err
	}
	defer s.checkIn(r)
	return sp.handle(ctx, s, r)
}

// failure is the result of a command that failed. g is nil where the command could not be parsed so far.
func (s *State) failure(r *Request, g *generic, err error) Result {
	reply := ErrorReply(s.explain(g, s.markResumable(r, err)))
	r.Conn.remember(reply, true)
	if r.Unacknowledged && isNotPrimary(asMongoError(err).Code) {
		s.Counters.NotPrimaryUnacknowledged.Add(1)
		return Result{Reply: reply, After: HangUp}
	}
	return Result{Reply: reply}
}

// duplicatePrefix is what MongoDB's message about a duplicate field names as its place: the write commands are parsed
// before the session fields, all others after.
func duplicatePrefix(name string, sp *spec) string {
	if sp.sequence != "" {
		return name
	}
	return "OperationSessionInfo"
}

// namespaceOf is what a fail point compares with its namespace: "database.collection" where the command names a
// collection, the database alone otherwise. getMore names it in a field of its own.
func namespaceOf(r *Request) string {
	elem, err := r.Body.IndexErr(0)
	if err != nil {
		return r.Database
	}
	v := elem.Value()
	if r.Name == "getMore" {
		v = r.Body.Lookup("collection")
	}
	if coll, ok := v.StringValueOK(); ok {
		return r.Database + "." + coll
	}
	return r.Database
}

// sleep waits, at most until ctx is done, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

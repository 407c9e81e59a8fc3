package command

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// codeExpectedObject is what MongoDB answers to a command whose array is none.
const codeExpectedObject = 10065

// sessionOf identifies the session of a request as MongoDB prints it: the UUID of its lsid and the digest of the user
// who owns it, here that of nobody; "" without an lsid. Two requests belong to the same session exactly when
// these are equal.
func sessionOf(r *Request) string { return sessionID(r.Body.Lookup("lsid")) }

// sessionID is sessionOf for an lsid.
func sessionID(v bson.RawValue) string {
	lsid, ok := v.DocumentOK()
	if !ok {
		return ""
	}
	_, id, ok := lsid.Lookup("id").BinaryOK()
	if !ok || len(id) != 16 {
		return ""
	}
	_, uid, ok := lsid.Lookup("uid").BinaryOK()
	if !ok {
		nobody := sha256.Sum256(nil)
		uid = nobody[:]
	}
	return uuidText(id) + " - " + base64.StdEncoding.EncodeToString(uid)
}

// uuidText writes a UUID as messages do: 16 bytes, and others as they are.
func uuidText(id []byte) string {
	if len(id) != 16 {
		return fmt.Sprintf("%x", id)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// sessionKey returns what identifies a session as sessionID does, at less cost; nil where there is none.
func sessionKey(v bson.RawValue) []byte {
	lsid, _ := v.DocumentOK()
	return lsid
}

// touch says that a session is used; a value that is no lsid says nothing.
func (s *State) touch(lsid bson.RawValue) {
	if key := sessionKey(lsid); key != nil {
		s.Active.Touch(key, func() string { return sessionID(lsid) })
	}
}

// endSessions ends sessions: their cursors and transactions go. A session that the server has never seen is no error.
func endSessions(_ context.Context, s *State, r *Request) (bson.D, error) {
	return bson.D{}, forEachSession(r, "EndSessionsCmdFromClient", func(lsid bson.RawValue) {
		s.Active.Forget(sessionKey(lsid))
		s.endSession(sessionID(lsid))
	})
}

// refreshSessions keeps sessions from timing out.
func refreshSessions(_ context.Context, s *State, r *Request) (bson.D, error) {
	return bson.D{}, forEachSession(r, "RefreshSessionsCmdFromClient", func(lsid bson.RawValue) {
		s.touch(lsid)
		s.Sessions.Refresh(sessionID(lsid))
	})
}

// killSessions ends the cursors and transactions of the sessions; of all, if none is named.
func killSessions(_ context.Context, s *State, r *Request) (bson.D, error) {
	some := false
	err := forEachSession(r, "KillSessionsCmd", func(lsid bson.RawValue) {
		some = true
		id := sessionID(lsid)
		s.Sessions.Kill(id)
		s.Cursors.KillSession(id)
	})
	if err == nil && !some {
		s.Sessions.KillAll()
		s.Cursors.KillSessions()
	}
	return bson.D{}, err
}

// killAllSessions ends the cursors and transactions of every session.
func killAllSessions(_ context.Context, s *State, r *Request) (bson.D, error) {
	if _, ok := r.Body.Lookup(r.Name).ArrayOK(); !ok {
		return nil, mongoerror.New(codeExpectedObject, "invalid parameter: expected an object (%s)", r.Name)
	}
	s.Sessions.KillAll()
	s.Cursors.KillSessions()
	return bson.D{}, nil
}

// killAllSessionsByPattern ends the cursors and transactions of the sessions that meet one of the patterns: those with an
// lsid, and all for a pattern without; of all, if there is no pattern.
func killAllSessionsByPattern(ctx context.Context, s *State, r *Request) (bson.D, error) {
	array, ok := r.Body.Lookup(r.Name).ArrayOK()
	if !ok {
		return killAllSessions(ctx, s, r)
	}
	patterns, err := array.Values()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid array of patterns")
	}
	all := len(patterns) == 0
	var some []bson.RawValue
	for i, p := range patterns {
		d, ok := p.DocumentOK()
		if !ok {
			return nil, wrongType("KillAllSessionsByPatternCmd."+r.Name+"."+itoa(i), p.Type, "object")
		}
		lsid := d.Lookup("lsid")
		if lsid.Type == 0 {
			all = true
			continue
		}
		if err := checkLsid(lsid, "KillAllSessionsByPatternCmd."+r.Name+".lsid"); err != nil {
			return nil, err
		}
		some = append(some, lsid)
	}
	if all {
		s.Sessions.KillAll()
		s.Cursors.KillSessions()
		return bson.D{}, nil
	}
	for _, lsid := range some {
		s.Sessions.Kill(sessionID(lsid))
		s.Cursors.KillSession(sessionID(lsid))
	}
	return bson.D{}, nil
}

// startSession makes a session id. Sessions need not be started: any lsid will do.
func startSession(context.Context, *State, *Request) (bson.D, error) {
	var id [16]byte
	rand.Read(id[:])          // crypto/rand.Read never fails
	id[6] = id[6]&0x0f | 0x40 // version 4: random
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return bson.D{
		{Key: "id", Value: bson.D{{Key: "id", Value: primitive.Binary{Subtype: 4, Data: id[:]}}}},
		{Key: "timeoutMinutes", Value: int32(sessionTimeoutMinutes)},
	}, nil
}

// forEachSession calls do with every session id in the array that the command names.
func forEachSession(r *Request, parser string, do func(lsid bson.RawValue)) error {
	array, ok := r.Body.Lookup(r.Name).ArrayOK()
	if !ok {
		return mongoerror.New(codeExpectedObject, "invalid parameter: expected an object (%s)", r.Name)
	}
	elems, err := bson.Raw(array).Elements()
	if err != nil {
		return mongoerror.New(mongoerror.InvalidBSON, "invalid array of sessions")
	}
	for _, e := range elems {
		if _, ok := e.Value().DocumentOK(); !ok {
			return wrongType(parser+"."+r.Name+"."+e.Key(), e.Value().Type, "object")
		}
		if err := checkLsid(e.Value(), parser+"."+r.Name); err != nil {
			return err
		}
	}
	for _, e := range elems {
		do(e.Value())
	}
	return nil
}

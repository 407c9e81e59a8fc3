package changestream

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// event is one event of a stream, not yet a document.
type event struct {
	token     Token
	operation string
	change    *store.Change
	// transaction is the one that the change belongs to; nil for none.
	transaction *store.Statement
}

// eventsOf returns what a stream tells of an entry.
func eventsOf(s Scope, e replset.Entry) []event {
	var out []event
	changes := e.Changes
	var transaction *store.Statement
	if n := len(changes); n > 0 && changes[n-1].Kind == store.CommitTransaction {
		transaction, changes = changes[n-1].Statement, changes[:n-1]
	}
	for i, ch := range changes {
		operation := operationOf(s, ch)
		if operation == "" || replaced(changes, i) {
			continue
		}
		t := Token{Time: e.Time, event: true, index: i}
		if ch.Kind != store.DropDatabase {
			t.collection = ch.Collection.Data
		}
		out = append(out, event{t, operation, ch, transaction})
		if s.invalidatedBy(operation) {
			t.invalidate = true
			out = append(out, event{t, "invalidate", ch, nil})
		}
	}
	return out
}

// replaced tells whether a collection is dropped only because another one gets its name.
func replaced(changes []*store.Change, i int) bool {
	return changes[i].Kind == store.DropCollection && i+1 < len(changes) && changes[i+1].Kind == store.RenameCollection
}

// operationOf returns the operationType of a change, "" where the stream does not tell of it.
func operationOf(s Scope, ch *store.Change) string {
	switch ch.Kind {
	case store.Put:
		switch {
		case !s.covers(ch.Namespace), ch.Evicted:
			return ""
		case ch.Before == nil:
			return "insert"
		case ch.After == nil:
			return "delete"
		case ch.Delta != nil:
			return "update"
		}
		return "replace"
	case store.DropCollection:
		if s.covers(ch.Namespace) {
			return "drop"
		}
	case store.RenameCollection:
		if s.covers(ch.Namespace) || s.covers(ch.To) {
			return "rename"
		}
	case store.DropDatabase:
		database, _, _ := strings.Cut(ch.Namespace, ".")
		if s.Collection == "" && (Scope{Database: s.Database}).covers(database+".") {
			return "dropDatabase"
		}
	}
	return ""
}

// document returns the event as clients see it, its fields in MongoDB's order. present is called for the version of a document that is there now.
func (e *event) document(lookup bool, present func(ch *store.Change) bson.D) bson.D {
	ch := e.change
	d := bson.D{}
	if e.operation == "rename" {
		d = append(d, bson.E{Key: "to", Value: namespaceOf(ch.To)})
	}
	if t := e.transaction; t != nil {
		d = append(d, bson.E{Key: "txnNumber", Value: t.Number}, bson.E{Key: "lsid", Value: lsidOf(t.Session)})
	}
	d = append(d, bson.E{Key: "_id", Value: e.token.Document()}, bson.E{Key: "operationType", Value: e.operation}, bson.E{Key: "clusterTime", Value: e.token.Time})
	if e.operation == "invalidate" {
		return d
	}
	switch e.operation {
	case "insert", "replace":
		d = append(d, bson.E{Key: "fullDocument", Value: ch.After.Fields})
	case "update":
		if lookup {
			var full any
			if now := present(ch); now != nil {
				full = now
			}
			d = append(d, bson.E{Key: "fullDocument", Value: full})
		}
	}
	ns := namespaceOf(ch.Namespace)
	if e.operation == "dropDatabase" {
		ns = ns[:1]
	}
	d = append(d, bson.E{Key: "ns", Value: ns})
	if ch.Kind == store.Put {
		version := ch.After
		if version == nil {
			version = ch.Before
		}
		d = append(d, bson.E{Key: "documentKey", Value: bson.D{{Key: "_id", Value: version.ID()}}})
	}
	if e.operation == "update" {
		d = append(d, bson.E{Key: "updateDescription", Value: describe(ch.Delta)})
	}
	return d
}

// lsidOf returns a session's id as clients know it, of the text that names it: its UUID and the digest of its user.
func lsidOf(session string) bson.D {
	id, uid, _ := strings.Cut(session, " - ")
	// The server has made the text, so there is no error.
	uuid, _ := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	digest, _ := base64.StdEncoding.DecodeString(uid)
	return bson.D{{Key: "id", Value: primitive.Binary{Subtype: uuidSubtype, Data: uuid}}, {Key: "uid", Value: primitive.Binary{Data: digest}}}
}

func namespaceOf(namespace string) bson.D {
	database, collection, _ := strings.Cut(namespace, ".")
	return bson.D{{Key: "db", Value: database}, {Key: "coll", Value: collection}}
}

// describe returns the updateDescription of an update by operators.
func describe(delta *store.Delta) bson.D {
	set, unset := bson.D{}, bson.A{}
	set = append(set, delta.Set...)
	for _, path := range delta.Unset {
		unset = append(unset, path)
	}
	return bson.D{{Key: "updatedFields", Value: set}, {Key: "removedFields", Value: unset}}
}

// timeAfter returns the first time after t.
func timeAfter(t primitive.Timestamp) primitive.Timestamp {
	if t.I == ^uint32(0) {
		return primitive.Timestamp{T: t.T + 1}
	}
	return primitive.Timestamp{T: t.T, I: t.I + 1}
}

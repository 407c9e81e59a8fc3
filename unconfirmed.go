package monorail

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// UnconfirmedWrite is an unacknowledged write that may be lost: it was issued, and no later reply
// tells that the server has processed it. Its documents belong to whoever holds it.
type UnconfirmedWrite struct {
	// Namespace is the collection's, as "database.collection"; the database alone for a command that
	// names no collection.
	Namespace string
	// Command is the name of the command: "insert", "update", "delete", or another that was issued
	// unacknowledged.
	Command string
	// Statement is one statement of the command: the document of an insert, or what stands in the updates
	// or deletes of the others ({q: …, u: …, multi: …}). Of any other command it is the whole command.
	Statement bson.Raw
	// Options are the other fields of the command: let, comment, bypassDocumentValidation, ordered. Nil
	// for none.
	Options bson.Raw
}

// ledger keeps the unacknowledged writes of an epoch until they are confirmed. It may be shared
// between goroutines.
type ledger struct {
	// limit is how many bytes of messages may be kept.
	limit int

	// mu guards the fields below.
	mu sync.Mutex
	// entries are in the order of the calls of add.
	entries []*ledgerEntry
	size    int // bytes of the messages of entries
}

// ledgerEntry is one message.
type ledgerEntry struct {
	message []byte // uncompressed; never changed
	// issued is the epoch's count of statements behind this message; 0 until it was queued. The ledger's
	// lock guards it.
	issued int64
}

// add keeps a copy of a message that is about to be queued.
func (l *ledger) add(message []byte) *ledgerEntry {
	entry := &ledgerEntry{message: bytes.Clone(message)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry)
	l.size += len(message)
	return entry
}

// queued notes where an entry stands among the statements that were issued.
func (l *ledger) queued(entry *ledgerEntry, issued int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.issued = issued
}

// fits tells whether a message of that size has room, when all is forgotten of which confirmed says
// that the server has processed it. A message that finds nothing before it always has.
func (l *ledger) fits(size int, confirmed int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+size > l.limit {
		l.forgetLocked(confirmed)
	}
	return len(l.entries) == 0 || l.size+size <= l.limit
}

func (l *ledger) forgetLocked(confirmed int64) {
	l.entries = slices.DeleteFunc(l.entries, func(entry *ledgerEntry) bool {
		processed := entry.issued > 0 && entry.issued <= confirmed
		if processed {
			l.size -= len(entry.message)
		}
		return processed
	})
}

// writes returns what is not confirmed, statement by statement.
func (l *ledger) writes(confirmed int64) []UnconfirmedWrite {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetLocked(confirmed)
	var writes []UnconfirmedWrite
	for _, entry := range l.entries {
		writes = appendWrites(writes, entry.message)
	}
	return writes
}

// statementSequences are the identifiers of the sequences that hold the statements of a command.
var statementSequences = map[string]string{"insert": "documents", "update": "updates", "delete": "deletes"}

// appendWrites appends the statements of a message. A message that cannot be read is none of ours.
func appendWrites(writes []UnconfirmedWrite, message []byte) []UnconfirmedWrite {
	body, sequences, err := splitMessage(message)
	if err != nil {
		return writes
	}
	elements, err := body.Elements()
	if err != nil || len(elements) == 0 {
		return writes
	}
	write := UnconfirmedWrite{Command: elements[0].Key(), Namespace: body.Lookup("$db").StringValue()}
	if collection, ok := elements[0].Value().StringValueOK(); ok {
		write.Namespace += "." + collection
	}
	identifier, known := statementSequences[write.Command]
	if !known {
		write.Statement = wholeCommand(elements, sequences)
		return append(writes, write)
	}
	statements, options := optionsOf(elements[1:], identifier)
	for _, s := range sequences {
		if s.identifier == identifier {
			statements = append(statements, s.documents...)
		}
	}
	write.Options = options
	for _, statement := range statements {
		write.Statement = bson.Raw(statement)
		writes = append(writes, write)
	}
	return writes
}

// perSending are the fields of a command that belong to one sending of it, not to the write.
func perSending(key string) bool {
	switch key {
	case "writeConcern", "maxTimeMS", "lsid", "txnNumber", "apiVersion", "apiStrict", "apiDeprecationErrors":
		return true
	default:
		return key[0] == '$'
	}
}

// optionsOf separates the fields of a command behind its first into statements that stand in the body
// and the rest.
func optionsOf(elements []bsoncore.Element, identifier string) (statements []bsoncore.Document, options bson.Raw) {
	index, dst := bsoncore.AppendDocumentStart(nil)
	empty := len(dst)
	for _, element := range elements {
		key := element.Key()
		if key == identifier {
			values, _ := element.Value().Array().Values()
			for _, v := range values {
				if document, ok := v.DocumentOK(); ok {
					statements = append(statements, document)
				}
			}
			continue
		}
		if key != "" && !perSending(key) {
			dst = append(dst, element...)
		}
	}
	if len(dst) == empty {
		return statements, nil
	}
	dst, _ = bsoncore.AppendDocumentEnd(dst, index)
	return statements, bson.Raw(dst)
}

// wholeCommand returns a command as one document, its sequences as arrays.
func wholeCommand(elements []bsoncore.Element, sequences []sequence) bson.Raw {
	index, dst := bsoncore.AppendDocumentStart(nil)
	for i, element := range elements {
		if i == 0 || !perSending(element.Key()) {
			dst = append(dst, element...)
		}
	}
	for _, s := range sequences {
		array := bsoncore.NewArrayBuilder()
		for _, document := range s.documents {
			array.AppendDocument(document)
		}
		dst = bsoncore.AppendArrayElement(dst, s.identifier, array.Build())
	}
	dst, _ = bsoncore.AppendDocumentEnd(dst, index)
	return bson.Raw(dst)
}

// sequence is a section of kind 1.
type sequence struct {
	identifier string
	documents  []bsoncore.Document
}

// splitMessage reads the sections of an uncompressed OP_MSG. What it returns are parts of message.
func splitMessage(message []byte) (body bsoncore.Document, sequences []sequence, err error) {
	malformed := fmt.Errorf("monorail: a wire message of %d bytes that cannot be read", len(message))
	_, _, _, opcode, rest, ok := wiremessage.ReadHeader(message)
	if !ok || opcode != wiremessage.OpMsg {
		return nil, nil, malformed
	}
	if _, rest, ok = wiremessage.ReadMsgFlags(rest); !ok {
		return nil, nil, malformed
	}
	for len(rest) > 0 {
		var kind wiremessage.SectionType
		if kind, rest, ok = wiremessage.ReadMsgSectionType(rest); !ok {
			return nil, nil, malformed
		}
		switch kind {
		case wiremessage.SingleDocument:
			body, rest, ok = wiremessage.ReadMsgSectionSingleDocument(rest)
		case wiremessage.DocumentSequence:
			var s sequence
			s.identifier, s.documents, rest, ok = wiremessage.ReadMsgSectionDocumentSequence(rest)
			sequences = append(sequences, s)
		default:
			ok = false
		}
		if !ok {
			return nil, nil, malformed
		}
	}
	if body == nil || body.Validate() != nil {
		return nil, nil, malformed
	}
	return body, sequences, nil
}

// Package lane encodes insert, update and delete commands that want no reply: OP_MSG messages with
// the flag moreToCome, a kind-0 section with the command and a kind-1 section with its statements.
//
// The goal is that a message says, field for field, what version 2.10 of the driver says for the
// same call on a collection with write concern {w: 0}, and that the caller's values are encoded
// once, into the message itself. The package sends nothing and knows no connection.
//
// It is no goal to explain to a user what is wrong with a value. Whatever the driver would reject,
// and the few rarities that are not worth a second implementation, is refused with an error that
// is [ErrRefused]; the caller then hands the call to the driver, whose answer is the user's. That
// is how both give the same errors.
package lane

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// ErrRefused is what every error of an Encoder's methods is, except those of [Encoder.Next] and
// [Encoder.CheckSizes]: the lane does not encode these values, and the driver is to be asked. The
// driver either rejects them, with the error that its users know, or sends them.
var ErrRefused = errors.New("lane: not encoded")

func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrRefused, reason) }

// defaultRegistry stands in for a nil registry, as in the driver.
var defaultRegistry = bson.NewRegistry()

// maxPooledBuffer is the largest buffer, in bytes, that an idle Encoder keeps. It has room for
// hundreds of usual statements; keeping the buffer of one bulk write of many megabytes would hold
// that memory for as long as the encoder lives.
const maxPooledBuffer = 256 << 10

// Encoder encodes one command at a time, in these steps: [Encoder.Configure] with the collection's
// settings, [Encoder.Begin], one of the statement methods once for each statement, and
// [Encoder.Next] until it has returned all messages. It is meant to be reused, and not to be shared
// between goroutines. After an error the command is void; Begin starts another.
type Encoder struct {
	registry *bson.Registry
	settings options.BSONOptions
	// direct says that both are the driver's defaults, which the encoder knows by heart.
	direct bool

	documents *bson.Encoder
	writer    bson.ValueWriter

	// buffer is one message that holds every statement of the command, however many the server
	// takes: header, flags, kind-0 section, then the head of the kind-1 section and the statements.
	buffer []byte
	// split is the message that Next returned last, where buffer holds more than the server takes.
	split []byte

	// bodyStart and bodyEnd delimit the command document in buffer, sequenceStart is where the
	// kind-1 section's size begins and statementsStart where its first document does.
	bodyStart, bodyEnd, sequenceStart, statementsStart int
	// ordered is where the boolean of that name is, 0 where the command has none.
	ordered int

	statements int // statements in buffer
	largest    int // size in bytes of the largest of them
	taken      int // statements that Next has returned
	takenEnd   int // where in buffer the first statement begins that Next has not returned

	operation Operation
	requestID int32

	// shape says what Write does with the document that it is given, and written counts its calls:
	// a value that makes the BSON encoder write no document or several is refused.
	shape   shape
	written int

	// element is a document of one element, boxed once, for values that are encoded as an element:
	// setting its fields costs nothing where a new bson.D would be allocated twice.
	element    bson.D
	boxElement any
	// filter is {_id: value} in the same manner.
	filter    bson.D
	boxFilter any
}

// NewEncoder returns an encoder, to be configured before it is used.
func NewEncoder() *Encoder {
	e := &Encoder{element: make(bson.D, 1), filter: bson.D{{Key: "_id"}}}
	e.boxElement, e.boxFilter = e.element, e.filter
	e.resetWriter()
	return e
}

// Configure sets the registry and the BSON options that values are encoded with; nil are the driver's
// defaults, with which the usual values are encoded without the BSON encoder. The options are read
// now, not later.
func (e *Encoder) Configure(registry *bson.Registry, settings *options.BSONOptions) {
	if e.direct && registry == nil && settings == nil {
		return
	}
	var wanted options.BSONOptions
	if settings != nil {
		wanted = *settings
		forgetDecoding(&wanted)
	}
	e.direct = registry == nil && wanted == options.BSONOptions{}
	if registry == nil {
		registry = defaultRegistry
	}
	if e.documents == nil || e.settings != wanted {
		// The options of a bson.Encoder can be set and not be taken back.
		e.documents = newDocumentEncoder(e.writer, wanted)
		e.settings, e.registry = wanted, nil
	}
	if e.registry != registry {
		e.documents.SetRegistry(registry)
		e.registry = registry
	}
}

// forgetDecoding clears the options that are about decoding: many a client has set one, and they
// change nothing here.
func forgetDecoding(settings *options.BSONOptions) {
	settings.AllowTruncatingDoubles, settings.BinaryAsSlice = false, false
	settings.DefaultDocumentM, settings.DefaultDocumentMap, settings.ObjectIDAsHexString = false, false, false
	settings.UseLocalTimeZone, settings.ZeroMaps, settings.ZeroStructs = false, false, false
}

// Reset forgets the command and the user's values, so that the encoder can wait in a pool.
func (e *Encoder) Reset() {
	e.element[0], e.filter[0].Value = bson.E{}, nil
	if cap(e.buffer) > maxPooledBuffer {
		e.buffer = nil
		// The writer has a buffer of its own, as large as the largest document it has written.
		e.resetWriter()
	}
	e.split = nil
}

// resetWriter makes the encoder fit for use after one that failed in the middle of a document, and
// gives up the writer's buffer.
func (e *Encoder) resetWriter() {
	e.writer = bson.NewDocumentWriter(e)
	if e.documents != nil {
		e.documents.Reset(e.writer)
	}
}

func newDocumentEncoder(writer bson.ValueWriter, settings options.BSONOptions) *bson.Encoder {
	encoder := bson.NewEncoder(writer)
	for _, option := range [...]struct {
		wanted bool
		set    func()
	}{
		{settings.ErrorOnInlineDuplicates, encoder.ErrorOnInlineDuplicates},
		{settings.IntMinSize, encoder.IntMinSize},
		{settings.NilByteSliceAsEmpty, encoder.NilByteSliceAsEmpty},
		{settings.NilMapAsEmpty, encoder.NilMapAsEmpty},
		{settings.NilSliceAsEmpty, encoder.NilSliceAsEmpty},
		{settings.OmitEmpty, encoder.OmitEmpty},
		{settings.OmitZeroStruct, encoder.OmitZeroStruct},
		{settings.StringifyMapKeysWithFmt, encoder.StringifyMapKeysWithFmt},
		{settings.UseJSONStructTags, encoder.UseJSONStructTags},
	} {
		if option.wanted {
			option.set()
		}
	}
	return encoder
}

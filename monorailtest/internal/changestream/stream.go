package changestream

import (
	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// codeFatal is ChangeStreamFatalError: the stream cannot be resumed either.
const codeFatal = 280

// readAhead is how many entries of the oplog are read at a time.
const readAhead = 256

// Options are what a stream is opened with.
type Options struct {
	Scope Scope
	// Specification is that of the stage.
	Specification *Specification
	// Present returns the version of the changed document that is there now; nil where it is gone.
	Present func(ch *store.Change) bson.D
	// Pass passes an event through the stages behind $changeStream, and tells whether it comes out.
	Pass func(event bson.D) (bson.D, bool, error)
}

// Stream is an open change stream. It is a cursor.Growing, used by one goroutine at a time.
type Stream struct {
	options Options
	reader  *replset.Reader
	// waiting are events that were read and not given.
	waiting []event
	// spare is what the first of the waiting events has become, which did not fit into the last batch.
	spare bson.Raw
	// behind is the token behind which the stream begins, nil once that is reached. With exact, the event
	// itself has to come.
	behind *Token
	exact  bool
	// mark is where the stream is: the token of a batch.
	mark Token
	// over says that the stream has been invalidated.
	over bool
}

// Open opens a stream of what a member has committed. It fails with ChangeStreamHistoryLost (286) where the
// oplog does not go back so far.
func Open(m *replset.Member, o Options) (*Stream, error) {
	s := &Stream{options: o}
	switch {
	case o.Specification.Resume != nil:
		s.mark = *o.Specification.Resume
		s.behind, s.exact = o.Specification.Resume, s.mark.event
	case o.Specification.Start != nil:
		s.mark = Token{Time: *o.Specification.Start}
	default:
		s.mark = Token{Time: timeAfter(m.LastApplied().Timestamp)}
	}
	var err error
	s.reader, err = m.ReadFrom(s.mark.Time)
	return s, err
}

// Next implements cursor.Source. It is exhausted behind an invalidate.
func (s *Stream) Next(n int, maxBytes int) (docs []bson.Raw, exhausted bool, err error) {
	size := 0
	for len(docs) < n {
		if s.over {
			return docs, true, nil
		}
		e, err := s.peek()
		if e == nil || err != nil {
			return docs, false, err
		}
		if s.spare == nil {
			if s.spare, err = s.encode(e); err != nil {
				return nil, false, err
			}
		}
		if s.spare != nil {
			if size += len(s.spare); len(docs) > 0 && size > maxBytes {
				return docs, false, nil
			}
			docs = append(docs, s.spare)
		}
		s.mark, s.over = e.token, e.operation == "invalidate"
		s.waiting, s.spare = s.waiting[1:], nil
	}
	return docs, s.over, nil
}

// encode passes an event through the stages; nil where it does not come out.
func (s *Stream) encode(e *event) (bson.Raw, error) {
	d := e.document(s.options.Specification.Lookup, s.options.Present)
	id := store.Field(d, "_id")
	out, ok, err := s.options.Pass(d)
	if err != nil || !ok {
		return nil, err
	}
	if got := store.Field(out, "_id"); !bsonvalue.Identical(got, id) {
		found := "{}"
		if !bsonvalue.IsMissing(got) {
			found = bsonvalue.Format(bson.D{{Key: "_id", Value: got}})
		}
		return nil, mongoerror.New(codeFatal, "Encountered an event whose _id field, which contains the resume token, was modified by the pipeline. "+
			"Modifying the _id field of an event makes it impossible to resume the stream from that point. "+
			"Only transformations that retain the unmodified _id field are allowed. Expected: %s but found: %s",
			bsonvalue.Format(bson.D{{Key: "_id", Value: id}}), found)
	}
	return bsonvalue.Encode(out), nil
}

// peek returns the next event, nil where there is none yet.
func (s *Stream) peek() (*event, error) {
	for len(s.waiting) == 0 {
		entries, err := s.reader.Next(readAhead)
		if err != nil || len(entries) == 0 {
			return nil, err
		}
		for _, entry := range entries {
			events, err := s.resume(eventsOf(s.options.Scope, entry))
			if err != nil {
				return nil, err
			}
			s.waiting = append(s.waiting, events...)
		}
		if last := (Token{Time: entries[len(entries)-1].Time}); len(s.waiting) == 0 && last.compare(s.mark) > 0 && s.behind == nil {
			s.mark = last
		}
	}
	return &s.waiting[0], nil
}

// resume leaves out what comes before the place behind which the stream begins. The event of that
// place has to be there.
func (s *Stream) resume(events []event) ([]event, error) {
	for i, e := range events {
		if s.behind == nil {
			return events[i:], nil
		}
		switch e.token.compare(*s.behind) {
		case 0:
			s.behind = nil
		case 1:
			if s.exact {
				return nil, mongoerror.New(codeFatal, "cannot resume stream; the resume token was not found. %s", bsonvalue.Format(s.behind.Document()))
			}
			s.behind = nil
			return events[i:], nil
		}
	}
	return nil, nil
}

// Grown implements cursor.Growing.
func (s *Stream) Grown() <-chan struct{} { return s.reader.Grown() }

// ResumeToken returns the token behind which a stream resumes that has got every batch so far.
func (s *Stream) ResumeToken() bson.D { return s.mark.Document() }

// Close implements cursor.Source. There is nothing to release.
func (s *Stream) Close() {}

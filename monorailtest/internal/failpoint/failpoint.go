// Package failpoint keeps the fail points that clients set with configureFailPoint, and decides which commands they
// hit. It knows failCommand, the one that drivers' tests use.
package failpoint

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// failCommand is the name of the fail point that hits commands.
const failCommand = "failCommand"

// codeFailPointSetFailed is FailPointSetFailed of error_codes.yml.
const codeFailPointSetFailed = 266

// Set holds the fail points of a server. It is safe for concurrent use.
type Set struct {
	// mu guards what follows.
	mu   sync.Mutex
	mode mode
	// left is how many matching commands are still to be hit (times) or to be spared (skip).
	left int64
	// probability of a hit in the mode random.
	probability float64
	data        failCommandData
	// entered counts the commands that were hit since the fail point was last set.
	entered int32
}

// mode is when the fail point hits. It changes in Configure, and in Evaluate when times or skip run out.
type mode int

const (
	off mode = iota
	alwaysOn
	times
	skip
	random
)

// failCommandData is the data document of failCommand.
type failCommandData struct {
	commands          []string
	namespace         string
	appName           string
	errorCode         int32
	hasErrorCode      bool
	closeConnection   bool
	blockConnection   bool
	blockTime         time.Duration
	hasBlockTime      bool
	writeConcernError bson.Raw
	labels            []string
	hasLabels         bool
}

// Action is what a fail point does to a command that it hits, in this order: Block, then Close, then Err; the command
// is executed if neither Close nor Err is set, and its reply gets WriteConcernError and Labels.
type Action struct {
	Block             time.Duration
	Close             bool
	Err               error
	WriteConcernError bson.Raw
	Labels            []string
}

// Command is what a fail point looks at.
type Command struct {
	// Name is the primary name of the command, and Sent the one that was sent: either may be in the list.
	Name, Sent string
	// WriteConcern says that the command takes one: others have no place for a writeConcernError.
	WriteConcern bool
	// Namespace is "database.collection", or the database alone.
	Namespace string
	AppName   string
}

// Configure does what the command configureFailPoint asks for. body is not kept. It returns how many commands the
// fail point had hit before.
func (s *Set) Configure(body bson.Raw) (int32, error) {
	if name, _ := body.Lookup("configureFailPoint").StringValueOK(); name != failCommand {
		return 0, mongoerror.New(codeFailPointSetFailed, "%s not found", name)
	}
	next, err := parse(body)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entered := s.entered
	s.mode, s.left, s.probability, s.data, s.entered = next.mode, next.left, next.probability, next.data, 0
	return entered, nil
}

// Evaluate counts the command and says what to do to it; nil for nothing.
func (s *Set) Evaluate(c Command) *Action {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mode == off || !s.data.matches(c) {
		return nil
	}
	switch s.mode {
	case times:
		// The last one is hit before the fail point goes off, so that 0 hits one as well.
		if s.left--; s.left <= 0 {
			s.mode = off
		}
	case skip:
		if s.left > 0 {
			s.left--
			return nil
		}
	case random:
		if rand.Float64() >= s.probability {
			return nil
		}
	}
	s.entered++
	return s.data.action()
}

// matches reports whether the fail point has something to do to a command.
func (d *failCommandData) matches(c Command) bool {
	does := d.closeConnection || d.blockConnection || d.hasErrorCode || d.writeConcernError != nil && c.WriteConcern
	return does && c.Name != "configureFailPoint" &&
		(slices.Contains(d.commands, c.Name) || slices.Contains(d.commands, c.Sent)) &&
		(d.namespace == "" || d.namespace == c.Namespace) &&
		(d.appName == "" || d.appName == c.AppName)
}

func (d *failCommandData) action() *Action {
	a := &Action{Close: d.closeConnection, WriteConcernError: d.writeConcernError, Labels: d.labels}
	if d.blockConnection {
		switch {
		case !d.hasBlockTime:
			a.Err = mongoerror.New(mongoerror.InvalidOptions,
				"must specify 'blockTimeMS' when 'blockConnection' is true")
			return a
		case d.blockTime < 0:
			a.Err = mongoerror.New(mongoerror.InvalidOptions, "'blockTimeMS' must be non-negative")
			return a
		}
		a.Block = d.blockTime
	}
	if d.hasErrorCode {
		e := mongoerror.New(d.errorCode, "Failing command due to 'failCommand' failpoint")
		if d.hasLabels {
			e = e.WithLabels(d.labels...)
		}
		a.Err = e
	}
	return a
}

// settings is a parsed configureFailPoint.
type settings struct {
	mode        mode
	left        int64
	probability float64
	data        failCommandData
}

func parse(body bson.Raw) (settings, error) {
	var s settings
	if err := s.parseMode(body.Lookup("mode")); err != nil {
		return s, err
	}
	data := body.Lookup("data")
	switch data.Type {
	case 0, bson.TypeArray:
		return s, nil
	case bson.TypeEmbeddedDocument:
	default:
		return s, mongoerror.New(mongoerror.TypeMismatch, "the 'data' option must be a JSON object")
	}
	elems, err := data.Document().Elements()
	if err != nil {
		return s, mongoerror.New(mongoerror.InvalidBSON, "invalid 'data': %v", err)
	}
	for _, e := range elems {
		s.data.set(e.Key(), e.Value())
	}
	return s, nil
}

func (s *settings) parseMode(v bson.RawValue) error {
	if name, ok := v.StringValueOK(); ok {
		switch name {
		case "off":
			s.mode = off
		case "alwaysOn":
			s.mode = alwaysOn
		default:
			return mongoerror.New(mongoerror.BadValue, "unknown mode: %s", name)
		}
		return nil
	}
	if v.Type == 0 {
		return mongoerror.New(mongoerror.IllegalOperation, "When setting a failpoint, you must supply a 'mode'")
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return mongoerror.New(mongoerror.TypeMismatch, "'mode' must be a string or JSON object")
	}
	for _, counted := range []struct {
		name string
		mode mode
	}{{"times", times}, {"skip", skip}} {
		if n := doc.Lookup(counted.name); n.Type != 0 {
			s.mode = counted.mode
			return s.parseCount(counted.name, n)
		}
	}
	probability := doc.Lookup("activationProbability")
	if probability.Type == 0 {
		return mongoerror.New(mongoerror.BadValue, "'mode' must be one of 'off', 'alwaysOn', 'times', and 'activationProbability'")
	}
	if s.probability, ok = number(probability); !ok {
		return mongoerror.New(mongoerror.TypeMismatch, "the 'activationProbability' option to 'mode' must be a double between 0 and 1")
	}
	if s.probability < 0 || s.probability > 1 {
		return mongoerror.New(mongoerror.BadValue, "activationProbability must be between 0.0 and 1.0; found %v", s.probability)
	}
	s.mode = random
	return nil
}

// parseCount reads times or skip.
func (s *settings) parseCount(name string, v bson.RawValue) error {
	n, ok := number(v)
	switch {
	case !ok:
		return mongoerror.New(mongoerror.TypeMismatch, "Expected field \"%s\" to have numeric type, but found %s", name, typeName(v.Type))
	case n != math.Trunc(n):
		return mongoerror.New(mongoerror.BadValue,
			"Expected field \"%s\" to have a value exactly representable as a 64-bit integer, but found %s: %v", name, name, n)
	case n < 0:
		return mongoerror.New(mongoerror.BadValue, "'%s' option to 'mode' must be positive", name)
	case n > math.MaxInt32:
		return mongoerror.New(mongoerror.BadValue, "'%s' option to 'mode' is too large", name)
	}
	s.left = int64(n)
	return nil
}

// set takes one field of the data document. What the fail point does not know, and what has another type, counts as absent,
// as in MongoDB.
func (d *failCommandData) set(key string, v bson.RawValue) {
	switch key {
	case "failCommands":
		d.commands = stringArray(v)
	case "namespace":
		d.namespace, _ = v.StringValueOK()
	case "appName":
		d.appName, _ = v.StringValueOK()
	case "errorCode":
		n, ok := integer(v)
		d.errorCode, d.hasErrorCode = int32(n), ok
	case "closeConnection":
		d.closeConnection, _ = v.BooleanOK()
	case "blockConnection":
		d.blockConnection, _ = v.BooleanOK()
	case "blockTimeMS":
		n, ok := integer(v)
		d.blockTime, d.hasBlockTime = time.Duration(n)*time.Millisecond, ok
	case "writeConcernError":
		if doc, ok := v.DocumentOK(); ok {
			d.writeConcernError = slices.Clone(doc)
		}
	case "errorLabels":
		d.labels, d.hasLabels = stringArray(v), v.Type == bson.TypeArray
	}
}

// stringArray returns the strings in an array; none for another value.
func stringArray(v bson.RawValue) []string {
	array, ok := v.ArrayOK()
	if !ok {
		return nil
	}
	values, err := array.Values()
	if err != nil {
		return nil
	}
	out := make([]string, 0, len(values))
	for _, e := range values {
		if s, ok := e.StringValueOK(); ok {
			out = append(out, s)
		}
	}
	return out
}

// integer reads a number without a fraction.
func integer(v bson.RawValue) (int64, bool) {
	n, ok := number(v)
	return int64(n), ok && n == math.Trunc(n) && math.Abs(n) < 1<<62
}

// number reads any of the number types that a client may use for a count.
func number(v bson.RawValue) (float64, bool) {
	switch v.Type {
	case bson.TypeInt32:
		return float64(v.Int32()), true
	case bson.TypeInt64:
		return float64(v.Int64()), true
	case bson.TypeDouble:
		return v.Double(), true
	default:
		return 0, false
	}
}

func typeName(t bsontype.Type) string { return bsonvalue.Alias(t) }

// Package failpoint keeps the fail points that clients set with configureFailPoint, and decides which commands they
// hit. It knows failCommand, the one that drivers' tests use.
package failpoint

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

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
	// Name is the primary name of the command, never an alias.
	Name string
	// Namespace is "database.collection", or the database alone.
	Namespace string
	AppName   string
}

// Configure does what the command configureFailPoint asks for. body is not kept. It returns how many commands the
// fail point had hit before.
func (s *Set) Configure(body bson.Raw) (int32, error) {
	name, ok := body.Lookup("configureFailPoint").StringValueOK()
	if !ok {
		return 0, mongoerror.New(mongoerror.TypeMismatch,
			"\"configureFailPoint\" had the wrong type. Expected string, found %s",
			typeName(body.Lookup("configureFailPoint").Type))
	}
	if name != failCommand {
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
		if s.left--; s.left == 0 {
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

func (d *failCommandData) matches(c Command) bool {
	return slices.Contains(d.commands, c.Name) &&
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
	if data.Type == 0 {
		return s, nil
	}
	doc, ok := data.DocumentOK()
	if !ok {
		return s, mongoerror.New(mongoerror.TypeMismatch, "the 'data' option must be a document")
	}
	elems, err := doc.Elements()
	if err != nil {
		return s, mongoerror.New(mongoerror.InvalidBSON, "invalid 'data': %v", err)
	}
	for _, e := range elems {
		if err := s.data.set(e.Key(), e.Value()); err != nil {
			return s, err
		}
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
	doc, ok := v.DocumentOK()
	if !ok {
		return mongoerror.New(mongoerror.TypeMismatch, "'mode' must be a string or JSON object")
	}
	if n, ok := number(doc.Lookup("times")); ok {
		if n < 0 {
			return mongoerror.New(mongoerror.BadValue, "'times' option to 'mode' must be positive")
		}
		if n > 0 {
			s.mode, s.left = times, int64(n)
		}
		return nil
	}
	if n, ok := number(doc.Lookup("skip")); ok {
		if n < 0 {
			return mongoerror.New(mongoerror.BadValue, "'skip' option to 'mode' must be positive")
		}
		s.mode, s.left = skip, int64(n)
		return nil
	}
	if p, ok := number(doc.Lookup("activationProbability")); ok {
		if p < 0 || p > 1 {
			return mongoerror.New(mongoerror.BadValue, "activationProbability must be between 0.0 and 1.0; found %v", p)
		}
		s.mode, s.probability = random, p
		return nil
	}
	return mongoerror.New(mongoerror.BadValue,
		"'mode' must be one of 'off', 'alwaysOn', {times: n}, {skip: n} or {activationProbability: p}")
}

// set takes one field of the data document.
func (d *failCommandData) set(key string, v bson.RawValue) error {
	ok := true
	switch key {
	case "failCommands":
		d.commands, ok = stringArray(v)
	case "namespace":
		d.namespace, ok = v.StringValueOK()
	case "appName":
		d.appName, ok = v.StringValueOK()
	case "errorCode":
		var n float64
		n, ok = number(v)
		d.errorCode, d.hasErrorCode = int32(n), true
	case "closeConnection":
		d.closeConnection, ok = v.BooleanOK()
	case "blockConnection":
		d.blockConnection, ok = v.BooleanOK()
	case "blockTimeMS":
		var n float64
		n, ok = number(v)
		d.blockTime, d.hasBlockTime = time.Duration(n)*time.Millisecond, true
	case "writeConcernError":
		var doc bson.Raw
		doc, ok = v.DocumentOK()
		d.writeConcernError = slices.Clone(doc)
	case "errorLabels":
		d.labels, ok = stringArray(v)
		d.hasLabels = true
	case "failInternalCommands", "threadName":
		// About connections between servers, of which there are none.
	default:
		return mongoerror.New(mongoerror.InvalidOptions, "unknown field '%s' in the data of failCommand", key)
	}
	if !ok {
		return mongoerror.New(mongoerror.TypeMismatch, "'%s' of failCommand has the wrong type %s", key, typeName(v.Type))
	}
	return nil
}

func stringArray(v bson.RawValue) ([]string, bool) {
	array, ok := v.ArrayOK()
	if !ok {
		return nil, false
	}
	values, err := array.Values()
	if err != nil {
		return nil, false
	}
	out := make([]string, 0, len(values))
	for _, e := range values {
		s, ok := e.StringValueOK()
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
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

func typeName(t bsontype.Type) string {
	if t == 0 {
		return "missing"
	}
	return t.String()
}

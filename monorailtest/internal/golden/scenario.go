package golden

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// Scenario is a list of steps on one connection, on an empty database.
type Scenario struct {
	// Name is the area, a slash, and what the scenario is about.
	Name  string
	Steps []Step
}

// Area is what the name of the scenario begins with.
func (s *Scenario) Area() string {
	area, _, _ := strings.Cut(s.Name, "/")
	return area
}

// Step is a command and the reply of MongoDB. Its values are those of the driver's bson package, and Placeholder.
type Step struct {
	Command bson.D
	// Sequences are sent beside the command, as sections of documents.
	Sequences []Sequence
	// Reply is a bson.D, or a Placeholder "$closed" or "$noReply".
	Reply any
	// Unordered are the paths of arrays in the reply whose order is not promised; a part "*" is any.
	Unordered [][]string
	// MoreToCome says that the command is sent so that no reply comes.
	MoreToCome bool
	// Query says that the command is sent as an OP_QUERY.
	Query bool
	// AtLeast is how long the reply took.
	AtLeast time.Duration
	// Shape says that Reply has the names of types for values, and that other fields may be there.
	Shape bool
}

// Sequence is a section of documents.
type Sequence struct {
	Name      string
	Documents []bson.D
}

// maxLine bounds a scenario's line.
const maxLine = 1 << 24

// Read returns the scenarios of r, one in each line.
func Read(r io.Reader) ([]Scenario, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var out []Scenario
	for lines.Scan() {
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		v, err := parse(d)
		if err != nil {
			return nil, fmt.Errorf("scenario %d: %w", len(out)+1, err)
		}
		s, err := newScenario(v)
		if err != nil {
			return nil, fmt.Errorf("scenario %d: %w", len(out)+1, err)
		}
		out = append(out, s)
	}
	return out, lines.Err()
}

func newScenario(v any) (Scenario, error) {
	d, ok := v.(bson.D)
	if !ok {
		return Scenario{}, fmt.Errorf("%T is no document", v)
	}
	f := fields{doc: d}
	s := Scenario{Name: f.text("scenario")}
	steps, _ := f.get("steps").(bson.A)
	if f.err != nil {
		return s, f.err
	}
	for i, v := range steps {
		step, err := newStep(v)
		if err != nil {
			return s, fmt.Errorf("%s: step %d: %w", s.Name, i, err)
		}
		s.Steps = append(s.Steps, step)
	}
	return s, nil
}

func newStep(v any) (Step, error) {
	d, ok := v.(bson.D)
	if !ok {
		return Step{}, fmt.Errorf("%T is no document", v)
	}
	var s Step
	for _, e := range d {
		if err := s.set(e.Key, e.Value); err != nil {
			return s, fmt.Errorf("%s: %w", e.Key, err)
		}
	}
	if s.Reply == nil {
		return s, fmt.Errorf("no reply")
	}
	return s, nil
}

// set takes in one field of a step. A field that is not known is an error: it may say how to compare.
func (s *Step) set(key string, v any) error {
	switch key {
	case "command", "reply":
		value, err := unwrap(v)
		if err != nil {
			return err
		}
		if key == "reply" {
			s.Reply = value
			return nil
		}
		d, ok := value.(bson.D)
		if !ok {
			return fmt.Errorf("%T is no document", value)
		}
		s.Command = d
	case "sequences":
		sequences, _ := v.(bson.D)
		for _, e := range sequences {
			documents, err := unwrap(e.Value)
			if err != nil {
				return err
			}
			sequence := Sequence{Name: e.Key}
			for _, d := range documents.(bson.A) {
				sequence.Documents = append(sequence.Documents, d.(bson.D))
			}
			s.Sequences = append(s.Sequences, sequence)
		}
	case "unordered":
		paths, _ := v.(bson.A)
		for _, p := range paths {
			s.Unordered = append(s.Unordered, strings.Split(p.(string), "."))
		}
	case "flags":
		flags, _ := v.(bson.A)
		for _, f := range flags {
			if f != "moreToCome" {
				return fmt.Errorf("unknown flag %v", f)
			}
			s.MoreToCome = true
		}
	case "wire":
		if v != "OP_QUERY" {
			return fmt.Errorf("unknown message %v", v)
		}
		s.Query = true
	case "minMillis":
		n, err := v.(json.Number).Int64()
		s.AtLeast = time.Duration(n) * time.Millisecond
		return err
	case "shape":
		s.Shape = v == true
	case "note":
	default:
		return fmt.Errorf("unknown")
	}
	return nil
}

// String returns the step's command.
func (s *Step) String() string { return show(s.Command) }

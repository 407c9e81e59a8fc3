package golden

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// Verdict says how a reply compares with the one that was recorded.
type Verdict int

const (
	// Agreed is a reply without a difference but in the wording of errors.
	Agreed Verdict = iota
	// Refused is an error where MongoDB gives a result.
	Refused
	// Wrong is a reply that differs in another way: another result, another error, or a result for an error.
	Wrong
)

// String returns the name of the verdict.
func (v Verdict) String() string { return [...]string{"agreed", "refused", "wrong"}[v] }

// Result is what came of one step.
type Result struct {
	Verdict Verdict
	// Difference is the first one; nil for a step that agreed in every letter. Of a step that agreed it is one of wording.
	Difference *Difference
}

// Run does the steps of a scenario on a new connection to the server at addr, after it has emptied the scenarios'
// database, and returns the result of each. The error says that the scenario could not be begun. Scenarios must be run one
// after the other at one server: they have a database and a fail point in common.
func Run(addr string, s *Scenario) ([]Result, error) {
	if err := reset(addr); err != nil {
		return nil, fmt.Errorf("%s: reset: %w", s.Name, err)
	}
	r := runner{addr: addr, cursors: make(map[int64]int64)}
	defer r.close()
	out := make([]Result, len(s.Steps))
	for i := range s.Steps {
		out[i] = r.step(&s.Steps[i])
	}
	return out, nil
}

// reset switches the fail point off that scenarios use, and empties their database.
func reset(addr string) error {
	c, err := connect(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.socket.Close() }()
	for _, command := range []bson.D{
		{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "off"}, {Key: "$db", Value: "admin"}},
		{{Key: "dropDatabase", Value: int32(1)}, {Key: "$db", Value: "golden"}},
	} {
		reply, err := c.message(command, nil, false)
		if err != nil {
			return err
		}
		if isError(reply) {
			return fmt.Errorf("%s", show(reply))
		}
	}
	return nil
}

// runner does the steps of one scenario.
type runner struct {
	addr string
	// conn is nil before the first step, and after one that ended the connection.
	conn *connection
	// cursors are the ids that the server gave, by their number in the scenario.
	cursors map[int64]int64
}

func (r *runner) close() {
	if r.conn != nil {
		_ = r.conn.socket.Close()
		r.conn = nil
	}
}

// step does one step and compares.
func (r *runner) step(s *Step) Result {
	start := time.Now()
	got, err := r.send(s)
	took := time.Since(start)
	if err != nil {
		r.close()
		got = Placeholder{Kind: "$error: " + err.Error()}
		if errors.Is(err, errClosed) {
			got = Placeholder{Kind: "$closed"}
		}
	}
	c := comparer{unordered: s.Unordered, cursors: r.cursors}
	if len(s.Command) > 0 {
		c.command = s.Command[0].Key
	}
	d := c.compare(s, got)
	if d == nil && took < s.AtLeast {
		d = &Difference{Path: []string{"(duration)"}, Want: s.AtLeast.String(), Got: took.String()}
	}
	if d != nil {
		return Result{Verdict: judge(s.Reply, got), Difference: d}
	}
	c.wording = true
	return Result{Difference: c.compare(s, got)}
}

// send sends the step's command and returns its reply: a bson.D or a Placeholder.
func (r *runner) send(s *Step) (any, error) {
	if r.conn == nil {
		conn, err := connect(r.addr)
		if err != nil {
			return nil, err
		}
		r.conn = conn
	}
	command := fill(s.Command, r.cursors).(bson.D)
	if s.Query {
		return result(r.conn.query(command))
	}
	sequences := slices.Clone(s.Sequences)
	for i := range sequences {
		documents := slices.Clone(sequences[i].Documents)
		for j := range documents {
			documents[j] = fill(documents[j], r.cursors).(bson.D)
		}
		sequences[i].Documents = documents
	}
	return result(r.conn.message(command, sequences, s.MoreToCome))
}

// result returns a reply, or the placeholder of none.
func result(reply bson.D, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if reply == nil {
		return Placeholder{Kind: "$noReply"}, nil
	}
	return reply, nil
}

// compare returns the first difference between a reply and the one that was recorded.
func (c *comparer) compare(s *Step, got any) *Difference {
	g, gotDocument := got.(bson.D)
	w, wantDocument := s.Reply.(bson.D)
	switch {
	case !gotDocument || !wantDocument:
		return c.diff(s.Reply, got, nil)
	case s.Shape:
		return c.diffShape(w, g, nil)
	}
	return c.diff(strip(w), strip(g), nil)
}

// ignored are the fields of replies that a replica set adds.
var ignored = []string{"operationTime", "$clusterTime", "lastCommittedOpTime", "electionId", "opTime", "topologyVersion"}

// strip returns a reply without the fields that are ignored.
func strip(reply bson.D) bson.D {
	return slices.DeleteFunc(slices.Clone(reply), func(e bson.E) bool { return slices.Contains(ignored, e.Key) })
}

// judge returns what a difference is: an error where a result was recorded is a refusal.
func judge(want, got any) Verdict {
	w, wantDocument := want.(bson.D)
	g, gotDocument := got.(bson.D)
	if wantDocument && gotDocument && !isError(w) && isError(g) {
		return Refused
	}
	return Wrong
}

// isError reports whether a reply is an error, of the command or of a statement. One that was recorded as a shape has the
// type of ok, and is none.
func isError(reply bson.D) bool {
	if _, ok := lookup(reply, "writeErrors"); ok {
		return true
	}
	v, _ := lookup(reply, "ok")
	return v != any(float64(1)) && v != any("double")
}

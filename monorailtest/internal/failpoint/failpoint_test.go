package failpoint

import (
	"errors"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// configure sets the fail point. Without a mode there is none in the command, and nil data are null.
func configure(t *testing.T, s *Set, mode any, data bson.D) (int32, error) {
	t.Helper()
	d := bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "data", Value: data}}
	if mode != nil {
		d = append(d, bson.E{Key: "mode", Value: mode})
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return s.Configure(raw)
}

// hits evaluates n finds and says which were hit.
func hits(s *Set, n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = s.Evaluate(Command{Name: "find"}) != nil
	}
	return out
}

func TestModes(t *testing.T) {
	data := bson.D{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: 6}}
	for name, tt := range map[string]struct {
		mode any
		want [4]bool
	}{
		"off":       {"off", [4]bool{}},
		"always":    {"alwaysOn", [4]bool{true, true, true, true}},
		"times":     {bson.D{{Key: "times", Value: 2}}, [4]bool{true, true}},
		"times 0":   {bson.D{{Key: "times", Value: 0}}, [4]bool{true}},
		"skip":      {bson.D{{Key: "skip", Value: int64(3)}}, [4]bool{false, false, false, true}},
		"never":     {bson.D{{Key: "activationProbability", Value: 0.0}}, [4]bool{}},
		"certainly": {bson.D{{Key: "activationProbability", Value: 1.0}}, [4]bool{true, true, true, true}},
	} {
		var s Set
		if _, err := configure(t, &s, tt.mode, data); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Evaluate(Command{Name: "ping"}) != nil {
			t.Errorf("%s: hit a command that is not listed", name)
		}
		if got := [4]bool(hits(&s, 4)); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestAction(t *testing.T) {
	var s Set
	if _, err := configure(t, &s, "alwaysOn", bson.D{
		{Key: "failCommands", Value: bson.A{"find"}}, {Key: "namespace", Value: "a.b"}, {Key: "appName", Value: "app"},
		{Key: "errorCode", Value: 91.0}, {Key: "errorLabels", Value: bson.A{"x"}}, {Key: "closeConnection", Value: true},
		{Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: 5},
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Command{
		{Name: "find", Namespace: "a.b"}, {Name: "find", Namespace: "a.c", AppName: "app"}, {Name: "insert", Namespace: "a.b", AppName: "app"},
	} {
		if s.Evaluate(c) != nil {
			t.Errorf("hit %+v", c)
		}
	}
	a := s.Evaluate(Command{Name: "find", Namespace: "a.b", AppName: "app"})
	var e *mongoerror.Error
	if a == nil || !a.Close || a.Block != 5*time.Millisecond || !errors.As(a.Err, &e) || e.Code != 91 || e.Labels[0] != "x" {
		t.Errorf("action %+v", a)
	}
	if n, err := configure(t, &s, "off", bson.D{}); n != 1 || err != nil {
		t.Errorf("hit %d times, %v, want 1", n, err)
	}
}

// A fail point that has nothing to do to a command does not count it. What has the wrong type counts as absent.
func TestNothingToDo(t *testing.T) {
	find := Command{Name: "find"}
	for _, data := range []bson.D{
		{{Key: "failCommands", Value: bson.A{"find"}}},
		{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: "6"}, {Key: "nope", Value: 1}},
		{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "errorCode", Value: 6.5}},
		{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "closeConnection", Value: 1}},
		{{Key: "failCommands", Value: bson.A{"find"}}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}}}},
		{{Key: "failCommands", Value: "find"}, {Key: "errorCode", Value: 6}},
		{{Key: "errorCode", Value: 6}},
	} {
		var s Set
		if _, err := configure(t, &s, bson.D{{Key: "times", Value: 1}}, data); err != nil {
			t.Fatalf("%v: %v", data, err)
		}
		if a := s.Evaluate(find); a != nil {
			t.Errorf("%v: %+v", data, a)
		}
		if s.mode != times || s.left != 1 {
			t.Errorf("%v: the command was counted", data)
		}
	}
	var s Set
	if _, err := configure(t, &s, "alwaysOn", bson.D{{Key: "failCommands", Value: bson.A{"configureFailPoint", "findandmodify"}}, {Key: "errorCode", Value: 6}}); err != nil {
		t.Fatal(err)
	}
	if s.Evaluate(Command{Name: "configureFailPoint", Sent: "configureFailPoint"}) != nil {
		t.Error("configureFailPoint was hit")
	}
	if s.Evaluate(Command{Name: "findAndModify", Sent: "findandmodify"}) == nil {
		t.Error("an alias was not hit")
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		mode any
		data bson.D
		want int32
	}{
		"mode":        {"sometimes", bson.D{}, mongoerror.BadValue},
		"mode type":   {5, bson.D{}, mongoerror.TypeMismatch},
		"mode empty":  {bson.D{}, bson.D{}, mongoerror.BadValue},
		"times":       {bson.D{{Key: "times", Value: -1}}, bson.D{}, mongoerror.BadValue},
		"skip":        {bson.D{{Key: "skip", Value: -1}}, bson.D{}, mongoerror.BadValue},
		"probability": {bson.D{{Key: "activationProbability", Value: 2}}, bson.D{}, mongoerror.BadValue},
		"no mode":     {nil, bson.D{}, mongoerror.IllegalOperation},
		"times type":  {bson.D{{Key: "times", Value: "1"}}, bson.D{}, mongoerror.TypeMismatch},
		"times part":  {bson.D{{Key: "times", Value: 1.5}}, bson.D{}, mongoerror.BadValue},
		"times large": {bson.D{{Key: "times", Value: int64(1 << 31)}}, bson.D{}, mongoerror.BadValue},
		"random type": {bson.D{{Key: "activationProbability", Value: "1"}}, bson.D{}, mongoerror.TypeMismatch},
		"data type":   {"alwaysOn", nil, mongoerror.TypeMismatch},
	} {
		var s Set
		_, err := configure(t, &s, tt.mode, tt.data)
		var e *mongoerror.Error
		if !errors.As(err, &e) || e.Code != tt.want {
			t.Errorf("%s: %v, want code %d", name, err, tt.want)
		}
		if hits(&s, 1)[0] {
			t.Errorf("%s: in force all the same", name)
		}
	}
	var s Set
	raw, err := bson.Marshal(bson.D{{Key: "configureFailPoint", Value: "other"}, {Key: "mode", Value: "off"}})
	if err != nil {
		t.Fatal(err)
	}
	var e *mongoerror.Error
	if _, err := s.Configure(raw); !errors.As(err, &e) || e.Code != codeFailPointSetFailed {
		t.Errorf("unknown fail point: %v", err)
	}
}

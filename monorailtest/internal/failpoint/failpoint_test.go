package failpoint

import (
	"errors"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

func configure(t *testing.T, s *Set, mode any, data bson.D) (int32, error) {
	t.Helper()
	raw, err := bson.Marshal(bson.D{{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: mode}, {Key: "data", Value: data}})
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
		"times 0":   {bson.D{{Key: "times", Value: 0}}, [4]bool{}},
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
	for _, c := range []Command{{"find", "a.b", ""}, {"find", "a.c", "app"}, {"insert", "a.b", "app"}} {
		if s.Evaluate(c) != nil {
			t.Errorf("hit %+v", c)
		}
	}
	a := s.Evaluate(Command{"find", "a.b", "app"})
	var e *mongoerror.Error
	if a == nil || !a.Close || a.Block != 5*time.Millisecond || !errors.As(a.Err, &e) || e.Code != 91 || e.Labels[0] != "x" {
		t.Errorf("action %+v", a)
	}
	if n, err := configure(t, &s, "off", bson.D{}); n != 1 || err != nil {
		t.Errorf("hit %d times, %v, want 1", n, err)
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
		"field":       {"alwaysOn", bson.D{{Key: "nope", Value: 1}}, mongoerror.InvalidOptions},
		"field type":  {"alwaysOn", bson.D{{Key: "failCommands", Value: "find"}}, mongoerror.TypeMismatch},
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

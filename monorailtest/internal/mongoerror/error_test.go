package mongoerror

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

func TestName(t *testing.T) {
	for code, want := range map[int32]string{
		DuplicateKey: "DuplicateKey",
		59:           "CommandNotFound",
		40324:        "Location40324",
		10334:        "BSONObjectTooLarge",
	} {
		if got := Name(code); got != want {
			t.Errorf("Name(%d) = %q, want %q", code, got, want)
		}
	}
}

func TestErrorIsFoundByType(t *testing.T) {
	wrapped := fmt.Errorf("insert: %w", New(BadValue, "no %s", "key"))
	var e *Error
	if !errors.As(wrapped, &e) {
		t.Fatal("errors.As did not find the error")
	}
	if e.Code != 2 || e.Name != "BadValue" || e.Message != "no key" {
		t.Errorf("got %+v", e)
	}
}

func TestWithFieldsLeavesTheOriginal(t *testing.T) {
	original := New(DuplicateKey, "dup")
	changed := original.WithFields(bson.D{{Key: "keyPattern", Value: 1}}).WithLabels("L")
	if original.Fields != nil || original.Labels != nil {
		t.Errorf("the original changed: %+v", original)
	}
	if len(changed.Fields) != 1 || len(changed.Labels) != 1 || changed.Code != DuplicateKey {
		t.Errorf("got %+v", changed)
	}
}

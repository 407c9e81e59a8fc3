package monorail

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

// TestNotWritable lists where a server says that it is not primary, or leaving: a step-down that meets
// a write is told inside a reply that is ok: 1.
func TestNotWritable(t *testing.T) {
	concern := func(code int64) error {
		return driver.WriteCommandError{WriteConcernError: &driver.WriteConcernError{Code: code}}
	}
	statement := func(codes ...int64) error {
		var err driver.WriteCommandError
		for _, code := range codes {
			err.WriteErrors = append(err.WriteErrors, driver.WriteError{Code: code})
		}
		return err
	}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{errors.New("not primary"), false},
		{driver.Error{Code: 11000}, false},
		{driver.Error{Code: 10107}, true},
		{driver.Error{Code: 13435}, true},
		{driver.Error{Code: 91}, true},
		{fmt.Errorf("wrapped: %w", driver.Error{Code: 11602}), true},
		{concern(64), false},
		{concern(11602), true},
		{concern(189), true},
		{statement(11000), false},
		{statement(11000, 189), true},
	} {
		answer := notWritable(test.err)
		if got := answer != nil; got != test.want {
			t.Errorf("%v: not writable is %t, want %t", test.err, got, test.want)
		}
		// What the driver would find in the chain of a later operation's error.
		if errors.As(answer, new(driver.Error)) || errors.As(answer, new(driver.WriteCommandError)) {
			t.Errorf("%v: the answer is %#v, of a type of the driver's", test.err, answer)
		}
	}
}

// Package mongoerror holds the errors that the server answers with: a code, its name, and the
// text, as listed in MongoDB's error_codes.yml.
package mongoerror

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
)

// Error is an error of a command or of one of its statements, as MongoDB reports it.
//
// A value is immutable once it has been returned to a caller, and may then be shared between
// goroutines: WithFields and WithLabels return copies.
type Error struct {
	// Code is the error code, for instance 11000.
	Code int32
	// Name is the codeName of the reply. It follows from Code.
	Name string
	// Message is the errmsg of the reply.
	Message string
	// Labels are the errorLabels of the reply; nil for none.
	Labels []string
	// Fields are further fields of the reply or of the write error, such as keyPattern and
	// keyValue of a duplicate key; nil for none.
	Fields bson.D
}

// New returns an error with the given code, the code's name and a message formatted as by
// fmt.Sprintf.
func New(code int32, format string, args ...any) *Error {
	return &Error{Code: code, Name: Name(code), Message: fmt.Sprintf(format, args...)}
}

// Error returns the code's name, the code and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("(%s %d) %s", e.Name, e.Code, e.Message)
}

// WithFields returns a copy of the error that has the given fields.
func (e *Error) WithFields(fields bson.D) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// WithLabels returns a copy of the error that has the given labels.
func (e *Error) WithLabels(labels ...string) *Error {
	c := *e
	c.Labels = labels
	return &c
}

// Because returns err with "context :: caused by :: " before its message, if it is an *Error.
func Because(context string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Message = context + " :: caused by :: " + e.Message
	return &c
}

package command

import (
	"context"
	"errors"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
)

// ErrorReply returns the reply to a command that failed: {ok: 0, errmsg, code, codeName}, with the labels and fields
// that the error has. An error that is no *mongoerror.Error is an operation that ran out of time (50) or was ended
// with the server (11600), or else UnknownError (8).
func ErrorReply(err error) bson.D {
	e := asMongoError(err)
	reply := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: e.Message}}
	if e.Code != 0 {
		reply = append(reply, bson.E{Key: "code", Value: e.Code}, bson.E{Key: "codeName", Value: e.Name})
	}
	reply = append(reply, e.Fields...)
	if len(e.Labels) > 0 {
		reply = append(reply, bson.E{Key: "errorLabels", Value: e.Labels})
	}
	return reply
}

func asMongoError(err error) *mongoerror.Error {
	var e *mongoerror.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return mongoerror.New(mongoerror.MaxTimeMSExpired, "operation exceeded time limit")
	case errors.Is(err, context.Canceled):
		return mongoerror.New(mongoerror.InterruptedAtShutdown, "interrupted at shutdown")
	default:
		return mongoerror.New(mongoerror.UnknownError, "%v", err)
	}
}

// okReply appends ok: 1 to a handler's reply, unless the handler said ok itself.
func okReply(reply bson.D) bson.D {
	for _, e := range reply {
		if e.Key == "ok" {
			return reply
		}
	}
	return append(reply, bson.E{Key: "ok", Value: 1.0})
}

// isNotPrimary reports whether MongoDB counts the code among the NotPrimaryError category, which is what makes it
// hang up on an unacknowledged command.
func isNotPrimary(code int32) bool {
	switch code {
	case mongoerror.PrimarySteppedDown, mongoerror.NotWritablePrimary, mongoerror.InterruptedDueToReplStateChange,
		mongoerror.NotPrimaryNoSecondaryOk, codeNotPrimaryOrSecondary:
		return true
	}
	return false
}

// codeNotPrimaryOrSecondary is NotPrimaryOrSecondary of error_codes.yml.
const codeNotPrimaryOrSecondary = 13436

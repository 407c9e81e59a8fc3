package monorailtest

import (
	"fmt"
	"log"
	"runtime/debug"

	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
)

// execute runs a request. A command that panics has failed: it is answered InternalError (1) and ends its connection, and
// no other notices.
func (c *conn) execute(r *command.Request) (result command.Result, failed bool) {
	defer func() {
		if p := recover(); p != nil {
			failed = true
			result = command.Result{Reply: command.ErrorReply(mongoerror.New(mongoerror.InternalError, "%s", panicked(r.Name, p)))}
		}
	}()
	return c.server.state.Run(c.serverCtx, r), false
}

// parse is wire.Parse, where a panic is a malformed message.
func parse(h wire.Header, b []byte) (m *wire.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("%w: %s", wire.ErrFatal, panicked("parser", p))
		}
	}()
	return wire.Parse(h, b)
}

// panicked logs a panic, which is a mistake in this package, and says what happened.
func panicked(what string, p any) string {
	log.Printf("monorailtest: %q panicked: %v\n%s", what, p, debug.Stack())
	return fmt.Sprintf("the server failed: %v", p)
}

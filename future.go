package monorail

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Future is the result of an operation that Go has started. It may be shared between goroutines; the
// zero value is of no use.
type Future[T any] struct {
	flight flight

	// value, err and panicked are what the operation ended with. They are written before the flight's
	// done is closed, and never changed.
	value    T
	err      error
	panicked *PanicError
}

// Go starts an operation without waiting for its result, which Wait collects. It calls op in a
// goroutine, with a context derived from ctx that op must use for its operations: with ctx itself, Go
// waits for their replies, and with one from outside the request they are not in it. In a request, Go
// returns as soon as op's first acknowledged command is in the request's outbox, or op has ended
// without one: so such commands leave in the order of the calls of Go, and each without waiting for
// the reply to the one before. They are held as unacknowledged writes are: until a Wait, a Flush, a
// Barrier, another acknowledged operation of the request or its end, SetMaxHeldBytes, or
// SetFlushInterval. So k calls of Go and their Waits are one round trip.
//
// What op does after its first command, the next batch of a cursor for one, or the statements of a
// transaction, is sent at once, as outside Go, and has no order with what other calls of Go have started. One
// operation must therefore not write what the open transaction of another in the same request has
// written: the server has it wait for the transaction, whose end is behind it on the socket.
//
// An operation that fails does so alone: those behind it run all the same, unless the socket is gone.
// What needs all or nothing uses a transaction, inside one op.
//
// Go waits while SetMaxInFlight commands of Go are under way on the socket. A session of the program's
// in ctx (mongo.SessionFromContext) is used by one op at a time: the next Go with that session waits for
// the op before. Do not use the session outside Go meanwhile. Whatever Go waits for, it waits no longer
// than ctx lasts, and what is not in the outbox then is not sent later with that context; op must not
// wait for what the caller does after Go.
//
// The goroutine ends with op: with the reply, with ctx, or with the request, whose End waits for
// replies that are outstanding as long as it says and then tells op ErrRequestEnded. A Future that
// nobody waits for costs nothing more; how its op failed, or that it panicked, nobody hears. Outside
// every request, op runs in its goroutine, and no order is promised.
//
// Go may be called by several goroutines; each one's calls are in order. A nil op is an error of Wait.
func Go[T any](ctx context.Context, op func(context.Context) (T, error)) *Future[T] {
	if ctx == nil {
		ctx = context.Background()
	}
	f := &Future[T]{}
	f.flight.init(ctx)
	if op == nil {
		f.err = errNoOperation
		f.flight.end()
		return f
	}
	go f.run(ctx, op)
	f.flight.awaitStart(ctx)
	return f
}

// run is the goroutine of the future. It ends with op.
func (f *Future[T]) run(ctx context.Context, op func(context.Context) (T, error)) {
	defer f.flight.end()
	if f.err = f.flight.takeTurn(ctx); f.err != nil {
		return
	}
	growStack()
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			f.panicked = &PanicError{Value: value, Stack: debug.Stack()}
		} else {
			f.err = errGoexit
		}
	}()
	f.value, f.err = op(f.flight.context(ctx))
	returned = true
}

// Wait returns what op returned, and has sent what is held before it waits. It may be called again, and
// by several goroutines: each call gives the same. When ctx ends before op does, it returns the
// context's error, and op goes on. If op panicked, Wait panics with a *PanicError; if it called
// runtime.Goexit, Wait returns an error that says so.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if err := f.flight.wait(ctx); err != nil {
		var none T
		return none, err
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.value, f.err
}

// PanicError is what Wait panics with when the operation did. It is an error so that errors.As finds
// what the operation panicked with, where that was an error.
type PanicError struct {
	// Value is what the operation panicked with.
	Value any
	// Stack is the operation's, at the panic, as runtime/debug.Stack gives it.
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string {
	return fmt.Sprintf("monorail: panic in an operation of Go: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var (
	errNoOperation = errors.New("monorail: Go was given no operation: the function is nil")
	errGoexit      = errors.New("monorail: the operation of Go ended its goroutine with runtime.Goexit")
)

// growStack makes room on a new goroutine's stack for the driver, which needs some 10 KiB: at once, and
// not by doubling it again and again with the frames of the driver on it.
//
//go:noinline
func growStack() {
	var room [9 << 10]byte
	runtime.KeepAlive(&room[0])
}

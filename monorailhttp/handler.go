// Package monorailhttp gives every HTTP request a scope of a monorail.Client, or a request of its own:
// what its handler does to MongoDB is one flow of control, and its socket goes back when the handler
// returns.
package monorailhttp

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/mongo-monorail/monorail"
)

// Handler returns a handler that calls next with a context in a scope of client, made of the HTTP
// request's (see Client.NewScope). With monorail.Options().SetAutoStartRequest, the first operation
// of the handler with that context then starts a request, and without it the scope starts nothing;
// SetNamedRequest starts a request for each HTTP request instead. Neither takes a socket before the
// first operation.
//
// The scope ends when next returns or panics, http.ErrAbortHandler and runtime.Goexit included, and
// the socket has gone back before ServeHTTP returns. It ends by itself when the context of the HTTP
// request does, for one because the HTTP client went away. Unacknowledged writes that may be lost then are
// told to SetErrorHandler, by default to a log.
//
// next gets the http.ResponseWriter that Handler got, so that what it can do besides (flush, hijack,
// read from a reader, http.ResponseController) stays. A response may be streamed as long as next
// runs. A hijacked connection has the scope as long as next runs, too: a goroutine that goes on with
// it gets monorail.ErrRequestEnded for operations with the context of the HTTP request. It needs a context
// of its own, such as that of Client.StartRequest in context.WithoutCancel of the old one.
//
// Handler panics if client or next is nil. The handler may be shared between goroutines, as next may.
func Handler(client *monorail.Client, next http.Handler, opts ...*OptionsBuilder) http.Handler {
	if client == nil || next == nil {
		panic("monorailhttp: Handler needs a client and a handler, and one is nil")
	}
	return &handler{client: client, next: next, settings: newSettings(opts)}
}

// handler is never changed after Handler made it.
type handler struct {
	client   *monorail.Client
	next     http.Handler
	settings settings
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, end := h.begin(r)
	defer func() {
		if err := end(); err != nil {
			h.report(r, err)
		}
	}()
	h.next.ServeHTTP(w, r.WithContext(ctx))
}

// begin starts what the HTTP request gets, and returns its context and what ends it.
func (h *handler) begin(r *http.Request) (context.Context, func() error) {
	if h.settings.named {
		ctx, request := h.client.StartRequest(r.Context(), monorail.RequestOptions().SetName(h.name(r)))
		return ctx, request.End
	}
	ctx, cancel := h.client.NewScope(r.Context())
	return ctx, func() error {
		defer cancel()
		return h.client.EndScope(ctx)
	}
}

// name returns the name of the request of r.
func (h *handler) name(r *http.Request) string {
	if h.settings.name != nil {
		return h.settings.name(r)
	}
	if r.Pattern != "" {
		return r.Pattern
	}
	if mux, ok := h.next.(*http.ServeMux); ok {
		if _, pattern := mux.Handler(r); pattern != "" {
			return pattern
		}
	}
	return r.Method + " " + r.URL.Path
}

// report tells what the end of r's scope lost.
func (h *handler) report(r *http.Request, err error) {
	if h.settings.onError != nil {
		h.settings.onError(r, err)
		return
	}
	// The context of r is done where its end was the reason; the log is to have the line all the same.
	slog.WarnContext(context.WithoutCancel(r.Context()), "monorail: an HTTP request ended with a broken request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
}

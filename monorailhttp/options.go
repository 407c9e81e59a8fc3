package monorailhttp

import "net/http"

// settings is what an OptionsBuilder collects.
type settings struct {
	// named says that each HTTP request gets a request, and name, which may be nil, how it is named.
	named   bool
	name    func(*http.Request) string
	onError func(*http.Request, error)
}

// OptionsBuilder collects the options of Handler. Make one with Options. It must not be changed by two
// goroutines at a time; Handler copies what it needs.
type OptionsBuilder struct{ apply []func(*settings) }

// Options returns a builder with every option at its default.
func Options() *OptionsBuilder { return &OptionsBuilder{} }

// SetNamedRequest starts a request for each HTTP request in the place of a scope, whatever
// monorail.Options().SetAutoStartRequest says. name gives its name, which RequestInfo and the errors
// of a full pool tell; it is called before the handler, by several goroutines at a time. With a nil
// name, the name is the pattern of the http.ServeMux that led to Handler or that Handler leads to, or
// else the method and the path. The request may be ended early with client.Request(ctx).End(); then
// operations with its context give monorail.ErrRequestEnded. The default is a scope.
func (b *OptionsBuilder) SetNamedRequest(name func(*http.Request) string) *OptionsBuilder {
	return b.with(func(s *settings) { s.named, s.name = true, name })
}

// SetErrorHandler sets what is called with the error of a scope's or request's end, a
// *monorail.BrokenError: unacknowledged writes of the HTTP request may be lost. It is called after the
// handler has returned or panicked and the socket has gone back, by the goroutine of the HTTP request;
// the response may have been sent by then. The default, also for nil, is a line in slog.Default at
// level Warn.
func (b *OptionsBuilder) SetErrorHandler(f func(r *http.Request, err error)) *OptionsBuilder {
	return b.with(func(s *settings) { s.onError = f })
}

func (b *OptionsBuilder) with(f func(*settings)) *OptionsBuilder {
	b.apply = append(b.apply, f)
	return b
}

func newSettings(builders []*OptionsBuilder) settings {
	var s settings
	for _, b := range builders {
		if b == nil {
			continue
		}
		for _, f := range b.apply {
			f(&s)
		}
	}
	return s
}

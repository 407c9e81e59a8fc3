package monorail

import (
	"context"
	"sync"
)

// scope is one flow of control whose operations belong together: what a thread was to PyMongo. It
// may be shared between goroutines.
type scope struct {
	client *Client
	outer  carrier // what the surrounding context carries; nil where that is nothing

	// once ends the scope; who comes second waits until the socket has gone back.
	once sync.Once

	// mu guards the fields below.
	mu sync.Mutex
	// automatic is the request that the first operation started; nil before that, and replaced by the
	// next operation after it was ended.
	automatic *Request
	ended     bool
	// lost is what the end of the automatic request told, until EndScope has taken it.
	lost error
}

// scopeKey is the context key of the innermost scope of a client.
type scopeKey struct{ client *Client }

// NewScope returns a context for one flow of control, and the function that ends it. With
// SetAutoStartRequest, the first operation (or StartRequest) with that context, or one derived from
// it, starts a request, which ends with the scope; ending that request (Request(ctx).End()) lets the
// next operation start another. Requests that are started inside explicitly share its socket. A scope
// inside a request or another scope is a flow of control of its own. Without SetAutoStartRequest a
// scope starts nothing, and its operations belong to what surrounds it.
//
// The function must be called when the flow ends. It ends the automatic request, cancels the context,
// and returns when the socket has been given back, or, where explicit requests inside are still open,
// without waiting for them: they end with the context. Later operations get ErrRequestEnded, or the
// error of a cancelled context where the client does not start requests by itself. Calling it again
// does nothing. When ctx is done, the scope ends by itself. The function has nobody to tell of
// unacknowledged writes that may be lost; EndScope before it does.
func (c *Client) NewScope(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &scope{client: c}
	s.outer, _ = ctx.Value(requestKey{c}).(carrier)
	stop := context.AfterFunc(ctx, func() { s.once.Do(s.end) })
	ctx = context.WithValue(ctx, scopeKey{c}, s)
	return context.WithValue(ctx, requestKey{c}, carrier(s)), func() {
		stop()
		s.once.Do(s.end)
		cancel()
	}
}

// EndScope ends the automatic request of the innermost scope that ctx is in, for good: later
// operations get ErrRequestEnded. It returns when the socket has been given back, as the function of
// NewScope does, which still has to be called. The error is what End of that request tells: a
// *BrokenError, unacknowledged writes may be lost. If the scope has ended already, because its
// context did for one, the first EndScope waits for that end and returns its error. Further calls, and
// those outside every scope, return nil.
func (c *Client) EndScope(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	s, ok := ctx.Value(scopeKey{c}).(*scope)
	if !ok {
		return nil
	}
	s.once.Do(s.end)
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.lost
	s.lost = nil
	return lost
}

// request implements carrier.
func (s *scope) request(start bool) (*Request, error) {
	if !s.client.settings.autoStartRequest {
		if s.outer == nil {
			return nil, nil
		}
		return s.outer.request(start)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, ErrRequestEnded
	case s.automatic != nil && !s.automatic.over() && !s.automatic.series.over():
		return s.automatic, nil
	case !start:
		return nil, nil
	default:
		s.automatic = &Request{client: s.client, series: s.client.newSeries(requestSettings{})}
		return s.automatic, nil
	}
}

// end ends the automatic request.
func (s *scope) end() {
	s.mu.Lock()
	s.ended = true
	automatic := s.automatic
	s.mu.Unlock()
	lost := automatic.End() // nil, where no operation has started one
	s.mu.Lock()
	s.lost = lost
	s.mu.Unlock()
}

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
	// automatic is the request that the first operation started; nil before that, and after it was
	// ended.
	automatic *Request
	ended     bool
}

// NewScope returns a context for one flow of control, and the function that ends it. With
// SetAutoStartRequest, the first operation with that context, or one derived from it, starts a
// request, which ends with the scope; ending that request (Request(ctx).End()) lets the next
// operation start another. Requests that are started inside explicitly share its socket. A scope
// inside a request or another scope is a flow of control of its own. Without SetAutoStartRequest a
// scope starts nothing, and its operations belong to what surrounds it.
//
// The function must be called when the flow ends. It ends the automatic request, cancels the context,
// and returns when the socket has been given back; later operations get ErrRequestEnded, or the
// error of a cancelled context where the client does not start requests by itself. Calling it again
// does nothing. When ctx is done, the scope ends by itself. The end of a scope has nobody to tell of
// unacknowledged writes that may be lost; Request(ctx).Barrier before it does.
func (c *Client) NewScope(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &scope{client: c}
	s.outer, _ = ctx.Value(requestKey{c}).(carrier)
	stop := context.AfterFunc(ctx, func() { s.once.Do(s.end) })
	return context.WithValue(ctx, requestKey{c}, carrier(s)), func() {
		stop()
		s.once.Do(s.end)
		cancel()
	}
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
	case s.automatic != nil && !s.automatic.over():
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
	if automatic != nil {
		_ = automatic.End() // what it reports, the operations of the scope have no way to hear
	}
}

package monorail

import (
	"context"
	"runtime"
	"sync"
)

// scope is what the contexts of a flow of control carry, and its cancel function holds. It may be
// shared between goroutines.
type scope struct {
	flow  *flow
	outer carrier // what the surrounding context carries; nil where that is nothing
	// automatic is the request that the first operation started, with the flow's lease. The flow's
	// lock guards it.
	automatic *Request
	// cleanup ends the flow where the scope became unreachable without its cancel function.
	cleanup runtime.Cleanup
}

// flow is one flow of control whose operations belong together: what a thread was to PyMongo. It is
// apart from the scope for the reason that lease tells. It may be shared between goroutines.
type flow struct {
	client *Client
	// cancel ends the flow's context.
	cancel context.CancelFunc

	// once ends the flow; who comes second waits until the socket has gone back.
	once sync.Once

	// mu guards the fields below, and the scope's automatic.
	mu sync.Mutex
	// automatic is what the flow has of the request that its first operation started; nil before that,
	// and replaced by the next operation after it was ended.
	automatic *lease
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
	outer, _ := ctx.Value(requestKey{c}).(carrier)
	ctx, cancel := context.WithCancel(ctx)
	f := &flow{client: c, cancel: cancel}
	s := &scope{flow: f, outer: outer}
	if c.settings.autoStartRequest {
		s.cleanup = runtime.AddCleanup(s, (*flow).leaked, f)
	}
	stop := context.AfterFunc(ctx, f.end)
	ctx = context.WithValue(ctx, scopeKey{c}, s)
	return &requestContext{Context: ctx, client: c, carrier: s, starts: c.settings.autoStartRequest}, func() {
		s.cleanup.Stop()
		stop()
		f.end()
		cancel()
	}
}

// EndScope ends the automatic request of the innermost scope that ctx is in, for good: later
// operations get ErrRequestEnded. It returns when the socket has been given back, as the function of
// NewScope does, which still has to be called. The error is what End of that request tells: a
// *BrokenError, unacknowledged writes may be lost. If the scope has ended already, because its
// context did for one, the first EndScope waits for that end and returns its error. Further calls, and
// those outside every scope or without SetAutoStartRequest, return nil.
func (c *Client) EndScope(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	s, ok := ctx.Value(scopeKey{c}).(*scope)
	if !ok {
		return nil
	}
	f := s.flow
	f.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.lost
	f.lost = nil
	return lost
}

// request implements carrier.
func (s *scope) request(start bool) (*Request, error) {
	if !s.flow.client.settings.autoStartRequest {
		if s.outer == nil {
			return nil, nil
		}
		return s.outer.request(start)
	}
	r, started, err := s.find(start)
	if started {
		r.series.tellMonitors()
	}
	return r, err
}

// find returns the automatic request, and starts one where there is none and start is set.
func (s *scope) find(start bool) (r *Request, started bool, err error) {
	f := s.flow
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return nil, false, ErrRequestEnded
	case s.automatic != nil && !s.automatic.over() && !s.automatic.series.over():
		return s.automatic, false, nil
	case !start:
		return nil, false, nil
	}
	settings := requestSettings{automatic: true}
	if f.client.settings.captureStacks {
		settings.stack = captureStack(2)
	}
	f.automatic = &lease{series: f.client.newSeries(settings), stack: settings.stack}
	s.automatic = &Request{client: f.client, series: f.automatic.series, lease: f.automatic}
	return s.automatic, true, nil
}

// end ends the automatic request, and returns when that has given its socket back. The monitors are
// told behind once: a function of theirs may end the scope too.
func (f *flow) end() {
	f.once.Do(func() {
		automatic := f.close()
		if automatic == nil {
			return
		}
		lost := automatic.end()
		f.mu.Lock()
		f.lost = lost
		f.mu.Unlock()
	})
	if automatic := f.close(); automatic != nil {
		automatic.series.tellMonitors()
	}
}

// close lets no operation start another request, and returns what there is of one.
func (f *flow) close() *lease {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	return f.automatic
}

// leaked ends a flow that nobody can end any more. It is called by the runtime's cleanup.
func (f *flow) leaked() {
	running := f.client.inBackground(func() {
		defer f.cancel()
		if automatic := f.close(); automatic != nil && automatic.become(leaseOpen, leaseEnded) {
			automatic.reclaim()
		}
	})
	if !running {
		f.cancel()
	}
}

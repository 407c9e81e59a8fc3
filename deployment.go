package monorail

import (
	"context"
	"errors"
	"sync"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// deployment is what the driver's client sees in the place of its topology. Server selection is
// where an operation's context is looked at: what carries no request passes through. It may be
// shared between goroutines.
type deployment struct {
	*topology.Topology
	client *Client

	// mu guards connected.
	mu sync.Mutex
	// connected counts the clients of the driver that have connected: automatic encryption makes
	// internal ones with the same deployment.
	connected int
}

var (
	_ driver.Deployment   = (*deployment)(nil)
	_ driver.Connector    = (*deployment)(nil)
	_ driver.Disconnector = (*deployment)(nil)
	_ driver.Subscriber   = (*deployment)(nil)
)

// Connect implements driver.Connector.
func (d *deployment) Connect() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.connected == 0 {
		if err := d.Topology.Connect(); err != nil {
			return err
		}
	}
	d.connected++
	return nil
}

// Disconnect implements driver.Disconnector.
func (d *deployment) Disconnect(ctx context.Context) error {
	d.mu.Lock()
	last := d.connected <= 1
	d.connected--
	d.mu.Unlock()
	if !last {
		return nil
	}
	return d.Topology.Disconnect(ctx)
}

// SelectServer implements driver.Deployment.
func (d *deployment) SelectServer(ctx context.Context, selector description.ServerSelector) (driver.Server, error) {
	if capture, ok := ctx.Value(captureKey{}).(*description.ServerSelector); ok {
		*capture = selector
		return nil, errCaptured
	}
	r, err := d.client.requestOf(ctx)
	if err != nil {
		return refusal{err: err}, nil
	}
	if r == nil {
		leaveGo(ctx)
		selected, err := d.selectFrom(ctx, selector)
		if err != nil {
			return nil, err
		}
		return &server{SelectedServer: selected, client: d.client}, nil
	}
	if f := flightOf(ctx); f != nil {
		// Before the driver makes a message of what it knows of the session.
		if err := f.takeTurn(ctx); err != nil {
			return nil, err
		}
	}
	return d.selectInRequest(ctx, r.series, selector)
}

// selectInRequest returns the server that s is pinned to, or will be, if it can serve an operation
// with that selector.
func (d *deployment) selectInRequest(ctx context.Context, s *series, selector description.ServerSelector) (driver.Server, error) {
	if e := s.current(); e != nil {
		if err := d.checkPinned(s, e.pin, selector); err != nil {
			return refusal{err: err}, nil
		}
		return &server{SelectedServer: e.pin.server, client: d.client, series: s, selector: selector}, nil
	}
	if err := s.err(); err != nil {
		return refusal{err: err}, nil
	}
	pinTo, err := d.client.selectorFor(s.settings.readPreference)
	if err != nil {
		return nil, err
	}
	for {
		selected, err := d.selectFrom(ctx, pinTo)
		if err != nil {
			return nil, err
		}
		candidate := d.describe(selected)
		switch mismatch := d.check(selector, candidate); {
		case mismatch == nil:
			return &server{SelectedServer: selected, client: d.client, series: s, selector: selector}, nil
		case !errors.Is(d.check(pinTo, candidate), ErrServerMismatch):
			return refusal{err: mismatch}, nil
		}
		// The server has got another role since it was selected: another server is what was asked for.
	}
}

// checkPinned tells whether the server that s is pinned to can serve an operation with that selector. A server
// that is writable no longer breaks the request that needs one.
func (d *deployment) checkPinned(s *series, p *pin, selector description.ServerSelector) error {
	current := p.current() // once: it may change at any moment
	if err := s.checkWritable(p, current.Kind); err != nil {
		return err
	}
	return d.check(selector, current)
}

// selectFrom selects from the whole topology.
func (d *deployment) selectFrom(ctx context.Context, selector description.ServerSelector) (*topology.SelectedServer, error) {
	selected, err := d.Topology.SelectServer(ctx, selector)
	if err != nil {
		return nil, err
	}
	return selected.(*topology.SelectedServer), nil
}

// describe returns what the topology knows of a server that it has selected. The server itself learns
// of a change a moment later, and can still be Unknown when it has been selected already.
func (d *deployment) describe(selected *topology.SelectedServer) description.Server {
	own := selected.Description().Server
	for _, server := range d.Topology.Description().Servers {
		if server.Addr == own.Addr {
			return server
		}
	}
	return own
}

// check asks an operation's selector whether it accepts one server alone.
func (d *deployment) check(selector description.ServerSelector, candidate description.Server) error {
	kind := d.Kind()
	if kind == description.TopologyKindSingle || kind == description.TopologyKindLoadBalanced {
		return nil // there is no choice, and the driver checks nothing either
	}
	accepts, err := accepts(selector, kind, candidate)
	if err != nil {
		return topology.ServerSelectionError{Wrapped: err, Desc: d.Description()}
	}
	if !accepts {
		return &mismatchError{
			asked:  wanted(selector, kind, candidate),
			pinned: candidate.Addr.String() + " (" + candidate.Kind.String() + ")",
		}
	}
	return nil
}

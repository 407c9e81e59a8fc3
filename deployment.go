package monorail

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
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
		selected, err := d.selectFrom(ctx, selector)
		if err != nil {
			return nil, err
		}
		return &server{SelectedServer: selected, client: d.client}, nil
	}
	return d.selectInRequest(ctx, r.series, selector)
}

// selectInRequest returns the server that s is pinned to, or will be, if it can serve an operation
// with that selector.
func (d *deployment) selectInRequest(ctx context.Context, s *series, selector description.ServerSelector) (driver.Server, error) {
	if p := s.pinned(); p != nil {
		if err := s.checkWritable(p); err != nil {
			return refusal{err: err}, nil
		}
		if err := d.check(selector, p.current()); err != nil {
			return refusal{err: err}, nil
		}
		return &server{SelectedServer: p.server, client: d.client, series: s, selector: selector}, nil
	}
	if err := s.err(); err != nil {
		return refusal{err: err}, nil
	}
	pinTo, err := d.client.selectorFor(s.settings.readPreference)
	if err != nil {
		return nil, err
	}
	selected, err := d.selectFrom(ctx, pinTo)
	if err != nil {
		return nil, err
	}
	if err := d.check(selector, selected.Description().Server); err != nil {
		return refusal{err: err}, nil
	}
	return &server{SelectedServer: selected, client: d.client, series: s, selector: selector}, nil
}

// laneHandle returns a view of the socket of the request that ctx carries, for an unacknowledged write
// that does not go through the driver; nil where ctx carries no request.
func (c *Client) laneHandle(ctx context.Context) (*handle, error) {
	r, err := c.requestOf(ctx)
	if r == nil || err != nil {
		return nil, err
	}
	if p := r.series.pinned(); p != nil && r.series.needsWritable() && writable(p.current().Kind) {
		return &handle{series: r.series, pin: p}, nil
	}
	if timeout := c.deployment.GetServerSelectionTimeout(); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	selected, err := c.deployment.selectInRequest(ctx, r.series, c.writableSelector)
	if errors.Is(err, topology.ErrTopologyClosed) {
		return nil, mongo.ErrClientDisconnected
	}
	if err != nil {
		return nil, err
	}
	conn, err := selected.Connection(ctx)
	if err != nil {
		return nil, err
	}
	return conn.ReadWriteCloser.(*handle), nil
}

// selectFrom selects from the whole topology.
func (d *deployment) selectFrom(ctx context.Context, selector description.ServerSelector) (*topology.SelectedServer, error) {
	selected, err := d.Topology.SelectServer(ctx, selector)
	if err != nil {
		return nil, err
	}
	return selected.(*topology.SelectedServer), nil
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

// accepts tells whether a selector takes a server that is alone in a topology of that kind.
func accepts(selector description.ServerSelector, kind description.TopologyKind, candidate description.Server) (bool, error) {
	candidates := []description.Server{candidate}
	accepted, err := selector.SelectServer(description.Topology{Kind: kind, Servers: candidates}, candidates)
	return len(accepted) > 0, err
}

// wanted says in words what a selector that refused a server would have taken. The driver's selectors
// do not describe themselves, so it is asked about the same server in other roles.
func wanted(selector description.ServerSelector, kind description.TopologyKind, refused description.Server) string {
	for _, role := range []struct {
		kind description.ServerKind
		name string
	}{
		{description.ServerKindRSPrimary, "a primary (a write, or the read preference primary)"},
		{description.ServerKindRSSecondary, "a secondary (by its read preference)"},
	} {
		refused.Kind = role.kind
		if ok, err := accepts(selector, kind, refused); ok && err == nil {
			return role.name
		}
	}
	return "another server (by the tags or the staleness of its read preference)"
}

// refusal is the server of an operation that must not run. It is told when the operation asks for a
// connection: an error of server selection would be labelled as one to retry the transaction for.
type refusal struct{ err error }

// Connection implements driver.Server.
func (r refusal) Connection(context.Context) (*connection, error) { return nil, r.err }

// RTTMonitor implements driver.Server. In load-balanced mode the driver asks it before it has asked
// for a connection.
func (refusal) RTTMonitor() driver.RTTMonitor { return noRTT{} }

// noRTT is the monitor of a server that was never reached.
type noRTT struct{}

func (noRTT) EWMA() time.Duration { return 0 }
func (noRTT) Min() time.Duration  { return 0 }
func (noRTT) Stats() string       { return "" }

// captureKey is the context key under which captureSelector waits for a selector.
type captureKey struct{}

var errCaptured = errors.New("monorail: the server selector was captured")

// captureSelector returns the driver's own selector for a read preference, latency window included,
// which the driver does not export: it runs a command with that read preference and takes the
// selector with which the command comes here. Nothing is sent and no event published.
func captureSelector(client *mongo.Client, rp *readpref.ReadPref) (description.ServerSelector, error) {
	var selector description.ServerSelector
	ctx := context.WithValue(context.Background(), captureKey{}, &selector)
	err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}, options.RunCmd().SetReadPreference(rp)).Err()
	if selector == nil {
		return nil, err
	}
	return selector, nil
}

package monorail

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
)

// probeInterval is how often the sockets of requests are looked at that nobody reads from. A look is
// one system call, of about a microsecond: five hundred requests cost half a percent of one core.
const probeInterval = 100 * time.Millisecond

// watcher breaks requests that would write into the void: whose server stops being writable, is not the
// set's primary any more, leaves the deployment, or ends the socket while the request only writes, and so
// nobody reads. Operations
// pay nothing for it. It has one goroutine, from the first socket on, until stop.
type watcher struct {
	client *Client
	// resting says that no request had a socket when the watcher last looked: the next one that gets
	// one wakes it.
	resting atomic.Bool
	// wake has room for one signal. Whoever ends the rest sends, the goroutine receives, nobody closes.
	wake chan struct{}

	// mu guards the fields below.
	mu sync.Mutex
	// cancel ends the goroutine; nil before it was started.
	cancel context.CancelFunc
	// stopped says that none may be started any more.
	stopped bool
	// running counts the goroutine, which stop waits for.
	running sync.WaitGroup
}

func newWatcher(c *Client) *watcher {
	w := &watcher{client: c, wake: make(chan struct{}, 1)}
	w.resting.Store(true)
	return w
}

// attend says that a request has got a socket. It does not wait.
func (w *watcher) attend() {
	if !w.resting.CompareAndSwap(true, false) {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cancel != nil || w.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.running.Go(func() { w.watch(ctx) })
}

// stop ends the goroutine and waits for it.
func (w *watcher) stop() {
	w.mu.Lock()
	w.stopped = true
	cancel := w.cancel
	w.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	w.running.Wait()
}

// watch looks at every change of the topology, and from time to time at the sockets, while there are any.
func (w *watcher) watch(ctx context.Context) {
	var updates <-chan description.Topology
	topology := w.client.deployment.Topology
	if subscription, err := topology.Subscribe(); err == nil {
		updates = subscription.Updates
		defer func() { _ = topology.Unsubscribe(subscription) }()
	}
	tick := time.NewTimer(probeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case current, ok := <-updates:
			if !ok {
				updates = nil // the topology is disconnected
				continue
			}
			w.checkRoles(current)
		case <-w.wake:
			tick.Reset(probeInterval)
		case <-tick.C:
			if w.probe() || !w.rest() {
				tick.Reset(probeInterval)
			}
		}
	}
}

// checkRoles breaks the requests whose server is writable no longer.
func (w *watcher) checkRoles(current description.Topology) {
	if len(current.Servers) == 0 {
		return // nothing is known, which is no news of any server
	}
	servers := make(map[address.Address]description.Server, len(current.Servers))
	elected := false
	for _, server := range current.Servers {
		servers[server.Addr] = server
		elected = elected || server.Kind == description.ServerKindRSPrimary
	}
	for _, s := range w.client.requests() {
		e := s.current()
		if e == nil {
			continue
		}
		server, found := servers[e.pin.address()]
		switch {
		case !found:
			e.pin.fail(errRemoved)
		case s.needsWritable() && e.pin.lostWritable(server.Kind):
			e.pin.fail(errNoLongerPrimary)
		case s.needsWritable() && e.pin.superseded(server.Kind, elected):
			e.pin.fail(errSuperseded)
		}
		s.tellMonitors()
	}
}

// rest leaves the watching until the next request gets a socket, and tells whether it could: one may
// have got it just now, and have found the watcher awake.
func (w *watcher) rest() bool {
	w.resting.Store(true)
	for _, s := range w.client.requests() {
		if s.current() != nil && w.resting.CompareAndSwap(true, false) {
			return false
		}
	}
	return true
}

// probe looks at the sockets of all requests, and tells whether there are any.
func (w *watcher) probe() (some bool) {
	for _, s := range w.client.requests() {
		if e := s.current(); e != nil {
			some = true
			e.pin.probe()
			s.tellMonitors()
		}
	}
	return some
}

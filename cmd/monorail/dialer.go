package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
	"github.com/mongo-monorail/monorail/monorailtest/delay"
)

// selectionTimeout is how long the demo waits for a server where the URI does not say: the driver's
// 30 s are long for somebody who mistyped an address, and an election takes about 10 s.
const selectionTimeout = 10 * time.Second

// dialer opens the connections of one client: it counts their traffic, and puts the network of
// -rtt in between. It may be shared between goroutines.
type dialer struct {
	traffic traffic.Counter
	rtt     time.Duration

	mu sync.Mutex
	// proxies has the proxy in front of each address. Guarded by mu.
	proxies map[string]*delay.Proxy
	// closed refuses further proxies. Guarded by mu.
	closed bool
}

func newDialer(rtt time.Duration) *dialer {
	return &dialer{rtt: rtt, proxies: map[string]*delay.Proxy{}}
}

// clientOptions returns the driver's options for uri with the connections opened by d.
func clientOptions(uri string, d *dialer) *options.ClientOptions {
	opts := options.Client().ApplyURI(uri).SetDialer(d)
	if opts.ServerSelectionTimeout == nil {
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	return opts
}

// DialContext implements options.ContextDialer.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.rtt > 0 && network != "unix" {
		through, err := d.proxyTo(address)
		if err != nil {
			return nil, err
		}
		network, address = "tcp", through
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return d.traffic.Count(conn), nil
}

// proxyTo returns the address of the proxy in front of address, which it starts at the first call.
func (d *dialer) proxyTo(address string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return "", errors.New("the demo is over")
	}
	p := d.proxies[address]
	if p == nil {
		var err error
		if p, err = delay.Start(address, d.rtt); err != nil {
			return "", err
		}
		d.proxies[address] = p
	}
	return p.Address(), nil
}

// close stops the proxies and waits for their goroutines.
func (d *dialer) close() {
	d.mu.Lock()
	d.closed = true
	proxies := d.proxies
	d.proxies = nil
	d.mu.Unlock()
	for _, p := range proxies {
		p.Close()
	}
}

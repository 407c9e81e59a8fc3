package monorail

import (
	"slices"
	"strings"
)

// Stats is a snapshot of what a client's requests do. The driver counts everything else: see
// options.ClientOptions.SetPoolMonitor. Totals count from Connect and never fall.
type Stats struct {
	// Open counts the requests that have not ended; nested ones are one request.
	Open int
	// Pinned counts those of them that have a socket.
	Pinned int
	// Broken counts those of them that have lost theirs.
	Broken int
	// Waiting counts the operations that wait for a connection of a full pool; see SetWaitQueueTimeout
	// for which operations count.
	Waiting int
	// Unconfirmed counts the unacknowledged statements of open requests that are not confirmed.
	Unconfirmed int
	// HeldBytes counts the bytes of messages that have not been sent.
	HeldBytes int
	// InFlight counts the replies that are still to come, those that nobody waits for included.
	InFlight int

	// Started and Ended count requests: Started is Ended and Open together until Disconnect.
	Started, Ended int64
	// Breaks counts the sockets that open requests lost, Renewals how often Renew accepted that.
	Breaks, Renewals int64
	// Leaks counts handles and scopes that became unreachable without their end.
	Leaks int64
	// WaitTimeouts counts operations that waited for a connection in vain, for the timeout's sake or for
	// their context's, Refusals those that SetMaxWaiting did not let wait.
	WaitTimeouts, Refusals int64
	// UnacknowledgedStatements counts the statements of unacknowledged writes that were issued in
	// requests.
	UnacknowledgedStatements int64
	// Bytes counts what was sent in requests, in WriteCalls write calls.
	Bytes, WriteCalls int64

	// Servers has the servers whose sockets are held or waited for, in the order of their addresses.
	Servers []ServerStats
}

// ServerStats is the part of one server in Stats.
type ServerStats struct {
	// Address is the server's, as host:port.
	Address string
	// Sockets counts the connections that requests hold. The driver's pool has them as checked out.
	Sockets int
	// Waiting counts the operations that wait for a connection.
	Waiting int
	// Oldest is the request that has held its socket for the longest time; nil if none has one.
	Oldest *SocketHolder
}

// requestTotals is what Stats counts of requests over the client's life.
type requestTotals struct{ started, ended, breaks, renewals, leaks int64 }

// Stats returns a snapshot. It costs operations nothing, and itself some time for each open request.
// A request is counted once, as open or as ended, whatever happens meanwhile; what requests sent
// is summed up a moment later.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	totals := c.totals
	open := make([]*series, 0, len(c.open))
	for s := range c.open {
		open = append(open, s)
	}
	c.mu.Unlock()
	stats := Stats{
		Open:     len(open),
		Started:  totals.started,
		Ended:    totals.ended,
		Breaks:   totals.breaks,
		Renewals: totals.renewals,
		Leaks:    totals.leaks,
	}
	for _, s := range open {
		s.addTo(&stats)
	}
	c.occupancy.addTo(&stats)
	return stats
}

// addTo adds an open request.
func (s *series) addTo(stats *Stats) {
	s.mu.Lock()
	state := s.state
	breaks, renewals := s.breaksLocked()
	s.mu.Unlock()
	stats.Breaks += breaks
	stats.Renewals += renewals
	switch state {
	case seriesPinned:
		stats.Pinned++
	case seriesBroken:
		stats.Broken++
	}
	info := s.info()
	stats.Unconfirmed += info.Unconfirmed
	stats.HeldBytes += info.HeldBytes
	stats.InFlight += info.InFlight
}

// breaksLocked counts the sockets that were lost, and the losses that were accepted.
func (s *series) breaksLocked() (breaks, renewals int64) {
	renewals = int64(s.renewals)
	breaks = renewals
	if e := s.epoch; e != nil && e.number == s.renewals && (e.broken.Load() != nil || s.brokeAtEnd) {
		breaks++
	}
	return breaks, renewals
}

// countLeak counts a handle or scope that nobody could end.
func (c *Client) countLeak() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.totals.leaks++
}

// addTo adds the sockets of requests, and what they sent.
func (o *occupancy) addTo(stats *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	for addr, s := range o.servers {
		stats.Servers = append(stats.Servers, ServerStats{
			Address: addr.String(),
			Sockets: len(s.tenants),
			Waiting: s.waiting,
			Oldest:  s.oldest(),
		})
		stats.Waiting += s.waiting
		for _, t := range s.tenants {
			sent.add(t.epoch)
		}
	}
	slices.SortFunc(stats.Servers, func(a, b ServerStats) int { return strings.Compare(a.Address, b.Address) })
	stats.WaitTimeouts, stats.Refusals = o.timedOut, o.refused
	stats.Bytes, stats.WriteCalls, stats.UnacknowledgedStatements = sent.bytes, sent.writeCalls, sent.statements
}

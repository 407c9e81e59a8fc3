package main

import "context"

// way is one of the four ways to count a visit and then show the page views of its region.
type way struct {
	letter string
	name   string
	// right says that the way promises a total that is never stale.
	right bool
	// open connects to the server of d; the counters are in database.
	open func(ctx context.Context, d *dialer, uri, database string) (store, error)
}

// store counts visits in one way. It may be shared between goroutines; each call is one visitor's.
type store interface {
	// visit counts v and returns the page views of v's region.
	visit(ctx context.Context, v visit) (int64, error)
	// close lets go of the connections, when no visit is running.
	close(ctx context.Context) error
}

// ways are in the order of the table. The comparison is between equals: the same filter, update and
// query, the driver's defaults for everything else.
var ways = []way{
	{letter: "a", name: "acknowledged writes", right: true, open: openAcknowledged},
	{letter: "b", name: "automatic requests, w:0", right: true, open: openAutomatic},
	{letter: "c", name: "explicit requests, w:0", right: true, open: openExplicit},
	{letter: "d", name: "w:0 on the driver's pool", open: openPooled},
}

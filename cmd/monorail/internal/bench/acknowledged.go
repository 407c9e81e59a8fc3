package bench

import "context"

// The contestants of acknowledged.
const (
	acknowledgedOfficial = iota
	acknowledgedInRequest
	acknowledgedOutside
)

// acknowledged are the ways to do one operation that waits for its reply.
func (c *clients) acknowledged(o operation) *contest {
	return &contest{title: o.name + c.site.where, contestants: []*contestant{
		acknowledgedOfficial:  {name: "official", run: each(func() error { return o.do(endless, c.officialColl) })},
		acknowledgedInRequest: {name: "in a request", run: each(func() error { return o.do(c.request, c.oursColl) })},
		acknowledgedOutside:   {name: "outside requests", run: each(func() error { return o.do(endless, c.oursColl) })},
	}}
}

// The contestants of shortRequests.
const (
	shortOfficial = iota
	shortRequest
)

// shortRequests are one operation by itself, and a request for it alone.
func (c *clients) shortRequests(o operation) *contest {
	return &contest{title: o.name + c.site.where, contestants: []*contestant{
		shortOfficial: {name: "official", run: each(func() error { return o.do(endless, c.officialColl) })},
		shortRequest:  {name: "start, one operation, end", run: each(func() error { return c.requestFor(o) })},
	}}
}

func (c *clients) requestFor(o operation) error {
	ctx, request := c.ours.StartRequest(context.Background())
	if err := o.do(ctx, c.oursColl); err != nil {
		_ = request.End() // what the operation met is told
		return err
	}
	return request.End()
}

package bench

import (
	"context"
	"errors"
)

// sites are where the measures are made: three servers of the run's own, or one of the user's.
type sites struct{ sink, server, distant *site }

// close closes each of them once.
func (s sites) close() error {
	var errs []error
	closed := make(map[*site]bool)
	for _, site := range []*site{s.distant, s.server, s.sink} {
		if site != nil && !closed[site] {
			closed[site] = true
			errs = append(errs, site.close())
		}
	}
	return errors.Join(errs...)
}

// openSites starts the servers of the run's own, or connects to the user's.
func openSites(ctx context.Context, uri string) (sites, error) {
	if uri != "" {
		users, err := usersSite(ctx, uri)
		return sites{sink: users, server: users, distant: users}, err
	}
	var s sites
	for _, own := range []struct {
		name string
		site **site
	}{{sinkPeer, &s.sink}, {serverPeer, &s.server}, {distantPeer, &s.distant}} {
		var err error
		if *own.site, err = ownSite(ctx, own.name); err != nil {
			return sites{}, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// describe says where the measures are made.
func (s sites) describe() string {
	switch {
	case s.sink.sink:
		return "a sink and monorailtest, in processes of their own"
	case s.sink.mongos:
		return "a mongos " + s.sink.version
	default:
		return "MongoDB " + s.sink.version
	}
}

// note is what somebody who reads the table has to know of it.
func (s sites) note() string {
	if s.sink.sink {
		return ""
	}
	return "The goals are for servers of the command's own (without -uri). Here the time of your server and of the network is in every figure with a reply: " +
		"it hides what the client costs (P4, P7, P9), and is what P3 saves."
}

package expression

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // Zones are the same on machines without a database of them.

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// utc is the time zone where none is given.
var utc = time.UTC

// zones are the time zones that have been used, by name: their number is bounded by that of names.
var zones sync.Map

// findZone returns the time zone of a name such as "Europe/Oslo", or of an offset: +02, +0200 or
// +02:00.
func findZone(name string) (*time.Location, error) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	if seconds, ok := parseOffset(name); ok {
		if seconds == 0 {
			return time.UTC, nil
		}
		return time.FixedZone(name, seconds), nil
	}
	// The library has two names of its own, and takes paths.
	if name != "" && name != "Local" && !strings.HasPrefix(name, "/") {
		if z, err := time.LoadLocation(name); err == nil {
			zones.Store(name, z)
			return z, nil
		}
	}
	return nil, mongoerror.New(40485, "unrecognized time zone identifier: \"%s\"", name)
}

func parseOffset(s string) (seconds int, ok bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	digits := s[1:]
	if len(digits) == 5 && digits[2] == ':' {
		digits = digits[:2] + digits[3:]
	}
	if len(digits) != 2 && len(digits) != 4 {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	if len(digits) == 2 {
		n *= 100
	}
	seconds = n/100*3600 + n%100*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// fromLocal returns the instant of a local time, given in seconds as if it were UTC. A time that a
// clock set forward leaves out counts from before it; one that comes twice is mostly the first.
func fromLocal(local int64, zone *time.Location) int64 {
	offset := func(unix int64) (seconds, start int64, bounded bool) {
		t := time.Unix(unix, 0).In(zone)
		_, s := t.Zone()
		from, _ := t.ZoneBounds()
		return int64(s), from.Unix(), !from.IsZero()
	}
	guess, _, _ := offset(local)
	actual, start, bounded := offset(local - guess)
	if guess == actual {
		return local - guess
	}
	if at := local - actual; bounded && at >= start+guess-actual && at < start {
		return local - guess
	}
	return local - actual
}

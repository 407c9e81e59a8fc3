package command

import (
	"context"
	"math"
	"sync"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// profiling are the settings of the profiler. There is none: they are kept and told, and nothing is recorded.
type profiling struct {
	// mu guards what follows.
	mu sync.Mutex
	// levels are those of databases; one that is not there has 0.
	levels map[string]int32
	// slow is in milliseconds; sampleRate between 0 and 1.
	slow       int32
	sampleRate float64
}

// highestProfile is the highest level; one beyond it, or below 0, changes nothing.
const highestProfile = 2

// profile answers profile: the settings as they were, before the command changes them.
func profile(_ context.Context, s *State, r *Request) (bson.D, error) {
	level, ok := asFloat(r.Body.Lookup("profile"))
	if !ok {
		return nil, wrongType("profile.profile", r.Body.Lookup("profile").Type, "int")
	}
	slow, sampleRate := r.Body.Lookup("slowms"), r.Body.Lookup("sampleRate")
	rate, isRate := asFloat(sampleRate)
	if isRate && (rate < 0 || rate > 1) {
		return nil, mongoerror.New(mongoerror.BadValue, "'sampleRate' must be between 0.0 and 1.0 inclusive")
	}
	p := &s.profiling
	p.mu.Lock()
	defer p.mu.Unlock()
	was := bson.D{{Key: "was", Value: p.levels[r.Database]}, {Key: "slowms", Value: p.slow}, {Key: "sampleRate", Value: p.sampleRate}}
	if level >= 0 && level <= highestProfile {
		p.levels[r.Database] = int32(level)
	}
	if n, ok := asFloat(slow); ok {
		p.slow = int32(max(math.MinInt32, min(math.MaxInt32, n)))
	}
	if isRate {
		p.sampleRate = rate
	}
	return was, nil
}

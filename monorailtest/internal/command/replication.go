package command

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
)

// Defaults of replSetStepDown.
const (
	stepDownPeriod  = 60 * time.Second
	stepDownCatchUp = 10 * time.Second
)

// seconds reads a number of seconds, which is absent for the given default.
func seconds(v bson.RawValue, absent time.Duration) (time.Duration, error) {
	if v.Type == 0 {
		return absent, nil
	}
	n, ok := asFloat(v)
	if !ok || n < 0 {
		return 0, mongoerror.New(mongoerror.BadValue, "a number of seconds must be a non-negative number")
	}
	return time.Duration(n * float64(time.Second)), nil
}

// replSetStepDown makes a primary a secondary.
func replSetStepDown(ctx context.Context, s *State, r *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, notRunning()
	}
	force, _ := truth(r.Body.Lookup("force"))
	absent := stepDownCatchUp
	if force {
		absent = 0
	}
	catchUp, err := seconds(r.Body.Lookup("secondaryCatchUpPeriodSecs"), absent)
	if err != nil {
		return nil, err
	}
	period, err := seconds(r.Body.Lookup(r.Name), stepDownPeriod)
	switch {
	case err != nil:
		return nil, err
	case period == 0:
		period = stepDownPeriod
	case period < catchUp && r.Body.Lookup("secondaryCatchUpPeriodSecs").Type == 0:
		catchUp = period
	case period < catchUp:
		return nil, mongoerror.New(mongoerror.BadValue, "stepdown period must be longer than secondaryCatchUpPeriodSecs")
	}
	ctx, cancel := r.waiting(ctx)
	defer cancel()
	return bson.D{}, s.Member.StepDown(ctx, period, catchUp, force)
}

// replSetStepUp has the member stand for election.
func replSetStepUp(ctx context.Context, s *State, r *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, notRunning()
	}
	ctx, cancel := r.waiting(ctx)
	defer cancel()
	err := s.Member.Elect(ctx)
	if err != nil && ctx.Err() == nil {
		return nil, mongoerror.New(mongoerror.CommandFailed, "Election failed.")
	}
	return bson.D{}, err
}

// replSetFreeze keeps a secondary from being elected for a number of seconds.
func replSetFreeze(_ context.Context, s *State, r *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, notRunning()
	}
	d, err := seconds(r.Body.Lookup(r.Name), 0)
	if err != nil {
		return nil, err
	}
	if s.Member.Describe().Role == replset.Primary {
		return nil, mongoerror.New(codeNotSecondary, "cannot freeze node when primary or running for election. state: Primary")
	}
	s.Member.Freeze(d)
	if d == 0 {
		return bson.D{{Key: "info", Value: "unfreezing"}}, nil
	}
	return bson.D{}, nil
}

// codeNotSecondary is NotSecondary of error_codes.yml, codeAlreadyInitialized AlreadyInitialized.
const (
	codeNotSecondary       = 95
	codeAlreadyInitialized = 23
)

// appendOplogNote makes an entry of the oplog that changes nothing.
func appendOplogNote(_ context.Context, s *State, r *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, mongoerror.New(mongoerror.NoReplicationEnabled, "Must have replication set up to run \"appendOplogNote\"")
	}
	r.attempted = true
	return bson.D{}, s.Member.AppendNote()
}

// replSetInitiate refuses: a set is initiated when it starts.
func replSetInitiate(_ context.Context, s *State, _ *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, mongoerror.New(mongoerror.NoReplicationEnabled, "This node was not started with the replSet option")
	}
	return nil, mongoerror.New(codeAlreadyInitialized, "already initialized")
}

// replSetGetStatus tells the roles of all members and how far they are.
func replSetGetStatus(_ context.Context, s *State, _ *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, notRunning()
	}
	status := s.Member.Status()
	members := bson.A{}
	for _, m := range status.Members {
		health := 1.0
		if m.Role == replset.Down {
			health = 0
		}
		d := bson.D{
			{Key: "_id", Value: int32(m.Index)}, {Key: "name", Value: m.Addr}, {Key: "health", Value: health},
			{Key: "state", Value: int32(m.Role)}, {Key: "stateStr", Value: m.Role.String()},
			{Key: "optime", Value: optime(m.LastApplied.OpTime)},
			{Key: "optimeDate", Value: primitive.NewDateTimeFromTime(m.LastApplied.Date)},
			{Key: "configVersion", Value: int32(status.SetVersion)},
		}
		if m.Index == s.Member.Index() {
			d = append(d, bson.E{Key: "self", Value: true})
		}
		members = append(members, d)
	}
	return bson.D{
		{Key: "set", Value: status.SetName}, {Key: "date", Value: primitive.NewDateTimeFromTime(time.Now())},
		{Key: "myState", Value: int32(status.Role)}, {Key: "term", Value: status.Term},
		{Key: "majorityVoteCount", Value: int32(status.Majority)},
		{Key: "optimes", Value: bson.D{
			{Key: "lastCommittedOpTime", Value: optime(s.Member.LastCommitted())},
			{Key: "appliedOpTime", Value: optime(s.Member.LastApplied())},
			{Key: "durableOpTime", Value: optime(s.Member.LastApplied())},
		}},
		{Key: "members", Value: members},
	}, nil
}

// replSetGetConfig tells the configuration.
func replSetGetConfig(_ context.Context, s *State, _ *Request) (bson.D, error) {
	if s.Member == nil {
		return nil, notRunning()
	}
	status := s.Member.Status()
	members := bson.A{}
	for _, m := range status.Members {
		priority := 1.0
		if m.Hidden || m.Passive {
			priority = 0
		}
		tags := bson.D{}
		for name, value := range m.Tags {
			tags = append(tags, bson.E{Key: name, Value: value})
		}
		members = append(members, bson.D{
			{Key: "_id", Value: int32(m.Index)}, {Key: "host", Value: m.Addr}, {Key: "arbiterOnly", Value: false},
			{Key: "hidden", Value: m.Hidden}, {Key: "priority", Value: priority}, {Key: "tags", Value: tags}, {Key: "votes", Value: int32(1)},
		})
	}
	return bson.D{{Key: "config", Value: bson.D{
		{Key: "_id", Value: status.SetName}, {Key: "version", Value: int32(status.SetVersion)},
		{Key: "term", Value: status.Term}, {Key: "protocolVersion", Value: int64(1)}, {Key: "members", Value: members},
	}}}, nil
}

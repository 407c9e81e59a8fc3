package command

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
)

// Codes without a name: a hello that is to wait and does not say both for what and how long.
const (
	codeAwaitWithoutTime    = 31368
	codeAwaitWithoutVersion = 51758
	codeNegativeAwait       = 31373
)

// description is what a member's hello says about its set.
type description replset.Description

// describeMember returns what to say, at once or, where the client asks for it, when it has changed.
func (s *State) describeMember(r *Request) (description, error) {
	if s.Member == nil {
		return description{}, nil
	}
	known, wait, err := parseAwait(r)
	if err != nil {
		return description{}, err
	}
	if known == nil {
		return description(s.Member.Describe()), nil
	}
	ctx := r.Wait
	if ctx == nil {
		ctx = context.Background()
	}
	d, err := s.Member.AwaitDescription(ctx, *known, wait)
	return description(d), interrupted(err)
}

// parseAwait reads what an awaitable hello knows already, and how long it waits; nil for one that does not.
func parseAwait(r *Request) (*replset.TopologyVersion, time.Duration, error) {
	version, limit := r.Body.Lookup("topologyVersion"), r.Body.Lookup("maxAwaitTimeMS")
	switch {
	case version.Type == 0 && limit.Type == 0:
		return nil, 0, nil
	case version.Type == 0:
		return nil, 0, mongoerror.New(codeAwaitWithoutVersion, "A request with 'maxAwaitTimeMS' must include a 'topologyVersion'")
	case limit.Type == 0:
		return nil, 0, mongoerror.New(codeAwaitWithoutTime, "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'")
	}
	ms, ok := asFloat(limit)
	if !ok || ms < 0 {
		return nil, 0, mongoerror.New(codeNegativeAwait, "maxAwaitTimeMS must be a non-negative integer")
	}
	wait := time.Duration(ms) * time.Millisecond
	if r.Known != nil {
		return r.Known, wait, nil
	}
	doc, ok := version.DocumentOK()
	if !ok {
		return nil, 0, wrongType("topologyVersion", version.Type, "object")
	}
	process, isID := doc.Lookup("processId").ObjectIDOK()
	counter, isLong := doc.Lookup("counter").Int64OK()
	if !isID || !isLong {
		return nil, 0, mongoerror.New(mongoerror.TypeMismatch, "topologyVersion needs a processId and a counter")
	}
	return &replset.TopologyVersion{Process: process, Counter: counter}, wait, nil
}

// streams returns the topologyVersion of a reply behind which another one follows: to a hello that waits and allows it.
func (r *Request) streams(reply bson.D) *replset.TopologyVersion {
	if !r.ExhaustAllowed || r.Body.Lookup("maxAwaitTimeMS").Type == 0 {
		return nil
	}
	for _, e := range reply {
		if d, ok := e.Value.(bson.D); ok && e.Key == "topologyVersion" {
			return &replset.TopologyVersion{Process: d[0].Value.(primitive.ObjectID), Counter: d[1].Value.(int64)}
		}
	}
	return nil
}

func topologyVersionField(v replset.TopologyVersion) bson.E {
	return bson.E{Key: "topologyVersion", Value: bson.D{{Key: "processId", Value: v.Process}, {Key: "counter", Value: v.Counter}}}
}

// fields returns the description as hello shows it. writable is the name of the field that says so.
func (d *description) fields(writable string) bson.D {
	reply := bson.D{topologyVersionField(d.TopologyVersion)}
	if d.Role == replset.Removed {
		return append(reply, bson.E{Key: writable, Value: false}, bson.E{Key: "secondary", Value: false},
			bson.E{Key: "info", Value: "Does not have a valid replica set config"}, bson.E{Key: "isreplicaset", Value: true})
	}
	list := func(addrs []string) bson.A {
		out := bson.A{}
		for _, a := range addrs {
			out = append(out, a)
		}
		return out
	}
	reply = append(reply, bson.E{Key: "hosts", Value: list(d.Hosts)})
	if len(d.Passives) > 0 {
		reply = append(reply, bson.E{Key: "passives", Value: list(d.Passives)})
	}
	reply = append(reply, bson.E{Key: "setName", Value: d.SetName}, bson.E{Key: "setVersion", Value: int32(d.SetVersion)},
		bson.E{Key: writable, Value: d.Writable},
		// A primary that is about to step down says that it is a secondary.
		bson.E{Key: "secondary", Value: !d.Writable && (d.Role == replset.Primary || d.Role == replset.Secondary)})
	if d.Primary != "" {
		reply = append(reply, bson.E{Key: "primary", Value: d.Primary})
	}
	if d.Passive || d.Hidden {
		reply = append(reply, bson.E{Key: "passive", Value: true})
	}
	if d.Hidden {
		reply = append(reply, bson.E{Key: "hidden", Value: true})
	}
	if len(d.Tags) > 0 {
		tags := bson.D{}
		for _, name := range slices.Sorted(maps.Keys(d.Tags)) {
			tags = append(tags, bson.E{Key: name, Value: d.Tags[name]})
		}
		reply = append(reply, bson.E{Key: "tags", Value: tags})
	}
	reply = append(reply, bson.E{Key: "me", Value: d.Me})
	if d.Writable {
		reply = append(reply, bson.E{Key: "electionId", Value: d.ElectionID})
	}
	return append(reply, bson.E{Key: "lastWrite", Value: bson.D{
		{Key: "opTime", Value: optime(d.LastWrite.OpTime)},
		{Key: "lastWriteDate", Value: primitive.NewDateTimeFromTime(d.LastWrite.Date)},
		{Key: "majorityOpTime", Value: optime(d.Majority.OpTime)},
		{Key: "majorityWriteDate", Value: primitive.NewDateTimeFromTime(d.Majority.Date)},
	}})
}

func optime(t replset.OpTime) bson.D {
	return bson.D{{Key: "ts", Value: t.Timestamp}, {Key: "t", Value: t.Term}}
}

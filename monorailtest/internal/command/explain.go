package command

import (
	"context"
	"net"
	"os"
	"strconv"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// verbosity says how much explain tells.
type verbosity int

const (
	planOnly verbosity = iota
	executionStats
	allPlansExecution
)

var verbosities = map[string]verbosity{
	"queryPlanner": planOnly, "executionStats": executionStats, "allPlansExecution": allPlansExecution,
}

// explainers make the plans of the commands that can be explained, by their primary names.
var explainers = map[string]func(s *State, r *Request) (*plan, error){
	"find": explainFind, "count": explainCount, "distinct": explainDistinct, "aggregate": explainAggregate,
	"update": explainUpdate, "delete": explainDelete, "findAndModify": explainFindAndModify,
}

// explain answers explain: how the server goes about a command, and with executionStats what it finds. Nothing is changed.
func explain(ctx context.Context, s *State, r *Request) (bson.D, error) {
	level, err := parseVerbosity(r)
	if err != nil {
		return nil, err
	}
	inner := *r
	inner.Body = r.Body.Lookup("explain").Document()
	inner.Name = ""
	if first, err := inner.Body.IndexErr(0); err == nil {
		inner.Name = first.Key()
	}
	if db, ok := inner.Body.Lookup("$db").StringValueOK(); ok && db != r.Database {
		return nil, mongoerror.New(mongoerror.InvalidNamespace, "Mismatched $db in explain command. Expected %s but got %s", r.Database, db)
	}
	sp, ok := s.commands[inner.Name]
	if !ok {
		return nil, mongoerror.New(mongoerror.CommandNotFound, "Explain failed due to unknown command: %s", inner.Name)
	}
	if err := s.checkAuthorized(&inner, &sp); err != nil {
		return nil, err
	}
	if err := s.viewToAggregation(&inner); err != nil {
		return nil, err
	}
	makePlan := explainers[inner.Name]
	if makePlan == nil {
		makePlan = explainers[sp.primaryName(inner.Name)]
	}
	if makePlan == nil {
		return nil, mongoerror.New(mongoerror.IllegalOperation, "Cannot explain cmd: %s", inner.Name)
	}
	p, err := makePlan(s, &inner)
	if err != nil {
		return nil, err
	}
	reply, err := p.document(ctx, level)
	return append(reply, bson.E{Key: "serverInfo", Value: s.serverInfo()}), err
}

func parseVerbosity(r *Request) (verbosity, error) {
	if _, ok := r.Body.Lookup("explain").DocumentOK(); !ok {
		return 0, mongoerror.New(mongoerror.FailedToParse, "explain command requires a nested object")
	}
	v := r.Body.Lookup("verbosity")
	if v.Type == 0 {
		return allPlansExecution, nil
	}
	name, ok := v.StringValueOK()
	if !ok {
		return 0, mongoerror.New(mongoerror.FailedToParse, "explain verbosity must be a string")
	}
	level, ok := verbosities[name]
	if !ok {
		return 0, mongoerror.New(mongoerror.FailedToParse,
			"verbosity string must be one of {'queryPlanner', 'executionStats', 'allPlansExecution'}")
	}
	return level, nil
}

// serverInfo names the server in an explain.
func (s *State) serverInfo() bson.D {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	port := 0
	if _, p, err := net.SplitHostPort(s.Addr); err == nil {
		port, _ = strconv.Atoi(p)
	}
	return bson.D{{Key: "host", Value: host}, {Key: "port", Value: int32(port)}, {Key: "version", Value: version}, {Key: "gitVersion", Value: "monorailtest"}}
}

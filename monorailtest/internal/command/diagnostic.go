package command

import (
	"context"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// version is the release of MongoDB whose replies are the measure.
const version = "4.4.6"

// errNoOption is getParameter's answer to what it does not know: one of the few errors without a code.
func errNoOption() error { return &mongoerror.Error{Message: "no option found to get"} }

// ping answers ping.
func ping(context.Context, *State, *Request) (bson.D, error) { return bson.D{}, nil }

// buildInfo names the release whose behaviour the server has, and says in gitVersion that it is not that release.
func buildInfo(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{
		{Key: "version", Value: version},
		{Key: "gitVersion", Value: "monorailtest"},
		{Key: "modules", Value: bson.A{}},
		{Key: "allocator", Value: "go"},
		{Key: "javascriptEngine", Value: "none"},
		{Key: "sysInfo", Value: "deprecated"},
		{Key: "versionArray", Value: bson.A{int32(4), int32(4), int32(6), int32(0)}},
		{Key: "openssl", Value: bson.D{{Key: "running", Value: "disabled"}, {Key: "compiled", Value: "disabled"}}},
		{Key: "buildEnvironment", Value: bson.D{
			{Key: "distmod", Value: ""}, {Key: "distarch", Value: runtime.GOARCH}, {Key: "target_arch", Value: runtime.GOARCH},
			{Key: "target_os", Value: runtime.GOOS},
		}},
		{Key: "bits", Value: int32(64)},
		{Key: "debug", Value: false},
		{Key: "maxBsonObjectSize", Value: int32(maxBSONObjectSize)},
		{Key: "storageEngines", Value: bson.A{"monorailtest"}},
	}, nil
}

// driverOIDTest answers driverOIDTest: an ObjectID, and how it is written.
func driverOIDTest(_ context.Context, _ *State, r *Request) (bson.D, error) {
	id, ok := r.Body.Lookup(r.Name).ObjectIDOK()
	if !ok {
		return nil, &mongoerror.Error{Message: "not oid"}
	}
	return bson.D{{Key: "oid", Value: id}, {Key: "str", Value: id.Hex()}}, nil
}

// features answers features.
func features(_ context.Context, _ *State, _ *Request) (bson.D, error) {
	return bson.D{{Key: "oidMachine", Value: int32(0)}}, nil
}

// getCmdLineOpts answers for a server that was started without a command line.
func getCmdLineOpts(context.Context, *State, *Request) (bson.D, error) {
	return bson.D{{Key: "argv", Value: bson.A{"mongod"}}, {Key: "parsed", Value: bson.D{}}}, nil
}

// getLog knows the logs that MongoDB has, and has nothing in them.
func getLog(_ context.Context, _ *State, r *Request) (bson.D, error) {
	v := r.Body.Lookup("getLog")
	name, ok := v.StringValueOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.TypeMismatch,
			"Argument to getLog must be of type String; found %s of type %s", text(v), aliasOf(v.Type))
	}
	switch name {
	case "*":
		return bson.D{{Key: "names", Value: bson.A{"global", "startupWarnings"}}}, nil
	case "global", "startupWarnings":
		return bson.D{{Key: "totalLinesWritten", Value: int32(0)}, {Key: "log", Value: bson.A{}}}, nil
	}
	return nil, &mongoerror.Error{Message: "no RamLog named: " + name}
}

// fixedParameters are parameters that never change.
var fixedParameters = map[string]any{
	"authenticationMechanisms":          bson.A{"SCRAM-SHA-1", "SCRAM-SHA-256"},
	"cursorTimeoutMillis":               int64(600_000),
	"enableTestCommands":                true,
	"featureCompatibilityVersion":       bson.D{{Key: "version", Value: "4.4"}},
	"localLogicalSessionTimeoutMinutes": int32(sessionTimeoutMinutes),
	"logComponentVerbosity":             logComponents(),
	"notablescan":                       false,
}

// logComponents is the verbosity of a log that tells the usual: 0, and -1 where a component has that of its parent.
func logComponents() bson.D {
	component := func(name string, parts ...string) bson.E {
		inherited := bson.D{{Key: "verbosity", Value: int32(-1)}}
		for _, part := range parts {
			inherited = append(inherited, bson.E{Key: part, Value: bson.D{{Key: "verbosity", Value: int32(-1)}}})
		}
		return bson.E{Key: name, Value: inherited}
	}
	return bson.D{
		{Key: "verbosity", Value: int32(0)},
		component("accessControl"), component("command"), component("control"), component("geo"), component("index"), component("network"),
		component("query"), component("replication", "election", "heartbeats", "initialSync", "rollback"), component("sharding"),
		component("storage", "journal", "recovery"), component("write"), component("transaction"),
	}
}

// parameterLifetime is how long a transaction may be open, in seconds; setParameter sets it.
const parameterLifetime = "transactionLifetimeLimitSeconds"

// What setParameter says of the log: how much it would tell, and whether it would tell less of connections.
const (
	parameterLog   = "logLevel"
	parameterQuiet = "quiet"
)

// logSettings are remembered and change nothing: there is no log.
type logSettings struct {
	level atomic.Int32
	quiet atomic.Bool
}

// parameters returns those that getParameter knows.
func (s *State) parameters() map[string]any {
	all := maps.Clone(fixedParameters)
	// Rounded up: 0 would say that there is no time.
	all[parameterLifetime] = int32((s.Sessions.Lifetime() + time.Second - 1) / time.Second)
	all[parameterLog], all[parameterQuiet] = s.log.level.Load(), s.log.quiet.Load()
	interval, enabled := s.expiry.settings()
	all[parameterSweep], all[parameterExpiry] = int32(interval/time.Second), enabled
	return all
}

// What setParameter says of TTL indexes: how many seconds lie between two deletions of what has
// expired, and whether there are any.
const (
	parameterSweep  = "ttlMonitorSleepSecs"
	parameterExpiry = "ttlMonitorEnabled"
)

// setParameter sets one of the parameters that can be set, and tells what it was.
func setParameter(_ context.Context, s *State, r *Request) (bson.D, error) {
	elems, err := r.Body.Elements()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid command document")
	}
	var reply bson.D
	for _, e := range elems[1:] {
		switch {
		case isGenericArgument(e.Key()):
		case e.Key() == parameterLifetime, e.Key() == parameterSweep:
			seconds, ok := asFloat(e.Value())
			if !ok || seconds < 1 || seconds > math.MaxInt32 {
				return nil, mongoerror.New(mongoerror.BadValue, "Invalid value for parameter %s: %s is not a valid value", e.Key(), text(e.Value()))
			}
			reply = append(reply, bson.E{Key: "was", Value: s.parameters()[e.Key()]})
			if d := time.Duration(seconds) * time.Second; e.Key() == parameterLifetime {
				s.Sessions.SetLifetime(d)
			} else {
				s.expiry.setInterval(d)
			}
		case e.Key() == parameterLog:
			level, ok := asFloat(e.Value())
			if !ok || level < 0 || level > math.MaxInt32 {
				return nil, mongoerror.New(mongoerror.BadValue, "Invalid value for logLevel: %s: %s", parameterLog, text(e.Value()))
			}
			reply = append(reply, bson.E{Key: "was", Value: s.log.level.Swap(int32(level))})
		case e.Key() == parameterQuiet:
			quiet, err := loose(e.Value(), "setParameter."+parameterQuiet)
			if err != nil {
				return nil, err
			}
			reply = append(reply, bson.E{Key: "was", Value: s.log.quiet.Swap(quiet)})
		case e.Key() == parameterExpiry:
			enabled, err := loose(e.Value(), "setParameter."+parameterExpiry)
			if err != nil {
				return nil, err
			}
			reply = append(reply, bson.E{Key: "was", Value: s.parameters()[parameterExpiry]})
			s.expiry.setEnabled(enabled)
		default:
			return nil, mongoerror.New(mongoerror.InvalidOptions, "attempted to set unrecognized parameter [%s], use help:true to see options ", e.Key())
		}
	}
	if len(reply) == 0 {
		return nil, mongoerror.New(mongoerror.InvalidOptions, "no option found to set, use help:true to see options ")
	}
	return reply, nil
}

// getParameter answers with the parameters that the command names as fields, or with all for "*".
func getParameter(_ context.Context, s *State, r *Request) (bson.D, error) {
	parameters := s.parameters()
	elems, err := r.Body.Elements()
	if err != nil {
		return nil, mongoerror.New(mongoerror.InvalidBSON, "invalid command document")
	}
	all, _ := r.Body.Lookup("getParameter").StringValueOK()
	var reply bson.D
	if all == "*" {
		for _, name := range slices.Sorted(maps.Keys(parameters)) {
			reply = append(reply, bson.E{Key: name, Value: parameters[name]})
		}
		return reply, nil
	}
	for _, e := range elems[1:] {
		if value, ok := parameters[e.Key()]; ok {
			reply = append(reply, bson.E{Key: e.Key(), Value: value})
		}
	}
	if len(reply) == 0 {
		return nil, errNoOption()
	}
	return reply, nil
}

// hostInfo answers with what the Go runtime knows.
func hostInfo(context.Context, *State, *Request) (bson.D, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return bson.D{
		{Key: "system", Value: bson.D{
			{Key: "currentTime", Value: primitive.NewDateTimeFromTime(time.Now())},
			{Key: "hostname", Value: host},
			{Key: "cpuAddrSize", Value: int32(64)},
			{Key: "numCores", Value: int32(runtime.NumCPU())},
			{Key: "cpuArch", Value: runtime.GOARCH},
		}},
		{Key: "os", Value: bson.D{{Key: "type", Value: runtime.GOOS}, {Key: "name", Value: runtime.GOOS}}},
		{Key: "extra", Value: bson.D{}},
	}, nil
}

// listCommands names the commands that the server has.
func listCommands(_ context.Context, s *State, _ *Request) (bson.D, error) {
	var list bson.D
	for _, name := range slices.Sorted(maps.Keys(s.commands)) {
		sp := s.commands[name]
		list = append(list, bson.E{Key: name, Value: bson.D{{Key: "adminOnly", Value: sp.adminOnly}}})
	}
	return bson.D{{Key: "commands", Value: list}}, nil
}

// whatsmyuri tells the client its own address.
func whatsmyuri(_ context.Context, _ *State, r *Request) (bson.D, error) {
	return bson.D{{Key: "you", Value: r.Conn.RemoteAddr}}, nil
}

package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"pgregory.net/rapid"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
)

const (
	// slowness is how long a slow member thinks about a message: ten times as long as a goroutine about the next.
	slowness = time.Millisecond
	// electionDelay is how long a set has no primary. It is short, for programs are many.
	electionDelay = 5 * time.Millisecond
	// heartbeat is the least that the driver takes. Its streams tell of a change at once; this bounds how
	// long its Disconnect waits where that comes soon after Connect.
	heartbeat = 500 * time.Millisecond
)

// setRun is a program of a set that runs, and the model beside it.
type setRun struct {
	t       failer
	program setProgram
	at      int // the step that runs, from 1
	root    context.Context

	set     *monorailtest.ReplicaSet
	records []*monorailtest.Recording // of the members' messages that have a comment
	client  *watchedClient

	requests           []*setRequest
	operations, values int

	// away is the member that was killed, or with isolated cut off; -1 for none.
	away     int
	isolated bool
	// stopped: no member takes in what the primary writes.
	stopped bool
	// uneasy: the role of a member has changed since the client knows the set. News of it may come late.
	uneasy bool
	// lossy: a change of primary may have taken back what was processed and not confirmed.
	lossy        bool
	disconnected bool
}

// runSetProgram runs one program, and fails the test where the client does not do what the contract says.
func runSetProgram(t *rapid.T, p setProgram) {
	t.Helper()
	r := &setRun{t: t, program: p, away: -1, client: &watchedClient{}}
	var stop context.CancelFunc
	r.root, stop = context.WithTimeout(context.Background(), 3*servertest.Timeout)
	defer stop()
	r.set = monorailtest.NewReplicaSet(setMembers, monorailtest.WithElectionDelay(electionDelay))
	defer r.set.Close()
	r.connect()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), servertest.Timeout)
		defer cancel()
		_ = r.client.Disconnect(ctx)
	}()
	for i, s := range p.steps {
		r.at = i + 1
		r.step(s)
		r.checkEverything()
	}
	r.at = len(p.steps) + 1
	r.finish()
	setProgramsRun.Add(1)
}

// connect makes the client, and what the programs find in the set.
func (r *setRun) connect() {
	comment := func(m *monorailtest.Message) bool {
		_, ok := bson.Raw(m.Body).Lookup("comment").StringValueOK()
		return ok
	}
	for _, member := range r.set.Members() {
		r.records = append(r.records, member.Record(1<<20, comment))
		if r.program.slow {
			member.SetDelay(slowness, comment)
		}
	}
	settings := monorail.Options()
	if r.program.tight {
		settings.SetMaxHeldBytes(500).SetFlushInterval(0)
	}
	if r.program.keep {
		settings.SetKeepUnconfirmed(keepBytes)
	}
	clientOptions := options.Client().ApplyURI(r.set.URI()).SetHeartbeatInterval(heartbeat).
		SetPoolMonitor(r.client.pool.Monitor()).SetMonitor(r.client.commands.Monitor())
	if r.program.blind {
		clientOptions.SetHeartbeatInterval(time.Hour).SetServerMonitoringMode(options.ServerMonitoringModePoll)
	}
	client, err := monorail.Connect(clientOptions, settings)
	if err != nil {
		r.fatal("%v", err)
	}
	r.client.Client = client
	if _, err := client.Database(database).Collection("c").InsertOne(r.root, bson.D{{Key: "_id", Value: fixedID}}); err != nil {
		r.fatal("%v", err)
	}
	if err := r.set.AwaitReplication(r.root); err != nil {
		r.fatal("%v", err)
	}
}

// direct calls f with a client that knows one member alone.
func (r *setRun) direct(member int, f func(*mongo.Client)) {
	c, err := mongo.Connect(options.Client().ApplyURI(r.set.Member(member).URI()).SetHeartbeatInterval(heartbeat))
	if err != nil {
		r.fatal("%v", err)
	}
	defer func() { _ = c.Disconnect(r.root) }()
	f(c)
}

// fatal fails the test, and shows the program.
func (r *setRun) fatal(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("step %d: %s\n%s", r.at, fmt.Sprintf(format, args...), r.program)
}

// eventually waits until check returns "".
func (r *setRun) eventually(check func() string) {
	r.t.Helper()
	if problem := awaited(check); problem != "" {
		r.fatal("%s", problem)
	}
}

// newOperation returns an operation on a document.
func (r *setRun) newOperation(kind opKind, document string) *operation {
	r.operations++
	o := &operation{id: fmt.Sprint(r.operations), kind: kind, doc: document, first: r.values + 1}
	for range kind.pushes() {
		r.values++
		o.entries = append(o.entries, &entry{value: r.values, certain: true, silent: kind.unacknowledged()})
	}
	return o
}

// entered looks at where a request is pinned: that changes with its epoch only.
func (r *setRun) entered(rq *setRequest) {
	r.t.Helper()
	info := rq.handle().Info()
	switch {
	case info.Epoch != rq.epoch:
		r.fatal("%v is in epoch %d", rq, info.Epoch)
	case info.ConnectionID == rq.driverID:
		return
	case rq.pinned():
		r.fatal("%v has the connection %s", rq, info.ConnectionID)
	case info.ServerConnectionID == nil:
		r.fatal("%v is pinned, without a connection id: %+v", rq, info)
	}
	rq.driverID, rq.connection = info.ConnectionID, *info.ServerConnectionID
	rq.member = slices.IndexFunc(r.set.Members(), func(s *monorailtest.Server) bool { return s.Addr() == info.Address })
	if rq.member < 0 {
		r.fatal("%v is pinned to %s, which is no member", rq, info.Address)
	}
	for _, other := range r.requests {
		if other != rq && !other.over && other.driverID == rq.driverID && other.handle().Info().Pinned && info.Pinned {
			r.fatal("%v has the socket of %v", rq, other)
		}
	}
}

// broke checks the report of a break. The operation that reports it has so many statements, which may
// be counted or not.
func (r *setRun) broke(rq *setRequest, err error, statements int) {
	r.t.Helper()
	var b *monorail.BrokenError
	if !errors.Is(err, monorail.ErrRequestBroken) || !errors.As(err, &b) {
		r.fatal("%v gives %v, want a broken request", rq, err)
	}
	r.entered(rq)
	switch {
	case b.Cause == nil || !rq.pinned() || b.ConnectionID != rq.driverID || b.Address != r.set.Member(rq.member).Addr():
		r.fatal("%v: the break is %+v", rq, b)
	case rq.told != nil && b.Unconfirmed != rq.told.Unconfirmed:
		r.fatal("%v: the break has %d unconfirmed statements, and had %d", rq, b.Unconfirmed, rq.told.Unconfirmed)
	case rq.told != nil:
		return
	case rq.prospect == steady:
		r.fatal("%v gives %v, and nothing has happened to the set", rq, err)
	}
	untold := rq.untold()
	if most := rq.unconfirmed + rq.late + statements; b.Unconfirmed < len(untold) || b.Unconfirmed > most {
		r.fatal("%v: the break has %d unconfirmed statements, want %d to %d", rq, b.Unconfirmed, len(untold), most)
	}
	back, err := handedBack(b, r.program.keep, rq.name, !rq.history.shared())
	if err != nil {
		r.fatal("%v: %v", rq, err)
	}
	for _, value := range untold {
		if r.program.keep && !back[value] {
			r.fatal("%v: the write of %d is not handed back", rq, value)
		}
	}
	rq.told, rq.unconfirmed = b, b.Unconfirmed
}

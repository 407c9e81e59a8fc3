package monorailtest

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/replset"
)

const (
	// defaultStepDownPeriod is that of MongoDB's shell.
	defaultStepDownPeriod = 60 * time.Second
	// defaultCatchUp is secondaryCatchUpPeriodSecs of MongoDB.
	defaultCatchUp = 10 * time.Second
	// listenPatience bounds how long Restart waits for the member's port, in case somebody else has it.
	listenPatience = 10 * time.Second
)

// ErrNoneCaughtUp is wrapped by the error of a StepDown that fails because no secondary has all entries in time.
var ErrNoneCaughtUp error = replset.ErrNoneCaughtUp

// ErrBehind is wrapped by the error of an Elect that fails because no majority would vote for the member.
var ErrBehind = replset.ErrBehind

// SetLag makes a member take in each entry of the oplog only when it is d old, so that it stays behind by that. 0 ends
// it.
func (rs *ReplicaSet) SetLag(member int, d time.Duration) { rs.set.Member(member).SetLag(d) }

// StopReplication makes members take in no entry of the oplog until ResumeReplication; without any it is all of them. They
// go on serving, voting, and answering hello. The primary takes in nothing anyway: stopped, it does so when it is a
// secondary again, and does not roll back before.
func (rs *ReplicaSet) StopReplication(members ...int) { rs.replicate(members, false) }

// ResumeReplication ends StopReplication for members; without any it is all of them. A member that was primary and has
// entries that the primary has not then rolls back.
func (rs *ReplicaSet) ResumeReplication(members ...int) { rs.replicate(members, true) }

func (rs *ReplicaSet) replicate(members []int, on bool) {
	if len(members) == 0 {
		for i := range rs.members {
			members = append(members, i)
		}
	}
	for _, i := range members {
		rs.set.Member(i).SetStopped(!on)
	}
}

// StepDownOptions are the arguments of a step-down.
type StepDownOptions struct {
	// Force steps down even if no secondary has all entries after CatchUp, and by default without waiting for one.
	Force bool
	// CatchUp is how long the secondaries may take to catch up: secondaryCatchUpPeriodSecs. The default is 10 s, and no
	// time with Force.
	CatchUp time.Duration
	// Period is how long the member is not elected again. The default is 60 s.
	Period time.Duration
}

// StepDown makes the primary a secondary, as the command replSetStepDown does, and returns when it is one. Its
// connections stay open, but for one that sends an unacknowledged write. It takes no writes from the call on. Without
// Force it waits for a majority and one secondary that can be elected to have all its entries; if that takes longer than
// CatchUp, the error wraps ErrNoneCaughtUp, and the member is the primary that it was; so it is when ctx ends the wait.
// Without a primary it is an error.
func (rs *ReplicaSet) StepDown(ctx context.Context, o StepDownOptions) error {
	if o.Period <= 0 {
		o.Period = defaultStepDownPeriod
	}
	if o.CatchUp <= 0 && !o.Force {
		o.CatchUp = defaultCatchUp
	}
	p := rs.set.Primary()
	if p == nil {
		return fmt.Errorf("monorailtest: no primary to step down: %w", replset.ErrNotPrimary)
	}
	if err := p.StepDown(ctx, o.Period, o.CatchUp, o.Force); err != nil {
		return fmt.Errorf("monorailtest: step-down of member %d: %w", p.Index(), err)
	}
	return nil
}

// Elect makes a member primary at once, and returns when it is. The primary, if the two can reach each other, becomes a
// secondary in the same moment, and rolls back what only it has. A majority must vote for the member, as it does if
// nobody in it has a newer entry: otherwise the error wraps ErrBehind. A member that is behind and takes in what it lacks
// is waited for.
func (rs *ReplicaSet) Elect(ctx context.Context, member int) error {
	if err := rs.set.Member(member).Elect(ctx); err != nil {
		return fmt.Errorf("monorailtest: election of member %d: %w", member, err)
	}
	return nil
}

// Kill ends a member as a crash does: every socket is closed at once, and its port refuses connections. Its data and its
// port stay for Restart. Of a killed primary, the entries that nobody else has are rolled back after Restart, unless it
// is elected again. A primary that sees no majority any more steps down after the election delay. Killing a member that
// is down changes nothing.
func (rs *ReplicaSet) Kill(member int) {
	s := rs.members[member]
	s.stop(rs.set.Member(member).Kill)
	s.state.Cursors.KillAll()
}

// Restart starts a member that was killed: on the same port, with its data, and as a secondary. Restarting one that runs,
// or that was removed, changes nothing. It panics if the port cannot be had in ten seconds.
func (rs *ReplicaSet) Restart(member int) {
	s, m := rs.members[member], rs.set.Member(member)
	s.mu.Lock()
	down := s.listener == nil && !s.closed
	s.mu.Unlock()
	if !down {
		return
	}
	deadline := time.Now().Add(listenPatience)
	for {
		listener, err := net.Listen("tcp", s.listenAddr)
		if err == nil {
			m.Restart()
			s.start(listener)
			return
		}
		if time.Now().After(deadline) {
			panic(fmt.Sprintf("monorailtest: cannot listen on %s again: %v", s.addr, err))
		}
		time.Sleep(acceptPause)
	}
}

// Remove takes a member out of the set's configuration, for good. The others' hello no longer names it. It says itself
// that it is a member of no set, serves no reads and no writes, and closes the connections whose clients have said hello;
// new ones it accepts. A removed primary steps down.
func (rs *ReplicaSet) Remove(member int) { rs.set.Member(member).Remove() }

// Isolate cuts a member off from the other members, while clients reach it as before: a partition, or a member that was
// stopped for a while, as long as it has not noticed. An isolated primary remains primary and takes writes, none of which
// reaches a majority, and the others elect another one.
func (rs *ReplicaSet) Isolate(member int) { rs.set.Member(member).SetIsolated(true) }

// Rejoin ends Isolate. An old primary learns of the new one at once: it becomes a secondary, and rolls back what the new
// primary does not have, for which it closes the connections whose clients have said hello.
func (rs *ReplicaSet) Rejoin(member int) { rs.set.Member(member).SetIsolated(false) }

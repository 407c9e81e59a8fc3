package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
)

// programme is everything that is measured in one run.
type programme struct {
	contests []*contest
	lines    []line
	// skipped are rows of what does not apply.
	skipped []Row
	// idle and idleAt are the measure of memory and where it is made.
	idle   memoryContest
	idleAt *site
}

// plan connects the clients and says what they do.
func plan(s sites) (*programme, error) {
	near, err := s.sink.connect()
	if err != nil {
		return nil, err
	}
	server, distant := near, near
	if s.server != s.sink {
		if server, err = s.server.connect(); err != nil {
			return nil, err
		}
		if distant, err = s.distant.connect(); err != nil {
			return nil, err
		}
	}
	writes, err := near.unacknowledgedWrites()
	if err != nil {
		return nil, err
	}
	far, independent := distant.writesAndARead(), distant.independent()
	updates, reads := near.acknowledged(updateOne), near.acknowledged(findOne)
	many := server.throughput()
	shortUpdate, shortFind := server.shortRequests(updateOne), server.shortRequests(findOne)
	p := &programme{
		contests: []*contest{writes, far, independent, updates, reads, many, shortUpdate, shortFind},
		lines: []line{
			{"P1", "unacknowledged update: official w:0 / lane", writes, writeOfficial, writeByLane, atLeast(12), meansClientCost},
			{"P1", "unacknowledged update: official w:0 / w:0 in a request", writes, writeOfficial, writeInRequest, goal{}, meansClientCost},
			{"P2", "unacknowledged update: lane / its two documents alone", writes, writeByLane, writeDocuments, atMost(1.5), meansFloor},
			{"P3", "ten writes and a read: lane / one round trip", far, tenByLane, tenRoundTrip, atMost(1.15), meansTen},
			{"P3", "ten writes and a read: official / one round trip", far, tenOfficial, tenRoundTrip, goal{}, meansTenOfficial},
			{"P4", "acknowledged update: in a request / official", updates, acknowledgedInRequest, acknowledgedOfficial, atMost(0.85), meansInRequest(updateOne)},
			{"P4", "FindOne: in a request / official", reads, acknowledgedInRequest, acknowledgedOfficial, atMost(0.85), meansInRequest(findOne)},
			{"P5", "64 callers, updates a second: one request / official, 64 sockets", many, manySockets, oneSocket, atLeast(1.5), meansThroughput},
			{"P7", "acknowledged update: outside requests / official", updates, acknowledgedOutside, acknowledgedOfficial, atMost(1.02), meansOutside(updateOne)},
			{"P7", "FindOne: outside requests / official", reads, acknowledgedOutside, acknowledgedOfficial, atMost(1.02), meansOutside(findOne)},
			{"P8", "ten independent updates: Go and Wait / one round trip", independent, independentGo, independentRoundTrip, atMost(1.2), meansIndependent},
			{"P8", "ten independent updates: official / one round trip", independent, independentOfficial, independentRoundTrip, goal{}, meansIndependentOfficial},
			{"P9", "a request for one update / official update", shortUpdate, shortRequest, shortOfficial, atMost(1.05), meansShort(updateOne)},
			{"P9", "a request for one FindOne / official FindOne", shortFind, shortRequest, shortOfficial, atMost(1.05), meansShort(findOne)},
		},
		idleAt: s.sink,
	}
	if s.server.mongos {
		p.skipped = append(p.skipped, Row{Measure: "P6", Title: countingTitle,
			Skipped: "towards a mongos writes are merged only with SetMergeWritesThroughMongos, which is for you to decide."})
		return p, nil
	}
	counting, err := s.server.counting()
	if err != nil {
		return nil, err
	}
	p.contests = append(p.contests, counting)
	p.lines = append(p.lines, line{"P6", countingTitle, counting, countingBulk, countingLane, atLeast(1), meansCounting})
	return p, nil
}

const countingTitle = "counter updates a second until visible: lane with merging / official BulkWrite of 1,000"

// run calibrates and plays so many rounds, until ctx is done.
func (p *programme) run(ctx context.Context, rounds int, progress io.Writer) error {
	fmt.Fprintln(progress, "choosing how many operations a turn has")
	for _, c := range p.contests {
		if err := c.calibrate(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(progress, "measuring, %d rounds\n", rounds)
	for round := range rounds {
		for _, c := range p.contests {
			if err := c.play(ctx, round); err != nil {
				return err
			}
		}
	}
	// By itself, so that what the others leave behind is not collected meanwhile.
	fmt.Fprintln(progress, "measuring memory")
	for round := range min(rounds, idleRounds) {
		if err := p.idle.play(ctx, p.idleAt, round); err != nil {
			return err
		}
	}
	return nil
}

// rows are the lines of the table, in the order of the measures.
func (p *programme) rows() []Row {
	rows := p.skipped
	for _, l := range p.lines {
		rows = append(rows, l.row())
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Measure, b.Measure) })
	return append(rows, p.idle.row())
}

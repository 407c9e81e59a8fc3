package command

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	collate "github.com/mongo-monorail/monorail/monorailtest/internal/collation"
	"github.com/mongo-monorail/monorail/monorailtest/internal/order"
	"github.com/mongo-monorail/monorail/monorailtest/internal/query"
	"github.com/mongo-monorail/monorail/monorailtest/internal/store"
)

// plan is how a command finds its documents, and what it does with them.
type plan struct {
	namespace string
	// collection is nil for one that does not exist.
	collection *store.Collection
	filter     *query.Filter
	collation  *collate.Collation
	hint       store.Hint
	// root is the last stage.
	root  *planStage
	order order.Order
	// sorted says that all documents are collected first, and sorted. skip is how many then are passed over, and limit how many are
	// taken; 0 for all.
	sorted      bool
	skip, limit int64
	// counts says that the documents are counted only.
	counts bool
	// stages are those of a pipeline behind the plan; nil for a command that is none.
	stages []bson.D
	// writes tells what would become of the documents that matched; nil for a command that reads.
	writes func(matched int64) bson.D
}

// planStage is one step of a plan.
type planStage struct {
	name   string
	fields bson.D
	// input is the stage before; nil for the first.
	input *planStage
}

// wrap puts a stage behind the plan.
func (p *plan) wrap(name string, fields ...bson.E) {
	p.root = &planStage{name: name, fields: fields, input: p.root}
}

// execution is what the run of a plan came to.
type execution struct {
	keys, documents, returned int64
	took                      time.Duration
}

// document is the reply of explain but for the server.
func (p *plan) document(ctx context.Context, level verbosity) (bson.D, error) {
	planner := bson.D{{Key: "plannerVersion", Value: int32(1)}, {Key: "namespace", Value: p.namespace}, {Key: "indexFilterSet", Value: false},
		{Key: "parsedQuery", Value: p.filter.Source()}}
	if p.filter.Source() == nil {
		planner[3].Value = bson.D{}
	}
	if p.collation != nil {
		planner = append(planner, bson.E{Key: "collation", Value: p.collation.Document()})
	}
	if p.stages != nil && len(p.stages) == 0 {
		planner = append(planner, bson.E{Key: "optimizedPipeline", Value: true})
	}
	planner = append(planner, bson.E{Key: "winningPlan", Value: p.root.plan()}, bson.E{Key: "rejectedPlans", Value: bson.A{}})
	reply := bson.D{{Key: "queryPlanner", Value: planner}}
	if level > planOnly {
		stats, err := p.stats(ctx, level)
		if err != nil {
			return nil, err
		}
		reply = append(reply, bson.E{Key: "executionStats", Value: stats})
	}
	if len(p.stages) == 0 {
		return reply, nil
	}
	stages := bson.A{bson.D{{Key: "$cursor", Value: reply}}}
	for _, d := range p.stages {
		stages = append(stages, d)
	}
	return bson.D{{Key: "stages", Value: stages}}, nil
}

// stats runs the plan and tells what it came to.
func (p *plan) stats(ctx context.Context, level verbosity) (bson.D, error) {
	e, err := p.run(ctx)
	if err != nil {
		return nil, err
	}
	millis := int32(e.took.Milliseconds())
	root := p.root.executed(e)
	matched := e.returned
	if p.writes != nil || p.counts {
		e.returned = 0
	}
	if p.writes != nil {
		root = append(root, p.writes(matched)...)
	}
	if p.counts {
		root = append(root, bson.E{Key: "nCounted", Value: number(matched)}, bson.E{Key: "nSkipped", Value: number(min(p.skip, matched))})
	}
	stats := bson.D{{Key: "executionSuccess", Value: true}, {Key: "nReturned", Value: number(e.returned)},
		{Key: "executionTimeMillis", Value: millis}, {Key: "totalKeysExamined", Value: number(e.keys)},
		{Key: "totalDocsExamined", Value: number(e.documents)}, {Key: "executionStages", Value: root}}
	if level == allPlansExecution {
		stats = append(stats, bson.E{Key: "allPlansExecution", Value: bson.A{}})
	}
	return stats, nil
}

// run counts what the plan finds.
func (p *plan) run(ctx context.Context) (execution, error) {
	var e execution
	if p.collection == nil {
		return e, nil
	}
	start := time.Now()
	scan := p.scan()
	_, byIndex := scan.Index()
	matched := int64(0)
	enough := func() bool { return !p.sorted && p.limit > 0 && matched >= p.skip+p.limit }
	for !enough() {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		documents, err := scan.Next()
		if err != nil {
			return e, err
		}
		if len(documents) == 0 {
			break
		}
		for _, d := range documents {
			if enough() {
				break
			}
			e.documents++
			if byIndex {
				e.keys++
			}
			ok, err := p.filter.Match(d.Fields)
			if err != nil {
				return e, err
			}
			if ok {
				matched++
			}
		}
	}
	e.returned = max(0, matched-p.skip)
	if p.limit > 0 {
		e.returned = min(e.returned, p.limit)
	}
	e.took = time.Since(start)
	return e, nil
}

// plan is the stage as queryPlanner shows it.
func (t *planStage) plan() bson.D {
	out := append(bson.D{{Key: "stage", Value: t.name}}, t.fields...)
	if t.input != nil {
		out = append(out, bson.E{Key: "inputStage", Value: t.input.plan()})
	}
	return out
}

// executed is the stage as executionStats shows it. What is counted is the whole plan's.
func (t *planStage) executed(e execution) bson.D {
	out := bson.D{{Key: "stage", Value: t.name}, {Key: "nReturned", Value: number(e.returned)},
		{Key: "executionTimeMillisEstimate", Value: int32(e.took.Milliseconds())}, {Key: "works", Value: number(e.documents + 1)},
		{Key: "advanced", Value: number(e.returned)}, {Key: "isEOF", Value: int32(1)}}
	out = append(out, t.fields...)
	switch t.name {
	case "COLLSCAN", "FETCH":
		out = append(out, bson.E{Key: "docsExamined", Value: number(e.documents)})
	case "IXSCAN", "IDHACK":
		out = append(out, bson.E{Key: "keysExamined", Value: number(e.keys)})
	}
	if t.input != nil {
		out = append(out, bson.E{Key: "inputStage", Value: t.input.executed(e)})
	}
	return out
}

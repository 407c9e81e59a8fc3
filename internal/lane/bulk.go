package lane

import (
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Run is a part of a bulk write that the driver sends as one command, in as many messages as the
// server's limits demand.
type Run struct {
	Operation Operation
	Models    []mongo.WriteModel
}

// modelKind is what decides whether two models go into one command. Statements that change one
// document and statements that change many are kept apart, because the driver retries only the
// former, and the message boundaries are meant to be the driver's.
type modelKind int8

const (
	insertModel modelKind = iota
	updateOneModel
	updateManyModel
	deleteOneModel
	deleteManyModel
	modelKinds // how many there are

	unknownModel modelKind = -1
)

func kindOf(model mongo.WriteModel) modelKind {
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return known(insertModel, m != nil)
	case *mongo.UpdateOneModel:
		return known(updateOneModel, m != nil)
	case *mongo.ReplaceOneModel:
		return known(updateOneModel, m != nil)
	case *mongo.UpdateManyModel:
		return known(updateManyModel, m != nil)
	case *mongo.DeleteOneModel:
		return known(deleteOneModel, m != nil)
	case *mongo.DeleteManyModel:
		return known(deleteManyModel, m != nil)
	default:
		return unknownModel
	}
}

func known(kind modelKind, ok bool) modelKind {
	if !ok {
		return unknownModel
	}
	return kind
}

func (k modelKind) operation() Operation {
	switch k {
	case insertModel:
		return Insert
	case deleteOneModel, deleteManyModel:
		return Delete
	default:
		return Update
	}
}

// Runs groups the models of a bulk write as the driver does: neighbours of the same kind where it
// is ordered, everything of the same kind where it is not. It refuses a list with a nil model or
// one of a type of its own.
func Runs(models []mongo.WriteModel, ordered bool) ([]Run, error) {
	var byKind [modelKinds]Run
	var runs []Run
	start, previous := 0, unknownModel
	for i, model := range models {
		kind := kindOf(model)
		if kind == unknownModel {
			return nil, refuse("a model that is nil or of an unknown type")
		}
		if !ordered {
			byKind[kind].Operation = kind.operation()
			byKind[kind].Models = append(byKind[kind].Models, model)
			continue
		}
		if i > 0 && kind != previous {
			runs = append(runs, Run{previous.operation(), models[start:i]})
			start = i
		}
		previous = kind
	}
	if ordered {
		if len(models) > 0 {
			runs = append(runs, Run{previous.operation(), models[start:]})
		}
		return runs, nil
	}
	for _, run := range byKind {
		if len(run.Models) > 0 {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// AppendModel appends the statement of a model that Runs accepted.
func (e *Encoder) AppendModel(model mongo.WriteModel) error {
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return e.AppendInsert(m.Document)
	case *mongo.UpdateOneModel:
		return e.AppendUpdate(&UpdateStatement{
			Filter: m.Filter, Update: m.Update, Kind: Operators, Sort: m.Sort,
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Upsert: m.Upsert, Hint: m.Hint,
		})
	case *mongo.UpdateManyModel:
		return e.AppendUpdate(&UpdateStatement{
			Filter: m.Filter, Update: m.Update, Kind: Operators, Multi: true,
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Upsert: m.Upsert, Hint: m.Hint,
		})
	case *mongo.ReplaceOneModel:
		return e.AppendUpdate(&UpdateStatement{
			Filter: m.Filter, Update: m.Replacement, Kind: BulkReplacement, Sort: m.Sort,
			Collation: m.Collation, Upsert: m.Upsert, Hint: m.Hint,
		})
	case *mongo.DeleteOneModel:
		return e.AppendDelete(&DeleteStatement{Filter: m.Filter, Collation: m.Collation, Hint: m.Hint})
	case *mongo.DeleteManyModel:
		return e.AppendDelete(&DeleteStatement{Filter: m.Filter, Many: true, Collation: m.Collation, Hint: m.Hint})
	default:
		return refuse("a model of an unknown type")
	}
}

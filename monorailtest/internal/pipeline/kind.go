package pipeline

import (
	"slices"

	"go.mongodb.org/mongo-driver/bson"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// stage is a parsed stage.
type stage interface {
	// open starts the stage on the documents of in. It reads none yet.
	open(r *run, in Iterator) Iterator
}

// kind is one kind of stage.
type kind struct {
	// check finds what is wrong with the argument before any stage is parsed; nil for nothing.
	check func(c *Context, v any) error
	parse func(c *Context, v any) (stage, error)

	// first and last say where the stage has to stand, and source that no documents come to it.
	first, last, source bool
	// serverWide: the stage is not about a collection.
	serverWide bool
	// Where the stage must not be: in $facet, in the pipeline of $lookup or $unionWith, in a transaction.
	notInFacet, notInLookup, notInUnion, notInTransaction bool
	// localOnly: the stage looks at the server, and takes no read concern but local.
	localOnly bool
	// inUpdate: an update may have the stage.
	inUpdate bool
}

// kinds are the stages of MongoDB 4.4. It is set once, since its functions refer to it.
var kinds map[string]*kind

func init() {
	kinds = map[string]*kind{
		"$addFields":   {parse: parseAddFields("$addFields"), inUpdate: true},
		"$bucket":      {parse: parseBucket},
		"$bucketAuto":  {parse: parseBucketAuto},
		"$count":       {parse: parseCount},
		"$facet":       {parse: parseFacet, check: checkFacet, notInFacet: true},
		"$geoNear":     {parse: refuse("$geoNear"), first: true, source: true, notInFacet: true},
		"$graphLookup": {parse: parseGraphLookup, check: checkFrom("$graphLookup")},
		"$group":       {parse: parseGroup},
		"$limit":       {parse: parseLimit},
		"$lookup":      {parse: parseLookup, check: checkLookup},
		"$match":       {parse: parseMatch},
		"$merge":       {parse: parseMerge, check: checkMerge, last: true, notInFacet: true, notInLookup: true, notInUnion: true, notInTransaction: true},
		"$out":         {parse: parseOut, check: checkOut, last: true, notInFacet: true, notInLookup: true, notInUnion: true, notInTransaction: true},
		"$project":     {parse: parseProject, inUpdate: true},
		"$redact":      {parse: parseRedact},
		"$replaceRoot": {parse: parseReplaceRoot, inUpdate: true},
		"$replaceWith": {parse: parseReplaceWith, inUpdate: true},
		"$sample":      {parse: parseSample},
		"$set":         {parse: parseAddFields("$set"), inUpdate: true},
		"$skip":        {parse: parseSkip},
		"$sort":        {parse: parseSort},
		"$sortByCount": {parse: parseSortByCount},
		"$unionWith":   {parse: parseUnionWith, check: checkUnionWith},
		"$unset":       {parse: parseUnset, inUpdate: true},
		"$unwind":      {parse: parseUnwind},

		"$changeStream": {parse: parseElsewhere, first: true, source: true, notInFacet: true, notInLookup: true, notInUnion: true, notInTransaction: true},

		"$collStats":         {parse: parseCollStats, first: true, source: true, notInFacet: true, notInTransaction: true},
		"$currentOp":         {parse: parseCurrentOp, first: true, source: true, serverWide: true, notInFacet: true, notInTransaction: true, localOnly: true},
		"$indexStats":        {parse: parseEmpty("$indexStats", 28803, "The $indexStats stage specification must be an empty object"), first: true, source: true, notInFacet: true, notInTransaction: true, localOnly: true},
		"$listLocalSessions": {parse: parseListSessions("$listLocalSessions"), first: true, source: true, serverWide: true, notInFacet: true, notInTransaction: true, localOnly: true},
		"$listSessions":      {parse: parseListSessions("$listSessions"), first: true, source: true, notInFacet: true, notInTransaction: true},
		"$planCacheStats":    {parse: parsePlanCacheStats, first: true, source: true, notInFacet: true, notInTransaction: true, localOnly: true},
	}
}

// parseElsewhere is the parser of $changeStream, which does not get here where it may stand.
func parseElsewhere(*Context, any) (stage, error) {
	return collector(func(*run, Iterator) ([]bson.D, error) {
		return nil, mongoerror.New(40573, "The $changeStream stage is only supported on replica sets")
	}), nil
}

// IsStage tells whether MongoDB 4.4 has a stage of that name.
func IsStage(name string) bool { return kinds[name] != nil }

// refuse is the parser of a stage that is not there.
func refuse(name string) func(*Context, any) (stage, error) {
	return func(*Context, any) (stage, error) {
		return nil, mongoerror.New(mongoerror.NotImplemented, "stage %s is not supported by this server", name)
	}
}

// split returns the kind and the argument of a stage.
func split(d bson.D) (name string, k *kind, argument any, err error) {
	if len(d) != 1 {
		return "", nil, nil, mongoerror.New(40323, "A pipeline stage specification object must contain exactly one field.")
	}
	k = kinds[d[0].Key]
	if k == nil {
		return "", nil, nil, mongoerror.New(40324, "Unrecognized pipeline stage name: '%s'", d[0].Key)
	}
	return d[0].Key, k, d[0].Value, nil
}

// checkStages finds what can be seen of stages by themselves, at any depth.
func checkStages(c *Context, stages []bson.D) error {
	for _, d := range stages {
		_, k, v, err := split(d)
		if err != nil {
			return err
		}
		if k.check != nil {
			if err := k.check(c, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPlaces checks where stages stand.
func checkPlaces(c *Context, names []string) error {
	for i, name := range names {
		switch k := kinds[name]; {
		case k.first && i > 0:
			return mongoerror.New(40602, "%s is only valid as the first stage in a pipeline", name)
		case k.last && i < len(names)-1:
			return mongoerror.New(40601, "%s can only be the final stage in the pipeline", name)
		case k.notInTransaction && c.InTransaction:
			return mongoerror.New(mongoerror.OperationNotSupportedInTransaction,
				"Stage not supported inside of a multi-document transaction: %s", name)
		}
	}
	return nil
}

// CheckReadConcern returns an error if the pipeline cannot run with a level of read concern; "" is none.
func (p *Pipeline) CheckReadConcern(level string) error {
	for _, name := range p.names {
		switch k := kinds[name]; {
		case k.last && level == "linearizable":
			return mongoerror.New(mongoerror.InvalidOptions, "Aggregation stage %s cannot run with a readConcern of linearizable", name)
		case k.localOnly && level != "" && level != "local":
			return mongoerror.New(mongoerror.InvalidOptions, "Aggregation stage %s requires read concern local but found %s", name, level)
		}
	}
	return nil
}

// checkTop checks what the first stage of a command's pipeline needs.
func checkTop(c *Context, names []string) error {
	serverWide := len(names) > 0 && kinds[names[0]].serverWide
	either := slices.Contains(names[:min(1, len(names))], "$changeStream")
	switch {
	case either:
	case c.Namespace.Collection == "" && len(names) == 0:
		return mongoerror.New(mongoerror.InvalidNamespace, "{aggregate: 1} is not valid for an empty pipeline.")
	case c.Namespace.Collection == "" && !serverWide:
		return mongoerror.New(mongoerror.InvalidNamespace, "{aggregate: 1} is not valid for '%s'; a collection is required.", names[0])
	case c.Namespace.Collection != "" && serverWide:
		return mongoerror.New(mongoerror.InvalidNamespace, "'%s' can only be run with {aggregate: 1}", names[0])
	}
	return nil
}

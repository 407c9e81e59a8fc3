package pipeline

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// maxMemory is what a stage may hold without allowDiskUse, and what a value of $push or $addToSet may
// come to at all: 100 MB, as internalQueryMaxBlockingSortMemoryUsageBytes and its like say.
const maxMemory = 100 << 20

// maxIntermediate is what the documents that one $lookup finds for a document, and those of a $facet,
// may come to: internalLookupStageIntermediateDocumentMaxSizeBytes and
// internalQueryFacetMaxOutputDocSizeBytes, 100 MB.
const maxIntermediate = 100 << 20

// codeMemoryLimit is QueryExceededMemoryLimitNoDiskUseAllowed.
const codeMemoryLimit = 292

// valueSize is what a value takes beside its text: the size of the server's Value.
const valueSize = 16

// sizeOf returns about how many bytes a value takes. It stops beyond maxMemory: a value that holds
// another one many times would take too long.
func sizeOf(v any) int {
	switch x := v.(type) {
	case string:
		return valueSize + len(x)
	case primitive.Binary:
		return valueSize + len(x.Data)
	case bson.D:
		n := valueSize
		for i := 0; i < len(x) && n <= maxMemory; i++ {
			n += len(x[i].Key) + sizeOf(x[i].Value)
		}
		return n
	case bson.A:
		n := valueSize
		for i := 0; i < len(x) && n <= maxMemory; i++ {
			n += sizeOf(x[i])
		}
		return n
	}
	return valueSize
}

// memory counts what a stage holds.
type memory struct {
	used int
	// free lets it hold as much as it needs.
	free bool
	// stage is the name of the stage in the error.
	stage string
}

// add counts bytes. It fails with 292 beyond the limit.
func (m *memory) add(n int) error {
	m.used += n
	if m.free || m.used <= maxMemory {
		return nil
	}
	if m.stage == "$group" {
		return mongoerror.New(codeMemoryLimit, "Exceeded memory limit for $group, but didn't allow external sort. Pass allowDiskUse:true to opt in.")
	}
	return mongoerror.New(codeMemoryLimit, "Sort exceeded memory limit of %d bytes, but did not opt in to external sorting. Aborting operation. Pass allowDiskUse:true to opt in.", maxMemory)
}

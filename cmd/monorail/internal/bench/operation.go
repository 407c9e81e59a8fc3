package bench

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// operation is something acknowledged that is done with either client.
type operation struct {
	name   string
	phrase string // in a sentence
	do     func(ctx context.Context, coll *mongo.Collection) error
}

var (
	updateOne = operation{name: "acknowledged update", phrase: "an update", do: update}
	findOne   = operation{name: "FindOne", phrase: "a FindOne", do: find}
)

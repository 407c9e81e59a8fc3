package model

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
)

// opKind is what an operation does: most append to an array in the document of their request, so
// that each read of that document shows which operations ran before it, and in which order.
type opKind string

const (
	pushLane       opKind = "pushLane"       // unacknowledged, through the lane
	pushTwo        opKind = "pushTwo"        // two statements in one message of the lane
	pushDriver     opKind = "pushDriver"     // unacknowledged, through a collection with w:0
	pushAcked      opKind = "pushAcked"      // acknowledged
	findAndPush    opKind = "findAndPush"    // writes and reads
	find           opKind = "find"           // reads
	duplicate      opKind = "duplicate"      // is refused because of its key
	unknownCommand opKind = "unknownCommand" // fails
)

// statements returns how many unacknowledged statements an operation has.
func (k opKind) statements() int {
	switch k {
	case pushLane, pushDriver:
		return 1
	case pushTwo:
		return 2
	default:
		return 0
	}
}

func (k opKind) unacknowledged() bool { return k.statements() > 0 }

// pushes returns how many values an operation appends.
func (k opKind) pushes() int {
	switch k {
	case pushAcked, findAndPush:
		return 1
	default:
		return k.statements()
	}
}

func (k opKind) reads() bool { return k == find || k == findAndPush }

const (
	database      = "model"
	fixedID       = "fixed" // of a document that is always there
	numbers       = "numbers"
	numberCount   = 7
	cursorBatch   = 2
	duplicateCode = 11000
	noCommandCode = 59
)

// operation is one call of a client's method.
type operation struct {
	id    string // sent as the comment: the server's record tells by it which operation a message is of
	kind  opKind
	doc   string // _id of the document
	first int    // value to append; a second one is one more
	// entries are what it appends, in the history of the document.
	entries []*entry
}

// run does the operation. The log is what it read.
func (o *operation) run(ctx context.Context, c *monorail.Client) (log []int, err error) {
	coll := c.Database(database).Collection("c")
	filter := bson.D{{Key: "_id", Value: o.doc}}
	push := func(value int) bson.D {
		return bson.D{{Key: "$push", Value: bson.D{{Key: "log", Value: value}}}}
	}
	update := options.UpdateOne().SetUpsert(true).SetComment(o.id)
	switch o.kind {
	case pushLane:
		return nil, c.Unacknowledged(coll).UpdateOne(ctx, filter, push(o.first), update)
	case pushTwo:
		model := func(value int) mongo.WriteModel {
			return mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(push(value)).SetUpsert(true)
		}
		return nil, c.Unacknowledged(coll).BulkWrite(ctx, []mongo.WriteModel{model(o.first), model(o.first + 1)},
			options.BulkWrite().SetComment(o.id))
	case pushDriver:
		silent := coll.Clone(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
		_, err = silent.UpdateOne(ctx, filter, push(o.first), update)
		return nil, err
	case pushAcked:
		_, err = coll.UpdateOne(ctx, filter, push(o.first), update)
		return nil, err
	case findAndPush:
		return decode(coll.FindOneAndUpdate(ctx, filter, push(o.first), options.FindOneAndUpdate().
			SetUpsert(true).SetReturnDocument(options.After).SetComment(o.id)))
	case find:
		return decode(coll.FindOne(ctx, filter, options.FindOne().SetComment(o.id)))
	case duplicate:
		_, err = coll.InsertOne(ctx, bson.D{{Key: "_id", Value: fixedID}}, options.InsertOne().SetComment(o.id))
		return nil, err
	default:
		command := bson.D{{Key: "noSuchCommand", Value: 1}, {Key: "comment", Value: o.id}}
		return nil, c.Database(database).RunCommand(ctx, command).Err()
	}
}

// decode returns the log of a document, nil if there is no document yet.
func decode(result *mongo.SingleResult) ([]int, error) {
	var doc struct{ Log []int }
	if err := result.Decode(&doc); err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return nil, err
	}
	return doc.Log, nil
}

// acknowledge notes that the server has answered.
func (o *operation) acknowledge() {
	for _, e := range o.entries {
		e.acknowledged = true
	}
}

// answered tells whether err is what the operation gives when it runs.
func (o *operation) answered(err error) bool {
	var server mongo.ServerError
	switch o.kind {
	case duplicate:
		return errors.As(err, &server) && server.HasErrorCode(duplicateCode)
	case unknownCommand:
		return errors.As(err, &server) && server.HasErrorCode(noCommandCode)
	default:
		return err == nil
	}
}

package monorail

// The cluster clock's package is the driver's own, which it says by deprecating it.
//lint:file-ignore SA1019 see above

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/session"
)

// This file is the one place that reads unexported fields of the driver's types. A collection knows
// the registry and the BSON options that its documents are encoded with, and a client the cluster
// time that it gossips and its logger, and neither has a method that tells. The fields are looked for once, by name
// and by type; where a version of the driver has them otherwise, driverFields.found is false and
// the lane leaves every write to the driver. The fields are only read, and are written by the
// driver only before it returns the collection or the client.

// clusterClock is where the driver's client keeps the cluster time that it sends.
type clusterClock = session.ClusterClock

// driverFields are where the fields are.
var driverFields = findDriverFields(reflect.TypeFor[mongo.Collection](), reflect.TypeFor[mongo.Client]())

// fieldLocations are the indexes of fields in their structs.
type fieldLocations struct {
	found bool // whether all of them are there and of the types that we know

	registry, bsonOptions int // in mongo.Collection
	clock, logger         int // in mongo.Client
}

func findDriverFields(collection, client reflect.Type) fieldLocations {
	registry, ok1 := fieldOf(collection, "registry", reflect.TypeFor[*bson.Registry]())
	bsonOptions, ok2 := fieldOf(collection, "bsonOpts", reflect.TypeFor[*options.BSONOptions]())
	clock, ok3 := fieldOf(client, "clock", reflect.TypeFor[*session.ClusterClock]())
	// The logger's type is internal to the driver; that it is a pointer is all that is needed.
	logger, ok4 := client.FieldByName("logger")
	ok4 = ok4 && len(logger.Index) == 1 && logger.Type.Kind() == reflect.Pointer
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return fieldLocations{}
	}
	return fieldLocations{true, registry, bsonOptions, clock, logger.Index[0]}
}

// fieldOf returns the index of a struct's own field with that name and type.
func fieldOf(structType reflect.Type, name string, fieldType reflect.Type) (int, bool) {
	field, ok := structType.FieldByName(name)
	if !ok || len(field.Index) != 1 || field.Type != fieldType {
		return 0, false
	}
	return field.Index[0], true
}

// encoding returns what coll encodes its documents with; either may be nil. To be called only where
// driverFields.found.
func encoding(coll *mongo.Collection) (*bson.Registry, *options.BSONOptions) {
	fields := reflect.ValueOf(coll).Elem()
	return (*bson.Registry)(fields.Field(driverFields.registry).UnsafePointer()),
		(*options.BSONOptions)(fields.Field(driverFields.bsonOptions).UnsafePointer())
}

// clockOf returns the client's clock. To be called only where driverFields.found.
func clockOf(client *mongo.Client) *clusterClock {
	return (*clusterClock)(reflect.ValueOf(client).Elem().Field(driverFields.clock).UnsafePointer())
}

// hasLogger tells whether the client logs, told so by its options or by the driver's environment
// variables. To be called only where driverFields.found.
func hasLogger(client *mongo.Client) bool {
	return !reflect.ValueOf(client).Elem().Field(driverFields.logger).IsNil()
}

// openLane finds out whether unacknowledged writes need the driver, and what they need of it.
func (c *Client) openLane(driverOpts *options.ClientOptions) {
	c.hasLane = driverFields.found && driverOpts.AutoEncryptionOptions == nil && !hasLogger(c.Client)
	if !c.hasLane {
		return
	}
	c.clock = clockOf(c.Client)
	if driverOpts.Registry == nil {
		c.defaultRegistry, _ = encoding(c.Client.Database("any").Collection("any"))
	}
}

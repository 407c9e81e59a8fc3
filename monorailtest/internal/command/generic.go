package command

import (
	"bytes"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// genericArguments are the fields that every command may carry, whatever its own fields are (4.4: the Stable API's
// are not among them).
var genericArguments = map[string]bool{
	"$audit":                          true,
	"$client":                         true,
	"$clusterTime":                    true,
	"$configServerState":              true,
	"$db":                             true,
	"$oplogQueryData":                 true,
	"$queryOptions":                   true,
	"$readPreference":                 true,
	"$replData":                       true,
	"allowImplicitCollectionCreation": true,
	"autocommit":                      true,
	"comment":                         true,
	"coordinator":                     true,
	"databaseVersion":                 true,
	"lsid":                            true,
	"maxTimeMS":                       true,
	"maxTimeMSOpOnly":                 true,
	"readConcern":                     true,
	"shardVersion":                    true,
	"startTransaction":                true,
	"stmtId":                          true,
	"tracking_info":                   true,
	"txnNumber":                       true,
	"writeConcern":                    true,
}

// isGenericArgument reports whether a command accepts the field without naming it itself. Commands that refuse unknown
// fields ask here first.
func isGenericArgument(name string) bool { return genericArguments[name] }

// generic holds the generic arguments of one request that the server looks at. A zero RawValue is an absent one.
type generic struct {
	lsid             bson.RawValue
	txnNumber        bson.RawValue
	autocommit       bson.RawValue
	startTransaction bson.RawValue
	readConcern      bson.RawValue
	writeConcern     bson.RawValue
	maxTimeMS        bson.RawValue
	readPreference   bson.RawValue
	client           bson.RawValue
	audit            bson.RawValue
	clusterTime      bson.RawValue
	configState      bson.RawValue
	shardVersion     bson.RawValue
	databaseVersion  bson.RawValue

	// ends says that the command is one that ends a transaction.
	ends bool
}

// field returns where the argument of that name belongs, nil if it is not looked at.
func (g *generic) field(name []byte) *bson.RawValue {
	switch string(name) {
	case "lsid":
		return &g.lsid
	case "txnNumber":
		return &g.txnNumber
	case "autocommit":
		return &g.autocommit
	case "startTransaction":
		return &g.startTransaction
	case "readConcern":
		return &g.readConcern
	case "writeConcern":
		return &g.writeConcern
	case "maxTimeMS":
		return &g.maxTimeMS
	case "$readPreference":
		return &g.readPreference
	case "$client":
		return &g.client
	case "$clusterTime":
		return &g.clusterTime
	case "$audit":
		return &g.audit
	case "$configServerState":
		return &g.configState
	case "shardVersion":
		return &g.shardVersion
	case "databaseVersion":
		return &g.databaseVersion
	default:
		return nil
	}
}

// parseGeneric walks over the fields of a command once: it finds the generic arguments and refuses a field that is
// there twice. prefix is the name of the parser that MongoDB's message gives for it.
func parseGeneric(body bson.Raw, prefix string) (generic, error) {
	var g generic
	var seen [16][]byte
	keys := seen[:0]
	rest := body[4 : len(body)-1]
	for len(rest) > 0 {
		elem, next, ok := bsoncore.ReadElement(rest)
		if !ok {
			return g, mongoerror.New(mongoerror.InvalidBSON, "invalid command document")
		}
		rest = next
		key := elem.KeyBytes()
		for _, k := range keys {
			if bytes.Equal(k, key) {
				return g, mongoerror.New(codeDuplicateField, "BSON field '%s.%s' is a duplicate field", prefix, key)
			}
		}
		keys = append(keys, key)
		if f := g.field(key); f != nil {
			v := elem.Value()
			*f = bson.RawValue{Type: v.Type, Value: v.Data}
		}
	}
	return g, nil
}

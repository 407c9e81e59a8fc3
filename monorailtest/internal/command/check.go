package command

import (
	"strings"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"
)

// Codes that error_codes.yml gives no constant here, or no name at all.
const (
	codeNoSuchKey        = 4
	codeNotAReplicaSet   = 123
	codeInvalidUUID      = 207
	codeWrongDBType      = 13111
	codeDuplicateField   = 40413
	codeMissingField     = 40414
	codeUnknownField     = 40415
	codeNoSequences      = 40472
	codeNoDatabase       = 40571
	codeTxnNumberRefused = 50889
)

// maxDatabaseName is the length from which MongoDB refuses a database name.
const maxDatabaseName = 64

// checkDatabase refuses what is no database name.
func checkDatabase(name string) error {
	switch {
	case strings.Contains(name, "."):
		return mongoerror.New(mongoerror.InvalidNamespace, "'.' is an invalid character in a database name")
	case name == "" || len(name) >= maxDatabaseName || strings.ContainsAny(name, "/\\ \"\x00"):
		return mongoerror.New(mongoerror.InvalidNamespace, "Invalid database name: '%s'", name)
	}
	return nil
}

// checkSession checks lsid and the fields of transactions and retryable writes, which a standalone refuses.
func (s *State) checkSession(r *Request, g *generic, sp *spec) error {
	if err := checkLsid(g.lsid, "OperationSessionInfo.lsid"); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		v    bson.RawValue
		want bsontype.Type
	}{
		{"txnNumber", g.txnNumber, bson.TypeInt64},
		{"autocommit", g.autocommit, bson.TypeBoolean},
		{"startTransaction", g.startTransaction, bson.TypeBoolean},
	} {
		if present(f.v) && f.v.Type != f.want {
			return mongoerror.New(mongoerror.TypeMismatch,
				"BSON field 'OperationSessionInfo.%s' is the wrong type '%s', expected type '%s'",
				f.name, aliasOf(f.v.Type), aliasOf(f.want))
		}
	}
	if !present(g.txnNumber) {
		for _, f := range []struct {
			name string
			v    bson.RawValue
		}{{"autocommit", g.autocommit}, {"startTransaction", g.startTransaction}} {
			if present(f.v) {
				return mongoerror.New(mongoerror.InvalidOptions,
					"'%s' field requires a transaction number to also be specified", f.name)
			}
		}
		return nil
	}
	switch {
	case !present(g.lsid):
		return mongoerror.New(mongoerror.InvalidOptions, "Transaction number requires a session ID to also be specified")
	case !sp.txnNumber:
		return mongoerror.New(codeTxnNumberRefused, "It is illegal to provide a txnNumber for this command")
	case g.txnNumber.Int64() < 0:
		return mongoerror.New(mongoerror.InvalidOptions, "Transaction number cannot be negative")
	}
	if s.Member == nil && !(s.Mongos.Presents && g.inTransaction()) {
		return mongoerror.New(mongoerror.IllegalOperation,
			"Transaction numbers are only allowed on a replica set member or mongos")
	}
	if err := checkFlags(g); err != nil || g.inTransaction() {
		return err
	}
	return checkRetryable(r, sp)
}

// checkFlags checks autocommit, which can only be false, and startTransaction, which can only be true.
func checkFlags(g *generic) error {
	switch {
	case present(g.autocommit) && g.autocommit.Boolean():
		return mongoerror.New(mongoerror.InvalidOptions, "Specifying autocommit=true is not allowed.")
	case present(g.startTransaction) && !present(g.autocommit):
		return mongoerror.New(mongoerror.InvalidOptions, "'startTransaction' field requires 'autocommit' field to also be specified")
	case present(g.startTransaction) && !g.startTransaction.Boolean():
		return mongoerror.New(mongoerror.InvalidOptions, "Specifying startTransaction=false is not allowed.")
	}
	return nil
}

// checkLsid checks a session id as IDL does: {id: UUID, uid?: binary}. path is what the message calls it.
func checkLsid(v bson.RawValue, path string) error {
	if !present(v) {
		return nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return wrongType(path, v.Type, "object")
	}
	elems, err := doc.Elements()
	if err != nil {
		return mongoerror.New(mongoerror.InvalidBSON, "invalid lsid")
	}
	found := false
	for _, e := range elems {
		switch e.Key() {
		case "id":
			found = true
			if err := checkUUID(e.Value(), path+".id"); err != nil {
				return err
			}
		case "uid":
			if e.Value().Type != bson.TypeBinary {
				return wrongType(path+".uid", e.Value().Type, "binData")
			}
		default:
			return mongoerror.New(codeUnknownField, "BSON field '%s.%s' is an unknown field.", path, e.Key())
		}
	}
	if !found {
		return mongoerror.New(codeMissingField, "BSON field '%s.id' is missing but a required field", path)
	}
	return nil
}

func checkUUID(v bson.RawValue, path string) error {
	subtype, data, ok := v.BinaryOK()
	switch {
	case !ok:
		return wrongType(path, v.Type, "binData")
	case subtype == 3:
		return mongoerror.New(mongoerror.TypeMismatch,
			"BSON field '%s' is the wrong bindData type 'UUID(deprecated)', expected type 'UUID'", path)
	case subtype != 4:
		return mongoerror.New(mongoerror.TypeMismatch,
			"BSON field '%s' is the wrong bindData type '%d', expected type 'UUID'", path, subtype)
	case len(data) != 16:
		return mongoerror.New(codeInvalidUUID, "uuid must be a 16-byte binary field with UUID (4) subtype")
	}
	return nil
}

func wrongType(path string, have bsontype.Type, want string) error {
	return mongoerror.New(mongoerror.TypeMismatch, "BSON field '%s' is the wrong type '%s', expected type '%s'",
		path, aliasOf(have), want)
}

// present reports whether an optional field is there: null and undefined count as absent, as in MongoDB's parsers.
func present(v bson.RawValue) bool {
	return v.Type != 0 && v.Type != bson.TypeNull && v.Type != bson.TypeUndefined
}

// checkInternal checks the generic arguments that servers send to each other. Clients have no use for them, but get
// the errors that MongoDB gives.
func checkInternal(g *generic) error {
	if doc, ok := g.audit.DocumentOK(); ok && doc.Lookup("$impersonatedUsers").Type == 0 {
		return mongoerror.New(codeMissingField, "BSON field '$audit.$impersonatedUsers' is missing but a required field")
	}
	if doc, ok := g.client.DocumentOK(); ok {
		if _, err := parseMetadata(doc); err != nil {
			return err
		}
	}
	if doc, ok := g.configState.DocumentOK(); ok && doc.Lookup("opTime").Type == 0 {
		return mongoerror.New(codeNoSuchKey, "Missing expected field \"opTime\"")
	}
	if g.shardVersion.Type != 0 && g.shardVersion.Type != bson.TypeArray {
		return mongoerror.New(mongoerror.TypeMismatch,
			"Invalid type %s for shardVersion element. Expected an array", aliasOf(g.shardVersion.Type))
	}
	if doc, ok := g.databaseVersion.DocumentOK(); ok && doc.Lookup("uuid").Type == 0 {
		return mongoerror.New(codeMissingField,
			"BSON field 'initializeClientRoutingVersions.uuid' is missing but a required field")
	}
	return nil
}

// checkReadPreference checks the mode; a standalone serves every mode.
func checkReadPreference(v bson.RawValue) error {
	if v.Type == 0 {
		return nil
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return mongoerror.New(mongoerror.TypeMismatch,
			"\"$readPreference\" had the wrong type. Expected object, found %s", aliasOf(v.Type))
	}
	mode := doc.Lookup("mode")
	if mode.Type == 0 {
		return mongoerror.New(codeNoSuchKey, "Missing expected field \"mode\"")
	}
	name, _ := mode.StringValueOK()
	switch name {
	case "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest":
		return nil
	}
	return mongoerror.New(mongoerror.BadValue, "Could not parse $readPreference mode '%s'. Only the modes 'primary', "+
		"'primaryPreferred', 'secondary', 'secondaryPreferred', and 'nearest' are supported. :: caused by :: "+
		"Enumeration value '%s' for field 'mode' is not a valid value.", name, name)
}

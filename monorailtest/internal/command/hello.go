package command

import (
	"context"
	"slices"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

const (
	// maxWireVersion is that of MongoDB 4.4, whose behaviour the server has; it is also the oldest that
	// v2.10.0 of the Go driver talks to (driverutil.MinWireVersion).
	maxWireVersion = 9
	// maxBSONObjectSize is the size of the largest document, 16 MiB.
	maxBSONObjectSize = 16 << 20
	// maxWriteBatchSize is how many statements a write command may have.
	maxWriteBatchSize = 100_000
	// sessionTimeoutMinutes is logicalSessionTimeoutMinutes.
	sessionTimeoutMinutes = 30
)

// Limits of the client metadata document in MongoDB.
const (
	maxMetadataSize = 512
	maxAppNameSize  = 128
)

// Codes of error_codes.yml.
const (
	codeMetadataAppNameTooLarge = 184
	codeMetadataTooLarge        = 185
	codeMetadataCannotBeMutated = 186
	codeMetadataMissingField    = 183
)

// hello answers hello and isMaster as a standalone, or as a mongos. It offers no topologyVersion, so drivers poll it.
func hello(_ context.Context, s *State, r *Request) (bson.D, error) {
	if client := r.Body.Lookup("client"); client.Type != 0 {
		doc, ok := client.DocumentOK()
		if !ok {
			return nil, mongoerror.New(mongoerror.TypeMismatch, "The client metadata document must be a document")
		}
		if r.Conn.greeted {
			return nil, mongoerror.New(codeMetadataCannotBeMutated,
				"The client metadata document may only be sent in the first isMaster")
		}
		appName, err := parseMetadata(doc)
		if err != nil {
			return nil, err
		}
		r.Conn.AppName, r.Conn.greeted = appName, true
	}
	mongos, err := s.Mongos.greet(r)
	if err != nil {
		return nil, err
	}
	negotiate(r)
	if hang, ok := r.Body.Lookup("hangUpOnStepDown").BooleanOK(); !ok || hang {
		r.Conn.HangUp = true
	}
	member, err := s.describeMember(r)
	if err != nil {
		return nil, err
	}

	var reply bson.D
	if ok, _ := r.Body.Lookup("helloOk").BooleanOK(); ok {
		reply = append(reply, bson.E{Key: "helloOk", Value: true})
	}
	primary := "ismaster"
	if r.Name == "hello" {
		primary = "isWritablePrimary"
	}
	if s.Member == nil {
		reply = append(reply, bson.E{Key: primary, Value: true})
	} else {
		reply = append(reply, member.fields(primary)...)
	}
	reply = append(reply,
		bson.E{Key: "maxBsonObjectSize", Value: int32(maxBSONObjectSize)},
		bson.E{Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessageSize)},
		bson.E{Key: "maxWriteBatchSize", Value: int32(maxWriteBatchSize)},
		bson.E{Key: "localTime", Value: primitive.NewDateTimeFromTime(time.Now())},
		bson.E{Key: "logicalSessionTimeoutMinutes", Value: int32(sessionTimeoutMinutes)},
		bson.E{Key: "connectionId", Value: r.Conn.ID},
		bson.E{Key: "minWireVersion", Value: int32(0)},
		bson.E{Key: "maxWireVersion", Value: int32(maxWireVersion)},
		bson.E{Key: "readOnly", Value: false},
	)
	if len(r.Conn.compression) > 0 {
		reply = append(reply, bson.E{Key: "compression", Value: slices.Clone(r.Conn.compression)})
	}
	return append(append(reply, mongos...), s.greetUser(r)...), nil
}

// negotiate agrees on the compressors that the client offers, in its order, and the server knows. A hello that offers
// none leaves what an earlier one agreed on.
func negotiate(r *Request) {
	offered, ok := r.Body.Lookup("compression").ArrayOK()
	if !ok {
		return
	}
	values, err := offered.Values()
	if err != nil {
		return
	}
	r.Conn.compression = nil
	for _, v := range values {
		name, _ := v.StringValueOK()
		if _, known := wire.CompressorNames[name]; known && !slices.Contains(r.Conn.compression, name) {
			r.Conn.compression = append(r.Conn.compression, name)
		}
	}
}

// parseMetadata checks the client document of a hello and returns the application's name.
func parseMetadata(doc bson.Raw) (string, error) {
	if len(doc) > maxMetadataSize {
		return "", mongoerror.New(codeMetadataTooLarge,
			"The client metadata document must be less then or equal to %d bytes", maxMetadataSize)
	}
	var appName string
	if app := doc.Lookup("application"); app.Type != 0 {
		appDoc, ok := app.DocumentOK()
		if !ok {
			return "", notADocument("application")
		}
		if name := appDoc.Lookup("name"); name.Type != 0 {
			if appName, ok = name.StringValueOK(); !ok {
				return "", notAString("application.name")
			}
		}
		if len(appName) > maxAppNameSize {
			return "", mongoerror.New(codeMetadataAppNameTooLarge,
				"The '%s' field must be less then or equal to %d bytes in the client metadata document",
				"application.name", maxAppNameSize)
		}
	}
	for _, part := range []struct {
		name   string
		fields []string
	}{{"driver", []string{"name", "version"}}, {"os", []string{"type"}}} {
		if err := checkMetadataPart(doc.Lookup(part.name), part.name, part.fields); err != nil {
			return "", err
		}
	}
	return appName, nil
}

// checkMetadataPart checks a required document of strings.
func checkMetadataPart(v bson.RawValue, name string, fields []string) error {
	if v.Type == 0 {
		return mongoerror.New(codeMetadataMissingField,
			"Missing required sub-document '%s' in the client metadata document", name)
	}
	doc, ok := v.DocumentOK()
	if !ok {
		return notADocument(name)
	}
	for _, f := range fields {
		v := doc.Lookup(f)
		if v.Type == 0 {
			return mongoerror.New(codeMetadataMissingField,
				"Missing required field '%s.%s' in the client metadata document", name, f)
		}
		if _, ok := v.StringValueOK(); !ok {
			return notAString(name + "." + f)
		}
	}
	return nil
}

func notADocument(name string) error {
	return mongoerror.New(mongoerror.TypeMismatch,
		"The '%s' field is required to be a BSON document in the client metadata document", name)
}

func notAString(name string) error {
	return mongoerror.New(mongoerror.TypeMismatch,
		"The '%s' field must be a string in the client metadata document", name)
}

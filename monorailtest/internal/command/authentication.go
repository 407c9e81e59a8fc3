package command

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/access"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// conversationID is the one that MongoDB gives to every conversation: a connection has one at a time.
const conversationID = 1

// saslStart begins to authenticate the connection.
func saslStart(_ context.Context, s *State, r *Request) (bson.D, error) {
	return s.startConversation(r.Conn, r.Database, r.Body)
}

// startConversation takes the fields of a saslStart, which a hello may carry too.
func (s *State) startConversation(c *Conn, database string, start bson.Raw) (bson.D, error) {
	c.sasl = nil
	v := start.Lookup("mechanism")
	name, ok := v.StringValueOK()
	if !ok {
		return nil, fieldOfType("mechanism", v, "string")
	}
	short := false
	if options, ok := start.Lookup("options").DocumentOK(); ok {
		short, _ = truth(options.Lookup("skipEmptyExchange"))
	}
	conversation, err := s.Users.Start(database, name, short)
	if err != nil {
		return nil, mongoerror.New(mongoerror.BadValue,
			"Unsupported mechanism '%s' on authentication database '%s'", name, database)
	}
	return c.converse(conversation, start)
}

// saslContinue goes on with what saslStart began.
func saslContinue(_ context.Context, _ *State, r *Request) (bson.D, error) {
	conversation := r.Conn.sasl
	if conversation == nil {
		return nil, mongoerror.New(mongoerror.ProtocolError, "No SASL session state found")
	}
	if id, ok := asFloat(r.Body.Lookup("conversationId")); !ok || id != conversationID {
		r.Conn.sasl = nil
		return nil, mongoerror.New(mongoerror.ProtocolError, "sasl: Mismatched conversation id")
	}
	return r.Conn.converse(conversation, r.Body)
}

// converse takes one step of a conversation. At its end the connection is the user's.
func (c *Conn) converse(conversation *access.Conversation, from bson.Raw) (bson.D, error) {
	c.sasl = nil
	payload, err := saslPayload(from)
	if err != nil {
		return nil, err
	}
	answer, done, err := conversation.Step(payload)
	if err != nil {
		return nil, mongoerror.New(mongoerror.AuthenticationFailed, "Authentication failed.")
	}
	if done {
		c.user = conversation.User()
	} else {
		c.sasl = conversation
	}
	return bson.D{
		{Key: "conversationId", Value: int32(conversationID)},
		{Key: "done", Value: done},
		{Key: "payload", Value: primitive.Binary{Data: answer}},
	}, nil
}

// saslPayload reads a payload, which has to be binary, as drivers send it. MongoDB takes a string in base64 too.
func saslPayload(from bson.Raw) ([]byte, error) {
	v := from.Lookup("payload")
	_, payload, ok := v.BinaryOK()
	if !ok {
		return nil, fieldOfType("payload", v, "binData")
	}
	return payload, nil
}

// fieldOfType is the error for a field that is missing or of another type than it must be.
func fieldOfType(name string, v bson.RawValue, want string) error {
	if v.Type == 0 {
		return mongoerror.New(codeNoSuchKey, "Missing expected field %q", name)
	}
	return mongoerror.New(mongoerror.TypeMismatch, "%q had the wrong type. Expected %s, found %s", name, want, aliasOf(v.Type))
}

// greetUser returns what a hello tells of authentication: the mechanisms of the user whom saslSupportedMechs names, and
// the first answer of a conversation that the client begins on speculation. A user who is not there, or a speculation
// that fails, is no error: nothing is told.
func (s *State) greetUser(r *Request) bson.D {
	var reply bson.D
	if name, ok := r.Body.Lookup("saslSupportedMechs").StringValueOK(); ok {
		if database, user, ok := strings.Cut(name, "."); ok && s.Users.Find(database, user) != nil {
			reply = append(reply, bson.E{Key: "saslSupportedMechs", Value: access.Mechanisms()})
		}
	}
	if start, ok := r.Body.Lookup("speculativeAuthenticate").DocumentOK(); ok {
		database, _ := start.Lookup("db").StringValueOK()
		if answer, err := s.startConversation(r.Conn, database, start); err == nil {
			reply = append(reply, bson.E{Key: "speculativeAuthenticate", Value: answer})
		}
	}
	return reply
}

// authenticate is the older command, of which no mechanism is left here.
func authenticate(_ context.Context, _ *State, r *Request) (bson.D, error) {
	name, ok := r.Body.Lookup("mechanism").StringValueOK()
	if !ok {
		return nil, mongoerror.New(mongoerror.BadValue, "Auth mechanism not specified")
	}
	return nil, mongoerror.New(mongoerror.BadValue, "Unsupported mechanism: %s", name)
}

// logout leaves the connection open, and nobody's.
func logout(_ context.Context, _ *State, r *Request) (bson.D, error) {
	r.Conn.user, r.Conn.sasl = nil, nil
	return bson.D{}, nil
}

// connectionStatus tells who the connection has authenticated as.
func connectionStatus(_ context.Context, _ *State, r *Request) (bson.D, error) {
	users, roles, privileges := bson.A{}, bson.A{}, bson.A{}
	if user := r.Conn.user; user != nil {
		users = append(users, bson.D{{Key: "user", Value: user.Name}, {Key: "db", Value: access.Database}})
		role, everywhere := "root", bson.D{{Key: "anyResource", Value: true}}
		actions := user.Actions()
		if actions == nil {
			actions = []string{"anyAction"}
		} else {
			// Only a role gives privileges: one of its own, named like the user.
			role = user.Name
			everywhere = bson.D{{Key: "db", Value: ""}, {Key: "collection", Value: ""}}
		}
		roles = append(roles, bson.D{{Key: "role", Value: role}, {Key: "db", Value: access.Database}})
		privileges = append(privileges, bson.D{{Key: "resource", Value: everywhere}, {Key: "actions", Value: actions}})
	}
	info := bson.D{{Key: "authenticatedUsers", Value: users}, {Key: "authenticatedUserRoles", Value: roles}}
	if show, ok := truth(r.Body.Lookup("showPrivileges")); ok && show {
		info = append(info, bson.E{Key: "authenticatedUserPrivileges", Value: privileges})
	}
	return bson.D{{Key: "authInfo", Value: info}}, nil
}

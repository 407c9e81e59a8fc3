package monorailtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	driverbson "go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// saslStep sends what a client says, and returns the reply.
func (c *rawConn) saslStep(command string, said string, fields ...bson.E) bson.Raw {
	c.t.Helper()
	d := append(bson.D{{Key: command, Value: 1}, {Key: "payload", Value: primitive.Binary{Data: []byte(said)}}}, fields...)
	return c.runAdmin(d)
}

// saslClient is the client's side of SCRAM-SHA-256.
func saslClient(t testing.TB, name, password string) *scram.ClientConversation {
	t.Helper()
	client, err := scram.SHA256.NewClientUnprepped(name, password, "")
	if err != nil {
		t.Fatal(err)
	}
	return client.NewConversation()
}

// say returns what the client says to a reply.
func say(t testing.TB, client *scram.ClientConversation, reply bson.Raw) string {
	t.Helper()
	var heard []byte
	if reply != nil {
		_, heard = reply.Lookup("payload").Binary()
	}
	said, err := client.Step(string(heard))
	if err != nil {
		t.Fatalf("the client does not accept %v: %v", reply, err)
	}
	return said
}

// authenticate makes the connection the user's, and returns the last reply.
func (c *rawConn) authenticate(name, password string) bson.Raw {
	c.t.Helper()
	client := saslClient(c.t, name, password)
	reply := c.saslStep("saslStart", say(c.t, client, nil), bson.E{Key: "mechanism", Value: "SCRAM-SHA-256"},
		bson.E{Key: "options", Value: bson.D{{Key: "skipEmptyExchange", Value: true}}})
	if code(reply) != 0 {
		return reply
	}
	return c.saslStep("saslContinue", say(c.t, client, reply), bson.E{Key: "conversationId", Value: 1})
}

// wantUser fails unless connectionStatus names the user; "" for none.
func (c *rawConn) wantUser(want string) {
	c.t.Helper()
	users, err := c.runAdmin(bson.D{{Key: "connectionStatus", Value: 1}}).LookupErr("authInfo", "authenticatedUsers")
	if err != nil {
		c.t.Fatal(err)
	}
	got := ""
	if values, _ := users.Array().Values(); len(values) > 0 {
		got = values[0].Document().Lookup("user").StringValue()
	}
	if got != want {
		c.t.Errorf("the connection is that of %q, want %q", got, want)
	}
}

func TestAuthenticationIsPerConnection(t *testing.T) {
	s := newServer(t, WithUser("ann", "pass"))
	c, other := dial(t, s), dial(t, s)
	for _, command := range []string{"hello", "isMaster", "ping", "buildInfo", "connectionStatus", "whatsmyuri", "listCommands", "logout"} {
		if reply := c.runAdmin(bson.D{{Key: command, Value: 1}}); code(reply) != 0 {
			t.Errorf("%s before authentication: %v", command, reply)
		}
	}
	refused := func(c *rawConn, when string) {
		t.Helper()
		for _, command := range []string{"find", "listDatabases", "serverStatus", "endSessions"} {
			reply := c.runAdmin(bson.D{{Key: command, Value: "c"}})
			if code(reply) != 13 || reply.Lookup("errmsg").StringValue() != "command "+command+" requires authentication" {
				t.Errorf("%s %s: %v", command, when, reply)
			}
		}
	}
	refused(c, "before authentication")
	c.wantUser("")
	if reply := c.authenticate("ann", "pass"); reply.Lookup("ok").Double() != 1 || !reply.Lookup("done").Boolean() {
		t.Fatal(reply)
	}
	c.wantUser("ann")
	c.ok(bson.D{{Key: "find", Value: "c"}})
	refused(other, "on another connection")
	c.runAdmin(bson.D{{Key: "logout", Value: 1}})
	c.wantUser("")
	refused(c, "after logout")
}

func TestAuthenticationFails(t *testing.T) {
	s := newServer(t, WithUser("ann", "pass"))
	for _, who := range [][2]string{{"ann", "wrong"}, {"bob", "pass"}} {
		c := dial(t, s)
		reply := c.authenticate(who[0], who[1])
		if code(reply) != 18 || reply.Lookup("codeName").StringValue() != "AuthenticationFailed" ||
			reply.Lookup("errmsg").StringValue() != "Authentication failed." {
			t.Errorf("%v: %v", who, reply)
		}
		c.wantUser("")
		if reply := c.saslStep("saslContinue", "", bson.E{Key: "conversationId", Value: 1}); code(reply) != 17 {
			t.Errorf("%v: the conversation goes on after its end: %v", who, reply)
		}
		// The connection is good for another attempt.
		if reply := c.authenticate("ann", "pass"); reply.Lookup("ok").Double() != 1 {
			t.Errorf("%v: the attempt after: %v", who, reply)
		}
	}
	c := dial(t, s)
	for _, test := range []struct {
		command string
		fields  bson.D
		want    int32
	}{
		{"saslStart", bson.D{{Key: "mechanism", Value: "PLAIN"}}, 2},
		{"saslStart", bson.D{}, 4},
		{"saslStart", bson.D{{Key: "mechanism", Value: 1}}, 14},
		{"saslStart", bson.D{{Key: "mechanism", Value: "SCRAM-SHA-256"}}, 18},
		{"saslContinue", bson.D{{Key: "conversationId", Value: 1}}, 17},
	} {
		if reply := c.saslStep(test.command, "nonsense", test.fields...); code(reply) != test.want {
			t.Errorf("%s %v: %v, want %d", test.command, test.fields, reply, test.want)
		}
	}
	client := saslClient(t, "ann", "pass")
	reply := c.saslStep("saslStart", say(t, client, nil), bson.E{Key: "mechanism", Value: "SCRAM-SHA-256"})
	if reply := c.saslStep("saslContinue", say(t, client, reply), bson.E{Key: "conversationId", Value: 2}); code(reply) != 17 {
		t.Errorf("another conversation: %v", reply)
	}
}

func TestEmptyExchange(t *testing.T) {
	c := dial(t, newServer(t, WithUser("ann", "pass")))
	client := saslClient(t, "ann", "pass")
	reply := c.saslStep("saslStart", say(t, client, nil), bson.E{Key: "mechanism", Value: "SCRAM-SHA-256"})
	reply = c.saslStep("saslContinue", say(t, client, reply), bson.E{Key: "conversationId", Value: 1})
	say(t, client, reply)
	if !client.Valid() || reply.Lookup("done").Boolean() {
		t.Fatalf("valid %t, %v", client.Valid(), reply)
	}
	c.wantUser("")
	if reply = c.saslStep("saslContinue", "", bson.E{Key: "conversationId", Value: 1}); !reply.Lookup("done").Boolean() {
		t.Fatal(reply)
	}
	c.wantUser("ann")
}

func TestHelloAuthenticatesOnSpeculation(t *testing.T) {
	s := newServer(t, WithUser("ann", "pass"))
	c := dial(t, s)
	client := saslClient(t, "ann", "pass")
	hello := c.runAdmin(bson.D{
		{Key: "hello", Value: 1}, {Key: "saslSupportedMechs", Value: "admin.ann"},
		{Key: "speculativeAuthenticate", Value: bson.D{
			{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: "SCRAM-SHA-256"}, {Key: "db", Value: "admin"},
			{Key: "payload", Value: primitive.Binary{Data: []byte(say(t, client, nil))}},
			{Key: "options", Value: bson.D{{Key: "skipEmptyExchange", Value: true}}},
		}},
	})
	var mechanisms []string
	if err := hello.Lookup("saslSupportedMechs").Unmarshal(&mechanisms); err != nil || !slices.Equal(mechanisms, []string{"SCRAM-SHA-1", "SCRAM-SHA-256"}) {
		t.Errorf("saslSupportedMechs: %v, %v", mechanisms, err)
	}
	answer, ok := hello.Lookup("speculativeAuthenticate").DocumentOK()
	if !ok {
		t.Fatal(hello)
	}
	c.wantUser("")
	reply := c.saslStep("saslContinue", say(t, client, answer), bson.E{Key: "conversationId", Value: 1})
	if reply.Lookup("ok").Double() != 1 || !reply.Lookup("done").Boolean() {
		t.Fatal(reply)
	}
	c.wantUser("ann")
	// What cannot succeed is left out, and is no error.
	hello = dial(t, s).runAdmin(bson.D{
		{Key: "hello", Value: 1}, {Key: "saslSupportedMechs", Value: "admin.bob"},
		{Key: "speculativeAuthenticate", Value: bson.D{
			{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: "SCRAM-SHA-256"}, {Key: "db", Value: "admin"},
			{Key: "payload", Value: primitive.Binary{Data: []byte(say(t, saslClient(t, "bob", "pass"), nil))}},
		}},
	})
	if hello.Lookup("ok").Double() != 1 || hello.Lookup("saslSupportedMechs").Type != 0 || hello.Lookup("speculativeAuthenticate").Type != 0 {
		t.Errorf("an unknown user: %v", hello)
	}
}

func TestPrivileges(t *testing.T) {
	s := newServer(t, WithUser("ann", "pass"), WithUser("reader", "read", "find", "listCollections"), WithUser("writer", "write", "insert", "update"), WithUser("updater", "up", "update"))
	reader, writer := dial(t, s), dial(t, s)
	reader.authenticate("reader", "read")
	reader.wantUser("reader")
	writer.authenticate("writer", "write")
	writer.wantUser("writer")
	statements := func(field string, d bson.D) bson.E { return bson.E{Key: field, Value: bson.A{d}} }
	one, set := bson.E{Key: "q", Value: bson.D{}}, bson.E{Key: "u", Value: bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}}
	pipeline := func(stages ...any) bson.D {
		return bson.D{{Key: "aggregate", Value: "c"}, {Key: "pipeline", Value: append(bson.A{}, stages...)}, {Key: "cursor", Value: bson.D{}}}
	}
	for _, test := range []struct {
		command        bson.D
		reader, writer int32
	}{
		{bson.D{{Key: "insert", Value: "c"}, statements("documents", bson.D{})}, 13, 0},
		{bson.D{{Key: "find", Value: "c"}}, 0, 13},
		{bson.D{{Key: "count", Value: "c"}}, 0, 13},
		{bson.D{{Key: "distinct", Value: "c"}, {Key: "key", Value: "a"}}, 0, 13},
		{pipeline(), 0, 13},
		{pipeline(bson.D{{Key: "$out", Value: "d"}}), 13, 13},
		{bson.D{{Key: "update", Value: "c"}, statements("updates", bson.D{one, set})}, 13, 0},
		{bson.D{{Key: "update", Value: "c"}, statements("updates", bson.D{one, set, {Key: "upsert", Value: true}})}, 13, 0},
		{bson.D{{Key: "delete", Value: "c"}, statements("deletes", bson.D{one, {Key: "limit", Value: 1}})}, 13, 13},
		{bson.D{{Key: "findAndModify", Value: "c"}, {Key: "remove", Value: true}}, 13, 13},
		{bson.D{{Key: "findAndModify", Value: "c"}, {Key: "update", Value: bson.D{}}}, 13, 13},
		{bson.D{{Key: "drop", Value: "c"}}, 13, 13},
		{bson.D{{Key: "listCollections", Value: 1}}, 0, 13},
		{bson.D{{Key: "getMore", Value: int64(7)}, {Key: "collection", Value: "c"}}, 43, 43},
		{bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "off"}}, 13, 13},
	} {
		if reply := reader.call(test.command); code(reply) != test.reader {
			t.Errorf("the reader's %v: %v, want %d", test.command, reply, test.reader)
		}
		if reply := writer.call(test.command); code(reply) != test.writer {
			t.Errorf("the writer's %v: %v, want %d", test.command, reply, test.writer)
		}
	}
	updater := dial(t, s)
	updater.authenticate("updater", "up")
	updater.ok(bson.D{{Key: "update", Value: "c"}, statements("updates", bson.D{one, set})})
	for _, how := range []string{"in the body", "in a sequence"} {
		upsert := bson.D{{Key: "q", Value: bson.D{}}, set, {Key: "upsert", Value: true}}
		command := updater.ask(bson.D{{Key: "update", Value: "c"}, statements("updates", upsert)})
		if how == "in a sequence" {
			command = updater.message(0, bson.D{{Key: "update", Value: "c"}}, sequence(t, "updates", upsert))
		}
		updater.send(command)
		if reply := updater.reply().body; code(reply) != 13 {
			t.Errorf("an upsert, %s, of a user who may not insert: %v", how, reply)
		}
	}
	reply := reader.call(bson.D{{Key: "insert", Value: "c"}, statements("documents", bson.D{})})
	if text := reply.Lookup("errmsg").StringValue(); !strings.HasPrefix(text, "not authorized on test to execute command { insert: \"c\"") {
		t.Errorf("the text is %q", text)
	}
	// An unacknowledged write without the privilege is silent, and the connection goes on.
	reader.send(reader.tell(bson.D{{Key: "insert", Value: "silent"}, statements("documents", bson.D{})}))
	if n := reader.call(bson.D{{Key: "count", Value: "silent"}}).Lookup("n").Int32(); n != 0 {
		t.Errorf("%d documents of a user who may not write", n)
	}
}

func TestDriverAuthenticates(t *testing.T) {
	s := newServer(t, WithUser("ann", "päss"), WithUser("reader", "read", "find"))
	connect := func(mechanism, name, password string) *mongo.Collection {
		client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetAuth(options.Credential{
			AuthMechanism: mechanism, Username: name, Password: password,
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
		return client.Database("driver").Collection("c")
	}
	for _, mechanism := range []string{"", "SCRAM-SHA-1", "SCRAM-SHA-256"} {
		if _, err := connect(mechanism, "ann", "päss").InsertOne(t.Context(), driverbson.D{}); err != nil {
			t.Errorf("%q: %v", mechanism, err)
		}
		_, err := connect(mechanism, "ann", "wrong").InsertOne(t.Context(), driverbson.D{})
		if err == nil || !strings.Contains(err.Error(), "(AuthenticationFailed) Authentication failed.") {
			t.Errorf("%q, a wrong password: %v", mechanism, err)
		}
	}
	reader := connect("", "reader", "read")
	if n, err := reader.CountDocuments(t.Context(), driverbson.D{}); err != nil || n != 3 {
		t.Errorf("a reader counts %d, %v", n, err)
	}
	var refused mongo.CommandError
	if _, err := reader.InsertOne(t.Context(), driverbson.D{}); !errors.As(err, &refused) || refused.Code != 13 {
		t.Errorf("a reader inserts: %v", err)
	}
}

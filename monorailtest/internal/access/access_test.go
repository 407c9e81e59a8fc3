package access

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// client is the other side of a conversation.
func client(t *testing.T, mechanismName, name, password string) *scram.ClientConversation {
	t.Helper()
	m := mechanisms[mechanismName]
	secret, err := m.secret(name, password)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.hash.NewClientUnprepped(name, secret, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.NewConversation()
}

// talk has both sides talk until one of them has nothing more to say.
func talk(t *testing.T, c *Conversation, from *scram.ClientConversation) (done bool, err error) {
	t.Helper()
	var answer []byte
	for range 3 {
		said, err := from.Step(string(answer))
		if err != nil {
			t.Fatalf("the client does not accept %q: %v", answer, err)
		}
		if answer, done, err = c.Step([]byte(said)); err != nil || done {
			if done {
				if _, err := from.Step(string(answer)); err != nil || !from.Valid() {
					t.Errorf("the client does not accept the server: %v", err)
				}
			}
			return done, err
		}
		if c.stage == acknowledging {
			return false, nil
		}
	}
	t.Fatal("the conversation does not end")
	return false, nil
}

func newUsers(t *testing.T) *Users {
	t.Helper()
	u := &Users{}
	for _, err := range []error{u.Add("ann", "pass"), u.Add("a=b,c", "pass"), u.Add("reader", "read", "find")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

func TestConversation(t *testing.T) {
	u := newUsers(t)
	for _, m := range Mechanisms() {
		for _, test := range []struct {
			name, password, database string
			ok                       bool
		}{
			{"ann", "pass", "admin", true},
			{"a=b,c", "pass", "admin", true},
			{"ann", "wrong", "admin", false},
			{"bob", "pass", "admin", false},
			{"ann", "pass", "test", false},
		} {
			c, err := u.Start(test.database, m, true)
			if err != nil {
				t.Fatal(err)
			}
			done, err := talk(t, c, client(t, m, test.name, test.password))
			switch {
			case done != test.ok || (err == nil) != test.ok || err != nil && !errors.Is(err, ErrFailed):
				t.Errorf("%s, %+v: done %t, %v", m, test, done, err)
			case test.ok && (c.User() == nil || c.User().Name != test.name):
				t.Errorf("%s, %+v: the user is %+v", m, test, c.User())
			case !test.ok && c.User() != nil:
				t.Errorf("%s, %+v: a user without a proof", m, test)
			}
			if _, _, err := c.Step(nil); !errors.Is(err, ErrFailed) {
				t.Errorf("%s, %+v: a step behind the end gives %v", m, test, err)
			}
		}
	}
}

func TestConversationWithTheEmptyExchange(t *testing.T) {
	u := newUsers(t)
	for _, last := range []string{"", "x"} {
		c, err := u.Start(Database, "SCRAM-SHA-256", false)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := talk(t, c, client(t, "SCRAM-SHA-256", "ann", "pass")); done || err != nil {
			t.Fatalf("done %t, %v before the empty exchange", done, err)
		}
		if c.User() != nil {
			t.Error("a user before the end of the conversation")
		}
		answer, done, err := c.Step([]byte(last))
		if ok := last == ""; len(answer) > 0 || done != ok || (err == nil) != ok {
			t.Errorf("%q at the end gives %q, %t, %v", last, answer, done, err)
		}
	}
}

func TestUnknownMechanism(t *testing.T) {
	if _, err := newUsers(t).Start(Database, "PLAIN", true); !errors.Is(err, ErrMechanism) {
		t.Errorf("got %v", err)
	}
}

func TestUsers(t *testing.T) {
	var none *Users
	if none.Enabled() || none.Find(Database, "ann") != nil {
		t.Error("no users, and yet there are some")
	}
	u := newUsers(t)
	if !u.Enabled() {
		t.Error("users, and yet there are none")
	}
	ann, reader := u.Find(Database, "ann"), u.Find(Database, "reader")
	if !ann.May("insert") || ann.Actions() != nil {
		t.Error("a user without actions may not do everything")
	}
	if !reader.May("find") || reader.May("insert") || !slices.Equal(reader.Actions(), []string{"find"}) {
		t.Error("a user with actions may do other ones")
	}
	if err := u.Add("x", "\x07"); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("a password of a control character: %v", err)
	}
}

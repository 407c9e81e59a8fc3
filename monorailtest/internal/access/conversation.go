package access

import (
	"errors"

	"github.com/xdg-go/scram"
)

// ErrMechanism says that the server does not know the mechanism.
var ErrMechanism = errors.New("access: the mechanism is unknown")

// ErrFailed says that the client is no user. It does not say why, so that nobody learns which users there are.
var ErrFailed = errors.New("access: authentication failed")

// stage says how far a conversation is.
type stage uint8

const (
	// proving: the client has still to prove that it knows the password.
	proving stage = iota
	// acknowledging: the client has proved it, and has still to send an empty message.
	acknowledging
	// finished: there is nothing more to say, be it good or bad.
	finished
)

// Conversation is one attempt to authenticate. It is not safe for concurrent use.
type Conversation struct {
	users    *Users
	database string
	// short says that the client wants to skip the empty exchange at the end.
	short bool
	scram *scram.ServerConversation
	stage stage // changed in Step only
}

// Start begins a conversation with a client that wants to be a user of a database. short leaves out the empty exchange
// at the end, as the option skipEmptyExchange of saslStart does. The error is ErrMechanism.
func (u *Users) Start(database, mechanismName string, short bool) (*Conversation, error) {
	m, ok := mechanisms[mechanismName]
	if !ok {
		return nil, ErrMechanism
	}
	c := &Conversation{users: u, database: database, short: short, stage: proving}
	server, err := m.hash.NewServer(func(name string) (scram.StoredCredentials, error) {
		user := u.Find(database, name)
		if user == nil {
			return scram.StoredCredentials{}, ErrFailed
		}
		return user.credentials[mechanismName], nil
	})
	if err != nil {
		return nil, err
	}
	c.scram = server.NewConversation()
	return c, nil
}

// Step takes what the client says and returns the answer, and whether that was the last one. The error is ErrFailed,
// and ends the conversation.
func (c *Conversation) Step(payload []byte) (answer []byte, done bool, err error) {
	switch c.stage {
	case acknowledging:
		c.stage = finished
		if len(payload) > 0 {
			return nil, false, ErrFailed
		}
		return nil, true, nil
	case finished:
		return nil, false, ErrFailed
	}
	text, err := c.scram.Step(string(payload))
	switch {
	case err != nil:
		c.stage = finished
		return nil, false, ErrFailed
	case !c.scram.Done():
		return []byte(text), false, nil
	case c.short:
		c.stage = finished
		return []byte(text), true, nil
	default:
		c.stage = acknowledging
		return []byte(text), false, nil
	}
}

// User returns who the client has proved to be; nil before that.
func (c *Conversation) User() *User {
	if c.stage != finished || !c.scram.Valid() {
		return nil
	}
	return c.users.Find(c.database, c.scram.Username())
}

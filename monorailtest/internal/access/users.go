// Package access holds the users of a server, and the server's side of the conversation by which a client proves to be
// one of them.
package access

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/xdg-go/scram"
)

const (
	// Database is the database that all users belong to.
	Database = "admin"
	// iterations is the fewest that drivers accept. MongoDB's own defaults are 10,000 and 15,000, which tests would
	// only wait for.
	iterations = 4096
)

// mechanism is one that clients can authenticate with.
type mechanism struct {
	hash scram.HashGeneratorFcn
	// saltSize is how many bytes MongoDB draws: the size of the hash less the four of the block's number.
	saltSize int
	// secret makes of name and password what SCRAM takes for the password.
	secret func(name, password string) (string, error)
}

// mechanisms holds those that the server knows by their names. It never changes.
var mechanisms = map[string]mechanism{
	"SCRAM-SHA-1": {scram.SHA1, 16, func(name, password string) (string, error) {
		digest := md5.Sum([]byte(name + ":mongo:" + password))
		return hex.EncodeToString(digest[:]), nil
	}},
	"SCRAM-SHA-256": {scram.SHA256, 28, func(_, password string) (string, error) { return password, nil }},
}

// Mechanisms returns the names of the mechanisms, in order.
func Mechanisms() []string { return slices.Sorted(maps.Keys(mechanisms)) }

// Users are the users of a server. They may be shared between goroutines once no more are added. A nil *Users has none.
type Users struct{ byName map[string]*User }

// User is somebody who may authenticate. It never changes.
type User struct {
	// Name is without the database, which is Database.
	Name string
	// actions are what the user may do; nil for everything.
	actions []string
	// credentials holds what each mechanism, by its name, compares with.
	credentials map[string]scram.StoredCredentials
}

// Add makes a user, or replaces the one of that name, who may do the actions, or everything if there are none. The
// error says that SCRAM takes no such password.
func (u *Users) Add(name, password string, actions ...string) error {
	user := &User{Name: name, actions: slices.Clone(actions), credentials: make(map[string]scram.StoredCredentials)}
	for id, m := range mechanisms {
		secret, err := m.secret(name, password)
		if err != nil {
			return err
		}
		// The client computes what a server stores. Only the secret counts for that.
		client, err := m.hash.NewClient("user", secret, "")
		if err != nil {
			return fmt.Errorf("a password for %s: %w", id, err)
		}
		salt := make([]byte, m.saltSize)
		_, _ = rand.Read(salt) // crypto/rand never fails
		user.credentials[id], err = client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
		if err != nil {
			return fmt.Errorf("a password for %s: %w", id, err)
		}
	}
	if u.byName == nil {
		u.byName = make(map[string]*User)
	}
	u.byName[name] = user
	return nil
}

// Enabled reports whether there are users: then a client has to be one.
func (u *Users) Enabled() bool { return u != nil && len(u.byName) > 0 }

// Find returns the user of that name in a database, or nil.
func (u *Users) Find(database, name string) *User {
	if u == nil || database != Database {
		return nil
	}
	return u.byName[name]
}

// May reports whether the user has the privilege for an action.
func (u *User) May(action string) bool { return u.actions == nil || slices.Contains(u.actions, action) }

// Actions returns what the user may do; nil stands for everything.
func (u *User) Actions() []string { return slices.Clone(u.actions) }

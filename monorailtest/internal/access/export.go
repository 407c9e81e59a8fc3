package access

import (
	"fmt"
	"maps"
	"slices"

	"github.com/xdg-go/scram"
)

// Stored is what is kept of a user. There is no password in it, but what a password can be guessed against.
type Stored struct {
	Name string
	// Restricted says that the user may do Actions only, and not everything.
	Restricted bool
	Actions    []string
	// Credentials are by the names of mechanisms.
	Credentials map[string]scram.StoredCredentials
}

// Export returns the users in the order of their names.
func (u *Users) Export() []Stored {
	var out []Stored
	if u == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(u.byName)) {
		user := u.byName[name]
		out = append(out, Stored{
			Name: name, Restricted: user.actions != nil, Actions: user.Actions(), Credentials: maps.Clone(user.credentials),
		})
	}
	return out
}

// Import adds users that were exported; one whose name is taken is left as it is. It is an error if one has not a
// credential for each mechanism, and then none is added.
func (u *Users) Import(users []Stored) error {
	for _, s := range users {
		if ids := slices.Sorted(maps.Keys(s.Credentials)); !slices.Equal(ids, Mechanisms()) {
			return fmt.Errorf("the user %q has credentials for %q, and not for %q", s.Name, ids, Mechanisms())
		}
	}
	for _, s := range users {
		if u.byName[s.Name] != nil {
			continue
		}
		user := &User{Name: s.Name, credentials: maps.Clone(s.Credentials)}
		if s.Restricted {
			user.actions = append([]string{}, s.Actions...)
		}
		if u.byName == nil {
			u.byName = make(map[string]*User)
		}
		u.byName[s.Name] = user
	}
	return nil
}

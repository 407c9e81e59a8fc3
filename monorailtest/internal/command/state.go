package command

import "github.com/mongo-monorail/monorail/monorailtest/internal/cursor"

// State is what all connections of a server share. It is safe for concurrent use.
type State struct {
	// Cursors holds the open cursors.
	Cursors *cursor.Registry
}

package store

import "sync/atomic"

// Examined counts what scans have looked at since the store was made: what MongoDB's serverStatus has in
// metrics.queryExecutor.
type Examined struct {
	// Keys are entries of indexes.
	Keys atomic.Int64
	// Documents are documents that were fetched.
	Documents atomic.Int64
}

// Examined returns the counts of the store.
func (s *Store) Examined() *Examined { return s.examined }

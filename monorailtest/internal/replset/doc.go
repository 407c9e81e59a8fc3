// Package replset is a replica set in the process: one oplog of the primary that the other members
// copy, elections, step-down, rollback, and waiting for write concerns.
//
// All of it stands under one lock, that of the Set, so that a member's role, its oplog and what it
// has acknowledged always fit together. One goroutine for each member copies entries and makes
// their changes. A member has its data twice: as they are after all entries of its oplog, and as they
// are after those that are committed on the majority. The second serves reads with read concern
// majority, and a rollback begins from it.
package replset

// Package monorailtest is to MongoDB what net/http/httptest is to HTTP: a server in the process, for tests, trials and
// demonstrations.
//
//	srv := monorailtest.NewServer()
//	defer srv.Close()
//	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
//
// It speaks MongoDB's wire protocol on a loopback socket, keeps its data in memory, and behaves as a standalone
// MongoDB 4.4 does: the same replies, error codes and names, the same silence after moreToCome, the same end of a
// connection after a malformed message. One goroutine serves one connection, one message at a time, in the order of
// arrival. What it lacks answers CommandNotFound or the error that MongoDB gives; it is not meant to give a wrong
// result.
//
// Faults come by method: a busy server (SetDelay), one that stands still (Stall), one that resets or closes
// connections (Reset, CloseConnections), one that lost its primary state (HangUpOnUnacknowledged) or its messages
// (DropUnacknowledged), replies that are late, split, cut or mangled (SetReplyDelay, SetReplyChunks, CutReply,
// RewriteReply), and MongoDB's own fail point failCommand through the command configureFailPoint. Faults spare the
// hello of drivers' monitors unless a Match asks for them, so that a client goes on seeing a healthy server.
//
// WithTLS and WithUser make a server that speaks TLS, and one that asks clients who they are; package certificate makes
// the certificates that a test of TLS needs.
//
// NewReplicaSet starts a replica set of such servers, with one oplog, elections, write concerns that wait, retryable
// writes, transactions, step-down and rollback, and with lag, kill, restart, isolation and removal of its members by method.
//
// WithFile keeps the data in a file, from one start to the next.
//
// Its replica sets have change streams, too. It has no journal.
package monorailtest

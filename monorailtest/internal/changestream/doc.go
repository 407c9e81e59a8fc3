// Package changestream makes the events of a change stream of the oplog of a replica set, as MongoDB 4.4 does:
// what a stream is opened with, its resume tokens, and which changes it tells of.
package changestream

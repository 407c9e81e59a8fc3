// Package golden runs recorded scenarios against a server and says where its replies differ from those that MongoDB gave.
//
// A scenario is a list of steps on one connection: a command, and the reply of a MongoDB 4.4.6. The format is described
// beside the data, in monorailtest/testdata/README.md. The package speaks the wire protocol itself, so that nothing of
// the server's own framing is trusted.
package golden

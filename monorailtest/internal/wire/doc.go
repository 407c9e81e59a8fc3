// Package wire reads and writes the messages of the MongoDB wire protocol as a server sees them: OP_MSG, OP_COMPRESSED,
// and the legacy opcodes, which it makes the commands that do the same. It decides, as MongoDB 4.4 does, which malformed message is answered with
// an error, which is ignored, and which ends the connection.
package wire

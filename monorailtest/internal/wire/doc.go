// Package wire reads and writes the messages of the MongoDB wire protocol as a server sees them: OP_MSG, OP_COMPRESSED
// and the OP_QUERY of the first handshake. It decides, as MongoDB 4.4 does, which malformed message is answered with
// an error, which is ignored, and which ends the connection.
package wire

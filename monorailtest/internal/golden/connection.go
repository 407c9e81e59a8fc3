package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"go.mongodb.org/mongo-driver/bson"
)

// patience bounds the wait for a reply.
const patience = 30 * time.Second

// Opcodes and flags of the wire protocol.
const (
	opReply        = 1
	opQuery        = 2004
	opMsg          = 2013
	flagMoreToCome = 2
	// maxReply bounds the length that a reply's header may announce: what MongoDB's own limit is.
	maxReply = 48_000_000
)

// errClosed says that the server has ended the connection.
var errClosed = errors.New("the server closed the connection")

// connection is a client's socket.
type connection struct {
	socket net.Conn
	// lastID is the id of the last request.
	lastID uint32
}

// connect opens a connection. The caller closes its socket.
func connect(addr string) (*connection, error) {
	socket, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return &connection{socket: socket}, nil
}

// message sends a command as an OP_MSG and returns its reply; nil if none is to come.
func (c *connection) message(command bson.D, sequences []Sequence, moreToCome bool) (bson.D, error) {
	flags := uint32(0)
	if moreToCome {
		flags = flagMoreToCome
	}
	b := binary.LittleEndian.AppendUint32(nil, flags)
	b = bsonvalue.AppendDocument(append(b, 0), command)
	for _, s := range sequences {
		section := append([]byte(s.Name), 0)
		for _, d := range s.Documents {
			section = bsonvalue.AppendDocument(section, d)
		}
		b = binary.LittleEndian.AppendUint32(append(b, 1), uint32(len(section)+4))
		b = append(b, section...)
	}
	if err := c.send(opMsg, b); err != nil || moreToCome {
		return nil, err
	}
	reply, err := c.receive(opMsg)
	if err != nil {
		return nil, err
	}
	if len(reply) < 5 || reply[4] != 0 {
		return nil, fmt.Errorf("the reply does not begin with a body")
	}
	return bsonvalue.Decode(reply[5:])
}

// query sends a command as an OP_QUERY and returns its reply.
func (c *connection) query(command bson.D) (bson.D, error) {
	b := binary.LittleEndian.AppendUint32(nil, 0)
	b = append(b, "admin.$cmd\x00"...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 0xffffffff)
	if err := c.send(opQuery, bsonvalue.AppendDocument(b, command)); err != nil {
		return nil, err
	}
	reply, err := c.receive(opReply)
	if err != nil {
		return nil, err
	}
	if len(reply) < 20 {
		return nil, fmt.Errorf("a reply of %d bytes", len(reply))
	}
	return bsonvalue.Decode(reply[20:])
}

func (c *connection) send(opCode uint32, rest []byte) error {
	if err := c.socket.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	c.lastID++
	b := binary.LittleEndian.AppendUint32(nil, uint32(16+len(rest)))
	b = binary.LittleEndian.AppendUint32(b, c.lastID)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, opCode)
	_, err := c.socket.Write(append(b, rest...))
	return asClosed(err)
}

// receive returns what follows the header of the reply to the last request.
func (c *connection) receive(opCode uint32) ([]byte, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(c.socket, head); err != nil {
		return nil, asClosed(err)
	}
	length, to, op := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	if length < 16 || length > maxReply || to != c.lastID || op != opCode {
		return nil, fmt.Errorf("a reply of %d bytes with opcode %d to %d, want opcode %d to %d", length, op, to, opCode, c.lastID)
	}
	rest := make([]byte, length-16)
	_, err := io.ReadFull(c.socket, rest)
	return rest, asClosed(err)
}

// asClosed returns errClosed for an error that says that the server has ended the connection, and others as they are.
func asClosed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return errClosed
	}
	return err
}

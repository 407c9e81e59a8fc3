// Package setproxy makes a replica set of standalone servers, as far as a driver's choice of a server
// goes: each member is a proxy that passes everything on and says in each hello what the member is.
// Nothing is replicated.
package setproxy

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Role is what a member says it is.
type Role string

// The roles.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
)

// Set is a replica set. Its methods may be called from several goroutines.
type Set struct {
	members []*member
	// mu guards roles.
	mu    sync.Mutex
	roles []Role
}

type member struct {
	set      *Set
	index    int
	listener net.Listener
	upstream string

	// mu guards the fields below.
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	// running counts the goroutines of this member; Close of the test waits for it.
	running sync.WaitGroup
}

// Start makes a set of one member for each address, with its role. Each has the tag "member" with its
// number. The set ends with the test.
func Start(t testing.TB, upstreams []string, roles []Role) *Set {
	t.Helper()
	set := &Set{roles: append([]Role(nil), roles...)}
	for i, upstream := range upstreams {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m := &member{set: set, index: i, listener: listener, upstream: upstream, conns: make(map[net.Conn]struct{})}
		set.members = append(set.members, m)
		m.running.Go(m.accept)
		t.Cleanup(m.close)
	}
	return set
}

// URI returns the connection string of the set.
func (s *Set) URI() string {
	return "mongodb://" + strings.Join(s.hosts(), ",") + "/?replicaSet=set"
}

// Address returns the address of a member.
func (s *Set) Address(i int) string { return s.members[i].listener.Addr().String() }

// SetRole changes what the next hello of a member says.
func (s *Set) SetRole(i int, role Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[i] = role
}

func (s *Set) hosts() []string {
	hosts := make([]string, len(s.members))
	for i := range hosts {
		hosts[i] = s.Address(i)
	}
	return hosts
}

func (m *member) accept() {
	for {
		client, err := m.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", m.upstream)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !m.keep(client, server) {
			return
		}
		m.running.Go(func() {
			_, _ = io.Copy(server, client)
			m.drop(client, server)
		})
		m.running.Go(func() {
			_ = m.replies(client, server)
			m.drop(client, server)
		})
	}
}

func (m *member) keep(conns ...net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range conns {
		if m.closed {
			_ = conn.Close()
			continue
		}
		m.conns[conn] = struct{}{}
	}
	return !m.closed
}

func (m *member) drop(conns ...net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, conn := range conns {
		delete(m.conns, conn)
		_ = conn.Close()
	}
}

func (m *member) close() {
	_ = m.listener.Close()
	m.mu.Lock()
	m.closed = true
	for conn := range m.conns {
		_ = conn.Close()
	}
	m.mu.Unlock()
	m.running.Wait()
}

// replies passes replies on, those to a hello changed.
func (m *member) replies(client io.Writer, server io.Reader) error {
	for {
		header := make([]byte, 16)
		if _, err := io.ReadFull(server, header); err != nil {
			return err
		}
		length := int(int32(binary.LittleEndian.Uint32(header)))
		if length < 16 || length > 64<<20 {
			return errors.New("not a wire message")
		}
		message := append(header, make([]byte, length-16)...)
		if _, err := io.ReadFull(server, message[16:]); err != nil {
			return err
		}
		if _, err := client.Write(m.changed(message)); err != nil {
			return err
		}
	}
}

// changed returns a reply to hello with the fields of a member of a set, and anything else as it is.
func (m *member) changed(message []byte) []byte {
	body := 16 + 4 + 1 // OP_MSG: flags, kind of the section
	if binary.LittleEndian.Uint32(message[12:]) == 1 {
		body = 16 + 20 // OP_REPLY
	}
	if len(message) < body+5 {
		return message
	}
	var reply bson.D
	if bson.Unmarshal(message[body:], &reply) != nil {
		return message
	}
	var rest bson.D
	hello := false
	for _, e := range reply {
		switch e.Key {
		case "ismaster", "isWritablePrimary":
			hello = true
		default:
			rest = append(rest, e)
		}
	}
	if !hello {
		return message
	}
	m.set.mu.Lock()
	role := m.set.roles[m.index]
	m.set.mu.Unlock()
	document, err := bson.Marshal(append(bson.D{
		{Key: "ismaster", Value: role == Primary},
		{Key: "isWritablePrimary", Value: role == Primary},
		{Key: "secondary", Value: role == Secondary},
		{Key: "setName", Value: "set"},
		{Key: "setVersion", Value: int32(1)},
		{Key: "hosts", Value: m.set.hosts()},
		{Key: "me", Value: m.set.Address(m.index)},
		{Key: "tags", Value: bson.D{{Key: "member", Value: strconv.Itoa(m.index)}}},
	}, rest...))
	if err != nil {
		return message
	}
	out := append(append([]byte(nil), message[:body]...), document...)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	return out
}

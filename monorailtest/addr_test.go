package monorailtest

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

// freePorts returns the first of n ports in a row that were free a moment ago.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", anyPort)
		check(t, err)
		port := first.Addr().(*net.TCPAddr).Port
		listeners := []net.Listener{first}
		for i := 1; i < n; i++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port+i))
			if err != nil {
				break
			}
			listeners = append(listeners, l)
		}
		for _, l := range listeners {
			check(t, l.Close())
		}
		if len(listeners) == n {
			return port
		}
	}
	t.Fatal("no ports in a row")
	return 0
}

func TestMembersListenOnPortsInARow(t *testing.T) {
	port := freePorts(t, 3)
	rs := newSet(t, 3, WithAddr("127.0.0.1:"+strconv.Itoa(port)))
	for i, m := range rs.Members() {
		if want := "127.0.0.1:" + strconv.Itoa(port+i); m.Addr() != want {
			t.Errorf("member %d listens on %s, want %s", i, m.Addr(), want)
		}
		dial(t, m).ok(helloCommand())
	}
	if _, err := StartReplicaSet(2, WithAddr(rs.Member(2).Addr())); err == nil || !strings.Contains(err.Error(), "cannot listen") {
		t.Errorf("a set on a taken port: %v", err)
	}
	if _, err := StartReplicaSet(2, WithAddr("127.0.0.1:65535")); err == nil {
		t.Error("a set on port 65536")
	}
}

func TestStartServerTellsWhyItCannotListen(t *testing.T) {
	s := newServer(t)
	if _, err := StartServer(WithAddr(s.Addr())); err == nil || !strings.Contains(err.Error(), "cannot listen on "+s.Addr()) {
		t.Errorf("a taken port: %v", err)
	}
	if _, err := StartReplicaSet(1, WithAddr("nowhere.invalid:1")); err == nil {
		t.Error("a host that does not exist")
	}
	everywhere := newServer(t, WithAddr(":0"))
	if !strings.HasPrefix(everywhere.URI(), "mongodb://127.0.0.1:") {
		t.Errorf("a server that listens everywhere: %s", everywhere.URI())
	}
}

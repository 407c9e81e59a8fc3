package delay

import (
	"io"
	"net"
	"testing"
	"time"
)

// TestRoundTrip checks that a round trip takes at least twice the delay, that bytes keep their order,
// and that the proxy ends its connections.
func TestRoundTrip(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() { // ends with the connection, which Close of the proxy ends, or with the listener
		conn, err := echo.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	const oneWay = 5 * time.Millisecond
	proxy, err := Start(echo.Addr().String(), oneWay)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	conn, err := net.Dial("tcp", proxy.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 6)
	for range 3 {
		start := time.Now()
		for _, part := range []string{"abc", "def"} {
			if _, err := conn.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.ReadFull(conn, reply); err != nil || string(reply) != "abcdef" {
			t.Fatalf("read %q, %v", reply, err)
		}
		if took := time.Since(start); took < 2*oneWay {
			t.Errorf("a round trip took %v, want at least %v", took, 2*oneWay)
		}
	}
	proxy.Close()
	if n, err := conn.Read(reply); err == nil || n > 0 {
		t.Errorf("read %d bytes of a closed proxy, %v", n, err)
	}
}

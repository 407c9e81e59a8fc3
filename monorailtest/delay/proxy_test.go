package delay

import (
	"io"
	"net"
	"testing"
	"time"
)

// echo starts a server that answers with what it gets, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() { // ends with the listener
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its client
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestProxyAddsTheRoundTrip(t *testing.T) {
	const rtt = 20 * time.Millisecond
	p, err := Start(echo(t), rtt)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 4)
	for range 3 {
		started := time.Now()
		if _, err := conn.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "ping" {
			t.Fatalf("answer %q, %v", answer, err)
		}
		if took := time.Since(started); took < rtt {
			t.Errorf("a round trip took %v, want at least %v", took, rtt)
		}
	}
	// The end of one direction passes through, and the other still delivers.
	if _, err := conn.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != "last" {
		t.Errorf("after the end of writing: %q, %v; want the last answer", rest, err)
	}
}

func TestProxyCloseEndsItsConnections(t *testing.T) {
	p, err := Start(echo(t), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Close() // waits for every goroutine of the proxy
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlives the proxy")
	}
	if _, err := net.Dial("tcp", p.Address()); err == nil {
		t.Error("the proxy still accepts")
	}
}

func TestProxyToNowhereHangsUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := listener.Addr().String()
	_ = listener.Close()
	p, err := Start(nowhere, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("read something from nowhere")
	}
}

package monorail

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// connected returns the two ends of a connection over loopback.
func connected(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); accepted.Close() })
	return conn.(*net.TCPConn), accepted.(*net.TCPConn)
}

func TestPartingWaitsForTheOtherEnd(t *testing.T) {
	client, server := connected(t)
	if _, err := client.Write([]byte("sent before")); err != nil {
		t.Fatal(err)
	}
	p := newParting(client)
	if p == nil {
		t.Fatal("a TCP connection cannot be half-closed")
	}
	// The other end gets everything, and the end of it, and may go on sending.
	if got, err := io.ReadAll(server); string(got) != "sent before" || err != nil {
		t.Fatalf("the other end reads %q, %v", got, err)
	}
	if _, err := server.Write([]byte("a late reply")); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if fenced, err := p.wait(ended); fenced || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %t, %v", fenced, err)
	}
	short, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if fenced, err := p.wait(short); fenced || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a context that ends meanwhile: %t, %v", fenced, err)
	}
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			if fenced, err := p.wait(context.Background()); !fenced || err != nil {
				t.Errorf("behind the other end's close: %t, %v", fenced, err)
			}
		})
	}
	server.Close()
	waiting.Wait()
	if fenced, err := p.wait(context.Background()); !fenced || err != nil {
		t.Errorf("asked again: %t, %v", fenced, err)
	}
}

// strayConn meets a read deadline once that nobody who waits has set.
type strayConn struct {
	net.Conn
	met bool
}

func (c *strayConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func (c *strayConn) Read(b []byte) (int, error) {
	if !c.met {
		c.met = true
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Read(b)
}

func TestPartingWaitsThroughAStrayDeadline(t *testing.T) {
	client, server := connected(t)
	p := newParting(&strayConn{Conn: client})
	server.Close()
	if fenced, err := p.wait(context.Background()); !fenced || err != nil {
		t.Errorf("behind a deadline of somebody else's and the other end's close: %t, %v", fenced, err)
	}
}

func TestPartingIsNoFenceAfterAReset(t *testing.T) {
	client, server := connected(t)
	p := newParting(client)
	if err := server.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	server.Close() // resets
	if fenced, err := p.wait(context.Background()); fenced || err != nil {
		t.Errorf("behind a reset: %t, %v", fenced, err)
	}
}

func TestPartingClosedByItsOwner(t *testing.T) {
	client, _ := connected(t)
	p := newParting(client)
	waited := make(chan error, 1) // the goroutine sends once
	go func() {
		fenced, err := p.wait(context.Background())
		if fenced {
			err = errors.New("fenced")
		}
		waited <- err
	}()
	p.close()
	if err := <-waited; err != nil {
		t.Errorf("behind close: %v", err)
	}
}

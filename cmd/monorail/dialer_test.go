package main

import (
	"net"
	"testing"
	"time"
)

func TestDialerRefusesProxiesAfterClose(t *testing.T) {
	d := newDialer(time.Millisecond)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String() // the kernel accepts for it
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	d.close()
	if _, err := d.DialContext(t.Context(), "tcp", address); err == nil {
		t.Error("a closed dialer started a proxy that nobody stops")
	}
}

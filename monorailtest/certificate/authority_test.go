package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
)

// handshake returns what the two sides of a TLS handshake come to.
func handshake(t *testing.T, client, server *tls.Config) (seen *x509.Certificate, clientErr, serverErr error) {
	t.Helper()
	near, far := net.Pipe()
	secure := tls.Server(far, server)
	done := make(chan error, 1)
	// Ends with the handshake, which ends with the pipe; the test waits.
	go func() {
		err := secure.HandshakeContext(t.Context())
		_ = far.Close()
		done <- err
	}()
	c := tls.Client(near, client)
	clientErr = c.HandshakeContext(t.Context())
	if clientErr == nil {
		_, _ = c.Read(make([]byte, 1)) // what the server says of the client's certificate comes after
	}
	_ = near.Close()
	serverErr = <-done
	if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
		seen = peers[0]
	}
	return seen, clientErr, serverErr
}

func TestAuthority(t *testing.T) {
	a, other := NewAuthority(), NewAuthority()
	server := &tls.Config{
		Certificates: []tls.Certificate{a.Server("127.0.0.1", "db.example")},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    a.Pool(),
	}
	client := func(roots *Authority, name string, from *Authority) *tls.Config {
		return &tls.Config{RootCAs: roots.Pool(), ServerName: name, Certificates: []tls.Certificate{from.Client("ann")}}
	}
	for _, name := range []string{"127.0.0.1", "db.example"} {
		seen, clientErr, serverErr := handshake(t, client(a, name, a), server)
		if clientErr != nil || serverErr != nil {
			t.Fatalf("%s: %v, %v", name, clientErr, serverErr)
		}
		if seen == nil || seen.Subject.CommonName != "ann" {
			t.Errorf("%s: the server saw %+v", name, seen)
		}
	}
	file := x509.NewCertPool()
	if !file.AppendCertsFromPEM(a.PEM()) {
		t.Error("the PEM has no certificate")
	}
	byFile := client(a, "127.0.0.1", a)
	byFile.RootCAs = file
	if _, clientErr, serverErr := handshake(t, byFile, server); clientErr != nil || serverErr != nil {
		t.Errorf("by PEM: %v, %v", clientErr, serverErr)
	}
	var unknown x509.UnknownAuthorityError
	if _, err, _ := handshake(t, client(other, "127.0.0.1", a), server); !errors.As(err, &unknown) {
		t.Errorf("another authority: %v", err)
	}
	var hostname x509.HostnameError
	if _, err, _ := handshake(t, client(a, "localhost", a), server); !errors.As(err, &hostname) {
		t.Errorf("another name: %v", err)
	}
	if _, _, err := handshake(t, client(a, "127.0.0.1", other), server); err == nil {
		t.Error("a client of another authority is let in")
	}
}

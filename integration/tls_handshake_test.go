package integration

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

// tlsHello is what a server learns of a client in a TLS handshake.
type tlsHello struct{ name, subject string }

// tlsServers are servers that differ in TLS, by their ports.
type tlsServers struct {
	ca, other *certificate.Authority
	// secure speaks TLS, strict wants clients to have a certificate too, plain speaks no TLS.
	secure, strict, plain string
	// seen gets what each handshake told: the servers send, the test receives.
	seen chan tlsHello
}

func startTLSServers(t testing.TB) *tlsServers {
	t.Helper()
	s := &tlsServers{ca: certificate.NewAuthority(), other: certificate.NewAuthority(), seen: make(chan tlsHello, 1000)}
	config := &tls.Config{
		Certificates: []tls.Certificate{s.ca.Server("127.0.0.1", "localhost", "db.example")},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    s.ca.Pool(),
		VerifyConnection: func(state tls.ConnectionState) error {
			h := tlsHello{name: state.ServerName}
			if len(state.PeerCertificates) > 0 {
				h.subject = state.PeerCertificates[0].Subject.CommonName
			}
			s.seen <- h
			return nil
		},
	}
	strict := config.Clone()
	strict.ClientAuth = tls.RequireAndVerifyClientCert
	start := func(opts ...monorailtest.Option) string {
		_, port, err := net.SplitHostPort(servertest.StartWithFaults(t, opts...).Faults.Addr())
		check(t, err)
		return port
	}
	s.secure, s.strict, s.plain = start(monorailtest.WithTLS(config)), start(monorailtest.WithTLS(strict)), start()
	return s
}

// named is the configuration of a client that takes the server for another than its address says.
func (s *tlsServers) named(name string) *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), ServerName: name}
}

// from is the configuration of a client with a certificate.
func (s *tlsServers) from(a *certificate.Authority) *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), Certificates: []tls.Certificate{a.Client("ann")}}
}

// pingers are the driver and Monorail, outside and inside a request, with the same options.
func pingers(t testing.TB, at *servertest.Server, clientOpts *options.ClientOptions) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		theDriver:  func(ctx context.Context) error { return at.ConnectPlain(t, clientOpts).Ping(ctx, nil) },
		"Monorail": func(ctx context.Context) error { return at.Connect(t, clientOpts).Ping(ctx, nil) },
		"a request": func(ctx context.Context) error {
			c := at.Connect(t, clientOpts)
			err := c.WithRequest(ctx, func(ctx context.Context) error { return c.Ping(ctx, nil) })
			if n := c.Pool.CheckedOut(); n != 0 {
				t.Errorf("%d connections are checked out", n)
			}
			return err
		},
	}
}

const theDriver = "the driver"

// refused returns what classify says of the error of a ping that cannot succeed, from the first one
// that came so far that it knows why.
func refused(t testing.TB, ping func(ctx context.Context) error) (result string) {
	t.Helper()
	servertest.Eventually(t, func() string {
		result = classify(ping(servertest.Context(t)))
		if result == classify(nil) || strings.Contains(result, unreached) {
			return "a ping that cannot succeed gives: " + result
		}
		return ""
	})
	return result
}

// sameAsTheDriver fails unless all pingers had what the driver had.
func sameAsTheDriver(t testing.TB, results map[string]string) {
	t.Helper()
	for who, result := range results {
		if result != results[theDriver] {
			t.Errorf("%s gets %s, and the driver %s", who, result, results[theDriver])
		}
	}
}

// TestTLSHandshake compares what a server sees of handshakes with what it sees of the driver's.
func TestTLSHandshake(t *testing.T) {
	s := startTLSServers(t)
	for _, test := range []struct {
		name, host, port string
		config           *tls.Config
		want             tlsHello
	}{
		{"an address", "127.0.0.1", s.secure, s.named(""), tlsHello{}},
		{"a host", "localhost", s.secure, s.named(""), tlsHello{name: "localhost"}},
		{"a name of its own", "127.0.0.1", s.secure, s.named("db.example"), tlsHello{name: "db.example"}},
		{"a client's certificate", "127.0.0.1", s.secure, s.from(s.ca), tlsHello{subject: "ann"}},
		{"a client's certificate that must be", "localhost", s.strict, s.from(s.ca), tlsHello{"localhost", "ann"}},
		{"nobody verified", "127.0.0.1", s.secure, &tls.Config{InsecureSkipVerify: true}, tlsHello{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := &servertest.Server{URI: "mongodb://" + net.JoinHostPort(test.host, test.port)}
			for who, ping := range pingers(t, at, options.Client().SetTLSConfig(test.config)) {
				for len(s.seen) > 0 {
					<-s.seen
				}
				check(t, ping(servertest.Context(t)))
				if got := <-s.seen; got != test.want {
					t.Errorf("of %s the server sees %+v, want %+v", who, got, test.want)
				}
			}
		})
	}
}

// TestTLSRefused compares the errors of handshakes that fail with the driver's.
func TestTLSRefused(t *testing.T) {
	s := startTLSServers(t)
	for _, test := range []struct {
		name, port string
		config     *tls.Config
		// raced says that the server's reset may be met before its alert, and labels tell which it was.
		raced bool
	}{
		{"another authority", s.secure, &tls.Config{RootCAs: s.other.Pool()}, false},
		{"another name", s.secure, s.named("elsewhere.example"), false},
		{"a server without TLS", s.plain, s.named(""), false},
		{"a client without TLS", s.secure, nil, false},
		{"no client's certificate", s.strict, s.named(""), true},
		{"a client's certificate of another authority", s.strict, s.from(s.other), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			uri := "mongodb://127.0.0.1:" + test.port
			for name, at := range map[string]*servertest.Server{
				"":                {URI: uri},
				"a load balancer": {URI: uri + "/?loadBalanced=true"}, // which nobody monitors: the ping meets the error
			} {
				clientOpts := options.Client().SetTLSConfig(test.config).
					SetServerSelectionTimeout(300 * time.Millisecond) // it is waited for to the end
				results := make(map[string]string)
				for who, ping := range pingers(t, at, clientOpts) {
					results[who] = refused(t, ping)
				}
				if !test.raced || name == "" {
					sameAsTheDriver(t, results)
				}
			}
		})
	}
}

package clients

import (
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

func TestPyMongo(t *testing.T) {
	everywhere(t, pymongo(t), "crud", "cursors", "failover", "sessions")
}

func TestNodeDriver(t *testing.T) {
	everywhere(t, nodeDriver(t), "crud", "cursors", "failover", "sessions")
}

func TestMongosh(t *testing.T) {
	everywhere(t, mongosh(t))
}

// everywhere runs all checks of c at a standalone and at a replica set of one member, and those of areas, all if there
// are none, at a set of three members and at a server with TLS and users.
func everywhere(t *testing.T, c client, areas ...string) {
	t.Run("standalone", func(t *testing.T) {
		srv := monorailtest.NewServer()
		defer srv.Close()
		c.run(t, srv.URI())
	})
	t.Run("set of one", func(t *testing.T) {
		rs := monorailtest.NewReplicaSet(1)
		defer rs.Close()
		c.run(t, rs.URI())
	})
	t.Run("set of three", func(t *testing.T) {
		rs := monorailtest.NewReplicaSet(3)
		defer rs.Close()
		c.run(t, rs.URI()+"&w=majority", areas...)
	})
	t.Run("TLS and users", func(t *testing.T) {
		// What has to be escaped in a URI.
		const password = "secret: 100 % @home"
		ca := certificate.NewAuthority()
		file := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		srv := monorailtest.NewServer(
			monorailtest.WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}),
			monorailtest.WithUser("app", password),
		)
		defer srv.Close()
		uri := url.URL{
			Scheme: "mongodb", User: url.UserPassword("app", password), Host: srv.Addr(), Path: "/",
			RawQuery: url.Values{"tls": {"true"}, "tlsCAFile": {file}}.Encode(),
		}
		c.run(t, uri.String(), areas...)
	})
}

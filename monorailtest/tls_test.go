package monorailtest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

// connectTLS returns a client with the TLS configuration. It does not wait long for a server that it does not trust.
func connectTLS(t *testing.T, s *Server, config *tls.Config) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetTLSConfig(config).SetServerSelectionTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client
}

func TestTLS(t *testing.T) {
	ca := certificate.NewAuthority()
	s := newServer(t, WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}), WithUser("ann", "pass"))
	if !strings.HasSuffix(s.URI(), "/?tls=true") {
		t.Errorf("the URI is %s", s.URI())
	}
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetTLSConfig(&tls.Config{RootCAs: ca.Pool()}).
		SetAuth(options.Credential{Username: "ann", Password: "pass"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	c := client.Database("tls").Collection("c")
	// Larger than a TLS record, both ways.
	large := bson.D{{Key: "_id", Value: 1}, {Key: "s", Value: strings.Repeat("x", 1<<20)}}
	if _, err := c.InsertOne(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	var got bson.D
	if err := c.FindOne(t.Context(), bson.D{}).Decode(&got); err != nil || len(got) != 2 || len(got[1].Value.(string)) != 1<<20 {
		t.Errorf("got %d fields, %v", len(got), err)
	}

	// Faults work below TLS.
	s.CutReply(20, Commands("count"))
	if _, err := c.EstimatedDocumentCount(t.Context()); err != nil {
		t.Errorf("a read that is retried: %v", err)
	}
	s.Reset()
	s.SetReplyChunks(100, time.Microsecond, Commands("find"))
	if err := c.FindOne(t.Context(), bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "s", Value: 0}})).Err(); err != nil {
		t.Errorf("a reply in pieces after a reset: %v", err)
	}

	// Who does not speak TLS gets no answer.
	plain := dial(t, s)
	plain.send(plain.ask(pingCommand()))
	if _, err := plain.read(); err == nil {
		t.Error("a client without TLS is answered")
	}
	after := s.Record(10)
	if err := client.Ping(t.Context(), nil); err != nil || len(after.Messages()) == 0 {
		t.Errorf("after a client without TLS: %v, %d messages", err, len(after.Messages()))
	}
}

func TestTLSAsksClientsForTheirCertificates(t *testing.T) {
	ca, other := certificate.NewAuthority(), certificate.NewAuthority()
	s := newServer(t, WithTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Server("127.0.0.1")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	}))
	with := func(from *certificate.Authority) *tls.Config {
		return &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{from.Client("ann")}}
	}
	if err := connectTLS(t, s, with(ca)).Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	conn, err := tls.Dial("tcp", s.Addr(), with(other))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var alert *net.OpError
	if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &alert) || alert.Op != "remote error" {
		t.Errorf("a certificate of another authority: %v", err)
	}
}

func TestCloseEndsATLSHandshake(t *testing.T) {
	ca := certificate.NewAuthority()
	s := NewServer(WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}))
	silent := dial(t, s) // says nothing, so that the server waits in the handshake
	waitFor(t, func() bool { return s.Stats().Open == 1 })
	s.Close()
	silent.wantClosed()
}

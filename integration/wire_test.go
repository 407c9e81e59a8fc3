package integration

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestWritesLeaveWithTheRead counts write calls: k unacknowledged writes and a read are one.
func TestWritesLeaveWithTheRead(t *testing.T) {
	s := servertest.Start(t)
	dialer := &servertest.Dialer{}
	c := s.Connect(t, options.Client().SetDialer(dialer).SetHeartbeatInterval(time.Minute).SetServerMonitoringMode(options.ServerMonitoringModePoll),
		monorail.Options().SetFlushInterval(0))
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	requestCtx, request := c.StartRequest(servertest.Context(t))
	defer request.End()
	check(t, c.Ping(requestCtx, nil))
	upsert := options.UpdateOne().SetUpsert(true)
	for _, k := range []int{0, 1, 10, 60} {
		before := dialer.Writes.Load()
		for i := range k {
			if i%2 == 0 {
				check(t, c.Unacknowledged(coll).UpdateOne(requestCtx, bson.D{{Key: "_id", Value: k}}, push(i), upsert))
			} else {
				_, err := plain.UpdateOne(requestCtx, bson.D{{Key: "_id", Value: k}}, push(i), upsert)
				check(t, err)
			}
		}
		if n := dialer.Writes.Load() - before; n != 0 {
			t.Errorf("%d held writes took %d write calls, want 0", k, n)
		}
		if n := len(pushed(requestCtx, t, coll, k)); n != k {
			t.Errorf("the read sees %d of %d writes", n, k)
		}
		if n := dialer.Writes.Load() - before; n != 1 {
			t.Errorf("%d writes and a read took %d write calls, want 1", k, n)
		}
	}
}

// TestHeldWritesLeaveByThemselves: nothing follows them, and still they leave.
func TestHeldWritesLeaveByThemselves(t *testing.T) {
	s := servertest.Start(t)
	ctx := servertest.Context(t)
	plain := s.ConnectPlain(t, nil)
	name := s.Database(t)
	arrived := func(id string) func() string {
		return func() string {
			if err := plain.Database(name).Collection("c").FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Err(); err != nil {
				return id + ": " + err.Error()
			}
			return ""
		}
	}
	write := func(c *servertest.Client, ctx context.Context, id string) {
		t.Helper()
		check(t, c.Unacknowledged(c.Database(name).Collection("c")).InsertOne(ctx, bson.D{{Key: "_id", Value: id}}))
	}
	c := s.Connect(t, nil)
	requestCtx, request := c.StartRequest(ctx)
	write(c, requestCtx, "at the interval")
	servertest.Eventually(t, arrived("at the interval"))
	check(t, request.End())

	held := s.Connect(t, nil, monorail.Options().SetFlushInterval(0).SetMaxHeldBytes(1000))
	requestCtx, request = held.StartRequest(ctx)
	write(held, requestCtx, "flushed")
	if request.Info().HeldBytes == 0 {
		t.Error("a write was not held")
	}
	check(t, request.Flush(ctx))
	if n := request.Info().HeldBytes; n != 0 {
		t.Errorf("%d bytes are held after Flush", n)
	}
	servertest.Eventually(t, arrived("flushed"))
	for i := range 20 {
		write(held, requestCtx, string(rune('a'+i)))
		if n := request.Info().HeldBytes; n >= 1000 {
			t.Errorf("%d bytes are held, want less than the limit of 1000", n)
		}
	}
	write(held, requestCtx, "at the end")
	check(t, request.End())
	servertest.Eventually(t, arrived("at the end"))
}

func TestCompression(t *testing.T) {
	s := servertest.Start(t)
	for _, compressor := range []string{"snappy", "zlib", "zstd"} {
		t.Run(compressor, func(t *testing.T) {
			c := s.Connect(t, options.Client().SetCompressors([]string{compressor}))
			ordered(t, s, c)
			if s.Faults == nil {
				return
			}
			recording := s.Faults.Record(100)
			defer recording.Stop()
			ordered(t, s, c)
			unacknowledged := 0
			for _, m := range recording.Messages() {
				if m.MoreToCome {
					unacknowledged++
				}
				if !m.Compressed && !m.IsHandshake() {
					t.Errorf("a message %s was not compressed, unacknowledged %t", m.Command, m.MoreToCome)
				}
			}
			if unacknowledged != 40 {
				t.Errorf("%d unacknowledged messages came, want 40", unacknowledged)
			}
		})
	}
}

// ordered checks the order of both kinds of unacknowledged writes and a read in one request.
func ordered(t testing.TB, s *servertest.Server, c *servertest.Client) {
	t.Helper()
	db := c.Database(s.Database(t))
	coll, plain := db.Collection("c"), db.Collection("c", unacknowledged)
	check(t, c.WithRequest(servertest.Context(t), func(ctx context.Context) error {
		upsert := options.UpdateOne().SetUpsert(true)
		for i := range 40 {
			if i%2 == 0 {
				if err := c.Unacknowledged(coll).UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert); err != nil {
					return err
				}
			} else if _, err := plain.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, push(i), upsert); err != nil {
				return err
			}
		}
		list := pushed(ctx, t, coll, 1)
		if len(list) != 40 {
			t.Errorf("the read sees %d of 40 writes", len(list))
		}
		for i, n := range list {
			if i != n {
				t.Errorf("write %d was executed at place %d", n, i)
			}
		}
		return nil
	}))
}

// addressConn is a connection with a local address of the test's, and with no more than the driver needs.
type addressConn struct {
	net.Conn
	local net.Addr
}

func (c addressConn) LocalAddr() net.Addr         { return c.local }
func (c addressConn) SetDeadline(time.Time) error { return errors.ErrUnsupported }

type addressDialer struct {
	net.Dialer
	local net.Addr
}

func (d *addressDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return addressConn{conn, d.local}, nil
}

// TestLocalAddresses: a request finds its socket whatever local address that has, and whatever else the
// driver does not need: those of Unix sockets are empty for the most part, and the driver gives every
// address another form.
func TestLocalAddresses(t *testing.T) {
	s := servertest.Start(t)
	for _, local := range []net.Addr{
		nil,
		&net.UnixAddr{Net: "unix"},
		&net.UnixAddr{Net: "unix", Name: "@"},
		&net.UnixAddr{Net: "unix", Name: "/tmp/Client.sock"},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 7, Zone: "Ethernet"},
	} {
		c := s.Connect(t, options.Client().SetDialer(&addressDialer{local: local}))
		err := c.WithRequest(servertest.Context(t), func(ctx context.Context) error { return c.Ping(ctx, nil) })
		if err != nil {
			t.Errorf("the local address %v: %v", local, err)
		}
	}
}

package monorailtest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/mongo-monorail/monorail/monorailtest/internal/command"
	"github.com/mongo-monorail/monorail/monorailtest/internal/wire"
	driver "go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// BenchmarkDriver measures operations of the official driver on a collection of 100,000 documents, and says how much of
// their time is the server's own: what the same message costs from its bytes to those of the reply, without a socket.
// "many" does them on 64 connections at once.
func BenchmarkDriver(b *testing.B) {
	s := newServer(b)
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()).SetMinPoolSize(connections))
	check(b, err)
	b.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	c := client.Database("db").Collection("c")
	documents := make([]driver.D, 100_000)
	for i := range documents {
		documents[i] = driver.D{{Key: "_id", Value: i}, {Key: "n", Value: i}, {Key: "text", Value: "some forty bytes of text, as people have"}}
	}
	_, err = c.InsertMany(b.Context(), documents)
	check(b, err)
	_, err = c.Indexes().CreateOne(b.Context(), mongo.IndexModel{Keys: driver.D{{Key: "n", Value: 1}}})
	check(b, err)
	for name, do := range map[string]func(ctx context.Context) error{
		"find": func(ctx context.Context) error {
			return c.FindOne(ctx, driver.D{{Key: "n", Value: 500}}).Err()
		},
		"hundred": func(ctx context.Context) error {
			cursor, err := c.Find(ctx, driver.D{{Key: "n", Value: driver.D{{Key: "$gte", Value: 500}, {Key: "$lt", Value: 600}}}})
			if err != nil {
				return err
			}
			var all []driver.Raw
			return cursor.All(ctx, &all)
		},
		"update": func(ctx context.Context) error {
			_, err := c.UpdateOne(ctx, driver.D{{Key: "n", Value: 500}}, driver.D{{Key: "$inc", Value: driver.D{{Key: "count", Value: 1}}}})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			record := s.Record(1)
			check(b, do(b.Context()))
			m := record.Messages()[0]
			b.ReportAllocs()
			for b.Loop() {
				check(b, do(b.Context()))
			}
			all := b.Elapsed()
			b.ReportMetric(100*float64(serverTime(b, s, &m, b.N))/float64(all), "server-%")
		})
		b.Run(name+"/many", func(b *testing.B) {
			b.SetParallelism(connections / runtime.GOMAXPROCS(0))
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := do(context.Background()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// connections is how many connections work at once.
const connections = 64

// serverTime serves a message n times, and returns how long that takes.
func serverTime(b *testing.B, s *Server, m *Message, n int) time.Duration {
	b.Helper()
	message := append([]byte{0, 0, 0, 0, 0}, m.Body...)
	for name, docs := range m.Sequences {
		section := append([]byte(name), 0)
		for _, d := range docs {
			section = append(section, d...)
		}
		size := len(section) + 4
		message = append(append(message, 1, byte(size), byte(size>>8), byte(size>>16), byte(size>>24)), section...)
	}
	h := wire.Header{Length: int32(16 + len(message)), OpCode: wire.OpMsg}
	c := &conn{server: s, client: command.NewConn(1, "127.0.0.1:1")}
	start := time.Now()
	for range n {
		w, err := wire.Parse(h, message)
		check(b, err)
		r, err := command.NewRequest(c.client, w)
		check(b, err)
		if _, ok := c.encode(w, s.state.Run(context.Background(), r).Reply); !ok {
			b.Fatal("no reply")
		}
	}
	return time.Since(start)
}

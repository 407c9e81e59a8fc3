package monorailtest

import (
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

func BenchmarkPing(b *testing.B) {
	c := dial(b, newServer(b))
	ping := c.ask(pingCommand())
	b.ReportAllocs()
	for b.Loop() {
		c.send(ping)
		c.reply()
	}
}

// BenchmarkUnacknowledgedUpdates counts one operation for one message; every hundredth is acknowledged, so that the
// server is never further behind.
func BenchmarkUnacknowledgedUpdates(b *testing.B) {
	c := dial(b, newServer(b))
	update := bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{increment(1)}}}
	tell, ask := c.tell(update), c.ask(update)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%100 != 0 {
			c.send(tell)
			continue
		}
		c.send(ask)
		c.reply()
	}
	c.send(ask)
	c.reply()
}

// BenchmarkMergedUpdates counts one operation for one statement, a hundred of which come in one message.
func BenchmarkMergedUpdates(b *testing.B) {
	c := dial(b, newServer(b))
	statements := make([]bson.D, 100)
	for i := range statements {
		statements[i] = increment(int32(i))
	}
	message := c.message(0, bson.D{{Key: "update", Value: "c"}}, sequence(b, "updates", statements...))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n%len(statements) == 0 {
			c.send(message)
			c.reply()
		}
	}
}

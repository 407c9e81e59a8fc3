package monorailtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// TestEachIncrementCountsOnce has the official driver increment a counter with retryable writes, while primaries step
// down, are killed, and are elected. What succeeded is counted once; of what failed nobody knows.
func TestEachIncrementCountsOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	rs := newSet(t, 3, WithElectionDelay(5*time.Millisecond))
	client := connectSet(t, rs, options.Client().SetHeartbeatInterval(500*time.Millisecond))
	c := client.Database("db").Collection("c", options.Collection().SetWriteConcern(writeconcern.Majority()))
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 0}}))
	ctx := soon(t)
	const goroutines, each = 4, 60
	var succeeded, failed atomic.Int64
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for range each {
				_, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}})
				if err != nil {
					failed.Add(1)
				} else {
					succeeded.Add(1)
				}
			}
		})
	}
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		for range 12 {
			switch random.IntN(3) {
			case 0:
				if p := rs.Primary(); p >= 0 {
					rs.Kill(p)
					_, _ = rs.AwaitPrimary(ctx)
					rs.Restart(p)
				}
			case 1:
				_ = rs.StepDown(ctx, StepDownOptions{Period: time.Millisecond})
			default:
				bounded, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
				_ = rs.Elect(bounded, random.IntN(3))
				cancel()
			}
			pause(ctx, 10*time.Millisecond)
		}
	}()
	running.Wait()
	<-broken
	check(t, rs.AwaitReplication(ctx))
	var doc struct{ N int64 }
	check(t, c.FindOne(ctx, bson.D{{Key: "_id", Value: 1}}).Decode(&doc))
	t.Logf("%d succeeded, %d failed, counted %d", succeeded.Load(), failed.Load(), doc.N)
	if doc.N < succeeded.Load() || doc.N > succeeded.Load()+failed.Load() || succeeded.Load() == 0 {
		t.Errorf("counted %d, where %d succeeded and %d failed", doc.N, succeeded.Load(), failed.Load())
	}
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// busyDelay is how long each update waits on the demo's own server, as if behind the writes of other
// clients. A MongoDB took 0.1 ms for such an update on a quiet machine and several where many were
// waiting; this is in between. Reads go at once: in MongoDB they do not wait for writers.
const busyDelay = time.Millisecond

// dropTimeout bounds the dropping of the demo's database, which also happens after Ctrl-C.
const dropTimeout = 10 * time.Second

// deployment is the MongoDB that the demo runs on, with a database of the demo's own.
type deployment struct {
	uri      string
	database string
	// admin creates indexes, reads the final counters and drops the database. Its traffic is not counted.
	admin *mongo.Client
	// stop stops the server if it is the demo's own; nil if it is the user's.
	stop func()
}

// openDeployment connects to the MongoDB at uri, or starts a busy server in the process if uri is
// empty. The caller closes it.
func openDeployment(ctx context.Context, uri string) (*deployment, error) {
	d := &deployment{uri: uri}
	if uri == "" {
		server := monorailtest.NewServer()
		server.SetDelay(busyDelay, monorailtest.Commands("update"))
		d.uri, d.stop = server.URI(), server.Close
	}
	// A name that no other run and no user has: 64 random bits.
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	d.database = "monorail_demo_" + hex.EncodeToString(name[:])
	admin, err := mongo.Connect(clientOptions(d.uri, newDialer(0)))
	if err == nil {
		d.admin = admin
		err = admin.Ping(ctx, nil)
	}
	if err != nil {
		d.release(ctx)
		return nil, err
	}
	return d, nil
}

// close drops the database, even when ctx is done, and lets go of the server.
func (d *deployment) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	err := d.admin.Database(d.database).Drop(ctx)
	d.release(ctx)
	return err
}

// release disconnects and stops the server if it is the demo's own.
func (d *deployment) release(ctx context.Context) {
	if d.admin != nil {
		// The process is about to end: what a failed farewell leaves behind ends with it.
		_ = d.admin.Disconnect(context.WithoutCancel(ctx))
	}
	if d.stop != nil {
		d.stop()
	}
}

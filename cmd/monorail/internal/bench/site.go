package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/cmd/monorail/internal/peer"
	"github.com/mongo-monorail/monorail/cmd/monorail/internal/sink"
	"github.com/mongo-monorail/monorail/cmd/monorail/internal/traffic"
	"github.com/mongo-monorail/monorail/monorailtest"
	"github.com/mongo-monorail/monorail/monorailtest/delay"
)

const (
	sinkPeer    = "sink"
	serverPeer  = "monorailtest"
	distantPeer = "1 ms away"

	// roundTripTime is what the network adds to each round trip to the distant server.
	roundTripTime = time.Millisecond
	// farewell bounds what is done at the end: disconnecting, and dropping the database.
	farewell = 10 * time.Second
	// selectionTimeout is how long a server is looked for where the URI does not say: the driver's
	// 30 s are long for somebody who mistyped an address, and an election takes about 10 s.
	selectionTimeout = 10 * time.Second
)

// Main is the other side of the measurements: it never returns in a process that serves them, and
// does nothing in any other. A program that calls Run must call it first; a test binary in an init
// function.
func Main() {
	peer.Main(map[string]peer.Server{
		sinkPeer: func() (string, error) {
			server, err := sink.Start()
			if err != nil {
				return "", err
			}
			return "mongodb://" + server.Address(), nil
		},
		serverPeer: func() (string, error) { return monorailtest.NewServer().URI(), nil },
		distantPeer: func() (string, error) {
			proxy, err := delay.Start(monorailtest.NewServer().Addr(), roundTripTime)
			if err != nil {
				return "", err
			}
			return "mongodb://" + proxy.Address(), nil
		},
	})
}

// site is a server that is measured at, with what was connected to it. It is used by one goroutine.
type site struct {
	uri      string
	database string
	where    string // in titles: what it is, or nothing if everything is measured there
	sink     bool   // it answers at once and does nothing
	mongos   bool   // it is a mongos
	version  string // of the server, if it is the user's

	count *traffic.Counter // of every connection; nil where nothing is counted, as always when time is measured

	ctx    context.Context // ends everything when the run is interrupted
	ending []func() error  // what close does, the last first
}

// ownSite starts a server of that name in a process of its own.
func ownSite(ctx context.Context, name string) (*site, error) {
	process, err := peer.Start(name)
	if err != nil {
		return nil, err
	}
	s := &site{uri: process.URI, database: "monorail_bench", where: " (" + name + ")", sink: name == sinkPeer, ctx: ctx}
	s.ending = append(s.ending, process.Close)
	if !s.sink {
		err = s.prepare()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// collection is what everything is done in, but for what is checked by its sum.
const collection = "counts"

// collections are those that prepare makes, and all that there are.
var collections = []string{collection, bulkCollection, mergedCollection}

// prepare makes the index of the counters and one counter, so that there is something to find.
func (s *site) prepare() error {
	client, release, err := s.official(1)
	if err != nil {
		return err
	}
	err = s.prepareWith(client)
	return errors.Join(err, release())
}

func (s *site) prepareWith(client *mongo.Client) error {
	for _, name := range collections {
		counts := client.Database(s.database).Collection(name)
		_, err := counts.Indexes().CreateOne(s.ctx, mongo.IndexModel{
			Keys:    bson.D{{Key: "region", Value: 1}, {Key: "browser", Value: 1}, {Key: "os", Value: 1}},
			Options: options.Index().SetUnique(true),
		})
		if err != nil {
			return err
		}
		if _, err := counts.UpdateOne(s.ctx, counters[0], increment, upsert); err != nil {
			return err
		}
	}
	return nil
}

// close undoes everything, the last first.
func (s *site) close() error {
	var errs []error
	for i := len(s.ending) - 1; i >= 0; i-- {
		errs = append(errs, s.ending[i]())
	}
	return errors.Join(errs...)
}

// clientOptions are those of both clients: what the URI says of reads and writes is replaced by the
// driver's defaults, and the monitors are as quiet as the driver allows.
func (s *site) clientOptions(sockets *sockets, poolSize uint64) *options.ClientOptions {
	opts := options.Client().ApplyURI(s.uri).SetDialer(sockets).SetHeartbeatInterval(time.Hour).
		SetWriteConcern(&writeconcern.WriteConcern{}).SetReadPreference(primary).SetMaxPoolSize(poolSize)
	if opts.ServerSelectionTimeout == nil {
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	return opts
}

// official connects the official driver. The caller releases the client.
func (s *site) official(poolSize uint64) (client *mongo.Client, release func() error, err error) {
	sockets := newSockets(s.ctx, s.count)
	client, err = mongo.Connect(s.clientOptions(sockets, poolSize))
	if err != nil {
		sockets.release()
		return nil, nil, err
	}
	return client, func() error { return s.leave(client.Disconnect, sockets) }, nil
}

// monorail connects Monorail. The caller releases the client.
func (s *site) monorail(poolSize uint64, opts ...*monorail.OptionsBuilder) (client *monorail.Client, release func() error, err error) {
	sockets := newSockets(s.ctx, s.count)
	client, err = monorail.Connect(s.clientOptions(sockets, poolSize), opts...)
	if err != nil {
		sockets.release()
		return nil, nil, err
	}
	return client, func() error { return s.leave(client.Disconnect, sockets) }, nil
}

func (s *site) leave(disconnect func(context.Context) error, sockets *sockets) error {
	defer sockets.release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), farewell)
	defer cancel()
	if err := disconnect(ctx); err != nil {
		return fmt.Errorf("disconnecting: %w", err)
	}
	return nil
}

package bench

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail"
)

// endless cannot end, so that no client pays for a watcher of it.
var endless = context.Background()

var primary = readpref.Primary()

// The counters of the page-view example. Filter and update are boxed once, as those of a program that
// calls with variables of its own need not be: what the caller allocates is not measured.
var (
	counters      = newCounters()
	increment any = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	upsert        = options.UpdateOne().SetUpsert(true)
)

// counterCount is how many counters there are where several are written: those of a site of which a
// hundred combinations of region, browser and system are common.
const counterCount = 100

func newCounters() []any {
	filters := make([]any, counterCount)
	for i := range filters {
		filters[i] = bson.D{
			{Key: "region", Value: fmt.Sprintf("north-%02d", i)},
			{Key: "browser", Value: "Firefox"},
			{Key: "os", Value: "Linux"},
		}
	}
	return filters
}

// clients are the two clients of one site.
type clients struct {
	site     *site
	official *mongo.Client
	ours     *monorail.Client
	request  context.Context // carries a request of ours

	officialColl, oursColl *mongo.Collection
	lane                   *monorail.UnacknowledgedCollection
}

// connect connects both clients, ours with opts, each with the connection that it will use. They end
// with the site.
func (s *site) connect(opts ...*monorail.OptionsBuilder) (*clients, error) {
	official, release, err := s.official(defaultPoolSize)
	if err != nil {
		return nil, err
	}
	s.ending = append(s.ending, release)
	ours, release, err := s.monorail(defaultPoolSize, opts...)
	if err != nil {
		return nil, err
	}
	s.ending = append(s.ending, release)
	request, handle := ours.StartRequest(endless)
	s.ending = append(s.ending, handle.End)
	c := &clients{
		site: s, official: official, ours: ours, request: request,
		officialColl: official.Database(s.database).Collection(collection),
		oursColl:     ours.Database(s.database).Collection(collection),
	}
	c.lane = ours.Unacknowledged(c.oursColl)
	for _, prepare := range []func() error{c.pingOfficial, c.pingOurs, c.pingRequest} {
		if err := prepare(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// defaultPoolSize is the driver's own default.
const defaultPoolSize = 100

func (c *clients) pingOfficial() error { return c.official.Ping(endless, primary) }
func (c *clients) pingOurs() error     { return c.ours.Ping(endless, primary) }
func (c *clients) pingRequest() error  { return c.ours.Ping(c.request, primary) }

// silent returns the options of a collection whose writes are not acknowledged.
func silent() *options.CollectionOptionsBuilder {
	return options.Collection().SetWriteConcern(writeconcern.Unacknowledged())
}

func update(ctx context.Context, coll *mongo.Collection) error {
	_, err := coll.UpdateOne(ctx, counters[0], increment, upsert)
	return err
}

func find(ctx context.Context, coll *mongo.Collection) error {
	return coll.FindOne(ctx, counters[0]).Err()
}

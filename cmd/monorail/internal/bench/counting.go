package bench

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
)

// batchSize is how many updates the driver's BulkWrite has, and after how many the lane's are waited for.
const batchSize = 1000

// The collections whose counters are checked.
const (
	bulkCollection   = "bulk"
	mergedCollection = "merged"
)

// The contestants of counting.
const (
	countingBulk = iota
	countingLane
)

// counting is batchSize updates of counters until every reader sees them. The sums of the counters
// are checked after each turn.
func (s *site) counting() (*contest, error) {
	client, release, err := s.official(defaultPoolSize)
	if err != nil {
		return nil, err
	}
	s.ending = append(s.ending, release)
	ours, release, err := s.monorail(defaultPoolSize, monorail.Options().SetMergeWrites(true))
	if err != nil {
		return nil, err
	}
	s.ending = append(s.ending, release)
	ctx, request := ours.StartRequest(endless)
	s.ending = append(s.ending, request.End)
	lane := ours.Unacknowledged(ours.Database(s.database).Collection(mergedCollection))

	models := make([]mongo.WriteModel, batchSize)
	for i := range models {
		models[i] = mongo.NewUpdateOneModel().SetFilter(counters[i%counterCount]).SetUpdate(increment).SetUpsert(true)
	}
	unordered := options.BulkWrite().SetOrdered(false)
	bulk := client.Database(s.database).Collection(bulkCollection)
	contest := &contest{title: "1,000 counter updates until visible" + s.where, contestants: []*contestant{
		countingBulk: {name: "official BulkWrite, unordered", run: each(func() error {
			_, err := bulk.BulkWrite(endless, models, unordered)
			return err
		})},
		countingLane: {name: "lane with merging, and a Barrier", run: each(func() error {
			for i := range batchSize {
				if err := lane.UpdateOne(ctx, counters[i%counterCount], increment, upsert); err != nil {
					return err
				}
			}
			return request.Barrier(endless)
		})},
	}}
	for i, name := range []string{countingBulk: bulkCollection, countingLane: mergedCollection} {
		if err := contest.contestants[i].countIn(client.Database(s.database).Collection(name)); err != nil {
			return nil, err
		}
	}
	return contest, nil
}

// countIn has the sum of the counters checked after each turn of c, which updates them batchSize
// times in an operation.
func (c *contestant) countIn(coll *mongo.Collection) error {
	want, err := sum(coll)
	if err != nil {
		return err
	}
	run := c.run
	c.run = func(operations int) error {
		want += int64(operations) * batchSize
		return run(operations)
	}
	c.settle = func() error {
		got, err := sum(coll)
		if err == nil && got != want {
			err = fmt.Errorf("%s: the counters are %d together after %d updates", c.name, got, want)
		}
		return err
	}
	return nil
}

// sum returns the sum of the counters in coll.
func sum(coll *mongo.Collection) (int64, error) {
	cursor, err := coll.Find(endless, bson.D{})
	if err != nil {
		return 0, err
	}
	var found []struct{ N int64 }
	if err := cursor.All(endless, &found); err != nil {
		return 0, err
	}
	total := int64(0)
	for _, counter := range found {
		total += counter.N
	}
	return total, nil
}

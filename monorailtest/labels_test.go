package monorailtest

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
)

// TestLabelsOfErrors makes commands fail with each code, and looks at the labels.
func TestLabelsOfErrors(t *testing.T) {
	c := dial(t, newSet(t, 1).Member(0))
	insert := bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{}}}}
	c.ok(insert)
	aggregate := func(stages ...any) bson.D {
		return bson.D{{Key: "aggregate", Value: "c"}, {Key: "pipeline", Value: append(bson.A{}, stages...)}, {Key: "cursor", Value: bson.D{}}}
	}
	watch := aggregate(bson.D{{Key: "$changeStream", Value: bson.D{}}})
	getMore := func(open bson.D) bson.D {
		return bson.D{{Key: "getMore", Value: c.ok(open).Lookup("cursor", "id").Int64()}, {Key: "collection", Value: "c"}}
	}
	retriable := []int32{6, 7, 89, 91, 189, 262, 317, 9001, 10107, 11600, 11602, 13435, 13436}
	resumable := append(slices.Clone(retriable), 133, 234)
	number := int64(0)
	for _, failing := range append(slices.Clone(resumable), 2, 8, 43, 50, 280, 286) {
		try := func(command bson.D, label string, codes []int32) {
			t.Helper()
			var want []string
			switch {
			case slices.Contains(codes, failing):
				want = []string{label}
			case failing == 280 || failing == 286:
				want = []string{"NonResumableChangeStreamError"}
			}
			c.runAdmin(bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
				{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{command[0].Key}}, {Key: "errorCode", Value: failing}}}})
			body := c.call(command)
			var got []string
			if labels, ok := body.Lookup("errorLabels").ArrayOK(); ok {
				values, err := labels.Values()
				check(t, err)
				for _, v := range values {
					got = append(got, v.StringValue())
				}
			}
			if code(body) != failing || !slices.Equal(got, want) {
				t.Errorf("%s with code %d has the labels %v, want %v", command[0].Key, code(body), got, want)
			}
		}
		try(insert, "", nil)
		number++
		try(retryable(number, insert), "RetryableWriteError", retriable)
		number++
		try(append(retryable(number, insert), bson.E{Key: "startTransaction", Value: true}, bson.E{Key: "autocommit", Value: false}),
			"TransientTransactionError", retriable)
		try(watch, "ResumableChangeStreamError", resumable)
		try(getMore(watch), "ResumableChangeStreamError", resumable)
		try(aggregate(), "", nil)
		empty := append(aggregate()[:2:2], bson.E{Key: "cursor", Value: bson.D{{Key: "batchSize", Value: 0}}})
		try(getMore(empty), "", nil)
	}
}

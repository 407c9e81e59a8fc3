package query

import (
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
)

// A filter is written as MongoDB's messages write it.
func TestTree(t *testing.T) {
	for filter, want := range map[string]string{
		`{}`:                              "$and\n",
		`{"a":2}`:                         "a $eq 2\n",
		`{"b":"x","a":{"$gt":1}}`:         "$and\n    b $eq \"x\"\n    a $gt 1\n",
		`{"b":1,"a":1}`:                   "$and\n    a $eq 1\n    b $eq 1\n",
		`{"a":{"$ne":1}}`:                 "$not\n    a $eq 1\n",
		`{"a":{"$exists":false}}`:         "$not\n    a exists\n",
		`{"$or":[{"a":1},{"b":1,"c":2}]}`: "$or\n    a $eq 1\n    $and\n        b $eq 1\n        c $eq 2\n",
		`{"a":{"$in":[1,"x"]}}`:           "a $in [ 1 \"x\" ]\n",
		`{"a":{"$size":3}}`:               "a $size : 3\n",
		`{"a":{"$mod":[4,1]}}`:            "a mod 4 % x == 1\n",
		`{"a":{"$elemMatch":{"b":1}}}`:    "a $elemMatch (obj)\n    b $eq 1\n",
	} {
		f, err := Parse(bsontest.Parse(t, filter))
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := f.Tree(); got != want {
			t.Errorf("%s:\n%swant\n%s", filter, got, want)
		}
	}
}

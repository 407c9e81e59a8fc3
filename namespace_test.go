package monorail

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// commandMessage returns an OP_MSG with that body.
func commandMessage(t testing.TB, body bson.D) []byte {
	t.Helper()
	document, err := bson.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	index, b := wiremessage.AppendHeaderStart(nil, 1, 0, wiremessage.OpMsg)
	b = wiremessage.AppendMsgFlags(b, 0)
	b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	b = append(b, document...)
	return bsoncore.UpdateLength(b, index, int32(len(b)))
}

// TestAggregationsThatWrite: what an aggregation reads is no namespace to confirm on, it may be a view.
func TestAggregationsThatWrite(t *testing.T) {
	for _, test := range []struct {
		last bson.D
		want string
	}{
		{bson.D{{Key: "$match", Value: bson.D{}}}, "shop.before"},
		{bson.D{{Key: "$out", Value: "target"}}, "shop.target"},
		{bson.D{{Key: "$out", Value: bson.D{{Key: "db", Value: "other"}, {Key: "coll", Value: "target"}}}}, "other.target"},
		{bson.D{{Key: "$merge", Value: "target"}}, "shop.target"},
		{bson.D{{Key: "$merge", Value: bson.D{{Key: "into", Value: "target"}}}}, "shop.target"},
		{bson.D{{Key: "$merge", Value: bson.D{{Key: "into", Value: bson.D{{Key: "db", Value: "other"}, {Key: "coll", Value: "target"}}}}}}, "other.target"},
		{bson.D{{Key: "$merge", Value: 1}}, "shop.monorail"}, // the server refuses it
		{nil, "shop.before"},
	} {
		e := &epoch{}
		e.wrote("shop", "before")
		pipeline := bson.A{bson.D{{Key: "$match", Value: bson.D{}}}, test.last}
		if test.last == nil {
			pipeline = bson.A{}
		}
		e.note(commandMessage(t, bson.D{{Key: "aggregate", Value: "view"}, {Key: "pipeline", Value: pipeline}, {Key: "$db", Value: "shop"}}))
		if got := e.written.Load().String(); got != test.want {
			t.Errorf("behind an aggregation that ends with %v, %s was written last, want %s", test.last, got, test.want)
		}
	}
}

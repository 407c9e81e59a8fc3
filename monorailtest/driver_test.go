package monorailtest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// driverDatabase returns a database of a server of its own, by the official driver.
func driverDatabase(t *testing.T) *mongo.Database {
	t.Helper()
	s := newServer(t)
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended when this runs.
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client.Database("driver")
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestDriverBulkWrite(t *testing.T) {
	c := driverDatabase(t).Collection("c")
	r := must[*mongo.BulkWriteResult](t)(c.BulkWrite(t.Context(), []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: 1}}),
		mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: 2}}).SetUpdate(bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}).SetUpsert(true),
		mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: 1}}).SetReplacement(bson.D{{Key: "n", Value: 5}}),
		mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "_id", Value: 2}}),
	}))
	if r.InsertedCount != 1 || r.UpsertedCount != 1 || r.ModifiedCount != 1 || r.DeletedCount != 1 {
		t.Errorf("got %+v", r)
	}
	_, err := c.InsertMany(t.Context(), []any{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 3}}}, options.InsertMany().SetOrdered(false))
	if !mongo.IsDuplicateKeyError(err) {
		t.Errorf("duplicate: %v", err)
	}
	if n := must[int64](t)(c.CountDocuments(t.Context(), bson.D{})); n != 2 {
		t.Errorf("%d documents, want 2", n)
	}
	if n := must[int64](t)(c.EstimatedDocumentCount(t.Context())); n != 2 {
		t.Errorf("estimated %d documents, want 2", n)
	}
}

func TestDriverReads(t *testing.T) {
	c := driverDatabase(t).Collection("c")
	var docs []any
	for i := range 250 {
		docs = append(docs, bson.D{{Key: "_id", Value: i}, {Key: "region", Value: []string{"north", "south"}[i%2]}, {Key: "n", Value: i}})
	}
	must[*mongo.InsertManyResult](t)(c.InsertMany(t.Context(), docs))
	cursor := must[*mongo.Cursor](t)(c.Find(t.Context(), bson.D{{Key: "region", Value: "south"}}, options.Find().SetSort(bson.D{{Key: "n", Value: -1}}).SetBatchSize(20)))
	var found []struct {
		N int `bson:"n"`
	}
	if err := cursor.All(t.Context(), &found); err != nil {
		t.Fatal(err)
	}
	if len(found) != 125 || found[0].N != 249 || found[124].N != 1 {
		t.Errorf("found %d, first and last %v", len(found), found)
	}
	var regions []string
	if err := c.Distinct(t.Context(), "region", bson.D{}).Decode(&regions); err != nil || len(regions) != 2 {
		t.Errorf("distinct %v, %v", regions, err)
	}
	cursor = must[*mongo.Cursor](t)(c.Aggregate(t.Context(), mongo.Pipeline{
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$region"}, {Key: "total", Value: bson.D{{Key: "$sum", Value: "$n"}}}}}},
		{{Key: "$sort", Value: bson.D{{Key: "_id", Value: 1}}}},
	}))
	var totals []struct {
		Total int `bson:"total"`
	}
	if err := cursor.All(t.Context(), &totals); err != nil || len(totals) != 2 || totals[0].Total != 15500 || totals[1].Total != 15625 {
		t.Errorf("totals %v, %v", totals, err)
	}
	var after bson.M
	err := c.FindOneAndUpdate(t.Context(), bson.D{{Key: "_id", Value: 0}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 7}}}},
		options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&after)
	if err != nil || after["n"] != int32(7) {
		t.Errorf("after %v, %v", after, err)
	}
}

func TestDriverCatalog(t *testing.T) {
	db := driverDatabase(t)
	c := db.Collection("c")
	names := must[[]string](t)(c.Indexes().CreateMany(t.Context(), []mongo.IndexModel{
		{Keys: bson.D{{Key: "a", Value: 1}}, Options: options.Index().SetUnique(true)}, {Keys: bson.D{{Key: "b", Value: -1}, {Key: "a", Value: 1}}},
	}))
	if len(names) != 2 {
		t.Errorf("created %v", names)
	}
	specs := must[[]mongo.IndexSpecification](t)(c.Indexes().ListSpecifications(t.Context()))
	if len(specs) != 3 || specs[1].Unique == nil || !*specs[1].Unique {
		t.Errorf("indexes %+v", specs)
	}
	if err := c.Indexes().DropOne(t.Context(), names[0]); err != nil {
		t.Error(err)
	}
	if got := must[[]string](t)(db.ListCollectionNames(t.Context(), bson.D{})); len(got) != 1 || got[0] != "c" {
		t.Errorf("collections %v", got)
	}
	if got := must[[]string](t)(db.Client().ListDatabaseNames(t.Context(), bson.D{})); len(got) != 1 || got[0] != "driver" {
		t.Errorf("databases %v", got)
	}
	err := db.RunCommand(t.Context(), bson.D{{Key: "nosuch", Value: 1}}).Err()
	var ce mongo.CommandError
	if !errors.As(err, &ce) || ce.Name != "CommandNotFound" {
		t.Errorf("unknown command: %v", err)
	}
	if err := db.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDriverGridFS(t *testing.T) {
	bucket := driverDatabase(t).GridFSBucket()
	data := bytes.Repeat([]byte("page view "), 60_000)
	id := must[bson.ObjectID](t)(bucket.UploadFromStream(t.Context(), "file", bytes.NewReader(data)))
	var out bytes.Buffer
	if n := must[int64](t)(bucket.DownloadToStream(t.Context(), id, &out)); n != int64(len(data)) || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%d bytes came back of %d", n, len(data))
	}
	if err := bucket.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
}

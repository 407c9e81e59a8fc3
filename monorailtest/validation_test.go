package monorailtest

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestBypassDocumentValidation has every command that writes refuse what does not meet the validator, and write it where it is
// told not to look.
func TestBypassDocumentValidation(t *testing.T) {
	db := driverDatabase(t)
	good, bad := bson.D{{Key: "n", Value: 1}}, bson.D{{Key: "n", Value: "text"}}
	set := bson.D{{Key: "$set", Value: bad}}
	writes := map[string]func(c *mongo.Collection, bypass bool) error{
		"insert": func(c *mongo.Collection, bypass bool) error {
			_, err := c.InsertOne(t.Context(), bad, options.InsertOne().SetBypassDocumentValidation(bypass))
			return err
		},
		"update": func(c *mongo.Collection, bypass bool) error {
			_, err := c.UpdateOne(t.Context(), bson.D{}, set, options.UpdateOne().SetBypassDocumentValidation(bypass))
			return err
		},
		"replace": func(c *mongo.Collection, bypass bool) error {
			_, err := c.ReplaceOne(t.Context(), bson.D{}, bad, options.Replace().SetBypassDocumentValidation(bypass))
			return err
		},
		"findAndModify": func(c *mongo.Collection, bypass bool) error {
			return c.FindOneAndUpdate(t.Context(), bson.D{}, set, options.FindOneAndUpdate().SetBypassDocumentValidation(bypass)).Err()
		},
		"merge": func(c *mongo.Collection, bypass bool) error {
			_, err := c.Aggregate(t.Context(), mongo.Pipeline{
				{{Key: "$addFields", Value: bad}},
				{{Key: "$merge", Value: bson.D{{Key: "into", Value: c.Name()}}}},
			}, options.Aggregate().SetBypassDocumentValidation(bypass))
			return err
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			validator := bson.D{{Key: "n", Value: bson.D{{Key: "$type", Value: "int"}}}}
			if err := db.CreateCollection(t.Context(), name, options.CreateCollection().SetValidator(validator)); err != nil {
				t.Fatal(err)
			}
			c := db.Collection(name)
			if _, err := c.InsertOne(t.Context(), good); err != nil {
				t.Fatal(err)
			}
			var refused mongo.ServerError
			if err := write(c, false); !errors.As(err, &refused) || !refused.HasErrorCode(121) {
				t.Errorf("checked: %v, want DocumentValidationFailure", err)
			}
			if n := must[int64](t)(c.CountDocuments(t.Context(), bad)); n != 0 {
				t.Errorf("%d documents were written that do not meet the validator", n)
			}
			if err := write(c, true); err != nil {
				t.Errorf("unchecked: %v", err)
			}
			if n := must[int64](t)(c.CountDocuments(t.Context(), bad)); n != 1 {
				t.Errorf("%d documents were written unchecked, want 1", n)
			}
		})
	}
}

package integration

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestGridFSInARequest writes files without acknowledgement and finds them all. GridFS starts no
// request of its own: the program does.
func TestGridFSInARequest(t *testing.T) {
	const files = 5
	s := servertest.Start(t)
	c := s.Connect(t, nil)
	db := c.Database(s.Database(t))
	ctx := servertest.Context(t)
	bucket := db.GridFSBucket(options.GridFSBucket().SetChunkSizeBytes(1000).SetWriteConcern(writeconcern.Unacknowledged()))
	content := strings.Repeat("0123456789", 250) // three chunks
	check(t, c.WithRequest(ctx, func(ctx context.Context) error {
		for i := range files {
			if _, err := bucket.UploadFromStream(ctx, fmt.Sprint(i), strings.NewReader(content)); err != nil {
				return err
			}
		}
		if n, err := db.Collection("fs.files").CountDocuments(ctx, bson.D{}); err != nil || n != files {
			t.Errorf("%d files are there: %v; want %d", n, err, files)
		}
		for i := range files {
			var back bytes.Buffer
			if _, err := bucket.DownloadToStreamByName(ctx, fmt.Sprint(i), &back); err != nil || back.String() != content {
				t.Errorf("file %d comes back with %d bytes: %v", i, back.Len(), err)
			}
		}
		if c.Pool.CheckedOut() != 1 {
			t.Errorf("%d connections are held in the request, want 1", c.Pool.CheckedOut())
		}
		return nil
	}))
	if c.InRequest(ctx) || c.Pool.CheckedOut() != 0 {
		t.Errorf("%d connections are held after it", c.Pool.CheckedOut())
	}
}

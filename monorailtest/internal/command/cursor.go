package command

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/cursor"
	"go.mongodb.org/mongo-driver/bson"
)

const (
	// defaultFirstBatch is how many documents the first batch holds where the client names no batchSize.
	defaultFirstBatch = 101
	// maxBatchBytes bounds the documents of one batch: a reply is itself a document of at most 16 MiB.
	maxBatchBytes = 16 << 20
	// unlimitedBatch stands for "as many as fit" in a getMore without batchSize.
	unlimitedBatch = 1<<31 - 1
)

// cursorOptions say how a command opens its cursor.
type cursorOptions struct {
	// batchSize of the first batch: negative for the default (101), 0 for an empty first batch.
	batchSize int
	// singleBatch closes the cursor after the first batch (singleBatch of find, a negative limit).
	singleBatch bool
	// noTimeout keeps an idle cursor open without limit (noCursorTimeout).
	noTimeout bool
	// awaitData: a tailable cursor that waits for data, so that getMore may carry maxTimeMS.
	awaitData bool
}

// openCursor answers a command that opens a cursor on src: it takes the first batch and registers what is left.
// It returns {cursor: {firstBatch, id, ns}}. src is closed here, or belongs to the registry from here on.
func openCursor(s *State, r *Request, namespace string, src cursor.Source, o cursorOptions) (bson.D, error) {
	n := o.batchSize
	if n < 0 {
		n = defaultFirstBatch
	}
	var docs []bson.Raw
	var exhausted bool
	if n > 0 {
		var err error
		if docs, exhausted, err = src.Next(n, maxBatchBytes); err != nil {
			src.Close()
			return nil, err
		}
	}
	token := resumeToken(src)
	var id int64
	if exhausted || o.singleBatch {
		src.Close()
	} else {
		id = s.Cursors.Open(src, cursor.Options{
			Namespace:   namespace,
			Session:     sessionOf(r),
			Transaction: r.transaction != nil,
			Number:      r.number,
			Service:     s.Mongos.service(r.Conn),
			NoTimeout:   o.noTimeout,
			AwaitData:   o.awaitData,
		})
	}
	return resumableReply("firstBatch", docs, token, id, namespace), nil
}

// resumeToken returns the token of the last batch, nil for a cursor that has none.
func resumeToken(src cursor.Source) bson.D {
	if r, ok := src.(cursor.Resumable); ok {
		return r.ResumeToken()
	}
	return nil
}

// cursorReply returns the reply of every command that delivers a batch. The key is firstBatch or nextBatch.
func cursorReply(key string, docs []bson.Raw, id int64, namespace string) bson.D {
	return resumableReply(key, docs, nil, id, namespace)
}

// resumableReply is cursorReply with the token of the batch; nil for none.
func resumableReply(key string, docs []bson.Raw, token bson.D, id int64, namespace string) bson.D {
	batch := make(bson.A, len(docs))
	for i, d := range docs {
		batch[i] = d
	}
	reply := bson.D{{Key: key, Value: batch}}
	if token != nil {
		reply = append(reply, bson.E{Key: "postBatchResumeToken", Value: token})
	}
	return bson.D{{Key: "cursor", Value: append(reply, bson.E{Key: "id", Value: id}, bson.E{Key: "ns", Value: namespace})}}
}

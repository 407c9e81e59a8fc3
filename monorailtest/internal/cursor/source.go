// Package cursor keeps the open cursors of a server: it names them, lends them to one getMore at a time, and ends
// the forgotten ones.
package cursor

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
)

// Source is what a cursor reads from. It is used by one goroutine at a time.
type Source interface {
	// Next returns the next documents: at most n (n > 0), at most maxBytes together, but at least one where one
	// is left. exhausted says that the source knows that nothing follows: it was asked for more than there was,
	// or a limit was reached. A batch that ends exactly with the data does not know that yet and reports false,
	// which leaves the cursor open, as in MongoDB. The documents belong to the caller.
	Next(n int, maxBytes int) (docs []bson.Raw, exhausted bool, err error)
	// Close releases what the source holds. It is called exactly once, and never during Next.
	Close()
}

// Bounded is a Source that can be told which command reads on: Next ends with the error of its context.
type Bounded interface {
	Source
	// Within is called before Next, once for each command.
	Within(ctx context.Context)
}

// Growing is a Source to which documents can come after its end: a cursor with AwaitData waits for
// them.
type Growing interface {
	Source
	// Grown returns a channel that is closed when the next one may be there. What comes after the call
	// closes it.
	Grown() <-chan struct{}
}

// Resumable is a Source of which every batch comes with the token behind which another one can go on.
type Resumable interface {
	Source
	// ResumeToken returns the token of the last batch.
	ResumeToken() bson.D
}

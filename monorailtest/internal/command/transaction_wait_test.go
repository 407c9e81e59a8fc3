package command

import (
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// pending runs a command on a goroutine of its own.
func pending(c *client, command string) <-chan bson.D {
	done := make(chan bson.D, 1)
	go func() { done <- c.run("%s", command) }()
	return done
}

// wantWaiting expects that commands wait: all goroutines of the bubble do.
func wantWaiting(t *testing.T, commands ...<-chan bson.D) {
	t.Helper()
	synctest.Wait()
	for _, c := range commands {
		select {
		case r := <-c:
			t.Fatalf("did not wait: %v", r)
		default:
		}
	}
}

func TestWriteOutsideWaitsForTheEnd(t *testing.T) {
	for _, end := range []string{"commitTransaction", "abortTransaction"} {
		synctest.Test(t, func(t *testing.T) {
			s := newMember(t)
			a, b := newClient(t, s, 1), newClient(t, s, 2)
			a.run(`{"insert":"c","documents":[{"_id":1,"n":0},{"_id":2,"n":0}]}`)
			a.wantOK(a.start(1, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$inc":{"n":10}}}]}`))
			a.wantOK(a.next(1, `{"insert":"c","documents":[{"_id":3}]}`))
			update := pending(b, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$inc":{"n":1}}}]}`)
			insert := pending(newClient(t, s, 3), `{"insert":"c","documents":[{"_id":3}]}`)
			index := pending(newClient(t, s, 4), `{"createIndexes":"c","indexes":[{"key":{"k":1},"name":"k"}]}`)
			wantWaiting(t, update, insert, index)
			b.expect(newSession(t, s).run(`{"delete":"c","deletes":[{"q":{"_id":1},"limit":1}],"maxTimeMS":1}`), 50, "code")
			b.expect(newSession(t, s).run(`{"update":"c","updates":[{"q":{"_id":2},"u":{"$inc":{"n":1}}}]}`), 1, "nModified")
			a.wantOK(a.next(1, `{"%s":1}`, end))
			b.expect(<-update, 1, "nModified")
			a.wantOK(<-index)
			n, duplicates := 11, 1
			if end == "abortTransaction" {
				n, duplicates = 1, 0
			}
			if got := firstWriteError(<-insert) != nil; got != (duplicates == 1) {
				t.Errorf("%s: the insert that waited failed: %v", end, got)
			}
			a.expect(a.run(`{"find":"c"}`), n, "cursor", "firstBatch", 0, "n")
		})
	}
}

// TestMultiUpdateAfterAWait has an update of several documents wait in the middle, and go on: no document is updated
// twice.
func TestMultiUpdateAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMember(t)
		a, b := newClient(t, s, 1), newClient(t, s, 2)
		a.run(`{"insert":"c","documents":[{"_id":1,"n":0},{"_id":2,"n":0},{"_id":3,"n":0}]}`)
		a.wantOK(a.start(1, `{"update":"c","updates":[{"q":{"_id":2},"u":{"$inc":{"n":10}}}]}`))
		update := pending(b, `{"update":"c","updates":[{"q":{"n":{"$lt":99}},"u":{"$inc":{"n":1}},"multi":true,"upsert":true}]}`)
		wantWaiting(t, update)
		a.wantOK(a.next(1, `{"commitTransaction":1}`))
		a.expect(<-update, 3, "n")
		for id, n := range []int{1, 11, 1} {
			a.expect(a.run(`{"find":"c","filter":{"_id":%d}}`, id+1), n, "cursor", "firstBatch", 0, "n")
		}
	})
}

// TestUpsertAfterAWait has an update match one document, and wait for another that then matches no more: it has matched,
// and inserts nothing.
func TestUpsertAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMember(t)
		a, b := newClient(t, s, 1), newClient(t, s, 2)
		a.run(`{"insert":"c","documents":[{"_id":1,"n":0},{"_id":2,"n":0}]}`)
		a.wantOK(a.start(1, `{"update":"c","updates":[{"q":{"_id":2},"u":{"$inc":{"n":10}}}]}`))
		update := pending(b, `{"update":"c","updates":[{"q":{"n":0},"u":{"$inc":{"n":1}},"multi":true,"upsert":true}]}`)
		wantWaiting(t, update)
		a.wantOK(a.next(1, `{"commitTransaction":1}`))
		reply := <-update
		a.expect(reply, 1, "n")
		a.expect(reply, nil, "upserted")
		a.expect(a.run(`{"count":"c"}`), 2, "n")
	})
}

func TestDropWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMember(t)
		a := newClient(t, s, 1)
		a.run(`{"insert":"c","documents":[{"_id":1}]}`)
		a.wantOK(a.start(1, `{"find":"c"}`))
		drop := pending(newClient(t, s, 2), `{"drop":"c"}`)
		wantWaiting(t, drop)
		a.expect(a.next(1, `{"find":"c"}`), 1, "cursor", "firstBatch")
		a.wantOK(a.next(1, `{"commitTransaction":1}`))
		a.wantOK(<-drop)
		a.expect(a.run(`{"listCollections":1}`), 0, "cursor", "firstBatch")
	})
}

// TestLifetimeEndsTransactions lets a transaction be open for too long.
func TestLifetimeEndsTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMember(t)
		a := newClient(t, s, 1)
		a.run(`{"insert":"c","documents":[{"_id":1}]}`)
		a.wantOK(a.start(1, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$set":{"n":1}}}]}`))
		update := pending(newClient(t, s, 2), `{"update":"c","updates":[{"q":{"_id":1},"u":{"$set":{"m":1}}}]}`)
		time.Sleep(s.Sessions.Lifetime() - time.Second)
		wantWaiting(t, update)
		time.Sleep(2 * time.Second)
		a.expect(<-update, 1, "nModified")
		a.wantError(a.next(1, `{"commitTransaction":1}`), 251, true)
		a.expect(a.run(`{"count":"c","query":{"n":1}}`), 0, "n")
	})
}

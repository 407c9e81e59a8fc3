package command

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTransactionCommitsAndAborts(t *testing.T) {
	s := newMember(t)
	a, other := newClient(t, s, 1), newSession(t, s)
	other.run(`{"insert":"c","documents":[{"_id":1,"n":1}]}`)
	a.wantOK(a.start(1, `{"insert":"c","documents":[{"_id":2}]}`))
	a.wantOK(a.next(1, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$inc":{"n":1}}}]}`))
	a.expect(a.next(1, `{"find":"c","filter":{}}`), 2, "cursor", "firstBatch")
	a.expect(a.next(1, `{"aggregate":"c","pipeline":[{"$match":{"n":2}}],"cursor":{}}`), 1, "cursor", "firstBatch")
	a.expect(a.next(1, `{"distinct":"c","key":"_id"}`), 2, "values")
	other.expect(other.run(`{"find":"c"}`), 1, "cursor", "firstBatch")
	other.expect(other.run(`{"find":"c"}`), 1, "cursor", "firstBatch", 0, "n")
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	other.expect(other.run(`{"find":"c"}`), 2, "cursor", "firstBatch")
	other.expect(other.run(`{"find":"c"}`), 2, "cursor", "firstBatch", 0, "n")
	a.wantError(a.next(1, `{"find":"c"}`), 256, false)
	a.wantError(a.next(1, `{"abortTransaction":1}`), 256, false)

	a.wantOK(a.start(2, `{"delete":"c","deletes":[{"q":{},"limit":0}]}`))
	a.wantOK(a.next(2, `{"insert":"made","documents":[{"_id":1}]}`))
	a.expect(a.next(2, `{"findAndModify":"made","query":{"_id":1},"update":{"$set":{"x":1}},"new":true}`), 1, "value", "x")
	a.wantOK(a.next(2, `{"abortTransaction":1}`))
	other.expect(other.run(`{"count":"c"}`), 2, "n")
	other.expect(other.run(`{"listCollections":1}`), 1, "cursor", "firstBatch")
	a.wantError(a.next(2, `{"find":"c"}`), 251, true)
	a.wantError(a.next(2, `{"commitTransaction":1}`), 251, true)
	a.wantError(a.next(2, `{"abortTransaction":1}`), 251, true)
}

func TestNoTransactionOnASecondary(t *testing.T) {
	a := newClient(t, newMemberOf(t, 2, 1), 1)
	for _, command := range []string{`{"find":"c","$readPreference":{"mode":"nearest"}}`, `{"insert":"c","documents":[{}]}`} {
		a.wantError(a.start(1, "%s", command), 10107, true)
	}
	a.expect(a.next(1, `{"commitTransaction":1}`), 10107, "code")
}

// TestUnknownCommitIsNotTransient commits what the member does not know, while its majority is not there: the member may
// be wrong.
func TestUnknownCommitIsNotTransient(t *testing.T) {
	s := newMemberOf(t, 2, 0)
	a := newClient(t, s, 1)
	s.Member.Set().Member(1).SetStopped(true)
	a.wantOK(a.reply("", `{"insert":"c","documents":[{}]}`))
	commit := `{"commitTransaction":1,"writeConcern":{"w":%s,"wtimeout":1}}`
	r := a.next(1, commit, `"majority"`)
	a.wantError(r, 251, false)
	a.expect(r, 64, "writeConcernError", "code")
	a.wantError(a.next(1, commit, "1"), 251, true)
}

func TestCommitWaitsForItsWriteConcern(t *testing.T) {
	s := newMemberOf(t, 2, 0)
	a := newClient(t, s, 1)
	s.Member.Set().Member(1).SetStopped(true)
	a.wantOK(a.start(1, `{"insert":"c","documents":[{}]}`))
	commit := `{"commitTransaction":1,"writeConcern":{"w":"majority","wtimeout":%d}}`
	for range 2 { // the first one commits, and the second one waits for the same
		r := a.next(1, commit, 1)
		a.expect(r, 1.0, "ok")
		a.expect(r, 64, "writeConcernError", "code")
	}
	s.Member.Set().Member(1).SetStopped(false)
	r := a.next(1, commit, 0)
	a.expect(r, 1.0, "ok")
	a.expect(r, nil, "writeConcernError")
	if n, _ := s.Member.Committed.Store.Collection("db", "c").Size(); n != 1 {
		t.Errorf("%d documents are committed on the majority, want 1", n)
	}
}

func TestTransactionNumbers(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	a.wantError(a.next(1, `{"find":"c"}`), 251, true)
	a.wantError(a.next(1, `{"commitTransaction":1}`), 251, true)
	a.wantOK(a.start(5, `{"insert":"c","documents":[{"_id":1}]}`))
	a.wantError(a.start(5, `{"find":"c"}`), 117, false)
	a.wantError(a.start(4, `{"find":"c"}`), 225, false)
	a.wantError(a.next(4, `{"find":"c"}`), 225, false)
	a.wantError(a.next(6, `{"find":"c"}`), 251, true)
	// Another session has numbers of its own.
	b := newClient(t, s, 2)
	b.wantOK(b.start(1, `{"find":"d"}`))
	// A greater number aborts what is open.
	a.wantOK(a.start(7, `{"insert":"c","documents":[{"_id":1}]}`))
	a.wantError(a.next(5, `{"commitTransaction":1}`), 225, false)
	a.wantOK(a.next(7, `{"commitTransaction":1}`))
}

func TestMalformedTransactions(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	long := func(n string) string { return `"txnNumber":{"$numberLong":"` + n + `"}` }
	for _, c := range []struct {
		fields, command string
		code            int
	}{
		{`"autocommit":false`, `{"find":"c"}`, 72},
		{`"startTransaction":true`, `{"find":"c"}`, 72},
		{long("1") + `,"autocommit":true`, `{"find":"c"}`, 72},
		{long("1") + `,"startTransaction":true`, `{"insert":"c","documents":[{}]}`, 72},
		{long("1") + `,"autocommit":false,"startTransaction":false`, `{"find":"c"}`, 72},
		{long("-1") + `,"autocommit":false,"startTransaction":true`, `{"find":"c"}`, 72},
		{`"txnNumber":1,"autocommit":false`, `{"find":"c"}`, 14},
		{long("1"), `{"find":"c"}`, 50768},
		{long("1"), `{"commitTransaction":1}`, 50768},
		{long("1") + `,"autocommit":false`, `{"ping":1}`, 50889},
	} {
		a.expect(a.reply(c.fields, "%s", c.command), c.code, "code")
	}
	for _, command := range []string{`{"count":"c"}`, `{"drop":"c"}`, `{"dropIndexes":"c","index":"*"}`, `{"listCollections":1}`,
		`{"listIndexes":"c"}`, `{"dropDatabase":1}`, `{"collStats":"c"}`,
		`{"killCursors":"c","cursors":[{"$numberLong":"1"}]}`, `{"commitTransaction":1}`, `{"abortTransaction":1}`} {
		a.expect(a.start(1, "%s", command), 263, "code")
	}
	a.wantError(a.start(1, `{"find":"c","readConcern":{"level":"linearizable"}}`), 72, false)
	a.wantError(a.start(1, `{"insert":"c","documents":[{}],"writeConcern":{"w":1}}`), 72, false)
	// None of this has begun a transaction.
	a.wantOK(a.start(1, `{"find":"c","readConcern":{"level":"snapshot"}}`))
	a.wantError(a.next(1, `{"find":"c","readConcern":{"level":"snapshot"}}`), 72, false)
	a.wantError(a.next(1, `{"insert":"c","documents":[{}],"writeConcern":{"w":0}}`), 72, false)
	// Nor ended the one that is open.
	a.wantOK(a.next(1, `{"commitTransaction":1,"writeConcern":{"w":"majority"}}`))
	alone := newClient(t, newTestState(t), 1)
	alone.expect(alone.start(1, `{"find":"c"}`), 20, "code")
}

func TestErrorAbortsTheTransaction(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	a.run(`{"insert":"c","documents":[{"_id":1}]}`)
	a.wantOK(a.start(1, `{"insert":"c","documents":[{"_id":2}]}`))
	r := a.next(1, `{"insert":"c","documents":[{"_id":3},{"_id":1},{"_id":4}],"ordered":false}`)
	a.expect(r, 1.0, "ok")
	a.expect(r, 1, "n")
	a.expect(r, 1, "writeErrors")
	a.expect(r, 11000, "writeErrors", 0, "code")
	a.wantError(a.next(1, `{"insert":"c","documents":[{"_id":5}]}`), 251, true)
	a.expect(a.run(`{"count":"c"}`), 1, "n")
	a.wantError(a.start(2, `{"find":"c","filter":{"a":{"$foo":1}}}`), 2, false)
	a.wantError(a.next(2, `{"commitTransaction":1}`), 251, true)
}

func TestWriteConflictOfTransactions(t *testing.T) {
	s := newMember(t)
	a, b := newClient(t, s, 1), newClient(t, s, 2)
	a.run(`{"insert":"c","documents":[{"_id":1,"n":0},{"_id":2,"n":0}]}`)
	a.wantOK(a.start(1, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$inc":{"n":1}}}]}`))
	b.wantOK(b.start(1, `{"update":"c","updates":[{"q":{"_id":2},"u":{"$inc":{"n":1}}}]}`))
	b.wantError(b.next(1, `{"update":"c","updates":[{"q":{"_id":1},"u":{"$inc":{"n":1}}}]}`), 112, true)
	b.wantError(b.next(1, `{"commitTransaction":1}`), 251, true)
	b.wantError(b.start(2, `{"findAndModify":"c","query":{"_id":1},"remove":true}`), 112, true)
	b.wantOK(b.start(3, `{"find":"c"}`))
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	// What was committed after its snapshot is in its way too.
	b.wantError(b.next(3, `{"delete":"c","deletes":[{"q":{"_id":1},"limit":1}]}`), 112, true)
	a.expect(a.run(`{"find":"c","filter":{"n":1}}`), 1, "cursor", "firstBatch")
}

// TestWriteSkew has two transactions each read what the other writes: snapshots allow that.
func TestWriteSkew(t *testing.T) {
	s := newMember(t)
	a, b := newClient(t, s, 1), newClient(t, s, 2)
	a.run(`{"insert":"c","documents":[{"_id":1,"on":true},{"_id":2,"on":true}]}`)
	for i, c := range []*client{a, b} {
		c.expect(c.start(1, `{"find":"c","filter":{"on":true}}`), 2, "cursor", "firstBatch")
		c.wantOK(c.next(1, `{"update":"c","updates":[{"q":{"_id":%d},"u":{"$set":{"on":false}}}]}`, i+1))
	}
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	b.wantOK(b.next(1, `{"commitTransaction":1}`))
	a.expect(a.run(`{"count":"c","query":{"on":true}}`), 0, "n")
}

func TestCursorInATransaction(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	a.run(`{"insert":"c","documents":[{"_id":1},{"_id":2},{"_id":3}]}`)
	r := a.start(1, `{"find":"c","batchSize":1}`)
	id := lookup(r, "cursor", "id")
	a.run(`{"delete":"c","deletes":[{"q":{"_id":3},"limit":1}]}`)
	a.run(`{"insert":"c","documents":[{"_id":4}]}`)
	more := `{"getMore":{"$numberLong":"%d"},"collection":"c","batchSize":1}`
	a.expect(a.reply("", more, id), 50740, "code")
	a.expect(a.next(1, more, id), 2, "cursor", "nextBatch", 0, "_id")
	a.wantOK(a.next(1, `{"insert":"c","documents":[{"_id":5}]}`))
	a.expect(a.next(1, `{"getMore":{"$numberLong":"%d"},"collection":"c"}`, id), 2, "cursor", "nextBatch")
	a.wantOK(a.next(1, `{"find":"c","batchSize":1}`))
	if s.Cursors.Len() != 1 {
		t.Errorf("%d cursors are open", s.Cursors.Len())
	}
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	if s.Cursors.Len() != 0 {
		t.Error("a cursor outlives its transaction")
	}
	r = a.run(`{"find":"c","batchSize":1,%s}`, a.lsid)
	a.wantOK(a.start(2, `{"find":"c"}`))
	a.wantError(a.next(2, more, lookup(r, "cursor", "id")), 50739, false)
	a.wantError(a.next(2, `{"find":"c"}`), 251, true)
}

func TestCollectionsInTransactions(t *testing.T) {
	s := newMember(t)
	a, b := newClient(t, s, 1), newClient(t, s, 2)
	a.run(`{"insert":"c","documents":[{"_id":1}]}`)
	a.wantOK(a.start(1, `{"create":"new"}`))
	a.wantOK(a.next(1, `{"createIndexes":"new","indexes":[{"key":{"k":1},"name":"k","unique":true}]}`))
	a.wantOK(a.next(1, `{"insert":"new","documents":[{"k":1}]}`))
	a.wantOK(a.next(1, `{"createIndexes":"new","indexes":[{"key":{"k":1},"name":"k","unique":true}]}`))
	b.wantError(b.start(1, `{"insert":"new","documents":[{}]}`), 112, true)
	a.wantOK(a.next(1, `{"commitTransaction":1}`))
	a.expect(a.run(`{"insert":"new","documents":[{"k":1}]}`), 11000, "writeErrors", 0, "code")
	a.expect(a.run(`{"listIndexes":"new"}`), 2, "cursor", "firstBatch")
	a.wantError(a.start(2, `{"createIndexes":"c","indexes":[{"key":{"k":1},"name":"k"}]}`), 263, false)
	a.wantError(a.start(3, `{"create":"c"}`), 48, false)
	a.wantOK(a.start(4, `{"find":"c"}`))
	a.run(`{"create":"later"}`)
	a.wantError(a.next(4, `{"find":"later"}`), 246, true)
}

// What the documentation of transactions excludes.
func TestOperationsThatTransactionsExclude(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	a.wantOK(a.run(`{"create":"capped","capped":true,"size":4096}`))
	a.run(`{"insert":"capped","documents":[{"_id":1,"n":1}]}`)
	for i, test := range []struct {
		command string
		code    int32
		path    []any
	}{
		{`{"insert":"capped","documents":[{"_id":2}]}`, 263, []any{"writeErrors", 0, "code"}},
		{`{"update":"capped","updates":[{"q":{},"u":{"$set":{"n":2}}}]}`, 263, []any{"writeErrors", 0, "code"}},
		{`{"update":"capped","updates":[{"q":{"_id":"none"},"u":{"$set":{"n":2}}}]}`, 263, []any{"writeErrors", 0, "code"}},
		{`{"delete":"capped","deletes":[{"q":{},"limit":1}]}`, 263, []any{"writeErrors", 0, "code"}},
		{`{"findAndModify":"capped","update":{"$set":{"n":2}}}`, 263, []any{"code"}},
		{`{"find":"capped","tailable":true}`, 72, []any{"code"}},
		{`{"create":"view","viewOn":"capped","pipeline":[]}`, 263, []any{"code"}},
		{`{"drop":"capped"}`, 263, []any{"code"}},
		{`{"renameCollection":"db.capped","to":"db.other"}`, 263, []any{"code"}},
		{`{"listCollections":1}`, 263, []any{"code"}},
		{`{"count":"capped"}`, 263, []any{"code"}},
		{`{"aggregate":"capped","pipeline":[{"$out":"x"}],"cursor":{}}`, 263, []any{"code"}},
		{`{"aggregate":"capped","pipeline":[{"$merge":"x"}],"cursor":{}}`, 263, []any{"code"}},
		{`{"aggregate":"capped","pipeline":[{"$indexStats":{}}],"cursor":{}}`, 263, []any{"code"}},
		{`{"aggregate":"capped","pipeline":[{"$changeStream":{}}],"cursor":{}}`, 263, []any{"code"}},
	} {
		a.expect(a.start(i+1, "%s", test.command), test.code, test.path...)
	}
	a.wantOK(a.start(100, `{"find":"capped"}`))
}

func TestKilledSessionsAbort(t *testing.T) {
	s := newMember(t)
	for i, kill := range []string{`{"killSessions":[{%s}]}`, `{"killSessions":[]}`, `{"killAllSessions":[]}`, `{"endSessions":[{%s}]}`} {
		a := newClient(t, s, 1)
		if strings.Contains(kill, "%s") {
			kill = fmt.Sprintf(kill, strings.TrimSuffix(strings.TrimPrefix(a.lsid, `"lsid":{`), "}"))
		}
		a.wantOK(a.start(i+1, `{"insert":"c","documents":[{"_id":1}]}`))
		a.wantOK(newSession(t, s).run("%s", kill))
		a.wantError(a.next(i+1, `{"commitTransaction":1}`), 251, true)
		a.expect(a.run(`{"count":"c"}`), 0, "n")
	}
}

func TestLifetimeParameter(t *testing.T) {
	s := newMember(t)
	a := newClient(t, s, 1)
	a.expect(a.reply("", `{"setParameter":1,"transactionLifetimeLimitSeconds":5}`), 60, "was")
	if s.Sessions.Lifetime() != 5*time.Second {
		t.Errorf("lifetime %v", s.Sessions.Lifetime())
	}
	a.expect(a.reply("", `{"setParameter":1,"transactionLifetimeLimitSeconds":0}`), 2, "code")
	a.expect(a.reply("", `{"setParameter":1,"nothing":0}`), 72, "code")
}

// TestTransfersKeepTheSum moves amounts between documents by many sessions at once, some of which give up.
func TestTransfersKeepTheSum(t *testing.T) {
	const accounts, clients, transfers = 5, 8, 30
	s := newMember(t)
	for i := range accounts {
		newSession(t, s).run(`{"insert":"c","documents":[{"_id":%d,"n":100}]}`, i)
	}
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c := newClient(t, s, 10+i)
			number := 0
			for done := 0; done < transfers; {
				number++
				r := c.start(number, `{"update":"c","updates":[{"q":{"_id":%d},"u":{"$inc":{"n":-1}}}]}`, (i+done)%accounts)
				if lookup(r, "ok") == 1.0 {
					r = c.next(number, `{"update":"c","updates":[{"q":{"_id":%d},"u":{"$inc":{"n":1}}}]}`, (i*done)%accounts)
				}
				if lookup(r, "ok") == 1.0 {
					sum := c.next(number, `{"aggregate":"c","pipeline":[{"$group":{"_id":1,"n":{"$sum":"$n"}}}],"cursor":{}}`)
					c.expect(sum, accounts*100, "cursor", "firstBatch", 0, "n")
					if done++; done%5 == 0 {
						c.wantOK(c.next(number, `{"abortTransaction":1}`))
						continue
					}
					c.wantOK(c.next(number, `{"commitTransaction":1}`))
				} else if lookup(r, "code") != int32(112) {
					t.Errorf("transfer: %v", r)
					return
				}
			}
		})
	}
	wg.Wait()
	r := newSession(t, s).run(`{"aggregate":"c","pipeline":[{"$group":{"_id":1,"n":{"$sum":"$n"}}}],"cursor":{}}`)
	newSession(t, s).expect(r, accounts*100, "cursor", "firstBatch", 0, "n")
}

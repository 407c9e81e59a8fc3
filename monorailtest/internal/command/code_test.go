package command

import "testing"

// TestKilledCursors: a cursor does not outlive the name of its collection, or the index that it reads.
func TestKilledCursors(t *testing.T) {
	c := newSession(t, newTestState(t))
	for _, test := range []struct {
		find, change string
		code         any
	}{
		{`"filter":{"a":{"$gt":0}},"hint":"a"`, `{"dropIndexes":"c","index":"a"}`, 175},
		{`"filter":{"_id":{"$gt":0}}`, `{"dropIndexes":"c","index":"a"}`, nil},
		{`"filter":{}`, `{"renameCollection":"db.c","to":"db.d"}`, 175},
		{`"filter":{}`, `{"dropIndexes":"c","index":"*"}`, nil},
	} {
		c.run(`{"drop":"c"}`)
		c.run(`{"drop":"d"}`)
		c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2},{"_id":3,"a":3}]}`)
		c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"}]}`)
		id := lookup(c.run(`{"find":"c","batchSize":1,%s}`, test.find), "cursor", "id")
		c.expect(c.run("%s", test.change), 1, "ok")
		c.expect(c.run(`{"getMore":{"$numberLong":"%d"},"collection":"c"}`, id), test.code, "code")
	}
}

// TestCodes: what is refused although nothing would come of it, and before what else is wrong.
func TestCodes(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"create":"capped","capped":true,"size":4096}`)
	c.run(`{"create":"view","viewOn":"c"}`)
	c.run(`{"insert":"c","documents":[{"_id":1}]}`)
	c.expect(c.run(`{"delete":"capped","deletes":[{"q":{},"limit":0}]}`), 20, "writeErrors", 0, "code")
	for _, test := range []struct {
		command string
		code    any
	}{
		{`{"findAndModify":"capped","remove":true}`, 20},
		{`{"findAndModify":"capped","query":{"_id":1},"update":{"$set":{"a":1}}}`, nil},
		{`{"findAndModify":"c","remove":true,"arrayFilters":[{"a":1}]}`, 9},
		{`{"findAndModify":"c","update":{},"sort":{"$natural":1,"a":1}}`, 2},
		{`{"findAndModify":"c","update":{},"sort":{"$natural":1},"hint":"_id_"}`, 2},
		{`{"validate":"c","background":true,"full":true}`, 115},
		{`{"validate":"c","background":true}`, nil},
		{`{"dataSize":"c"}`, 73},
		{`{"dataSize":"data."}`, 73},
		{`{"killAllSessions":5}`, 10065},
		{`{"killAllSessionsByPattern":5}`, 10065},
		{`{"killAllSessionsByPattern":[5]}`, 14},
		{`{"killAllSessionsByPattern":[{"lsid":{"id":5}}]}`, 14},
		{`{"killAllSessionsByPattern":[{}]}`, nil},
		{`{"refreshLogicalSessionCacheNow":1}`, nil},
		{`{"find":"c","readConcern":{"level":"available","afterClusterTime":{"$timestamp":{"t":1,"i":1}}}}`, 72},
		{`{"find":"c","readConcern":{"afterClusterTime":{"$timestamp":{"t":0,"i":0}}}}`, 72},
		{`{"find":"c","readConcern":{"afterClusterTime":{"$timestamp":{"t":1,"i":1}}}}`, 123},
		{`{"find":"c","readConcern":{"atClusterTime":{"$timestamp":{"t":1,"i":1}}}}`, 72},
	} {
		c.expect(c.run("%s", test.command), test.code, "code")
	}
	c.run(`{"insert":"c","documents":[{"_id":2},{"_id":3}]}`)
	c.expect(c.run(`{"findAndModify":"c","update":{"$set":{"a":1}},"sort":{"$natural":-1}}`), 3, "value", "_id")
	c.expect(c.run(`{"findAndModify":"c","update":{"$set":{"a":1}},"sort":{"$natural":1}}`), 1, "value", "_id")
	for _, names := range []string{`"data.system.views","to":"data.x"`, `"data.system.x","to":"data.x"`, `"data.c","to":"data.system.views"`} {
		c.expect(c.run(`{"renameCollection":%s}`, names), 20, "code")
	}
	c.expect(c.run(`{"driverOIDTest":{"$oid":"5e0000000000000000000001"}}`), "5e0000000000000000000001", "str")
	c.expect(c.run(`{"setParameter":1,"logLevel":2}`), 0, "was")
	c.expect(c.run(`{"setParameter":1,"logLevel":0}`), 2, "was")
	c.expect(c.run(`{"setParameter":1,"logLevel":"x"}`), 2, "code")
	c.expect(c.run(`{"setParameter":1,"quiet":true}`), false, "was")
	c.expect(c.runOn("admin", `{"getParameter":1,"quiet":1}`), true, "quiet")
}

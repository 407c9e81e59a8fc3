package command

import "testing"

// admin runs a command on the database admin.
func (c *session) admin(command string) any {
	c.t.Helper()
	return c.runOn("admin", command)
}

// serverStatus counts statements, failed ones too, and leaves out what it is told to.
func TestServerStatus(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","ordered":false,"documents":[{"_id":1},{"_id":1},{"_id":2}]}`)
	c.run(`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1}}},{"q":{},"u":{"$foo":1}},{"q":{},"u":{"$set":{"a":1}}}]}`)
	c.run(`{"delete":"c","deletes":[{"q":{},"limit":1}]}`)
	c.run(`{"find":"c"}`)
	c.run(`{"count":"c"}`)
	r := c.run(`{"serverStatus":1,"network":0,"metrics":false}`)
	for name, want := range map[string]int{"insert": 3, "update": 2, "delete": 1, "query": 1, "getmore": 0, "command": 2} {
		c.expect(r, want, "opcounters", name)
	}
	c.expect(r, nil, "network")
	c.expect(r, nil, "metrics")
	if lookup(r, "connections") == nil || lookup(c.run(`{"serverStatus":1}`), "metrics") == nil {
		t.Error("a section is missing")
	}
}

// The profiler's settings are kept for each database, its thresholds for all.
func TestProfile(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.expect(c.run(`{"profile":1,"slowms":20,"sampleRate":0.5}`), 0, "was")
	r := c.run(`{"profile":-1}`)
	c.expect(r, 1, "was")
	c.expect(r, 20, "slowms")
	c.expect(c.run(`{"profile":7}`), 1, "was")
	c.expect(c.run(`{"profile":0}`), 1, "was")
	if got := lookup(c.admin(`{"profile":-1}`), "was"); got != int32(0) {
		t.Errorf("the level of another database is %v", got)
	}
	c.expect(c.run(`{"profile":1,"sampleRate":2}`), 2, "code")
}

// What tells of the server's inside answers, also where there is nothing to tell.
func TestMonitoringCommands(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1}]}`)
	if got := lookup(c.admin(`{"currentOp":1}`), "inprog", 0, "command", "currentOp"); got != int32(1) {
		t.Errorf("currentOp does not tell of itself: %v", got)
	}
	if got := lookup(c.admin(`{"currentOp":1,"op":"none"}`), "inprog", 0); got != nil {
		t.Errorf("currentOp tells of what its filter leaves out: %v", got)
	}
	c.expect(c.run(`{"currentOp":1}`), 13, "code")
	before := lookup(c.run(`{"dbHash":1}`), "md5")
	c.run(`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1}}}]}`)
	if after := lookup(c.run(`{"dbHash":1}`), "md5"); after == before {
		t.Error("dbHash is the same for other documents")
	}
	for _, command := range []string{`{"top":1}`, `{"lockInfo":1}`, `{"logRotate":1}`, `{"fsync":1}`} {
		if got := lookup(c.admin(command), "ok"); got != 1.0 {
			t.Errorf("%s: %v", command, got)
		}
	}
	for _, command := range []string{`{"connPoolStats":1}`, `{"planCacheClear":"c"}`, `{"planCacheListFilters":"c"}`} {
		c.expect(c.run("%s", command), 1, "ok")
	}
	if got := lookup(c.admin(`{"fsync":1,"lock":true}`), "code"); got != int32(238) {
		t.Errorf("fsync with a lock: %v", got)
	}
}

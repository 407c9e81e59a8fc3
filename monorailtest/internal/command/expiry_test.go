package command

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestState(t)
		c := newSession(t, s)
		c.run(`{"createIndexes":"c","indexes":[{"key":{"t":1},"name":"t","expireAfterSeconds":100},
			{"key":{"p":1},"name":"p","expireAfterSeconds":0,"partialFilterExpression":{"old":true}}]}`)
		now := time.Now().UnixMilli()
		c.run(`{"insert":"c","documents":[{"_id":1,"t":{"$date":{"$numberLong":"%d"}}},{"_id":2,"t":{"$date":{"$numberLong":"%d"}}},{"_id":3,"t":5},
			{"_id":4},{"_id":5,"t":[1,{"$date":{"$numberLong":"0"}}]},{"_id":6,"p":{"$date":{"$numberLong":"0"}}},
			{"_id":7,"old":true,"p":{"$date":{"$numberLong":"0"}}}]}`, now-1000_000, now)
		time.Sleep(59 * time.Second)
		c.expect(c.run(`{"count":"c"}`), 7, "n")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		c.expectIDs(`{"find":"c"}`, 2, 3, 4, 6)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		c.expectIDs(`{"find":"c"}`, 3, 4, 6)

		c.expect(c.run(`{"setParameter":1,"ttlMonitorEnabled":false}`), true, "was")
		c.expect(c.run(`{"setParameter":1,"ttlMonitorSleepSecs":1}`), 60, "was")
		c.run(`{"insert":"c","documents":[{"_id":8,"t":{"$date":{"$numberLong":"0"}}}]}`)
		time.Sleep(time.Minute)
		synctest.Wait()
		c.expectIDs(`{"find":"c"}`, 3, 4, 6, 8)
		c.run(`{"setParameter":1,"ttlMonitorEnabled":true}`)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		c.expectIDs(`{"find":"c"}`, 3, 4, 6)
	})
}

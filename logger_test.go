package monorail

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestFullPoolIsLoggedOnceASecond: however many operations wait for a server, or are refused, the log has
// one line of each in a second, which counts those that had none.
func TestFullPoolIsLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		monitor := newLogMonitor(slog.New(slog.NewTextHandler(&log, nil)))
		wait := func(address string, refused bool, want ...string) {
			t.Helper()
			log.Reset()
			monitor.Waiting(&RequestWaitingEvent{Address: address, Refused: refused})
			if len(want) == 0 && log.Len() > 0 {
				t.Errorf("another line within a second: %s", &log)
			}
			for _, part := range want {
				if !strings.Contains(log.String(), part) {
					t.Errorf("the line is %q, want %q in it", &log, part)
				}
			}
		}
		wait("a:1", false, "level=WARN", "waiting for a connection", "address=a:1", "unlogged=0")
		wait("a:1", false)
		wait("b:1", false, "waiting for a connection", "address=b:1", "unlogged=0")
		wait("a:1", true, "level=WARN", "refused", "unlogged=0")
		wait("a:1", true)
		wait("a:1", false)
		time.Sleep(waitLogInterval) // the clock of synctest
		wait("a:1", false, "unlogged=2")
		wait("a:1", true, "unlogged=1")
		wait("b:1", false, "unlogged=0")
		wait("a:1", false)
	})
}

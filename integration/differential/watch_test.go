package differential

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// watch keeps what a client's monitors are told, without what differs by nature.
type watch struct {
	// mu guards the fields below.
	mu       sync.Mutex
	commands []string
	pool     []string
	// cursors gives each cursor id a number, in the order of first sight.
	cursors map[int64]int
}

func (w *watch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands, w.pool, w.cursors = nil, nil, make(map[int64]int)
}

// taken returns what was seen: the commands in order, and the events of the pool in none, for a pool
// that was cleared is made ready again by the driver's monitoring, meanwhile.
func (w *watch) taken() (commands, pool []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pool = slices.Clone(w.pool)
	slices.Sort(pool)
	return slices.Clone(w.commands), pool
}

func (w *watch) commandMonitor() *event.CommandMonitor {
	add := func(document bson.Raw, format string, args ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		line := fmt.Sprintf(format, args...)
		if document != nil {
			line += " " + w.normalLocked(document)
		}
		w.commands = append(w.commands, neutral(line))
	}
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			add(e.Command, "%s in %s started", e.CommandName, e.DatabaseName)
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			add(e.Reply, "%s succeeded", e.CommandName)
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			add(nil, "%s failed: %T %v", e.CommandName, e.Failure, e.Failure)
		},
	}
}

func (w *watch) poolMonitor() *event.PoolMonitor {
	return &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pool = append(w.pool, neutral(fmt.Sprintf("%s %s %v", e.Type, e.Reason, e.Error)))
	}}
}

// ofTheMoment are fields of commands and replies that no two clients have alike.
var ofTheMoment = []string{"lsid", "$clusterTime", "operationTime", "txnNumber", "electionId", "opTime"}

// normalLocked writes a document out without them, and with small numbers for cursors.
func (w *watch) normalLocked(document bson.Raw) string {
	elements, err := document.Elements()
	if err != nil {
		return err.Error()
	}
	out := "{"
	for _, e := range elements {
		key, value := e.Key(), e.Value()
		switch id, isLong := value.Int64OK(); {
		case slices.Contains(ofTheMoment, key):
			continue
		case key == "maxTimeMS":
			out += key + ", " // of what is left of a time
		case isLong && id != 0 && (key == "id" || key == "getMore"):
			out += fmt.Sprintf("%s: cursor %d, ", key, w.cursorLocked(id))
		case value.Type == bson.TypeEmbeddedDocument:
			out += key + ": " + w.normalLocked(value.Document()) + ", "
		case value.Type == bson.TypeArray && (key == "cursors" || key == "cursorsKilled"):
			ids, _ := value.Array().Values()
			for _, v := range ids {
				id, _ := v.Int64OK()
				out += fmt.Sprintf("%s: cursor %d, ", key, w.cursorLocked(id))
			}
		default:
			out += key + ": " + value.String() + ", "
		}
	}
	return out + "}"
}

func (w *watch) cursorLocked(id int64) int {
	if w.cursors[id] == 0 {
		w.cursors[id] = len(w.cursors) + 1
	}
	return w.cursors[id]
}

var (
	databaseName = regexp.MustCompile(`monorail_test_\d+_\d+(_\d+)?`)
	// connectionName is the driver's name of a connection; address that of a socket.
	connectionName = regexp.MustCompile(`\[-?\d+\]`)
	address        = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// neutral takes the names out of a line that each client has of its own.
func neutral(line string) string {
	line = databaseName.ReplaceAllString(line, "DB")
	line = connectionName.ReplaceAllString(line, "[C]")
	return address.ReplaceAllString(line, "ADDRESS")
}

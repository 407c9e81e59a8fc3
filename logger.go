package monorail

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// waitLogInterval is how often a full pool is worth a line: an operator has to know of it, and not of each
// of the thousands of operations that may wait in a burst.
const waitLogInterval = time.Second

// newLogMonitor returns the monitor that writes a line for each event. Its levels and attributes are
// documented at SetLogger.
func newLogMonitor(logger *slog.Logger) *Monitor {
	l := &eventLogger{Logger: logger, waits: make(map[waitKind]waitLog)}
	return &Monitor{
		Started: func(e *RequestStartedEvent) { l.log(slog.LevelDebug, "request started", e.RequestEvent) },
		Broken:  l.broken,
		Renewed: func(e *RequestRenewedEvent) {
			l.log(slog.LevelInfo, "request renewed", e.RequestEvent,
				slog.Int("epoch", e.Epoch), slog.Int("unconfirmed", e.Lost.Unconfirmed))
		},
		Ended: func(e *RequestEndedEvent) {
			l.logOn(slog.LevelDebug, "request ended", e.RequestEvent, e.RequestSocket,
				slog.Duration("duration", e.Duration), slog.Int("unconfirmed", e.Unconfirmed))
		},
		Leaked: func(e *RequestLeakedEvent) {
			l.logOn(slog.LevelWarn, "request leaked: it was never ended, and nothing can reach it any more", e.RequestEvent, e.RequestSocket,
				slog.Duration("age", e.Age), slog.Int("unconfirmed", e.Unconfirmed), slog.String("stack", e.Stack.String()))
		},
		Waiting: l.waiting,
	}
}

// eventLogger writes events. It may be shared between goroutines.
type eventLogger struct {
	*slog.Logger

	// mu guards waits.
	mu sync.Mutex
	// waits has the servers whose pools were full.
	waits map[waitKind]waitLog
}

// waitKind is what has lines of its own.
type waitKind struct {
	address string
	refused bool
}

// waitLog is what was logged of a kind.
type waitLog struct {
	last     time.Time // when there was a line
	unlogged int       // how many had none since
}

// admit tells whether an operation that waits, or was refused, gets a line, and how many before it had
// none since the last.
func (l *eventLogger) admit(kind waitKind, now time.Time) (unlogged int, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.waits[kind]
	if !w.last.IsZero() && now.Sub(w.last) < waitLogInterval {
		w.unlogged++
		l.waits[kind] = w
		return 0, false
	}
	l.waits[kind] = waitLog{last: now}
	return w.unlogged, true
}

func (l *eventLogger) broken(e *RequestBrokenEvent) {
	level, message := slog.LevelInfo, "request broken"
	if e.Err.Unconfirmed > 0 {
		level, message = slog.LevelWarn, "request broken: unacknowledged writes may be lost"
	}
	l.logOn(level, message, e.RequestEvent, e.RequestSocket,
		slog.Int("unconfirmed", e.Err.Unconfirmed), slog.Any("error", e.Err.Cause))
}

func (l *eventLogger) waiting(e *RequestWaitingEvent) {
	unlogged, admitted := l.admit(waitKind{e.Address, e.Refused}, time.Now())
	if !admitted {
		return
	}
	message := "waiting for a connection of a full pool"
	if e.Refused {
		message = "refused: too many operations wait for a connection"
	}
	attrs := []slog.Attr{
		slog.String("address", e.Address),
		slog.Int("max_pool_size", e.MaxPoolSize),
		slog.Int("held", e.Held),
		slog.Int("waiting", e.Waiting),
		slog.Int("unlogged", unlogged),
	}
	if o := e.Oldest; o != nil {
		attrs = append(attrs, slog.Group("oldest", slog.Int64("request", o.RequestID), slog.String("name", o.Name),
			slog.Duration("age", o.Age), slog.String("stack", o.Stack.String())))
	}
	l.log(slog.LevelWarn, message, e.RequestEvent, attrs...)
}

// logOn writes a line about a request on a socket.
func (l *eventLogger) logOn(level slog.Level, message string, request RequestEvent, socket RequestSocket, attrs ...slog.Attr) {
	if socket.Address != "" {
		attrs = append(attrs,
			slog.String("address", socket.Address),
			slog.String("connection", socket.ConnectionID),
			slog.Int("epoch", socket.Epoch))
		if socket.ServerConnectionID != nil {
			attrs = append(attrs, slog.Int64("server_connection", *socket.ServerConnectionID))
		}
	}
	l.log(level, message, request, attrs...)
}

// log writes a line about a request; one without a number is an operation outside requests.
func (l *eventLogger) log(level slog.Level, message string, request RequestEvent, attrs ...slog.Attr) {
	ctx := context.Background()
	if !l.Enabled(ctx, level) {
		return
	}
	line := slog.NewRecord(time.Now(), level, message, 0)
	if request.RequestID != 0 {
		line.AddAttrs(slog.Int64("request", request.RequestID), slog.String("name", request.Name))
	}
	line.AddAttrs(attrs...)
	_ = l.Handler().Handle(ctx, line) // as slog itself does
}

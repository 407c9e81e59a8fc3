package monorail

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

// refusal is the server of an operation that must not run. It is told when the operation asks for a
// connection: an error of server selection would be labelled as one to retry the transaction for.
type refusal struct{ err error }

// Connection implements driver.Server.
func (r refusal) Connection(context.Context) (*connection, error) { return nil, r.err }

// RTTMonitor implements driver.Server. In load-balanced mode the driver asks it before it has asked
// for a connection.
func (refusal) RTTMonitor() driver.RTTMonitor { return noRTT{} }

// noRTT is the monitor of a server that was never reached.
type noRTT struct{}

func (noRTT) EWMA() time.Duration { return 0 }
func (noRTT) Min() time.Duration  { return 0 }
func (noRTT) Stats() string       { return "" }

package monorail

import (
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

const (
	// defaultFlushInterval bounds how long an unacknowledged write that nothing follows stays in the
	// program: short for a person, long against the time between two operations of one request.
	defaultFlushInterval = 5 * time.Millisecond

	// defaultMaxHeldBytes is some two hundred small updates. What coalescing saves is the system
	// call, some 4 µs shared by all that leave together, and at this size that is spread thin.
	defaultMaxHeldBytes = 32 << 10

	// defaultMaxInFlight keeps a server busy that is 1 ms away and takes 10 µs for a command. Measured
	// there, with 25 µs: 55 µs an operation at 64, 46 at 128, 44 at 256, 38 at 512, and 36, 36 and 36 at
	// no distance. Each costs a goroutine with some 20 KiB of stack meanwhile.
	defaultMaxInFlight = 128

	// maxInFlightBytes is what a network of 10 Gbit/s and 3 ms can have on its way, so that it bounds
	// memory and not speed.
	maxInFlightBytes = 4 << 20

	// defaultWaitQueueTimeout is what the drivers for Java and C# had: no program needs to wait so long,
	// and one that would wait for ever for its own sockets is told so.
	defaultWaitQueueTimeout = 2 * time.Minute
)

// clientSettings is what an OptionsBuilder collects.
type clientSettings struct {
	autoStartRequest bool
	flushInterval    time.Duration
	maxHeldBytes     int
	waitQueueTimeout time.Duration
	maxWaiting       int
	monitor          *Monitor
	logger           *slog.Logger
	captureStacks    bool
	keepUnconfirmed  int
	maxInFlight      int

	mergeWrites, mergeThroughMongos bool
}

// OptionsBuilder collects the options of Connect. Make one with Options. It must not be changed by
// two goroutines at a time; Connect copies what it needs.
type OptionsBuilder struct{ apply []func(*clientSettings) }

// Options returns a builder with every option at its default.
func Options() *OptionsBuilder { return &OptionsBuilder{} }

// SetAutoStartRequest makes every scope (see Client.NewScope) a request: the first operation with a
// scope's context starts one, which ends with the scope. Contexts outside scopes are not touched.
// Each scope that has run an operation then holds a socket of the pool until it ends. The default is
// false.
func (b *OptionsBuilder) SetAutoStartRequest(auto bool) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.autoStartRequest = auto })
}

// SetFlushInterval sets how long an unacknowledged write, or a command of Go, may wait in the program for
// company. It leaves earlier with the next acknowledged operation of its request, at SetMaxHeldBytes, and with
// Flush, Barrier and End. A longer interval saves write calls of requests that only write; a shorter
// one lets the server begin sooner. 0, or less, means that time alone sends nothing. The default is
// 5 ms: long enough that a unit of work that ends with a read is one write call.
//
// Sending sooner was measured on ten writes and a read, in terms of holding them all until the read: an
// interval of 100 µs, or a Flush behind the first write, takes 0.97 to 1.06 of the time; each write by
// itself (SetMaxHeldBytes(0)) takes 1.06 to 1.11 at a server nearby, and 1.00 to 1.02 at 1 ms; merged,
// all with the read, 0.87 to 0.97. A real server with processors to itself once took 0.68 ms for them sent one by one
// and 0.87 ms for all at once, at more cost to the program; where that counts, measure both. See
// docs/performance.md.
func (b *OptionsBuilder) SetFlushInterval(d time.Duration) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.flushInterval = max(d, 0) })
}

// SetMaxHeldBytes sets how many bytes of unacknowledged writes and commands of Go a request may hold: what
// reaches it sends them all; a write then waits until the kernel has taken them, and Go as SetMaxInFlight
// says. A request uses up to twice that much memory, and with Go up to what that may have under way. 0,
// or less, sends every write by itself, and lets none be merged. The default is 32 KiB.
func (b *OptionsBuilder) SetMaxHeldBytes(n int) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.maxHeldBytes = max(n, 0) })
}

// SetWaitQueueTimeout sets how long an operation waits for a connection when all MaxPoolSize of them
// are in use: one that takes its request's socket, and one outside requests if requests hold sockets
// of that pool when it begins to wait. It then gets ErrWaitQueueTimeout. The operation's context ends
// a wait too, and so does the driver's ServerSelectionTimeout (30 s by default), which covers the wait for a
// connection: the least of the three counts. An operation of a request that has its socket
// never waits. 0, or less, is no limit of its own. The default is 2 minutes. A checkout that finds an
// idle connection costs no timer, and not one system call.
func (b *OptionsBuilder) SetWaitQueueTimeout(d time.Duration) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.waitQueueTimeout = max(d, 0) })
}

// SetMaxWaiting sets how many operations may wait for a connection of one server's pool at a time: one
// more gets ErrTooManyWaiting at once. Which operations count is said at SetWaitQueueTimeout. 0 lets none
// wait. The default, any negative number, is no limit. A server that takes 1 ms for a unit of work
// and has a pool of 100 serves 1,000 that wait in 10 ms; choose by how late an answer is of no use.
func (b *OptionsBuilder) SetMaxWaiting(n int) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.maxWaiting = max(n, -1) })
}

// SetMonitor sets who is told what happens to the client's requests. The default is nil: nobody is,
// and nothing is spent on it. A function for each event of a request costs about as much as the
// function itself; Flushed, which comes with every write call, also two readings of the clock.
func (b *OptionsBuilder) SetMonitor(m *Monitor) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.monitor = m })
}

// SetLogger sets a logger for what happens to the client's requests. Each line has the attributes
// "request" (RequestInfo.ID) and "name", and, where there is a socket, "address", "connection",
// "server_connection" and "epoch".
//
//   - Warn: a request that leaked ("age", "unconfirmed", "stack"), one that broke with unacknowledged writes
//     that may be lost ("unconfirmed", "error"), an operation that waits for a connection of a full pool
//     or is refused ("address", "max_pool_size", "held", "waiting", "oldest"): for each server one line of
//     either in a second, which counts those that had none ("unlogged");
//   - Info: a request that broke and lost nothing ("unconfirmed", "error"), one that was renewed ("epoch",
//     "unconfirmed");
//   - Debug: a request that started, or ended ("duration", "unconfirmed").
//
// The logger is called as the functions of a Monitor are. The default is nil, which logs nothing: a
// leak is then told to the Monitor alone, or to nobody.
func (b *OptionsBuilder) SetLogger(logger *slog.Logger) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.logger = logger })
}

// SetCaptureStacks keeps the stack of each StartRequest, or of the first operation of a scope that
// starts a request by itself. Monitor, the reports of leaks and the errors of a full pool show it. The
// default is false. It costs some microseconds and up to 400 bytes for each request.
func (b *OptionsBuilder) SetCaptureStacks(capture bool) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.captureStacks = capture })
}

// SetKeepUnconfirmed makes every request keep the unacknowledged writes that the server is not known to
// have processed, up to that many bytes, so that a BrokenError hands them back (its Writes) and Replay
// can send them again. The write that would go beyond waits for a Barrier first, one round trip, rather
// than that something is forgotten; so a larger limit means fewer round trips for requests that only
// write. It costs a copy of each message, and that much memory for each request. 0, or less, keeps
// nothing, which is the default.
func (b *OptionsBuilder) SetKeepUnconfirmed(maxBytes int) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.keepUnconfirmed = max(maxBytes, 0) })
}

// SetMergeWrites lets unacknowledged writes share messages: where one follows another of the same request
// directly, with nothing of the request between them, and is of the same command (insert, update or
// delete), to the same collection, with the same Let, Comment and BypassDocumentValidation, and the first
// has not left the program, it joins the message of the first. The server executes the statements of a
// message in their order, and each as if it had come alone: the message says {ordered: false}, so later
// statements are executed though an earlier one fails, as later messages are. The server spends far less
// on them: on a real one, with ten in a message, half as much for each. Merging waits for nothing: what
// leaves when, SetFlushInterval and SetMaxHeldBytes say as ever, and the latter is also how large a message
// of several grows. A larger one has gained nothing where it was measured: the server begins later.
//
// It is for the methods of an UnacknowledgedCollection. Never merged are
//   - an InsertMany or BulkWrite that is ordered, which they are by default: it has its messages for itself;
//   - a write of a collection whose own write concern is {w: 0}: it is the driver's;
//   - a statement of which it is not certain that every server can parse it, since one that cannot be parsed
//     voids its whole message: an update with Sort or with an unknown stage of a pipeline, a pipeline with
//     array filters, array filters that are no documents, malformed BSON, deprecated BSON types, nesting
//     deeper than 100;
//   - an upsert with an update that is none: a user who may update and not insert has a command refused
//     that has an upsert;
//   - two writes between which the client has learnt a newer cluster time, which it sends with each;
//   - anything on a connection that compresses;
//   - anything towards a mongos or a load balancer: see SetMergeWritesThroughMongos.
//
// With it no unacknowledged write of such a collection has a maxTimeMS, which else is what is left of the
// time of its context: it differs from call to call, and for a message of many the server would drop in
// silence what is late. The context still bounds the call itself.
//
// A command monitor sees a message of several as the one command that it is, with all its statements,
// when nothing can join it any more: before the next operation of the request, or when it leaves, or
// with a failure if the socket is gone before it has left. The events have the context of its first
// write, from which the duration counts. Those of a message that the flush interval sends may come while an operation begins. Monitor's
// Flushed counts the messages that are sent.
//
// The default is false. A write that is merged costs no allocation, and looking through its BSON.
func (b *OptionsBuilder) SetMergeWrites(merge bool) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.mergeWrites = merge })
}

// SetMergeWritesThroughMongos extends SetMergeWrites, which has to be set too, to a mongos, and to what is
// behind a load balancer. A mongos sends the statements of one message to their shards in parallel:
// those on one document are still executed in their order, but one on another shard may be visible before
// an earlier one, where the messages of a request are executed one after the other. Do not set it where a
// reader outside of the request must never see a later write without an earlier one. In return a mongos
// takes several times as many writes, and a shard that cannot be reached delays a message once, not
// once for each of its statements. The default is false.
func (b *OptionsBuilder) SetMergeWritesThroughMongos(merge bool) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.mergeThroughMongos = merge })
}

// SetMaxInFlight sets how many commands Go may have under way on a request's socket: it waits, as long as
// its context allows, until there are fewer. A command whose operation has given up counts until its reply
// comes. Go also waits where the commands that it has under way would exceed 4 MiB together; a longer
// one goes alone. Commands of other operations, and what an operation of Go does after its first command,
// neither wait nor count. More commands help where the network is long and the server quick: the
// server works without a pause while there are as many as it can execute in one round trip. Each needs
// some 20 KiB of memory while it is under way. 0, or less, is no limit of their number. The default is 128.
func (b *OptionsBuilder) SetMaxInFlight(n int) *OptionsBuilder {
	return b.with(func(s *clientSettings) { s.maxInFlight = max(n, 0) })
}

func (b *OptionsBuilder) with(f func(*clientSettings)) *OptionsBuilder {
	b.apply = append(b.apply, f)
	return b
}

func newClientSettings(builders []*OptionsBuilder) clientSettings {
	s := clientSettings{
		flushInterval:    defaultFlushInterval,
		maxHeldBytes:     defaultMaxHeldBytes,
		waitQueueTimeout: defaultWaitQueueTimeout,
		maxWaiting:       -1,
		maxInFlight:      defaultMaxInFlight,
	}
	for _, b := range builders {
		if b == nil {
			continue
		}
		for _, f := range b.apply {
			f(&s)
		}
	}
	return s
}

// requestSettings is what a RequestOptionsBuilder collects.
type requestSettings struct {
	readPreference *readpref.ReadPref
	name           string
	// automatic says that a scope starts the request.
	automatic bool
	stack     Stack // where it starts; nil unless stacks are captured
}

// RequestOptionsBuilder collects the options of StartRequest and WithRequest. Make one with
// RequestOptions. It must not be changed by two goroutines at a time.
type RequestOptionsBuilder struct{ apply []func(*requestSettings) }

// RequestOptions returns a builder with every option at its default.
func RequestOptions() *RequestOptionsBuilder { return &RequestOptionsBuilder{} }

// SetReadPreference sets which server the request's socket is taken to. The default is a writable
// one: the primary of a replica set, a mongos, a standalone server. It chooses the server once, for
// the whole request; the read preference of each operation is then checked against that server, and
// writes fail with ErrServerMismatch where it is a secondary. A nested request has the socket of the
// outer one, and its read preference is not used.
func (b *RequestOptionsBuilder) SetReadPreference(rp *readpref.ReadPref) *RequestOptionsBuilder {
	return b.with(func(s *requestSettings) { s.readPreference = rp })
}

// SetName names the request in RequestInfo, events, log lines and the errors of a full pool. The default
// is no name. A nested request has the name of the outer one.
func (b *RequestOptionsBuilder) SetName(name string) *RequestOptionsBuilder {
	return b.with(func(s *requestSettings) { s.name = name })
}

func (b *RequestOptionsBuilder) with(f func(*requestSettings)) *RequestOptionsBuilder {
	b.apply = append(b.apply, f)
	return b
}

func newRequestSettings(builders []*RequestOptionsBuilder) requestSettings {
	var s requestSettings
	for _, b := range builders {
		if b == nil {
			continue
		}
		for _, f := range b.apply {
			f(&s)
		}
	}
	return s
}

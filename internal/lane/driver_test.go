package lane

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/address"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/mnet"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"
)

// recorder is a deployment of one server with one connection that keeps what the driver writes and
// answers {ok: 1} to whatever wants an answer.
type recorder struct {
	limits  Limits
	gossips bool // whether replies tell the cluster time

	mu       sync.Mutex // guards messages
	messages [][]byte
}

var (
	_ driver.Deployment    = (*recorder)(nil)
	_ driver.Server        = (*recorder)(nil)
	_ mnet.ReadWriteCloser = (*recorder)(nil)
	_ mnet.Describer       = (*recorder)(nil)
)

func (r *recorder) SelectServer(context.Context, description.ServerSelector) (driver.Server, error) {
	return r, nil
}
func (r *recorder) Kind() description.TopologyKind {
	return description.TopologyKindReplicaSetWithPrimary
}
func (r *recorder) GetServerSelectionTimeout() time.Duration { return 0 }
func (r *recorder) Connection(context.Context) (*mnet.Connection, error) {
	return mnet.NewConnection(r), nil
}
func (r *recorder) RTTMonitor() driver.RTTMonitor { return zeroRTT{} }
func (r *recorder) Close() error                  { return nil }
func (r *recorder) ID() string                    { return "recorder" }
func (r *recorder) ServerConnectionID() *int64    { return nil }
func (r *recorder) DriverConnectionID() int64     { return 1 }
func (r *recorder) Address() address.Address      { return "recorder:27017" }
func (r *recorder) Stale() bool                   { return false }
func (r *recorder) OIDCTokenGenID() uint64        { return 0 }
func (r *recorder) SetOIDCTokenGenID(uint64)      {}

func (r *recorder) Description() description.Server {
	sessionTimeout := int64(30)
	return description.Server{
		Kind:                  description.ServerKindRSPrimary,
		MaxDocumentSize:       uint32(r.limits.DocumentSize),
		MaxMessageSize:        uint32(r.limits.MessageSize),
		MaxBatchCount:         uint32(r.limits.BatchCount),
		SessionTimeoutMinutes: &sessionTimeout,
		WireVersion:           &description.VersionRange{Max: 25},
	}
}

func (r *recorder) Write(_ context.Context, message []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, append([]byte(nil), message...))
	return nil
}

// clusterTime is what the replies of a recorder that gossips tell the driver.
var clusterTime = bson.D{{Key: "clusterTime", Value: bson.Timestamp{T: 7, I: 3}}}

func (r *recorder) Read(context.Context) ([]byte, error) {
	document := bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 1}}
	if r.gossips {
		document = append(document, bson.E{Key: "$clusterTime", Value: clusterTime})
	}
	reply, err := bson.Marshal(document)
	if err != nil {
		return nil, err
	}
	index, message := wiremessage.AppendHeaderStart(nil, 1, 1, wiremessage.OpMsg)
	message = wiremessage.AppendMsgFlags(message, 0)
	message = wiremessage.AppendMsgSectionType(message, wiremessage.SingleDocument)
	message = append(message, reply...)
	setLength(message, int(index), len(message))
	return message, nil
}

// take returns the messages written since the last call.
func (r *recorder) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	messages := r.messages
	r.messages = nil
	return messages
}

type zeroRTT struct{}

func (zeroRTT) EWMA() time.Duration { return 0 }
func (zeroRTT) Min() time.Duration  { return 0 }
func (zeroRTT) P90() time.Duration  { return 0 }
func (zeroRTT) Stats() string       { return "" }

// usualLimits are those of every mongod since 3.6.
var usualLimits = Limits{DocumentSize: 16 << 20, MessageSize: 48_000_000, BatchCount: 100_000}

// newDriver returns the collection shop.orders of a client of the plain driver, with write concern
// {w: 0}, and the recorder of what it writes.
func newDriver(t testing.TB, limits Limits, configure func(*options.ClientOptions)) (*mongo.Collection, *recorder) {
	t.Helper()
	r := &recorder{limits: limits}
	opts := options.Client()
	if err := xoptions.SetInternalClientOptions(opts, "deployment", r); err != nil {
		t.Fatal(err)
	}
	if configure != nil {
		configure(opts)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	unacknowledged := options.Collection().SetWriteConcern(writeconcern.Unacknowledged())
	return client.Database("shop").Collection("orders", unacknowledged), r
}

package monorail

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
)

// captureKey is the context key under which captureSelector waits for a selector.
type captureKey struct{}

var errCaptured = errors.New("monorail: the server selector was captured")

// captureSelector returns the driver's own selector for a read preference, latency window included,
// which the driver does not export: it runs a command with that read preference and takes the
// selector with which the command comes here. Nothing is sent and no event published.
func captureSelector(client *mongo.Client, rp *readpref.ReadPref) (description.ServerSelector, error) {
	var selector description.ServerSelector
	ctx := context.WithValue(context.Background(), captureKey{}, &selector)
	err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}, options.RunCmd().SetReadPreference(rp)).Err()
	if selector == nil {
		return nil, err
	}
	return selector, nil
}

// accepts tells whether a selector takes a server that is alone in a topology of that kind.
func accepts(selector description.ServerSelector, kind description.TopologyKind, candidate description.Server) (bool, error) {
	candidates := []description.Server{candidate}
	accepted, err := selector.SelectServer(description.Topology{Kind: kind, Servers: candidates}, candidates)
	return len(accepted) > 0, err
}

// wanted says in words what a selector that refused a server would have taken. The driver's selectors
// do not describe themselves, so it is asked about the same server in other roles.
func wanted(selector description.ServerSelector, kind description.TopologyKind, refused description.Server) string {
	for _, role := range []struct {
		kind description.ServerKind
		name string
	}{
		{description.ServerKindRSPrimary, "a primary (a write, or the read preference primary)"},
		{description.ServerKindRSSecondary, "a secondary (by its read preference)"},
	} {
		refused.Kind = role.kind
		if ok, err := accepts(selector, kind, refused); ok && err == nil {
			return role.name
		}
	}
	return "another server (by the tags or the staleness of its read preference)"
}

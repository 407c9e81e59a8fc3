package monorail

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	//lint:ignore SA1019 internal to the driver, and the topology cannot be configured without it
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/session"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"
)

// Version is the version of Monorail that a client tells the server, behind the driver's own.
const Version = "0.1.0"

// defaultMaxPoolSize is what mongo.Connect uses where the options name no MaxPoolSize.
const defaultMaxPoolSize uint64 = 100

// Connect does what mongo.Connect does with clientOpts, and returns a client that also has requests.
// It does no I/O; to verify that the deployment is reachable, call Ping. The client differs from one
// of mongo.Connect in nothing but requests, except that it adds Monorail's name and version to what
// it tells the server of itself. clientOpts may be nil, and is not changed; its Deployment must be
// unset. Disconnect ends the client.
func Connect(clientOpts *options.ClientOptions, opts ...*OptionsBuilder) (*Client, error) {
	if clientOpts == nil {
		clientOpts = options.Client()
	}
	//lint:ignore SA1019 it is refused here, not used
	if clientOpts.Deployment != nil {
		return nil, errOwnDeployment
	}
	driverOpts := *clientOpts
	if err := driverOpts.Validate(); err != nil {
		return nil, err
	}
	if driverOpts.MaxPoolSize == nil {
		size := defaultMaxPoolSize
		driverOpts.MaxPoolSize = &size
	}
	c := &Client{
		sockets:     &socketTable{},
		settings:    newClientSettings(opts),
		info:        newDriverInfo(driverOpts.DriverInfo),
		monitor:     driverOpts.Monitor,
		maxPoolSize: int(min(*driverOpts.MaxPoolSize, math.MaxInt)),
		timeout:     driverOpts.Timeout,
		open:        make(map[*series]struct{}),
	}
	if l := c.settings.logger; l != nil {
		c.monitors = append(c.monitors, newLogMonitor(l))
	}
	if m := c.settings.monitor; m != nil {
		c.monitors = append(c.monitors, m)
	}
	if driverOpts.ServerAPIOptions != nil {
		c.serverAPI = topology.ConvertToDriverAPIOptions(driverOpts.ServerAPIOptions)
	}
	topo, err := newTopology(&driverOpts, c)
	if err != nil {
		return nil, err
	}
	c.deployment = &deployment{Topology: topo, client: c}
	if err := xoptions.SetInternalClientOptions(&driverOpts, "deployment", c.deployment); err != nil {
		return nil, err
	}
	if c.Client, err = mongo.Connect(&driverOpts); err != nil {
		return nil, err
	}
	c.openLane(&driverOpts)
	c.watcher = newWatcher(c)
	c.writableSelector, err = captureSelector(c.Client, readpref.Primary())
	if err != nil {
		return nil, err
	}
	return c, nil
}

// newTopology builds what mongo.Connect builds where it is given no deployment, with our dialer in
// the place of the options' dialer and TLS configuration.
func newTopology(driverOpts *options.ClientOptions, c *Client) (*topology.Topology, error) {
	topologyOpts := *driverOpts
	topologyOpts.Dialer = newDialer(driverOpts, c.sockets)
	topologyOpts.TLSConfig = nil
	var authenticator driver.Authenticator
	if credential := driverOpts.Auth; credential != nil {
		var err error
		authenticator, err = auth.CreateAuthenticator(credential.AuthMechanism, topology.ConvertCreds(credential), driverOpts.HTTPClient)
		if err != nil {
			return nil, fmt.Errorf("error creating authenticator: %w", err)
		}
	}
	config, err := topology.NewAuthenticatorConfig(authenticator,
		//lint:ignore SA1019 see the import
		topology.WithAuthConfigClock(new(session.ClusterClock)),
		topology.WithAuthConfigClientOptions(&topologyOpts),
		topology.WithAuthConfigDriverInfo(&c.info.current),
	)
	if err != nil {
		return nil, err
	}
	return topology.New(config)
}

// driverInfo is what the connections of a client tell the server of the libraries above the driver.
type driverInfo struct {
	current atomic.Pointer[options.DriverInfo]

	// mu guards seen and the order of changes of current.
	mu   sync.Mutex
	seen map[options.DriverInfo]struct{}
}

func newDriverInfo(users *options.DriverInfo) *driverInfo {
	i := &driverInfo{seen: make(map[options.DriverInfo]struct{})}
	if users != nil {
		i.append(*users)
	}
	i.append(options.DriverInfo{Name: "monorail", Version: Version})
	return i
}

// append adds info behind what is there, as the driver does: each field joined by "|", and nothing
// twice.
func (i *driverInfo) append(info options.DriverInfo) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.seen[info]; ok {
		return
	}
	i.seen[info] = struct{}{}
	if old := i.current.Load(); old != nil {
		info.Name = joinInfo(old.Name, info.Name)
		info.Version = joinInfo(old.Version, info.Version)
		info.Platform = joinInfo(old.Platform, info.Platform)
	}
	i.current.Store(&info)
}

func joinInfo(old, added string) string {
	switch {
	case old == "" || old == added:
		return added
	case added == "":
		return old
	default:
		return old + "|" + added
	}
}

// AppendDriverInfo does what the driver's method does: connections made from now on tell the server
// info too.
func (c *Client) AppendDriverInfo(info options.DriverInfo) {
	c.info.append(info)
}

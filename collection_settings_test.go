package monorail

// The fields of the types in TestOtherDriver are looked at by reflection only.
//lint:file-ignore U1000 see above

import (
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// connectNowhere returns a driver's client that no test lets do I/O.
func connectNowhere(t testing.TB, opts *options.ClientOptions) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(opts.ApplyURI("mongodb://127.0.0.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client
}

// TestEncoding checks that the driver in go.mod has the fields where they are looked for, and that
// the settings of client, database and collection are found as the driver hands them down.
func TestEncoding(t *testing.T) {
	if !driverFields.found {
		t.Fatal("this version of the driver has its fields otherwise, so nothing goes through the lane")
	}
	var registries [3]*bson.Registry
	var settings [3]*options.BSONOptions
	for i := range registries {
		registries[i], settings[i] = bson.NewRegistry(), &options.BSONOptions{IntMinSize: i%2 == 0}
	}
	client := connectNowhere(t, options.Client().SetRegistry(registries[0]).SetBSONOptions(settings[0]))
	database := options.Database().SetRegistry(registries[1]).SetBSONOptions(settings[1])
	collection := options.Collection().SetRegistry(registries[2]).SetBSONOptions(settings[2])
	for i, coll := range []*mongo.Collection{
		client.Database("d").Collection("c"),
		client.Database("d", database).Collection("c"),
		client.Database("d", database).Collection("c", collection),
	} {
		if registry, set := encoding(coll); registry != registries[i] || set != settings[i] {
			t.Errorf("level %d: registry %p, want %p; settings %p, want %p", i, registry, registries[i], set, settings[i])
		}
	}
	plain := connectNowhere(t, options.Client()).Database("d").Collection("c")
	if registry, set := encoding(plain); registry == nil || set != nil {
		t.Errorf("without settings: registry %p, settings %p", registry, set)
	}
	if time := clockOf(client).GetClusterTime(); time != nil {
		t.Errorf("cluster time %v before any server told one", time)
	}
}

// TestDefaultRegistry checks that the lane knows the driver's default registry from one of the
// program's: values are encoded without the BSON encoder with the former only.
func TestDefaultRegistry(t *testing.T) {
	connect := func(opts *options.ClientOptions) *Client {
		c, err := Connect(opts.ApplyURI("mongodb://127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Disconnect(t.Context()) })
		return c
	}
	isDefault := func(c *Client, coll *mongo.Collection) bool {
		registry, _ := encoding(coll)
		return registry == c.defaultRegistry
	}
	own := bson.NewRegistry()
	plain := connect(options.Client())
	if database := plain.Database("d"); !isDefault(plain, database.Collection("c")) || !isDefault(plain, database.Collection("c").Clone()) {
		t.Error("a collection without settings has not the default registry")
	}
	for _, coll := range []*mongo.Collection{
		plain.Database("d", options.Database().SetRegistry(own)).Collection("c"),
		plain.Database("d").Collection("c", options.Collection().SetRegistry(own)),
		plain.Database("d").Collection("c").Clone(options.Collection().SetRegistry(own)),
	} {
		if isDefault(plain, coll) {
			t.Error("a registry of the program's is taken for the default")
		}
	}
	if c := connect(options.Client().SetRegistry(own)); isDefault(c, c.Database("d").Collection("c")) {
		t.Error("the registry of a client is taken for the default")
	}
}

func TestHasLogger(t *testing.T) {
	for _, variable := range []string{"MONGODB_LOG_ALL", "MONGODB_LOG_COMMAND", "MONGODB_LOG_CONNECTION",
		"MONGODB_LOG_TOPOLOGY", "MONGODB_LOG_SERVER_SELECTION"} {
		t.Setenv(variable, "")
	}
	if hasLogger(connectNowhere(t, options.Client())) {
		t.Error("a client without logger options is said to log")
	}
	logger := options.Logger().SetComponentLevel(options.LogComponentCommand, options.LogLevelDebug)
	if !hasLogger(connectNowhere(t, options.Client().SetLoggerOptions(logger))) {
		t.Error("a client that logs commands is said not to")
	}
}

// TestOtherDriver checks that fields of other names or types are not taken for the ones we know.
func TestOtherDriver(t *testing.T) {
	type collection struct {
		registry *bson.Registry
		bsonOpts *options.BSONOptions
	}
	type renamed struct {
		registry    *bson.Registry
		bsonOptions *options.BSONOptions
	}
	type retyped struct {
		registry bson.Registry
		bsonOpts *options.BSONOptions
	}
	type embedded struct{ collection }
	type clockless struct{ logger *int }
	client := reflect.TypeFor[mongo.Client]()
	if fields := findDriverFields(reflect.TypeFor[collection](), client); !fields.found || fields.registry != 0 || fields.bsonOptions != 1 {
		t.Errorf("%+v", fields)
	}
	for _, other := range []reflect.Type{reflect.TypeFor[renamed](), reflect.TypeFor[retyped](), reflect.TypeFor[embedded]()} {
		if fields := findDriverFields(other, client); fields.found {
			t.Errorf("%v: %+v", other, fields)
		}
	}
	if fields := findDriverFields(reflect.TypeFor[collection](), reflect.TypeFor[clockless]()); fields.found {
		t.Errorf("no clock: %+v", fields)
	}
}

func BenchmarkEncoding(b *testing.B) {
	coll := connectNowhere(b, options.Client()).Database("d").Collection("c")
	b.ReportAllocs()
	for b.Loop() {
		encoding(coll)
	}
}

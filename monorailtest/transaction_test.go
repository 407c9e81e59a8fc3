package monorailtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// withTransaction runs fn in a transaction of a session of its own, as often as the driver does.
func withTransaction(ctx context.Context, client *mongo.Client, fn func(ctx context.Context) error) error {
	return client.UseSession(ctx, func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) { return nil, fn(ctx) })
		return err
	})
}

// transaction is a transaction that a test takes step by step.
type transaction struct {
	t       *testing.T
	ctx     context.Context
	session *mongo.Session
}

func beginTransaction(t *testing.T, client *mongo.Client, opts ...options.Lister[options.TransactionOptions]) *transaction {
	t.Helper()
	session := must[*mongo.Session](t)(client.StartSession())
	t.Cleanup(func() { session.EndSession(context.Background()) })
	check(t, session.StartTransaction(opts...))
	return &transaction{t, mongo.NewSessionContext(soon(t), session), session}
}

func (x *transaction) insert(c *mongo.Collection, id int) error {
	_, err := c.InsertOne(x.ctx, bson.D{{Key: "_id", Value: id}})
	return err
}

func documents(t *testing.T, c *mongo.Collection) int64 {
	t.Helper()
	return must[int64](t)(c.CountDocuments(soon(t), bson.D{}))
}

func wantLabel(t *testing.T, err error, label string) {
	t.Helper()
	var labeled mongo.LabeledError
	if !errors.As(err, &labeled) || !labeled.HasErrorLabel(label) {
		t.Errorf("%v has not the label %s", err, label)
	}
}

func TestTransactionByTheDriver(t *testing.T) {
	rs := newSet(t, 3)
	client := connectSet(t, rs)
	db := client.Database("db")
	a, b := db.Collection("a"), db.Collection("b")
	check(t, withTransaction(soon(t), client, func(ctx context.Context) error {
		if _, err := a.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}}); err != nil {
			return err
		}
		_, err := b.UpdateOne(ctx, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "$set", Value: bson.D{{Key: "n", Value: 1}}}},
			options.UpdateOne().SetUpsert(true))
		return err
	}))
	check(t, rs.AwaitReplication(soon(t)))
	for i, member := range rs.Members() {
		direct := must[*mongo.Client](t)(mongo.Connect(options.Client().ApplyURI(member.URI()).SetReadPreference(readpref.Nearest()).SetHeartbeatInterval(500 * time.Millisecond)))
		defer func() { check(t, direct.Disconnect(context.Background())) }()
		if m, n := documents(t, direct.Database("db").Collection("a")), documents(t, direct.Database("db").Collection("b")); m != 1 || n != 1 {
			t.Errorf("member %d has %d and %d documents, want 1 and 1", i, m, n)
		}
	}
	failed := errors.New("no")
	err := withTransaction(soon(t), client, func(ctx context.Context) error {
		_, err := a.InsertOne(ctx, bson.D{{Key: "_id", Value: 2}})
		return errors.Join(err, failed)
	})
	if !errors.Is(err, failed) || documents(t, a) != 1 {
		t.Errorf("%v, and %d documents after an abort", err, documents(t, a))
	}
}

func TestTransactionOfAMongos(t *testing.T) {
	for _, opts := range [][]Option{{WithMongos()}, {WithLoadBalancer(2)}} {
		srv := newServer(t, opts...)
		client := connect(t, srv)
		c := client.Database("db").Collection("c")
		check(t, withTransaction(soon(t), client, func(ctx context.Context) error {
			_, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
			return err
		}))
		if n := documents(t, c); n != 1 {
			t.Errorf("%d documents, want 1", n)
		}
	}
}

func TestSnapshotOfATransaction(t *testing.T) {
	rs := newSet(t, 1)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	for i := range 5 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: i}}))
	}
	x := beginTransaction(t, client, options.Transaction().SetReadConcern(readconcern.Snapshot()))
	cursor := must[*mongo.Cursor](t)(c.Find(x.ctx, bson.D{}, options.Find().SetBatchSize(2)))
	must[*mongo.DeleteResult](t)(c.DeleteMany(soon(t), bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: 2}}}}))
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 9}}))
	var all []struct {
		ID int `bson:"_id"`
	}
	check(t, cursor.All(x.ctx, &all))
	if len(all) != 5 || all[4].ID != 4 {
		t.Errorf("the cursor of the transaction has read %v", all)
	}
	if n := must[int64](t)(c.CountDocuments(x.ctx, bson.D{})); n != 5 {
		t.Errorf("the transaction counts %d, want the 5 of its start", n)
	}
	check(t, x.session.CommitTransaction(x.ctx))
	if n := documents(t, c); n != 4 {
		t.Errorf("%d documents, want 4", n)
	}
}

// TestDriverRetriesTransactions lets a transaction lose against another, once: the driver begins again.
func TestDriverRetriesTransactions(t *testing.T) {
	rs := newSet(t, 1)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}, {Key: "n", Value: 0}}))
	increment := func(ctx context.Context) error {
		_, err := c.UpdateByID(ctx, 1, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}})
		return err
	}
	first := beginTransaction(t, client)
	check(t, increment(first.ctx))
	attempts := 0
	check(t, withTransaction(soon(t), client, func(ctx context.Context) error {
		attempts++
		err := increment(ctx)
		if attempts == 1 {
			wantLabel(t, err, "TransientTransactionError")
			check(t, first.session.CommitTransaction(first.ctx))
		}
		return err
	}))
	var d struct{ N int }
	check(t, c.FindOne(soon(t), bson.D{}).Decode(&d))
	if attempts != 2 || d.N != 2 {
		t.Errorf("%d attempts, n is %d, want 2 and 2", attempts, d.N)
	}
}

// TestCommitIsRetried loses the reply of a commit: the driver asks again, and the commit was done.
func TestCommitIsRetried(t *testing.T) {
	rs := newSet(t, 1)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	rs.Member(0).CutReply(5, Commands("commitTransaction"))
	check(t, withTransaction(soon(t), client, func(ctx context.Context) error {
		_, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
		return err
	}))
	if n := documents(t, c); n != 1 {
		t.Errorf("%d documents, want 1", n)
	}
}

func TestStepDownAbortsTransactions(t *testing.T) {
	rs := newSet(t, 3)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c", options.Collection().SetWriteConcern(writeconcern.Majority()))
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 0}}))
	open, done := beginTransaction(t, client), beginTransaction(t, client)
	check(t, open.insert(c, 1))
	check(t, done.insert(c, 2))
	check(t, done.session.CommitTransaction(done.ctx))
	check(t, rs.AwaitReplication(soon(t)))
	check(t, rs.Elect(soon(t), 1))
	wantLabel(t, open.insert(c, 3), "TransientTransactionError")
	// What was committed is committed on the next primary too.
	check(t, done.session.CommitTransaction(done.ctx))
	check(t, rs.Elect(soon(t), 0))
	// Nothing on the old primary waits for the transaction that was open there.
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	if n := documents(t, c); n != 3 {
		t.Errorf("%d documents, want 3", n)
	}
}

// TestCommitOnTheMajority commits while there is no majority: the driver gets its answer when there is one again.
func TestCommitOnTheMajority(t *testing.T) {
	rs := newSet(t, 3)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	x := beginTransaction(t, client, options.Transaction().SetWriteConcern(writeconcern.Majority()))
	check(t, x.insert(c, 1))
	rs.StopReplication(1, 2)
	committed := make(chan error, 1)
	go func() { committed <- x.session.CommitTransaction(x.ctx) }()
	for documents(t, c) == 0 { // until the commit has been made, and waits
	}
	rs.ResumeReplication(1, 2)
	check(t, <-committed)
}

func TestTransactionLifetime(t *testing.T) {
	rs := newSet(t, 1, WithTransactionLifetime(time.Millisecond))
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(soon(t), bson.D{{Key: "_id", Value: 1}}))
	x := beginTransaction(t, client)
	update := bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}
	must[*mongo.UpdateResult](t)(c.UpdateByID(x.ctx, 1, update))
	// This waits for the end of the transaction.
	must[*mongo.UpdateResult](t)(c.UpdateByID(soon(t), 1, update))
	wantLabel(t, x.insert(c, 2), "TransientTransactionError")
}

// TestConnectionsEndWithoutTheirTransactions closes the connection on which a transaction was begun: it goes on.
func TestConnectionsEndWithoutTheirTransactions(t *testing.T) {
	rs := newSet(t, 1)
	client := connectSet(t, rs)
	c := client.Database("db").Collection("c")
	x := beginTransaction(t, client)
	check(t, x.insert(c, 1))
	other := connectSet(t, rs)
	rs.Member(0).CloseConnections()
	check(t, other.Ping(soon(t), nil))
	check(t, x.session.CommitTransaction(x.ctx))
	if n := documents(t, c); n != 1 {
		t.Errorf("%d documents, want 1", n)
	}
}

// TestTransfersByTheDriver moves amounts between two collections from many goroutines: no snapshot has another sum.
func TestTransfersByTheDriver(t *testing.T) {
	const accounts, workers, transfers = 4, 6, 15
	rs := newSet(t, 1)
	client := connectSet(t, rs)
	db := client.Database("db")
	for i := range accounts {
		for _, name := range []string{"a", "b"} {
			must[*mongo.InsertOneResult](t)(db.Collection(name).InsertOne(soon(t), bson.D{{Key: "_id", Value: i}, {Key: "n", Value: 100}}))
		}
	}
	sum := func(ctx context.Context) (total int, err error) {
		for _, name := range []string{"a", "b"} {
			var all []struct{ N int }
			cursor, err := db.Collection(name).Find(ctx, bson.D{}, options.Find().SetBatchSize(2))
			if err == nil {
				err = cursor.All(ctx, &all)
			}
			if err != nil {
				return 0, err
			}
			for _, d := range all {
				total += d.N
			}
		}
		return total, nil
	}
	move := func(ctx context.Context, name string, id, n int) error {
		_, err := db.Collection(name).UpdateByID(ctx, id, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: n}}}})
		return err
	}
	ctx := soon(t)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range transfers {
				err := withTransaction(ctx, client, func(ctx context.Context) error {
					if err := move(ctx, "a", (w+i)%accounts, -1); err != nil {
						return err
					}
					if err := move(ctx, "b", (w*i)%accounts, 1); err != nil {
						return err
					}
					total, err := sum(ctx)
					if err == nil && total != 2*accounts*100 {
						t.Errorf("a snapshot has the sum %d", total)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if total, err := sum(ctx); err != nil || total != 2*accounts*100 {
		t.Errorf("the sum is %d, %v", total, err)
	}
}

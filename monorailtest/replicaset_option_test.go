package monorailtest

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/mongo-monorail/monorail/monorailtest/certificate"
)

func TestHiddenAndPassiveMembersAreNeverPrimary(t *testing.T) {
	rs := newSet(t, 5, WithHidden(1), WithPassive(2), WithSetName("other"), WithElectionDelay(time.Millisecond))
	hello := dial(t, rs.Member(3)).ok(helloCommand())
	hosts, err := hello.Lookup("hosts").Array().Values()
	check(t, err)
	if len(hosts) != 3 || hello.Lookup("passives", "0").StringValue() != rs.Member(2).Addr() || hello.Lookup("setName").StringValue() != "other" {
		t.Errorf("hello says %v", hello)
	}
	for i, field := range map[int]string{1: "hidden", 2: "passive"} {
		if hello := dial(t, rs.Member(i)).ok(helloCommand()); !hello.Lookup(field).Boolean() {
			t.Errorf("member %d does not say that it is %s: %v", i, field, hello)
		}
	}
	if uri := rs.URI(); strings.Contains(uri, rs.Member(1).Addr()) || !strings.HasSuffix(uri, "/?replicaSet=other") {
		t.Errorf("the URI is %s", uri)
	}
	for _, i := range []int{1, 2} {
		if err := rs.Elect(soon(t), i); err == nil {
			t.Errorf("member %d was elected", i)
		}
	}
	for _, want := range []int{3, 4} {
		check(t, rs.AwaitReplication(soon(t)))
		down := 7 - want
		rs.Kill(down)
		rs.Kill(0)
		if p := must[int](t)(rs.AwaitPrimary(soon(t))); p != want {
			t.Errorf("member %d was elected, want %d", p, want)
		}
		rs.Restart(0)
		rs.Restart(down)
		check(t, rs.Elect(soon(t), 0))
	}
}

func TestReplicaSetWithUsersAndTLS(t *testing.T) {
	ca := certificate.NewAuthority()
	rs := newSet(t, 3, WithUser("ann", "secret"), WithTLS(&tls.Config{Certificates: []tls.Certificate{ca.Server("127.0.0.1")}}))
	client := connectSet(t, rs, options.Client().SetTLSConfig(&tls.Config{RootCAs: ca.Pool()}).SetHeartbeatInterval(500*time.Millisecond).
		SetAuth(options.Credential{Username: "ann", Password: "secret"}))
	ctx := soon(t)
	c := client.Database("db").Collection("c")
	_, err := c.InsertOne(ctx, bson.D{})
	check(t, err)
	check(t, rs.StepDown(ctx, StepDownOptions{}))
	_, err = c.InsertOne(ctx, bson.D{})
	check(t, err)
	check(t, client.Ping(ctx, readpref.Secondary()))
}

func TestStepDownAndElectionThatCannotBe(t *testing.T) {
	rs := newSet(t, 3, WithElectionDelay(time.Hour))
	ctx := soon(t)
	rs.StopReplication(2)
	dial(t, rs.Member(0)).ok(withMajority(insertOne(1), 0))
	if err := rs.Elect(ctx, 2); !errors.Is(err, ErrBehind) {
		t.Errorf("electing a member that is behind: %v", err)
	}
	check(t, rs.StepDown(ctx, StepDownOptions{Force: true}))
	if err := rs.StepDown(ctx, StepDownOptions{}); err == nil || rs.Primary() != -1 {
		t.Errorf("a step-down without a primary: %v, and the primary is %d", err, rs.Primary())
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := rs.AwaitPrimary(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a primary that does not come: %v", err)
	}
	rs.Kill(1)
	if err := rs.Elect(ctx, 1); err == nil {
		t.Error("a member that is down was elected")
	}
}

func TestReplicaSetThatCannotBe(t *testing.T) {
	for name, start := range map[string]func(){
		"no members":          func() { NewReplicaSet(0) },
		"a hidden primary":    func() { NewReplicaSet(3, WithHidden(0)) },
		"tags for nobody":     func() { NewReplicaSet(1, WithTags(1, nil)) },
		"members of a mongos": func() { NewReplicaSet(3, WithMongos()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			start()
		}()
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

// process is `monorail serve` in a process of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	uri     string
	stdout  *bufio.Reader
	stderr  bytes.Buffer
}

// serve starts a process, which has printed its URI when serve returns.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	p := &process{t: t, command: exec.CommandContext(ctx, os.Args[0], append([]string{"serve"}, args...)...)}
	p.command.Env = append(os.Environ(), mainVariable+"=1")
	p.command.Stderr = &p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		_ = p.command.Wait()
		t.Fatalf("no URI: %v\n%s", err, &p.stderr)
	}
	p.uri = strings.TrimSuffix(line, "\n")
	return p
}

// connect returns a client of the process.
func (p *process) connect() *mongo.Client {
	p.t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(p.uri))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		// The process has ended: nobody takes leave.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = client.Disconnect(ctx)
	})
	return client
}

// stop sends a signal, waits for the end, and returns the exit status and stderr.
func (p *process) stop(signal os.Signal) (int, string) {
	p.t.Helper()
	if err := p.command.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	if rest, err := io.ReadAll(p.stdout); err != nil || len(rest) > 0 {
		p.t.Errorf("behind the URI on stdout: %q, %v", rest, err)
	}
	_ = p.command.Wait() // the exit status tells more
	return p.command.ProcessState.ExitCode(), p.stderr.String()
}

func TestServeUntilASignal(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := serve(t, "--port", "0", "--delay", "1ms")
		if !strings.HasPrefix(p.uri, "mongodb://127.0.0.1:") {
			t.Errorf("URI %q", p.uri)
		}
		client := p.connect()
		if _, err := client.Database("db").Collection("c").InsertOne(t.Context(), bson.D{}); err != nil {
			t.Fatal(err)
		}
		if err := client.Database("db").RunCommand(t.Context(), bson.D{{Key: "frob\nnicate", Value: 1}}).Err(); err == nil {
			t.Fatal("a command that does not exist works")
		}
		status, stderr := p.stop(signal)
		lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
		if status != exitOK || len(lines) != 2 || lines[1] != "monorail serve: stopped" {
			t.Fatalf("%v: exit status %d\n%s", signal, status, stderr)
		}
		if !strings.HasPrefix(lines[0], "monorail serve: connection ") || !strings.Contains(lines[0], "): frob?nicate on db: no such command: 'frob?nicate' (59 CommandNotFound)") {
			t.Errorf("logged %q", lines[0])
		}
	}
}

func TestServeAReplicaSet(t *testing.T) {
	p := serve(t, "--port=0", "--replica-set", "2")
	if !strings.HasSuffix(p.uri, "/?replicaSet=rs0") || strings.Count(p.uri, "127.0.0.1:") != 2 {
		t.Errorf("URI %q", p.uri)
	}
	client := p.connect()
	err := client.UseSession(t.Context(), func(ctx context.Context) error {
		_, err := mongo.SessionFromContext(ctx).WithTransaction(ctx, func(ctx context.Context) (any, error) {
			return client.Database("db").Collection("c").InsertOne(ctx, bson.D{})
		})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if status, stderr := p.stop(syscall.SIGTERM); status != exitOK || stderr != "monorail serve: stopped\n" {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// TestServeListensWhereItIsTold also shows that the port is free at once after the end.
func TestServeListensWhereItIsTold(t *testing.T) {
	first := serve(t, "--port", "0", "--listen", "::1")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(first.uri, "mongodb://"))
	if err != nil || !strings.HasPrefix(first.uri, "mongodb://[::1]:") {
		t.Fatalf("URI %q", first.uri)
	}
	if err := first.connect().Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if status, stderr := first.stop(os.Interrupt); status != exitOK || strings.Contains(stderr, "warning") {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	second := serve(t, "--port", port, "--listen", "0.0.0.0")
	if second.uri != "mongodb://127.0.0.1:"+port {
		t.Errorf("URI %q", second.uri)
	}
	if status, stderr := second.stop(os.Interrupt); status != exitOK || !strings.Contains(stderr, "warning: listening on 0.0.0.0") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}

// TestServeKeepsAFile ends one process by a signal and another by force.
func TestServeKeepsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	insertOne := func(p *process) {
		t.Helper()
		if _, err := p.connect().Database("db").Collection("c").InsertOne(t.Context(), bson.D{}); err != nil {
			t.Fatal(err)
		}
	}
	first := serve(t, "--port=0", "--file", path)
	insertOne(first)
	var stdout, stderr strings.Builder
	if status := run(t.Context(), []string{"serve", "--port=0", "--file", path}, &stdout, &stderr); status != exitFailed || !strings.Contains(stderr.String(), "another server is using it") {
		t.Errorf("a second process: exit status %d\n%s", status, &stderr)
	}
	if status, stderr := first.stop(syscall.SIGTERM); status != exitOK || stderr != "monorail serve: stopped\n" {
		t.Fatalf("exit status %d\n%s", status, stderr)
	}
	second := serve(t, "--port=0", "--file", path, "--replica-set")
	insertOne(second)
	second.stop(syscall.SIGKILL)
	third := serve(t, "--port=0", "--file", path)
	n, err := third.connect().Database("db").Collection("c").CountDocuments(t.Context(), bson.D{})
	if err != nil || n != 1 {
		t.Errorf("%d documents, %v", n, err)
	}
	insertOne(third)
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if status, stderr := third.stop(syscall.SIGTERM); status != exitFailed || !strings.Contains(stderr, path) {
		t.Errorf("a file that cannot be written: exit status %d\n%s", status, stderr)
	}
}

func TestServeRefuses(t *testing.T) {
	taken := monorailtest.NewServer()
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr())
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--port", port}, exitFailed, "cannot listen on 127.0.0.1:" + port},
		{[]string{"--port", "65536"}, exitUsage, "-port must be 0 to 65535, not 65536"},
		{[]string{"--port", "65534", "--replica-set", "3"}, exitUsage, "3 members do not fit behind port 65534"},
		{[]string{"--replica-set", "51"}, exitUsage, "-replica-set must be 1 to 50 members, not 51"},
		{[]string{"--replica-set", "-3"}, exitUsage, "-replica-set must be 1 to 50 members, not -3"},
		{[]string{"--replica-set=a/b"}, exitUsage, `-replica-set must be a number of members or a name, not "a/b"`},
		{[]string{"--delay", "61s"}, exitUsage, "-delay must be 0 to 1m0s, not 1m1s"},
		{[]string{"--every", "0s"}, exitUsage, "-every must be at least 100ms, not 0s"},
		{[]string{"--every", "5s"}, exitUsage, "-every needs -file"},
		{[]string{"--port", "0", "--file", "serve.go"}, exitFailed, "it is not a file of monorailtest"},
		{[]string{"--listen", "example.com"}, exitUsage, "-listen must be an IP address"},
		{[]string{"27017"}, exitUsage, `unexpected argument "27017"`},
		{[]string{"--frobnicate"}, exitUsage, "flag provided but not defined"},
		{[]string{"--help"}, exitOK, "-replica-set"},
	} {
		var stdout, stderr strings.Builder
		status := run(t.Context(), append([]string{"serve"}, test.args...), &stdout, &stderr)
		if status != test.status || !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("%v: exit status %d, want %d\n%s%s", test.args, status, test.status, &stdout, &stderr)
		}
	}
}

func TestReplicaSetFlag(t *testing.T) {
	for args, want := range map[string]members{
		"":                          {},
		"--replica-set":             {n: 1},
		"--replica-set --port 1":    {n: 1},
		"--replica-set 3 --port 1":  {n: 3},
		"-replica-set=3":            {n: 3},
		"--port 1 -replica-set app": {n: 1, name: "app"},
		"--replica-set=false":       {},
	} {
		c, err := parseServeConfig(strings.Fields(args), io.Discard)
		if err != nil || c.members != want {
			t.Errorf("%q: %+v, %v, want %+v", args, c.members, err, want)
		}
	}
}

func TestRefusalLine(t *testing.T) {
	at := monorailtest.Refusal{ConnectionID: 7, RemoteAddr: "127.0.0.1:4711"}
	with := func(change func(r *monorailtest.Refusal)) monorailtest.Refusal {
		r := at
		change(&r)
		return r
	}
	for want, r := range map[string]monorailtest.Refusal{
		"connection 7 (127.0.0.1:4711): no command: malformed message: length 5; connection closed": with(func(r *monorailtest.Refusal) {
			r.Closed, r.Reason = true, "malformed message: length 5"
		}),
		"connection 7 (127.0.0.1:4711): insert on db, unacknowledged: E11000 \"ü?\" (11000)": with(func(r *monorailtest.Refusal) {
			r.Command, r.Database, r.Unacknowledged, r.Code, r.Reason = "insert", "db", true, 11000, "E11000 \"ü\x1b\""
		}),
		"connection 7 (127.0.0.1:4711): ping: " + strings.Repeat("x", maxRefusalText) + "... (8 UnknownError)": with(func(r *monorailtest.Refusal) {
			r.Command, r.Code, r.CodeName, r.Reason = "ping", 8, "UnknownError", strings.Repeat("x", maxRefusalText+1)
		}),
	} {
		if got := refusalLine(r); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// sink is a writer that fails, as a closed pipe does.
type sink struct{}

func (sink) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestServeEndsWhereNobodyCanReadItsURI(t *testing.T) {
	var stderr strings.Builder
	if status := run(t.Context(), []string{"serve", "--port", "0"}, sink{}, &stderr); status != exitFailed {
		t.Errorf("exit status %d\n%s", status, &stderr)
	}
}

package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/integration/internal/servertest"
	"github.com/mongo-monorail/monorail/monorailhttp"
)

// httpWays are the two things that an HTTP request can be given.
var httpWays = []struct {
	name string
	opts *monorailhttp.OptionsBuilder
}{
	{"scope", monorailhttp.Options()},
	{"request", monorailhttp.Options().SetNamedRequest(nil)},
}

// report is check for goroutines that are not the test's own.
func report(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// serveHTTP serves handler in a web server, and has afterwards called when it has been left.
func serveHTTP(t testing.TB, handler http.Handler, afterwards func()) *httptest.Server {
	t.Helper()
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer afterwards()
		handler.ServeHTTP(w, r)
	}))
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // panics on purpose
	web.Start()
	t.Cleanup(web.Close)
	return web
}

// getBody returns what the web server answers, as far as it comes.
func getBody(t testing.TB, web *httptest.Server) string {
	t.Helper()
	request, err := http.NewRequestWithContext(servertest.Context(t), http.MethodGet, web.URL, nil)
	check(t, err)
	response, err := web.Client().Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func TestHTTPHandlerGivesTheSocketBack(t *testing.T) {
	for _, way := range httpWays {
		for _, response := range []struct {
			name, body string
			write      func(w http.ResponseWriter, running func())
		}{
			{"plain", "done", func(w http.ResponseWriter, _ func()) { _, _ = io.WriteString(w, "done") }},
			{"streamed", "one two", func(w http.ResponseWriter, running func()) {
				for _, part := range []string{"one", " two"} {
					_, _ = io.WriteString(w, part)
					w.(http.Flusher).Flush()
					running()
				}
			}},
			{"copied", "all of it", func(w http.ResponseWriter, _ func()) {
				_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("all of it"))
			}},
			{"controlled", "", func(w http.ResponseWriter, _ func()) {
				if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
					t.Errorf("the controller of the response: %v", err)
				}
			}},
			{"hijacked", "raw", func(w http.ResponseWriter, running func()) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				running()
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw")
			}},
			{"aborted", "", func(http.ResponseWriter, func()) { panic(http.ErrAbortHandler) }},
			{"panicked", "", func(http.ResponseWriter, func()) { panic("a mistake") }},
		} {
			t.Run(way.name+" "+response.name, func(t *testing.T) {
				s := servertest.Start(t)
				c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
				coll := c.Database(s.Database(t)).Collection("c")
				running := func(ctx context.Context) {
					if n, err := coll.CountDocuments(ctx, bson.D{}); err != nil || n != 1 {
						t.Errorf("the handler counts %d documents: %v", n, err)
					}
					if n := c.Pool.CheckedOut(); n != 1 {
						t.Errorf("the handler holds %d sockets, want 1", n)
					}
				}
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					report(t, c.Unacknowledged(coll).InsertOne(r.Context(), bson.D{{Key: "_id", Value: 1}}))
					running(r.Context())
					response.write(w, func() { running(r.Context()) })
				})
				left := make(chan int, 1) // the server sends once, this test receives
				web := serveHTTP(t, monorailhttp.Handler(c.Client, handler, way.opts), func() { left <- c.Pool.CheckedOut() })
				if body := getBody(t, web); body != response.body {
					t.Errorf("the response is %q, want %q", body, response.body)
				}
				if n := <-left; n != 0 {
					t.Errorf("%d sockets are held when the handler has been left", n)
				}
				check(t, c.Ping(servertest.Context(t), nil))
			})
		}
	}
}

// TestHTTPClientGoesAway has the handler go on after its HTTP client is gone: the socket does not.
func TestHTTPClientGoesAway(t *testing.T) {
	for _, way := range httpWays {
		t.Run(way.name, func(t *testing.T) {
			s := servertest.Start(t)
			c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
			coll := c.Database(s.Database(t)).Collection("c")
			clientCtx, goAway := context.WithCancel(servertest.Context(t))
			handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				ctx := context.WithoutCancel(r.Context()) // so that only the request can refuse
				if err := coll.FindOne(ctx, bson.D{}).Err(); err == nil || c.Pool.CheckedOut() != 1 {
					t.Errorf("before: %v, %d sockets", err, c.Pool.CheckedOut())
				}
				goAway()
				<-r.Context().Done()
				servertest.Eventually(t, func() string {
					if c.Pool.CheckedOut() != 0 {
						return "the socket is held after the HTTP client has gone"
					}
					return ""
				})
				if _, err := coll.CountDocuments(ctx, bson.D{}); !errors.Is(err, monorail.ErrRequestEnded) {
					t.Errorf("an operation after the HTTP client has gone gives %v, want ErrRequestEnded", err)
				}
			})
			left := make(chan struct{}) // closed by the server when the handler has been left
			web := serveHTTP(t, monorailhttp.Handler(c.Client, handler, way.opts), func() { close(left) })
			request, err := http.NewRequestWithContext(clientCtx, http.MethodGet, web.URL, nil)
			check(t, err)
			if response, err := web.Client().Do(request); err == nil {
				response.Body.Close()
				t.Error("a request whose client went away was answered")
			}
			<-left
		})
	}
}

// TestHTTPHijackedConnection has a goroutine go on with the connection when the handler has returned.
func TestHTTPHijackedConnection(t *testing.T) {
	for _, way := range httpWays {
		t.Run(way.name, func(t *testing.T) {
			s := servertest.Start(t)
			c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true))
			coll := c.Database(s.Database(t)).Collection("c")
			left := make(chan struct{}) // closed by the server when the handler has been left
			var outlived sync.WaitGroup
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				report(t, c.Ping(r.Context(), nil))
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				outlived.Go(func() {
					defer conn.Close()
					<-left
					if _, err := coll.InsertOne(r.Context(), bson.D{}); !errors.Is(err, monorail.ErrRequestEnded) {
						t.Errorf("in what the handler was given: %v, want ErrRequestEnded", err)
					}
					report(t, c.WithRequest(context.WithoutCancel(r.Context()), func(ctx context.Context) error {
						_, err := coll.InsertOne(ctx, bson.D{})
						return err
					}))
				})
			})
			web := serveHTTP(t, monorailhttp.Handler(c.Client, handler, way.opts), func() { close(left) })
			_ = getBody(t, web) // ends with the connection, without an answer
			<-left
			outlived.Wait()
			if n, err := coll.CountDocuments(servertest.Context(t), bson.D{}); err != nil || n != 1 {
				t.Errorf("%d documents, %v; want the one that was inserted in a request of its own", n, err)
			}
		})
	}
}

// TestHTTPTellsOfLostWrites has the socket die behind unacknowledged writes that nothing follows.
func TestHTTPTellsOfLostWrites(t *testing.T) {
	const writes = 3
	for _, way := range httpWays {
		for _, leave := range []struct {
			name string
			do   func(goAway func(), ctx context.Context)
		}{
			{"return", func(func(), context.Context) {}},
			{"panic", func(func(), context.Context) { panic(http.ErrAbortHandler) }},
			{"gone", func(goAway func(), ctx context.Context) { goAway(); <-ctx.Done() }},
		} {
			t.Run(way.name+" "+leave.name, func(t *testing.T) {
				s := servertest.StartWithFaults(t)
				c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetFlushInterval(0))
				coll := c.Database(s.Database(t)).Collection("c")
				clientCtx, goAway := context.WithCancel(servertest.Context(t))
				defer goAway()
				handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					report(t, c.Ping(r.Context(), nil))
					s.Faults.Reset(connectionOf(c.Request(r.Context())))
					for range writes {
						report(t, c.Unacknowledged(coll).InsertOne(r.Context(), bson.D{}))
					}
					leave.do(goAway, r.Context())
				})
				told := make(chan error, 1) // the error handler sends once
				opts := monorailhttp.Options().SetErrorHandler(func(_ *http.Request, err error) {
					if n := c.Pool.CheckedOut(); n != 0 {
						t.Errorf("%d sockets are held while the error is told", n)
					}
					told <- err
				})
				web := serveHTTP(t, monorailhttp.Handler(c.Client, handler, way.opts, opts), func() {})
				request, err := http.NewRequestWithContext(clientCtx, http.MethodGet, web.URL, nil)
				check(t, err)
				if response, err := web.Client().Do(request); err == nil {
					response.Body.Close()
				}
				var broken *monorail.BrokenError
				select {
				case err = <-told:
				case <-servertest.Context(t).Done():
					t.Fatal("the error handler was not called")
				}
				if !errors.As(err, &broken) || broken.Unconfirmed != writes {
					t.Errorf("the error handler is told %v, want %d writes that may be lost", err, writes)
				}
				check(t, c.Ping(servertest.Context(t), nil))
			})
		}
	}
}

func TestHTTPLogsLostWrites(t *testing.T) {
	s := servertest.StartWithFaults(t)
	c := s.Connect(t, nil, monorail.Options().SetAutoStartRequest(true).SetFlushInterval(0))
	coll := c.Database(s.Database(t)).Collection("c")
	var log bytes.Buffer
	standard := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(standard)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		report(t, c.Ping(r.Context(), nil))
		s.Faults.Reset(connectionOf(c.Request(r.Context())))
		report(t, c.Unacknowledged(coll).InsertOne(r.Context(), bson.D{}))
	})
	monorailhttp.Handler(c.Client, handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/visits", nil))
	if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "WARN") || !strings.Contains(line, "path=/visits") ||
		!strings.Contains(line, "unacknowledged writes that may be lost: 1") {
		t.Errorf("the log has %q, want one warning with the path and the number of writes", line)
	}
}

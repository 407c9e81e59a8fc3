package monorailhttp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mongo-monorail/monorail"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

// connect returns a client of a server that is not there: what these tests do needs none.
func connect(t *testing.T, opts ...*monorail.OptionsBuilder) *monorail.Client {
	t.Helper()
	client, err := monorail.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestNames(t *testing.T) {
	client := connect(t)
	var name string
	inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		name = client.Request(r.Context()).Info().Name
	})
	routed := func(h http.Handler) *http.ServeMux {
		mux := http.NewServeMux()
		mux.Handle("GET /visits/{id}", h)
		return mux
	}
	byPattern := Options().SetNamedRequest(nil)
	byFunction := Options().SetNamedRequest(func(r *http.Request) string { return "id " + r.PathValue("id") })
	for _, test := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"a mux around it", routed(Handler(client, inner, byPattern)), "GET /visits/{id}"},
		{"a mux inside", Handler(client, routed(inner), byPattern), "GET /visits/{id}"},
		{"no mux", Handler(client, inner, byPattern), "GET /visits/7"},
		{"a function", routed(Handler(client, inner, nil, byFunction)), "id 7"},
	} {
		name = ""
		test.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/visits/7", nil))
		if name != test.want {
			t.Errorf("%s: the request is named %q, want %q", test.name, name, test.want)
		}
	}
}

func TestWriterIsPassedOn(t *testing.T) {
	client := connect(t)
	want := httptest.NewRecorder()
	for _, opts := range []*OptionsBuilder{Options(), Options().SetNamedRequest(nil)} {
		var got http.ResponseWriter
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { got = w })
		Handler(client, next, opts).ServeHTTP(want, httptest.NewRequest("GET", "/", nil))
		if got != want {
			t.Errorf("the handler got %T, not the writer of the server", got)
		}
	}
}

// TestEndsWithTheHandler leaves the handler in every way there is.
func TestEndsWithTheHandler(t *testing.T) {
	client := connect(t, monorail.Options().SetAutoStartRequest(true))
	for _, leave := range []struct {
		name string
		do   func()
		want any // what the caller of the handler recovers
	}{
		{"return", func() {}, nil},
		{"panic", func() { panic("a mistake") }, "a mistake"},
		{"abort", func() { panic(http.ErrAbortHandler) }, http.ErrAbortHandler},
		{"Goexit", runtime.Goexit, nil},
	} {
		for _, opts := range []*OptionsBuilder{Options(), Options().SetNamedRequest(nil)} {
			var ctx context.Context
			var request *monorail.Request
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				ctx = r.Context()
				nested, inner := client.StartRequest(ctx) // an operation that needs no server
				request = client.Request(ctx)
				if request == nil || client.Request(nested) != inner || request.Info().Depth != 2 {
					t.Errorf("%s: the handler is in no request", leave.name)
				}
				if err := inner.End(); err != nil {
					t.Error(err)
				}
				leave.do()
			})
			var recovered any
			done := make(chan struct{}) // closed by the goroutine when the handler is left
			go func() {
				defer close(done)
				defer func() { recovered = recover() }()
				Handler(client, next, opts).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			}()
			<-done
			if recovered != leave.want {
				t.Errorf("%s: the caller recovers %v, want %v", leave.name, recovered, leave.want)
			}
			if err := request.Err(); !errors.Is(err, monorail.ErrRequestEnded) || client.InRequest(ctx) {
				t.Errorf("%s: afterwards the request tells %v, want ErrRequestEnded", leave.name, err)
			}
		}
	}
}

// TestHandlerRefusesNil: a mistake of the program shows when it starts, not with the first HTTP request.
func TestHandlerRefusesNil(t *testing.T) {
	client := connect(t)
	for what, construct := range map[string]func(){
		"client": func() { Handler(nil, http.NotFoundHandler()) },
		"next":   func() { Handler(client, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a nil %s is accepted", what)
				}
			}()
			construct()
		}()
	}
}

package monorail

import (
	"context"
	"strings"
	"testing"
)

// TestClientIsMadeByConnect: a client that is made otherwise says how to make one.
func TestClientIsMadeByConnect(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "Connect") {
			t.Errorf("the panic is %q", text)
		}
	}()
	new(Client).StartRequest(context.Background())
	t.Error("a zero Client started a request")
}

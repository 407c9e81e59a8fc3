package wiretest

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestMessageIsRecognised(t *testing.T) {
	for _, padding := range []int{0, 1, 300} {
		message := Message(7, 3, padding)
		if err := Check(message); err != nil {
			t.Error(err)
		}
		if len(message) != Overhead+padding || ID(message) != 7 || ResponseTo(message) != 3 {
			t.Errorf("message of %d bytes, id %d, in reply to %d: want %d, 7, 3", len(message), ID(message), ResponseTo(message), Overhead+padding)
		}
	}
	message := Message(7, 3, 50)
	message[len(message)-2]++
	if Check(message) == nil {
		t.Error("Check took a message with a byte changed")
	}
	if Check(message[:Overhead-1]) == nil {
		t.Error("Check took a message that is too short")
	}
}

func TestPeerReceivesAndAnswers(t *testing.T) {
	conn, peer := Loopback(t)
	peer.Go(func() {
		peer.Serve(func(request []byte) []byte { return Reply(ID(request), 10) })
	})
	for id := range int32(3) {
		if _, err := conn.Write(Request(id, 100)); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, Overhead+10)
		if _, err := io.ReadFull(conn, reply); err != nil {
			t.Fatal(err)
		}
		if err := Check(reply); err != nil || ResponseTo(reply) != id {
			t.Errorf("reply to %d, error %v: want the reply to %d", ResponseTo(reply), err, id)
		}
	}
	if got := conn.Writes(); len(got) != 3 || got[0] != Overhead+100 {
		t.Errorf("write calls of %d bytes: want three of %d", got, Overhead+100)
	}
}

func TestConnFailsTheCallThatItIsToldTo(t *testing.T) {
	errFault := errors.New("fault")
	conn, peer := Pipe(t)
	peer.Go(func() { peer.ReadBytes(4 + 2 + 4) })
	conn.FailWrite(2, 2, errFault)
	for i, want := range []struct {
		n   int
		err error
	}{{4, nil}, {2, errFault}, {4, nil}} {
		if n, err := conn.Write(make([]byte, 4)); n != want.n || !errors.Is(err, want.err) {
			t.Errorf("write call %d: %d bytes, error %v: want %d, %v", i, n, err, want.n, want.err)
		}
	}
	conn.FailRead(1, errFault)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, errFault) {
		t.Errorf("read call: error %v, want %v", err, errFault)
	}
	if conn.Reads() != 1 {
		t.Errorf("%d read calls, want 1", conn.Reads())
	}
}

func TestConnHoldsWrites(t *testing.T) {
	conn, peer := Loopback(t)
	release := conn.HoldWrites()
	wrote := make(chan error, 1) // the writer sends once
	peer.Go(func() {
		_, err := conn.Write(Request(1, 0))
		wrote <- err
	})
	select {
	case <-wrote:
		t.Error("a write call ended that was to be held")
	case <-time.After(10 * time.Millisecond):
	}
	release()
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	if id := peer.ReceiveID(); id != 1 {
		t.Errorf("received %d, want 1", id)
	}
}

func TestLeakedFindsAGoroutineThatIsLeft(t *testing.T) {
	before := len(Leaked(0))
	end, ended := make(chan struct{}), make(chan struct{}) // both closed once, by this test and by the goroutine
	go func() {
		defer close(ended)
		<-end
	}()
	if got := len(Leaked(0)); got != before+1 {
		t.Errorf("%d goroutines while one is left, want %d", got, before+1)
	}
	close(end)
	<-ended
}

package delay

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestRelayDelaysAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 500 * time.Microsecond
		in, src := net.Pipe()
		dst, out := net.Pipe()
		go relay(dst, src, delay, coarseSleepUntil) // ends when in is closed below; synctest waits for it
		started := time.Now()
		go func() { // ends after the close; synctest waits for it
			for i := range 3 {
				_, _ = in.Write([]byte{byte(i)})
				time.Sleep(100 * time.Microsecond)
			}
			_ = in.Close()
		}()
		one := make([]byte, 1)
		for i := range 3 {
			if _, err := io.ReadFull(out, one); err != nil {
				t.Fatal(err)
			}
			// Each byte is late by the delay, and the second does not wait for the first to arrive.
			if want := delay + time.Duration(i)*100*time.Microsecond; one[0] != byte(i) || time.Since(started) != want {
				t.Errorf("byte %d arrived after %v, want %d after %v", one[0], time.Since(started), i, want)
			}
		}
		if _, err := out.Read(one); err != io.EOF {
			t.Errorf("after the end: %v, want EOF", err)
		}
	})
}

// TestRelayDoesNotLimitBandwidth sends far more than one delay's worth of single reads.
func TestRelayDoesNotLimitBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = time.Second
		in, src := net.Pipe()
		dst, out := net.Pipe()
		go relay(dst, src, delay, coarseSleepUntil) // ends when in is closed
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
		started := time.Now()
		go func() { // ends after the close
			_, _ = in.Write(sent)
			_ = in.Close()
		}()
		got, err := io.ReadAll(out)
		if err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes arrived, %v; want the %d that were sent", len(got), err, len(sent))
		}
		if took := time.Since(started); took != delay {
			t.Errorf("4 MiB took %v, want one delay of %v", took, delay)
		}
	})
}

func TestRelayEndsWhenTheOtherSideIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, src := net.Pipe()
		dst, out := net.Pipe()
		_ = out.Close()
		ended := make(chan struct{}) // closed by the goroutine below
		go func() {                  // ends with relay
			defer close(ended)
			relay(dst, src, time.Millisecond, coarseSleepUntil)
		}()
		_, _ = in.Write([]byte("x"))
		<-ended
		if _, err := in.Write([]byte("y")); err == nil {
			t.Error("the source is still open although nobody takes its bytes")
		}
	})
}

package delay

import (
	"net"
	"time"
)

// chunk is what one read returned, and when it is to arrive at the other side.
type chunk struct {
	bytes []byte // owned by whoever holds the chunk
	due   time.Time
}

const (
	// relayRead is the size of one read: two of the driver's largest usual replies.
	relayRead = 64 << 10
	// relayQueue is how many chunks are on their way at most. 1024 of 64 KiB in half a round trip of
	// 1 ms are 128 GB a second, so that the queue limits nothing that the demo does.
	relayQueue = 1024
)

// relay passes what it reads from src on to dst, delayed by delay, until src ends or either fails.
// An end of src becomes an end of writing at dst, so that the other direction can go on. sleep
// returns at the given time.
func relay(dst, src net.Conn, delay time.Duration, sleep func(time.Time)) {
	// The reader below sends and closes, the loop at the end receives.
	queue := make(chan chunk, relayQueue)
	// The reader ends with src: relay closes src when it cannot write any more, and waits for the
	// close of the queue, which is the reader's last act.
	go func() {
		defer close(queue)
		buffer := make([]byte, relayRead)
		for {
			n, err := src.Read(buffer)
			if n > 0 {
				queue <- chunk{bytes: append([]byte(nil), buffer[:n]...), due: time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	failed := false
	for c := range queue {
		if failed {
			continue
		}
		sleep(c.due)
		if _, err := dst.Write(c.bytes); err != nil {
			failed = true
			_ = src.Close()
		}
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok && !failed {
		_ = half.CloseWrite()
		return
	}
	_ = dst.Close()
}

package monorailtest

// Stats are counts since the server started.
type Stats struct {
	// Messages is how many requests came, malformed ones that were answered included.
	Messages int64
	// Unacknowledged is how many of them had moreToCome.
	Unacknowledged int64
	// Replies is how many replies were handed to the kernel whole.
	Replies int64
	// Opened is how many connections clients have opened, Open how many there are now.
	Opened, Open int64
}

// Stats returns the counts. They are read one by one, so that they fit together only while nothing happens.
func (s *Server) Stats() Stats {
	c := &s.state.Counters
	return Stats{
		Messages:       c.Messages.Load(),
		Unacknowledged: c.Unacknowledged.Load(),
		Replies:        c.Replies.Load(),
		Opened:         c.Opened.Load(),
		Open:           c.Open.Load(),
	}
}

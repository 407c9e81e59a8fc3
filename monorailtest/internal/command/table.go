package command

// spec is how one command is served: its handler, and what the checks common to all commands let through.
// The zero value of each flag is the strict one.
type spec struct {
	handle Handler

	// adminOnly commands are refused outside the admin database (13).
	adminOnly bool
	// sequence is the identifier of the kind 1 section that the command takes, "" for none.
	sequence string
	// writeConcern: the command takes a writeConcern; others refuse it (72).
	writeConcern bool
	// readConcern: the command takes a readConcern level; others refuse it (72).
	readConcern bool
	// txnNumber: the command may carry a txnNumber, which a standalone then refuses (20); others refuse it
	// as not theirs (50889).
	txnNumber bool
}

// table registers every command by its name, aliases included. It is written by its initializer only.
var table = map[string]spec{}

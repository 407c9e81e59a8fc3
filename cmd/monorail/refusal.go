package main

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/mongo-monorail/monorail/monorailtest"
)

// maxRefusalText bounds what a refused message has in the log, in bytes: an error may quote a whole command.
const maxRefusalText = 300

// refusalLine says in one line what was wrong with a message.
func refusalLine(r monorailtest.Refusal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "connection %d (%s): ", r.ConnectionID, r.RemoteAddr)
	switch {
	case r.Command == "":
		b.WriteString("no command")
	case r.Database == "":
		b.WriteString(plain(r.Command))
	default:
		b.WriteString(plain(r.Command) + " on " + plain(r.Database))
	}
	if r.Unacknowledged {
		b.WriteString(", unacknowledged")
	}
	b.WriteString(": " + plain(r.Reason))
	switch {
	case r.CodeName != "":
		fmt.Fprintf(&b, " (%d %s)", r.Code, r.CodeName)
	case r.Code != 0:
		fmt.Fprintf(&b, " (%d)", r.Code)
	}
	if r.Closed {
		b.WriteString("; connection closed")
	}
	return b.String()
}

// plain returns text that comes from a client, without what would break the line or the terminal, and not too long.
func plain(text string) string {
	cut := len(text) > maxRefusalText
	if cut {
		text = text[:maxRefusalText]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if cut {
		text += "..."
	}
	return text
}

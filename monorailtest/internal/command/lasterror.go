package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
)

// getLastError answers the legacy getLastError, which 4.4 still has: what became of the operation before it on the
// same connection, acknowledged or not. Only the last operation is known.
func getLastError(_ context.Context, _ *State, r *Request) (bson.D, error) {
	last := r.Conn.last
	var n int32
	var message any
	var code, codeName bson.E
	take := func(d bson.D) {
		for _, e := range d {
			switch e.Key {
			case "n":
				n, _ = e.Value.(int32)
			case "errmsg":
				message = e.Value
			case "code":
				code = e
			case "codeName":
				codeName = e
			}
		}
	}
	take(last)
	take(firstWriteError(last))
	reply := bson.D{{Key: "connectionId", Value: r.Conn.ID}, {Key: "n", Value: n},
		{Key: "syncMillis", Value: int32(0)}, {Key: "writtenTo", Value: nil}, {Key: "err", Value: message}}
	if code.Key != "" {
		reply = append(reply, code)
	}
	if codeName.Key != "" {
		reply = append(reply, codeName)
	}
	return reply, nil
}

// firstWriteError returns the first of the writeErrors in a reply, nil for none.
func firstWriteError(reply bson.D) bson.D {
	for _, e := range reply {
		if e.Key != "writeErrors" {
			continue
		}
		if list, ok := e.Value.(bson.A); ok && len(list) > 0 {
			first, _ := list[0].(bson.D)
			return first
		}
	}
	return nil
}

// resetError forgets the last error, which the command layer does after every command that is no write.
func resetError(context.Context, *State, *Request) (bson.D, error) { return bson.D{}, nil }

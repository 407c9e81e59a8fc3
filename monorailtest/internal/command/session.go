package command

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// sessionOf identifies the session of a request as MongoDB prints it: the UUID of its lsid and the digest of the user
// who owns it, here that of nobody; "" without an lsid. Two requests belong to the same session exactly when
// these are equal.
func sessionOf(r *Request) string {
	lsid, ok := r.Body.Lookup("lsid").DocumentOK()
	if !ok {
		return ""
	}
	_, id, ok := lsid.Lookup("id").BinaryOK()
	if !ok || len(id) != 16 {
		return ""
	}
	_, uid, ok := lsid.Lookup("uid").BinaryOK()
	if !ok {
		nobody := sha256.Sum256(nil)
		uid = nobody[:]
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x - %s", id[:4], id[4:6], id[6:8], id[8:10], id[10:],
		base64.StdEncoding.EncodeToString(uid))
}

package expression

import (
	"math/bits"

	"go.mongodb.org/mongo-driver/bson"
)

// Strings are taken as the bytes that they are: what is no UTF-8 is found where it matters.

// isContinuation tells whether c goes on with a code point of UTF-8.
func isContinuation(c byte) bool { return c&0xc0 == 0x80 }

// codePointLength returns the number of bytes that a code point beginning with c has.
func codePointLength(c byte) int {
	if c < 0x80 {
		return 1
	}
	return max(1, bits.LeadingZeros8(^c))
}

// countCodePoints returns the number of code points in s.
func countCodePoints(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if !isContinuation(s[i]) {
			n++
		}
	}
	return n
}

func toArray(list []string) bson.A {
	a := make(bson.A, len(list))
	for i, s := range list {
		a[i] = s
	}
	return a
}

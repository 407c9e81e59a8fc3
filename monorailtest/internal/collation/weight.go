package collation

import "golang.org/x/text/collate"

// weights are the weights of a string, level by level, as the library gives them: characters that
// have none on a level are left out there.
type weights struct {
	primaries, secondaries []int
	tertiaries             []byte
}

// weigh returns the weights of a string. It takes the library's sort key apart, which it lays out as
// primaries of two or three bytes, secondaries of two and tertiaries of one, two zeros between.
func weigh(c *collate.Collator, s string) weights {
	var buffer collate.Buffer
	key := c.KeyFromString(&buffer, s)
	var w weights
	for len(key) > 1 && (key[0] != 0 || key[1] != 0) {
		if key[0]&0x80 != 0 {
			w.primaries = append(w.primaries, int(key[0]&0x7f)<<16|int(key[1])<<8|int(key[2]))
			key = key[3:]
			continue
		}
		w.primaries = append(w.primaries, int(key[0])<<8|int(key[1]))
		key = key[2:]
	}
	key = key[2:]
	for len(key) > 1 && (key[0] != 0 || key[1] != 0) {
		w.secondaries = append(w.secondaries, int(key[0])<<8|int(key[1]))
		key = key[2:]
	}
	w.tertiaries = append(w.tertiaries, key[2:]...)
	return w
}

// element is one element of a string: most often a character.
type element struct {
	primary, secondary int
	tertiary           byte
}

const (
	// commonSecondary and commonTertiary are the weights of a plain small letter.
	commonSecondary = 0x20
	commonTertiary  = 2
	// capitalTertiary is that of a capital letter.
	capitalTertiary = 8
	// leastAccent is less than the secondary weight of any combining mark, and more than that of any
	// letter of its own.
	leastAccent = 0x2f
)

// elements puts the levels together again. Only combining marks have no primary weight, and theirs
// are the great secondary weights.
func (w weights) elements() []element {
	out := make([]element, max(len(w.secondaries), len(w.tertiaries)))
	next := 0
	for i := range out {
		e := element{secondary: commonSecondary, tertiary: commonTertiary}
		if i < len(w.secondaries) {
			e.secondary = w.secondaries[i]
		}
		if i < len(w.tertiaries) {
			e.tertiary = w.tertiaries[i]
		}
		if e.secondary < leastAccent && next < len(w.primaries) {
			e.primary = w.primaries[next]
			next++
		}
		out[i] = e
	}
	for ; next < len(w.primaries); next++ {
		out = append(out, element{w.primaries[next], commonSecondary, commonTertiary})
	}
	return out
}

// upper tells capital letters, in every form of a letter.
func (e element) upper() bool {
	return e.tertiary >= 0x08 && e.tertiary <= 0x0c || e.tertiary == 0x1d
}

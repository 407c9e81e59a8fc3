package collation

import (
	"cmp"
	"slices"
	"sync"
	"unicode"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// scale turns the primary and secondary weights of a locale into the bytes of sort keys, in the same
// order. The commonest characters get the bytes that they have in ICU 57, so that the sort keys that
// a duplicate key error shows are MongoDB's for them; all others lie between.
type scale struct {
	primaries, secondaries []anchor
	// space and punctuation are the greatest primary weights of what the option maxVariable names.
	space, punctuation int
	// number is the primary weight that leads a number with numericOrdering.
	number int
	// capitals are the capital letters of the locale's own that the library gives no weight of a
	// capital letter.
	capitals map[letter]bool
}

// letter is what tells a letter of a locale: its primary and tertiary weight.
type letter struct {
	primary  int
	tertiary byte
}

// anchor is a weight whose bytes are given.
type anchor struct {
	weight int
	bytes  []byte
}

// rootPrimaries are the primary weights of ICU 57 that are known from its sort keys, in their order.
var rootPrimaries = []struct{ text, bytes string }{
	{" ", "\x04"}, {"_", "\x05\x0a"}, {"-", "\x05\x0e"}, {",", "\x06"}, {".", "\x08"}, {"@", "\x0a\x7a"},
	{"0", "\x12"}, {"1", "\x14"}, {"2", "\x16"}, {"3", "\x18"}, {"4", "\x1a"},
	{"5", "\x1c"}, {"6", "\x1e"}, {"7", "\x20"}, {"8", "\x22"}, {"9", "\x24"},
	{"a", "\x29"}, {"b", "\x2b"}, {"c", "\x2d"}, {"d", "\x2f"}, {"e", "\x31"}, {"f", "\x33"}, {"g", "\x35"},
	{"h", "\x37"}, {"i", "\x39"}, {"j", "\x3b"}, {"k", "\x3d"}, {"l", "\x3f"}, {"m", "\x41"}, {"n", "\x43"},
	{"o", "\x45"}, {"p", "\x47"}, {"q", "\x49"}, {"r", "\x4b"}, {"s", "\x4d"}, {"t", "\x4f"}, {"u", "\x51"},
	{"v", "\x53"}, {"w", "\x55"}, {"x", "\x57"}, {"y", "\x59"}, {"z", "\x5b"},
}

// rootSecondaries are the secondary weights of the combining marks: acute, grave, breve, circumflex,
// caron, ring, diaeresis, double acute, tilde, dot, cedilla, ogonek and macron.
var rootSecondaries = []struct{ text, bytes string }{
	{"\u0301", "\x88"}, {"\u0300", "\x8a"}, {"\u0306", "\x8c"}, {"\u0302", "\x8e"}, {"\u030c", "\x90"}, {"\u030a", "\x92"},
	{"\u0308", "\x96"}, {"\u030b", "\x98"}, {"\u0303", "\x9a"}, {"\u0307", "\x9c"}, {"\u0327", "\xa0"}, {"\u0328", "\xa2"},
	{"\u0304", "\xa4"},
}

// scales holds the scales by the names of their locales.
var scales sync.Map

func scaleOf(tag language.Tag) *scale {
	if s, ok := scales.Load(tag.String()); ok {
		return s.(*scale)
	}
	c, root := collate.New(tag), collate.New(language.Und)
	s := &scale{}
	for _, p := range rootPrimaries {
		s.primaries = appendAnchor(s.primaries, p.bytes, weigh(c, p.text).primaries, weigh(root, p.text).primaries)
	}
	for _, p := range rootSecondaries {
		s.secondaries = appendAnchor(s.secondaries, p.bytes, weigh(c, p.text).secondaries, weigh(root, p.text).secondaries)
	}
	// The grave accent is the first symbol, the low line the first punctuation, in every locale.
	s.space = weigh(root, "_").primaries[0] - 1
	s.punctuation = weigh(root, "`").primaries[0] - 1
	s.number = weigh(c, "1").primaries[0]
	s.capitals = capitalsOf(c)
	got, _ := scales.LoadOrStore(tag.String(), s)
	return got.(*scale)
}

// capitalsOf returns the capital letters among those of the Latin alphabets, contractions included.
func capitalsOf(c *collate.Collator) map[letter]bool {
	out := map[letter]bool{}
	add := func(s string) {
		if e := weigh(c, s).elements(); len(e) == 1 && !e[0].upper() {
			out[letter{e[0].primary, e[0].tertiary}] = true
		}
	}
	const first, last = 0xc0, 0x17f
	for r := rune(first); r <= last; r++ {
		if unicode.IsUpper(r) {
			add(string(r))
		}
	}
	for r := 'A'; r <= 'Z'; r++ {
		add(string(r))
	}
	for _, s := range []string{"AA", "CH", "LL", "NJ", "LJ", "CS", "DZ", "GY", "LY", "NY", "SZ", "TY", "ZS"} {
		add(s)
	}
	return out
}

// appendAnchor appends a weight unless the locale has moved it, or it is out of order.
func appendAnchor(to []anchor, bytes string, weights, root []int) []anchor {
	if len(weights) != 1 || len(root) != 1 || weights[0] != root[0] ||
		len(to) > 0 && weights[0] <= to[len(to)-1].weight {
		return to
	}
	return append(to, anchor{weights[0], []byte(bytes)})
}

// between is the byte that leads from the bytes of a weight to those of the weights up to the next
// one that is given: no sort key of ICU has it there.
const between = 0xff

// appendWeight appends the bytes of a weight.
func appendWeight(dst []byte, anchors []anchor, least byte, weight int) []byte {
	at, found := slices.BinarySearchFunc(anchors, weight, func(a anchor, w int) int { return cmp.Compare(a.weight, w) })
	if found {
		return append(dst, anchors[at].bytes...)
	}
	if at == 0 {
		dst = append(dst, least)
	} else {
		dst = append(append(dst, anchors[at-1].bytes...), between)
	}
	// The library's weights have at most 23 bits; no byte may look like the end of a level.
	return append(dst, byte(weight>>18&0x3f)+2, byte(weight>>12&0x3f)+2, byte(weight>>6&0x3f)+2, byte(weight&0x3f)+2)
}

// leastPrimary and leastSecondary are what leads the weights below the first one that is given.
const (
	leastPrimary   = 0x03
	leastSecondary = 0x86
)

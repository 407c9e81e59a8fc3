package collation

import (
	"golang.org/x/text/collate"
	"golang.org/x/text/unicode/norm"
)

// endOfLevel separates the levels of a sort key.
const endOfLevel = 1

// Key returns the sort key of a string: keys compare byte by byte as their strings do. It has the
// form of ICU's. The collation must not be nil.
func (c *Collation) Key(s string) string { return string(c.appendKey(nil, s)) }

func (c *Collation) appendKey(dst []byte, s string) []byte {
	o := &c.options
	collator := c.collators.Get().(*collate.Collator)
	elements := weigh(collator, s).elements()
	c.collators.Put(collator)
	for i, e := range elements {
		if c.scale.capitals[letter{e.primary, e.tertiary}] {
			elements[i].tertiary = capitalTertiary
		}
	}
	var shifted []element
	if o.alternate == "shifted" {
		elements, shifted = c.shift(elements)
	}
	dst = c.appendPrimaries(dst, elements)
	if o.strength >= 2 {
		dst = c.appendSecondaries(append(dst, endOfLevel), elements)
	}
	if o.caseLevel {
		dst = c.appendCases(append(dst, endOfLevel), elements)
	}
	if o.strength >= 3 {
		dst = c.appendTertiaries(append(dst, endOfLevel), elements)
	}
	if o.strength >= 4 && o.alternate == "shifted" {
		dst = append(dst, endOfLevel)
		for _, e := range shifted {
			if e.primary == 0 {
				dst = append(dst, 0xff)
				continue
			}
			dst = appendWeight(dst, c.scale.primaries, leastPrimary, e.primary)
		}
	}
	if o.strength == 5 {
		dst = norm.NFD.AppendString(append(dst, endOfLevel), s)
	}
	return dst
}

// appendPrimaries writes the first level.
func (c *Collation) appendPrimaries(dst []byte, elements []element) []byte {
	number := false
	for _, e := range elements {
		if e.primary == 0 {
			continue
		}
		if number && e.primary > mostDigits {
			// The library leaves out that zero has no digits, which is less than any other number of them.
			dst = appendWeight(dst, c.scale.primaries, leastPrimary, 0)
		}
		dst = appendWeight(dst, c.scale.primaries, leastPrimary, e.primary)
		number = c.options.numericOrdering && e.primary == c.scale.number
	}
	if number {
		dst = appendWeight(dst, c.scale.primaries, leastPrimary, 0)
	}
	return dst
}

// mostDigits is the greatest weight that the library gives for the number of digits of a number; all
// characters have greater ones.
const mostDigits = 0xff

// shift takes out the spaces and punctuation that count on the fourth level only, with the marks
// on them. fourth is that level: elements that are left have no weight in it.
func (c *Collation) shift(elements []element) (left, fourth []element) {
	top := c.scale.punctuation
	if c.options.maxVariable == "space" {
		top = c.scale.space
	}
	variable := false
	for _, e := range elements {
		if e.primary != 0 {
			variable = e.primary > mostDigits && e.primary <= top
		}
		switch {
		case !variable:
			left = append(left, e)
			fourth = append(fourth, element{})
		case e.primary != 0:
			fourth = append(fourth, e)
		}
	}
	return left, fourth
}

// appendSecondaries writes the second level, on which ICU counts runs of the common weight: a run
// gets one byte, low before a smaller weight or the end, high before a greater one.
func (c *Collation) appendSecondaries(dst []byte, elements []element) []byte {
	run := common{low: 0x05, high: 0x45, limit: 0x21}
	for i := range elements {
		if c.options.backwards {
			i = len(elements) - 1 - i
		}
		if elements[i].secondary == commonSecondary {
			run.count++
			continue
		}
		dst = appendWeight(run.flush(dst, true), c.scale.secondaries, leastSecondary, elements[i].secondary)
	}
	return run.flush(dst, false)
}

// appendCases writes the level of the option caseLevel: small before capital letters, or the other
// way round. Without a second level combining marks have no place in it.
func (c *Collation) appendCases(dst []byte, elements []element) []byte {
	for _, e := range elements {
		if e.primary == 0 && c.options.strength == 1 {
			continue
		}
		dst = append(dst, 3+c.caseRank(e))
	}
	return dst
}

// caseRank orders the cases.
func (c *Collation) caseRank(e element) byte {
	if e.upper() != (c.options.caseFirst == "upper") {
		return 1
	}
	return 0
}

// appendTertiaries writes the third level, also with counted runs. With caseFirst the case comes
// before everything else there.
func (c *Collation) appendTertiaries(dst []byte, elements []element) []byte {
	if c.options.caseFirst != "off" && !c.options.caseLevel {
		for _, e := range elements {
			dst = append(dst, 3+c.caseRank(e)<<6+e.tertiary)
		}
		return dst
	}
	run := common{low: 0x05, high: 0xc5, limit: 0x61}
	for _, e := range elements {
		if e.tertiary == commonTertiary {
			run.count++
			continue
		}
		dst = append(run.flush(dst, true), tertiaryByte(e.tertiary))
	}
	return run.flush(dst, false)
}

// tertiaryByte is the weight that ICU has for a form of a letter.
func tertiaryByte(tertiary byte) byte {
	switch {
	case tertiary < commonTertiary:
		return 0x04
	case tertiary == 3: // wide
		return 0xd0
	case tertiary == 4 || tertiary == 5: // a compatibility form, a font
		return 0xcf + tertiary
	case tertiary == capitalTertiary:
		return 0xdc
	case tertiary < capitalTertiary: // circled
		return 0xdf
	}
	return 0xd7 + min(tertiary, 0x1f)
}

// common counts a run of the common weight of a level.
type common struct {
	count     int
	low, high byte
	limit     int
}

// flush writes the run that ends here, before a greater weight or not.
func (r *common) flush(dst []byte, greater bool) []byte {
	if r.count == 0 {
		return dst
	}
	n := r.count - 1
	for ; n >= r.limit; n -= r.limit {
		dst = append(dst, r.low+byte(r.limit)-1)
	}
	r.count = 0
	if greater {
		return append(dst, r.high-byte(n))
	}
	return append(dst, r.low+byte(n))
}

package pcre

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// knownEscapes are the characters that mean the same behind a backslash in PCRE and here.
const knownEscapes = `dDsSwWbBAzZnrtfaexuGpP0123456789`

// White space as PCRE's \h and \v have it.
const (
	horizontal = `\t \xA0\u1680\u180E\u2000-\u200A\u202F\u205F\u3000`
	vertical   = `\n\x0B\f\r\x85\u2028\u2029`
)

// sets are the escapes that stand for a class of characters, by what is in it.
var sets = map[byte]string{'h': horizontal, 'v': vertical}

// outside are the escapes that are not for classes.
var outside = map[byte]string{
	'H': "[^" + horizontal + "]", 'V': "[^" + vertical + "]", 'N': `[^\n]`, 'R': `(?:\r\n|[` + vertical + `])`,
}

// escape writes what a backslash begins outside of a class.
func (t *translator) escape() error {
	rest := t.source[t.at+1:]
	if rest == "" {
		return fmt.Errorf(`\ at end of pattern`)
	}
	c := rest[0]
	switch {
	case c == 'Q':
		t.quote(rest[1:])
		return nil
	case c == 'E':
		t.write(2, "")
		return nil
	}
	t.begin()
	switch {
	case outside[c] != "":
		t.write(2, outside[c])
	case sets[c] != "":
		t.write(2, "["+sets[c]+"]")
	case c == 'k' && len(rest) > 1, c == 'g' && len(rest) > 1 && rest[1] == '{':
		if end := strings.IndexByte(rest[2:], closing(rest[1])); end >= 0 {
			return t.reference(rest[2:2+end], 4+end)
		}
		return fmt.Errorf(`\%c is not followed by a name`, c)
	case c == 'g' && len(rest) > 1:
		n := 2
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		return t.reference(rest[1:n], n+1)
	default:
		return t.character(rest)
	}
	return nil
}

// character writes an escape that may stand in a class too; rest is behind the backslash.
func (t *translator) character(rest string) error {
	c := rest[0]
	switch {
	case strings.IndexByte("pPx", c) >= 0 && strings.HasPrefix(rest[1:], "{"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return fmt.Errorf(`missing } behind \%c`, c)
		}
		if c != 'x' {
			t.write(2+end, t.source[t.at:t.at+2+end])
			return nil
		}
		n, err := strconv.ParseUint(rest[2:end], 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return fmt.Errorf(`character value in \x{} is too large`)
		}
		s := string(rune(n))
		if n < utf8.RuneSelf && !isLetterOrDigit(byte(n)) {
			s = fmt.Sprintf(`\x%02x`, n)
		}
		t.write(2+end, s)
		return nil
	case isLetterOrDigit(c) && strings.IndexByte(knownEscapes, c) < 0:
		return fmt.Errorf(`\%c is not supported`, c)
	}
	_, size := utf8.DecodeRuneInString(rest)
	t.write(1+size, t.source[t.at:t.at+1+size])
	return nil
}

// quote writes what stands between \Q and \E; a quantifier behind it is about the last letter.
func (t *translator) quote(rest string) {
	quoted, _, closed := strings.Cut(rest, `\E`)
	n := 2 + len(quoted)
	if closed {
		n += 2
	}
	_, size := utf8.DecodeLastRuneInString(quoted)
	t.write(n, regexp2.Escape(quoted[:len(quoted)-size]))
	t.begin()
	t.write(0, regexp2.Escape(quoted[len(quoted)-size:]))
}

// class writes a character class, in which little is special.
func (t *translator) class() error {
	t.begin()
	t.write(1, "[")
	if strings.HasPrefix(t.source[t.at:], "^") {
		t.write(1, "^")
	}
	if strings.HasPrefix(t.source[t.at:], "]") {
		t.write(1, `\]`)
	}
	for t.at < len(t.source) {
		switch rest := t.source[t.at:]; {
		case rest[0] == ']':
			t.write(1, "]")
			return nil
		case rest == `\`:
			return fmt.Errorf(`\ at end of pattern`)
		case rest[0] == '\\' && sets[rest[1]] != "":
			t.write(2, sets[rest[1]])
		case rest[0] == '\\':
			if err := t.character(rest[1:]); err != nil {
				return err
			}
		case strings.HasPrefix(rest, "[:") && strings.Contains(rest, ":]"):
			n := strings.Index(rest, ":]") + 2
			t.write(n, rest[:n])
		case rest[0] == '[':
			t.write(1, `\[`)
		default:
			t.write(1, rest[:1])
		}
	}
	return fmt.Errorf("missing terminating ] for character class")
}

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

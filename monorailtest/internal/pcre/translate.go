package pcre

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"
)

// translator writes a PCRE pattern in the matcher's dialect.
type translator struct {
	source string
	flags  regexp2.RegexOptions
	out    []byte
	// at is the place in source.
	at int
	// count is the number of groups so far, groups the numbers of those with names.
	count  int
	groups map[string]int
	// open are the places in out of the groups that have not been closed.
	open []int
	// atom is the place in out of what a quantifier would be about.
	atom int
	// quantified says that a quantifier has just been written.
	quantified bool
}

// bounds is a quantifier in braces; any other brace stands for itself.
var bounds = regexp.MustCompile(`^\{\d+(?:,\d*)?\}`)

func (t *translator) translate() error {
	for t.at < len(t.source) {
		rest := t.source[t.at:]
		if t.ignored(rest) {
			continue
		}
		was := t.quantified
		t.quantified = false
		var err error
		switch c := rest[0]; {
		case c == '\\':
			err = t.escape()
		case c == '[':
			err = t.class()
		case c == '(':
			err = t.group()
		case c == ')':
			if n := len(t.open); n > 0 {
				t.atom, t.open = t.open[n-1], t.open[:n-1]
			}
			t.write(1, ")")
		case c == '+' && was:
			t.possessive()
		case c == '?' && was:
			t.write(1, "?")
		case c == '*' || c == '+' || c == '?':
			t.quantified = true
			t.write(1, rest[:1])
		case bounds.MatchString(rest):
			t.quantified = true
			n := strings.IndexByte(rest, '}') + 1
			t.write(n, rest[:n])
		case c == '$' && t.flags&regexp2.Multiline == 0:
			// It also matches before a last newline.
			t.write(1, `(?=\n?\z)`)
		default:
			t.begin()
			t.write(1, rest[:1])
			// The other bytes of a letter belong to it.
			for t.at < len(t.source) && t.source[t.at]&0xc0 == 0x80 {
				t.write(1, t.source[t.at:t.at+1])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write goes n bytes on in the source and writes s in their place.
func (t *translator) write(n int, s string) {
	t.at += n
	t.out = append(t.out, s...)
}

// begin marks the place of what is written next, for a quantifier.
func (t *translator) begin() { t.atom = len(t.out) }

// ignored writes white space and comments that option x leaves out.
func (t *translator) ignored(rest string) bool {
	if t.flags&regexp2.IgnorePatternWhitespace == 0 {
		return false
	}
	n := 0
	switch rest[0] {
	case ' ', '\t', '\n', '\v', '\f', '\r':
		n = 1
	case '#':
		if n = strings.IndexByte(rest, '\n') + 1; n == 0 {
			n = len(rest)
		}
		t.write(n, "")
		return true
	}
	t.write(n, rest[:n])
	return n > 0
}

// possessive makes a group without backtracking of what has just been quantified.
func (t *translator) possessive() {
	quantified := string(t.out[t.atom:])
	t.out = t.out[:t.atom]
	t.write(1, "(?>"+quantified+")")
}

// group writes the beginning of a group. Names are left out, since they would be counted behind
// the groups without one.
func (t *translator) group() error {
	rest := t.source[t.at:]
	start := len(t.out)
	switch {
	case strings.HasPrefix(rest, "(*"):
		return fmt.Errorf("verbs are not supported")
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return fmt.Errorf("missing ) after comment")
		}
		t.write(end+1, "")
		return nil
	case strings.HasPrefix(rest, "(?P="):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return fmt.Errorf("missing )")
		}
		t.begin()
		return t.reference(rest[4:end], end+1)
	case strings.HasPrefix(rest, "(?R"), strings.HasPrefix(rest, "(?&"), strings.HasPrefix(rest, "(?P>"), strings.HasPrefix(rest, "(?|"):
		return fmt.Errorf("%s is not supported", rest[:3])
	}
	if t.open = append(t.open, start); len(t.open) > maxDepth {
		return errors.New("parentheses are too deeply nested")
	}
	switch {
	case strings.HasPrefix(rest, "(?P<"):
		return t.named(rest, 4)
	case strings.HasPrefix(rest, "(?'"), strings.HasPrefix(rest, "(?<") && len(rest) > 3 && rest[3] != '=' && rest[3] != '!':
		return t.named(rest, 3)
	case strings.HasPrefix(rest, "(?"):
		t.write(2, "(?")
	default:
		t.count++
		t.write(1, "(")
	}
	return nil
}

func (t *translator) named(rest string, start int) error {
	end := strings.IndexByte(rest[start:], closing(rest[start-1]))
	if end <= 0 {
		return fmt.Errorf("syntax error in subpattern name (missing terminator)")
	}
	t.count++
	t.groups[rest[start:start+end]] = t.count
	t.write(start+end+1, "(")
	return nil
}

// closing returns what ends a name that an opening byte began.
func closing(open byte) byte {
	switch open {
	case '<':
		return '>'
	case '{':
		return '}'
	}
	return open
}

// reference writes a reference to a group by its name or number, whose text has n bytes. A number
// below zero counts back from here.
func (t *translator) reference(name string, n int) error {
	number, ok := t.groups[name]
	if i, err := strconv.Atoi(name); err == nil {
		number, ok = i, i > 0
		if i < 0 {
			number, ok = t.count+1+i, t.count+1+i > 0
		}
	}
	if !ok {
		return fmt.Errorf("reference to non-existent subpattern %s", name)
	}
	// The group keeps a digit that follows apart.
	t.write(n, `(?:\`+strconv.Itoa(number)+")")
	return nil
}

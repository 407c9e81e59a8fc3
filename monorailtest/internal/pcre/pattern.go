// Package pcre compiles the regular expressions of MongoDB, which are PCRE's, for a matcher that
// has most of them.
package pcre

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTimeout ends a match that backtracks too much, where PCRE counts its steps: the 200,000 that MongoDB's has take
// some milliseconds. It is so much longer that a busy machine does not end a match that PCRE would not.
const matchTimeout = time.Second

const (
	// MaxSize is the size of the largest pattern: PCRE needs two bytes for a character, and has 64 KiB.
	MaxSize = 32764
	// maxDepth is how deep groups may nest: PCRE's PARENS_NEST_LIMIT.
	maxDepth = 250
)

// Compile compiles a regular expression with its options i, m, s and x; others change nothing.
// What the matcher does not have is an error, never another meaning. The groups have PCRE's
// numbers. A match takes a second at most, and is an error then.
func Compile(source, options string) (*regexp2.Regexp, error) {
	if len(source) > MaxSize {
		return nil, errors.New("regular expression is too large")
	}
	flags := regexp2.RegexOptions(regexp2.RE2)
	for _, o := range options {
		switch o {
		case 'i':
			flags |= regexp2.IgnoreCase
		case 'm':
			flags |= regexp2.Multiline
		case 's':
			flags |= regexp2.Singleline
		case 'x':
			flags |= regexp2.IgnorePatternWhitespace
		}
	}
	// Patterns are UTF-8 in any case.
	for _, start := range []string{"(*UTF8)", "(*UTF)"} {
		source = strings.TrimPrefix(source, start)
	}
	t := translator{source: source, flags: flags, groups: map[string]int{}}
	if err := t.translate(); err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(t.out.String(), flags)
	if err != nil {
		if strings.Contains(err.Error(), "missing closing )") {
			err = errors.New("missing )")
		}
		return nil, err
	}
	re.MatchTimeout = matchTimeout
	return re, nil
}

// knownEscapes are the characters that mean the same behind a backslash in PCRE and here.
const knownEscapes = `dDsSwWbBAzZnrtfaexuGpP0123456789`

// translator writes a PCRE pattern in the matcher's dialect.
type translator struct {
	source string
	flags  regexp2.RegexOptions
	out    strings.Builder
	// at is the place in source.
	at int
	// count is the number of groups so far, groups the numbers of those with names.
	count  int
	groups map[string]int
	// depth is how many groups are open.
	depth int
	// quantified says that a quantifier has just been written.
	quantified bool
}

func (t *translator) translate() error {
	for t.at < len(t.source) {
		c := t.source[t.at]
		was := t.quantified
		t.quantified = false
		var err error
		switch {
		case c == '\\':
			err = t.escape()
		case c == '[':
			err = t.class()
		case c == '(':
			err = t.group()
		case c == ')':
			t.depth--
			t.write(1, ")")
		case c == '$' && t.flags&regexp2.Multiline == 0:
			// It also matches before a last newline.
			t.write(1, `(?=\n?\z)`)
		case c == '+' && was:
			err = fmt.Errorf("possessive quantifiers are not supported")
		default:
			t.quantified = c == '*' || c == '+' || c == '?' && !was || c == '}'
			t.write(1, t.source[t.at:t.at+1])
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
	t.out.WriteString(s)
}

func (t *translator) escape() error {
	rest := t.source[t.at+1:]
	switch {
	case rest == "":
		return fmt.Errorf(`\ at end of pattern`)
	case rest[0] == 'Q':
		quoted, _, closed := strings.Cut(rest[1:], `\E`)
		n := 2 + len(quoted)
		if closed {
			n += 2
		}
		t.write(n, regexp2.Escape(quoted))
	case rest[0] == 'E':
		t.write(2, "")
	case rest[0] == 'k' && len(rest) > 1:
		if end := strings.IndexByte(rest[2:], closing(rest[1])); end >= 0 {
			return t.reference(rest[2:2+end], 4+end)
		}
		return fmt.Errorf(`\k is not followed by a name`)
	case strings.IndexByte("pPx", rest[0]) >= 0 && strings.HasPrefix(rest[1:], "{"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return fmt.Errorf(`missing } behind \%c`, rest[0])
		}
		t.write(2+end, t.source[t.at:t.at+2+end])
	case isLetterOrDigit(rest[0]) && !strings.ContainsRune(knownEscapes, rune(rest[0])):
		return fmt.Errorf(`\%c is not supported`, rest[0])
	default:
		t.write(2, t.source[t.at:t.at+2])
	}
	return nil
}

// reference writes a reference to a named group, whose text has n bytes.
func (t *translator) reference(name string, n int) error {
	number, ok := t.groups[name]
	if !ok {
		return fmt.Errorf("reference to non-existent subpattern %s", name)
	}
	// The empty group keeps a digit that follows apart.
	t.write(n, `\`+strconv.Itoa(number)+"(?:)")
	return nil
}

// group writes the beginning of a group. Names are left out, since they would be counted behind
// the groups without one.
func (t *translator) group() error {
	rest := t.source[t.at:]
	if !strings.HasPrefix(rest, "(?#") {
		if t.depth++; t.depth > maxDepth {
			return errors.New("parentheses are too deeply nested")
		}
	}
	switch {
	case strings.HasPrefix(rest, "(*"):
		return fmt.Errorf("verbs are not supported")
	case strings.HasPrefix(rest, "(?#"):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return fmt.Errorf("missing ) after comment")
		}
		t.write(end+1, "")
	case strings.HasPrefix(rest, "(?P="):
		end := strings.IndexByte(rest, ')')
		if end < 0 {
			return fmt.Errorf("missing )")
		}
		return t.reference(rest[4:end], end+1)
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

// class writes a character class, in which little is special.
func (t *translator) class() error {
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
		case rest[0] == '\\':
			if err := t.escape(); err != nil {
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

package query

import (
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// codeBadPattern is the server's code for a regular expression that does not compile.
const codeBadPattern = 51091

// matchTimeout ends a match that backtracks too much, where PCRE has a limit of its own.
const matchTimeout = 5 * time.Second

// pattern is a regular expression: it matches strings, and equal regular expressions.
type pattern struct {
	regex    primitive.Regex
	compiled *regexp2.Regexp
}

// newPattern compiles a regular expression. The dialect is PCRE's as far as the matcher has it;
// what it has not is an error (51091), never another meaning.
func newPattern(r primitive.Regex) (*pattern, error) {
	re, err := CompilePattern(r.Pattern, r.Options)
	if err != nil {
		return nil, err
	}
	return &pattern{regex: r, compiled: re}, nil
}

func (p *pattern) matchesValue(v any, _ *int) (bool, error) {
	var s string
	switch x := v.(type) {
	case string:
		s = x
	case primitive.Symbol:
		s = string(x)
	case primitive.Regex:
		return x == p.regex, nil
	default:
		return false, nil
	}
	return matchPattern(p.compiled, s)
}

// matchPattern matches a string; the error is that of a match that takes too long.
func matchPattern(re *regexp2.Regexp, s string) (bool, error) {
	ok, err := re.MatchString(s)
	if err != nil {
		return false, mongoerror.New(codeBadPattern, "Error occurred while executing regular expression: %v", err)
	}
	return ok, nil
}

// CompilePattern compiles a regular expression of MongoDB with its options i, m, s and x. Any other
// is ignored, as the server does.
func CompilePattern(source, options string) (*regexp2.Regexp, error) {
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
	if strings.ContainsRune(source, 0) {
		return nil, mongoerror.New(mongoerror.BadValue, "Regular expression cannot contain an embedded null byte")
	}
	translated, err := translatePattern(source, flags)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(translated, flags)
	if err != nil {
		return nil, mongoerror.New(codeBadPattern, "Regular expression is invalid: %v", err)
	}
	re.MatchTimeout = matchTimeout
	return re, nil
}

// knownEscapes are the characters that mean the same behind a backslash in PCRE and here.
const knownEscapes = `dDsSwWbBAzZnrtfaexuGpPk0123456789`

// translatePattern writes a PCRE pattern in the matcher's dialect: a $ that stands for the end
// also matches before a last newline, and \Q...\E is taken apart.
func translatePattern(source string, flags regexp2.RegexOptions) (string, error) {
	var out strings.Builder
	class, quantified := false, false
	for i := 0; i < len(source); i++ {
		c := source[i]
		was := quantified
		quantified = false
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			if source[i] == 'Q' {
				rest := source[i+1:]
				quoted, _, _ := strings.Cut(rest, `\E`)
				out.WriteString(regexp2.Escape(quoted))
				i = min(len(source)-1, i+len(quoted)+2)
				continue
			}
			if e := source[i]; isLetterOrDigit(e) && !strings.ContainsRune(knownEscapes, rune(e)) {
				return "", mongoerror.New(codeBadPattern, `Regular expression is invalid: \%c is not supported`, e)
			}
			out.WriteByte('\\')
			out.WriteByte(source[i])
		case class:
			class = c != ']'
			out.WriteByte(c)
			if c == '[' && i+1 < len(source) && source[i+1] == ':' {
				if end := strings.Index(source[i:], ":]"); end > 0 {
					out.WriteString(source[i+1 : i+end+2])
					i += end + 1
					class = true
				}
			}
		case c == '[':
			class = true
			out.WriteByte(c)
			for _, first := range []byte{'^', ']'} {
				if i+1 < len(source) && source[i+1] == first {
					i++
					if first == ']' {
						out.WriteByte('\\')
					}
					out.WriteByte(first)
				}
			}
		case c == '$' && flags&regexp2.Multiline == 0:
			out.WriteString(`(?=\n?\z)`)
		case c == '+' && was:
			return "", mongoerror.New(codeBadPattern, "Regular expression is invalid: possessive quantifiers are not supported")
		case c == '(' && i+1 < len(source) && source[i+1] == '*':
			return "", mongoerror.New(codeBadPattern, "Regular expression is invalid: verbs are not supported")
		default:
			quantified = c == '*' || c == '+' || c == '?' && !was || c == '}'
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

package query

import (
	"strings"

	"github.com/dlclark/regexp2"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
	"github.com/mongo-monorail/monorail/monorailtest/internal/pcre"
)

// codeBadPattern is the server's code for a regular expression that does not compile.
const codeBadPattern = 51091

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
	return matchPattern(p.compiled, s), nil
}

// matchPattern matches a string. A match that takes too long is none, as in the server, whose filters take every error of
// PCRE for that, the one of its limit among them.
func matchPattern(re *regexp2.Regexp, s string) bool {
	ok, err := re.MatchString(s)
	return ok && err == nil
}

// CompilePattern compiles a regular expression of MongoDB with its options i, m, s and x. Any other
// is ignored, as the server does.
func CompilePattern(source, options string) (*regexp2.Regexp, error) {
	if len(source) > pcre.MaxSize {
		return nil, mongoerror.New(mongoerror.BadValue, "Regular expression is too long")
	}
	if strings.ContainsRune(source, 0) {
		return nil, mongoerror.New(mongoerror.BadValue, "Regular expression cannot contain an embedded null byte")
	}
	re, err := pcre.Compile(source, options)
	if err != nil {
		return nil, mongoerror.New(codeBadPattern, "Regular expression is invalid: %v", err)
	}
	return re, nil
}

// Package pcre compiles the regular expressions of MongoDB, which are PCRE's, for a matcher that
// has most of them.
package pcre

import (
	"errors"
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
	re, err := regexp2.Compile(string(t.out), flags)
	if err != nil {
		if strings.Contains(err.Error(), "missing closing )") {
			err = errors.New("missing )")
		}
		return nil, err
	}
	re.MatchTimeout = matchTimeout
	return re, nil
}

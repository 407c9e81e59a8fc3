package pcre

import (
	"testing"
)

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		source, options, text, match string
		groups                       []string
	}{
		{"ab", "", "xab", "ab", nil},
		{"AB", "i", "xab", "ab", nil},
		{"a.c", "s", "a\nc", "a\nc", nil},
		{"^b$", "m", "a\nb\nc", "b", nil},
		{"a b # c", "x", "ab", "ab", nil},
		{"b$", "", "ab\n", "b", nil},
		{`\Qa.b\Ec+`, "", "a.bcc", "a.bcc", nil},
		{`\Qa.b`, "", "a.b", "a.b", nil},
		{"(a)(x)?", "", "a", "a", []string{"a", ""}},
		{"(?<n>a)(b)", "", "ab", "ab", []string{"a", "b"}},
		{"(?P<n>a)(?P=n)1", "", "aa1", "aa1", []string{"a"}},
		{`(?'n'a)\k{n}`, "", "aa", "aa", []string{"a"}},
		{"(?<=a)b(?!c)(?:d)", "", "abd", "bd", nil},
		{"[]a]+", "", "x]a", "]a", nil},
		{"[^]a]+", "", "]xy", "xy", nil},
		{`[[:digit:]\d[-]+`, "", "x1[-2", "1[-2", nil},
		{`\w+`, "", "éa", "a", nil},
		{"éCole|[ü]", "i", "ÉCOLE", "ÉCOLE", nil},
		{`\é`, "", "é", "é", nil},
		{"(*UTF8)é", "", "é", "é", nil},
		{`\p{Latin}+$`, "", "cafétéria", "cafétéria", nil},
		{"F o o # a comment \n\n# ignored", "x", "Foo", "Foo", nil},
		{"(?#note)a", "", "a", "a", nil},
		{"école", "i", "une ÉCOLE", "ÉCOLE", nil},
		{"[é]", "", "é", "é", nil},
	} {
		re, err := Compile(c.source, c.options)
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		m, err := re.FindStringMatch(c.text)
		if err != nil || m == nil || m.String() != c.match {
			t.Errorf("%s in %q: %v, %v; want %q", c.source, c.text, m, err, c.match)
			continue
		}
		groups := m.Groups()[1:]
		if len(groups) != len(c.groups) {
			t.Errorf("%s: %d groups, want %d", c.source, len(groups), len(c.groups))
			continue
		}
		for i, g := range groups {
			if g.String() != c.groups[i] {
				t.Errorf("%s: group %d is %q, want %q", c.source, i+1, g.String(), c.groups[i])
			}
		}
	}
	for _, source := range []string{"(", "a++", "(*UCP)a", `\K`, "[a", `a\`, "(?<n", `\k<x>`, "(?P=x)", "(?#"} {
		if _, err := Compile(source, ""); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}

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
		{"a++b", "", "xaab", "aab", nil},
		{`(?:ab)*+c`, "", "ababc", "ababc", nil},
		{`[ab]?+c|d{2}+`, "", "dd", "dd", nil},
		{`x{1,2}+y`, "", "xxy", "xxy", nil},
		{"a+?", "", "aa", "a", nil},
		{"a{,2}", "", "a{,2}", "a{,2}", nil},
		{`\Qa+b\E*`, "", "a+bb", "a+bb", nil},
		{`a\hb\Rc\Nd`, "", "a b\r\ncxd", "a b\r\ncxd", nil},
		{`[\h\v]+\H\V`, "", "x \nab", " \nab", nil},
		{`(a)(b)\g{-1}\g1\g{2}`, "", "abbab", "abbab", []string{"a", "b"}},
		{`\x{41}\x{e9}[\x{5d}-\x{5f}]`, "", "Aé^", "Aé^", nil},
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
	// What is possessive gives nothing back.
	for _, source := range []string{"a++a", "(?:a|ab)?+bc", `\d{1,2}+\d`} {
		re, err := Compile(source, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"aaa", "abc", "12"} {
			if m, err := re.FindStringMatch(text); m != nil && source != "(?:a|ab)?+bc" || err != nil {
				t.Errorf("%s in %s: %v, %v", source, text, m, err)
			}
		}
	}
	for _, source := range []string{"(", "(*UCP)a", `(?R)`, `(?|a)`, `[\H]`, `\g{3x}`, `\x{110000}`, `\x{41`, `\K`, "[a", `a\`, "(?<n", `\k<x>`, "(?P=x)", "(?#"} {
		if _, err := Compile(source, ""); err == nil {
			t.Errorf("%s compiles", source)
		}
	}
}

package pcre

import "testing"

// Whatever a filter has for a pattern, it is compiled or refused.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`a++(b|c)*?`, `(?<n>a)\k<n>`, `[^]\h\x{41}]`, `\Qa+\E{2,3}+`, "(?#x)(?P=n)", "é(?=b)$"} {
		f.Add(s, "imsx")
	}
	f.Fuzz(func(t *testing.T, source, options string) {
		if re, err := Compile(source, options); (re == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", source, re, err)
		}
	})
}

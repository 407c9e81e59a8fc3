package snippet

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var (
	moduleLine  = regexp.MustCompile(`(?m)^module .*$`)
	replacement = regexp.MustCompile(`=> (\.\.?/?\S*)`)
)

// WriteModule writes a module with one package per snippet into dir. Its requirements are those of
// the module in moduleDir, an absolute path, whose go.mod and go.sum are given; local replacements
// go on pointing to where they pointed.
func WriteModule(dir, moduleDir string, goMod, goSum []byte, snippets []Snippet) error {
	text := moduleLine.ReplaceAllString(string(goMod), "module snippets")
	text = replacement.ReplaceAllStringFunc(text, func(match string) string {
		return "=> " + filepath.Join(moduleDir, replacement.FindStringSubmatch(match)[1])
	})
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o666); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), goSum, 0o666); err != nil {
		return err
	}
	for _, s := range snippets {
		source, err := s.source()
		if err != nil {
			return err
		}
		name := "main.go"
		if s.IsTest() {
			name = "snippet_test.go"
		}
		if err := os.Mkdir(filepath.Join(dir, s.Name()), 0o777); err != nil {
			return fmt.Errorf("two snippets have one name: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.Name(), name), []byte(source), 0o666); err != nil {
			return err
		}
	}
	return nil
}

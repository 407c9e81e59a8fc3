package snippet

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Snippet is one Go block of a Markdown file. It is not changed after Find.
type Snippet struct {
	// File is the path of the Markdown file, relative to the top of the repository, with slashes.
	File string
	// Line is the number of the first line of the code in File, from 1.
	Line int
	// Code is the text of the block.
	Code string
	// Output is what the snippet must print, if HasOutput.
	Output    string
	HasOutput bool
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)$`)

// packageName returns the name in the package clause of s; empty for a fragment.
func (s Snippet) packageName() string {
	if m := packageClause.FindStringSubmatch(s.Code); m != nil {
		return m[1]
	}
	return ""
}

// IsTest says whether go test runs s.
func (s Snippet) IsTest() bool {
	name := s.packageName()
	return name != "" && name != "main"
}

// Name is the name of the directory and of the program of s, unique in the repository.
func (s Snippet) Name() string {
	flat := strings.NewReplacer("/", "_", ".", "_").Replace(strings.TrimSuffix(s.File, ".md"))
	return fmt.Sprintf("%s_%d", strings.ToLower(flat), s.Line)
}

// Find returns the snippets of every Markdown file below root, without hidden directories and what npm has installed.
func Find(root string) ([]Snippet, error) {
	var found []Snippet
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		snippets, err := extract(filepath.ToSlash(rel), string(text))
		found = append(found, snippets...)
		return err
	})
	return found, err
}

// extract returns the snippets of one Markdown text. A block that is not closed is an error: the
// rest of the page would be swallowed.
func extract(file, markdown string) ([]Snippet, error) {
	var snippets []Snippet
	var block strings.Builder
	language, start := "", 0 // of the open block; start 0 means that none is open
	fresh := false           // only blank lines since the last Go block
	number := 0
	for line := range strings.Lines(markdown) {
		number++
		text := strings.TrimRight(line, "\r\n")
		fence, isFence := strings.CutPrefix(text, "```")
		switch {
		case start == 0 && isFence:
			language, start = strings.TrimSpace(fence), number+1
			block.Reset()
		case start == 0:
			fresh = fresh && strings.TrimSpace(text) == ""
		case isFence && fence == "":
			if language == "go" {
				snippets = append(snippets, Snippet{File: file, Line: start, Code: block.String()})
			} else if language == "output" {
				if !fresh {
					return nil, fmt.Errorf("%s:%d: an output block follows no Go block", file, start)
				}
				last := &snippets[len(snippets)-1]
				last.Output, last.HasOutput = block.String(), true
			}
			fresh = language == "go"
			start = 0
		default:
			block.WriteString(text + "\n")
		}
	}
	if start != 0 {
		return nil, fmt.Errorf("%s:%d: the block is not closed", file, start)
	}
	return snippets, nil
}

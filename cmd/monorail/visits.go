package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// visit is one page view.
type visit struct {
	region, browser, system string
}

// ownVisits are the visits of a day on a site of medium size: regions and browsers are spread
// unevenly, as they are in life.
//
//go:embed visits.csv
var ownVisits []byte

// loadVisits reads the visits from the file at path, or those that come with the program if path is
// empty.
func loadVisits(path string) ([]visit, error) {
	if path == "" {
		return readVisits(bytes.NewReader(ownVisits), "visits.csv")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readVisits(file, path)
}

// readVisits reads lines of region,browser,os. A first line that says just that is a heading. The
// error for a malformed line has name and the number of the line.
func readVisits(r io.Reader, name string) ([]visit, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = -1 // counted below, for a message that says what a line needs
	lines.TrimLeadingSpace = true
	var visits []visit
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
				return nil, fmt.Errorf("%s: line %d: %w", name, parse.Line, parse.Err)
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := lines.FieldPos(0)
		if line == 1 {
			// Spreadsheets like to begin a file with a byte order mark.
			fields[0] = strings.TrimPrefix(fields[0], "\ufeff")
			if len(fields) == 3 && strings.EqualFold(strings.Join(fields, ","), "region,browser,os") {
				continue
			}
		}
		v, err := parseVisit(fields)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, line, err)
		}
		visits = append(visits, v)
	}
	if len(visits) == 0 {
		return nil, fmt.Errorf("%s: no visits in it; a line is region,browser,os", name)
	}
	return visits, nil
}

func parseVisit(fields []string) (visit, error) {
	if len(fields) != 3 {
		return visit{}, fmt.Errorf("%d fields where region,browser,os are 3", len(fields))
	}
	for i, field := range fields {
		fields[i] = strings.TrimSpace(field)
		if fields[i] == "" {
			return visit{}, fmt.Errorf("the %s is empty", [...]string{"region", "browser", "os"}[i])
		}
		if !utf8.ValidString(field) {
			return visit{}, fmt.Errorf("the %s is not UTF-8", [...]string{"region", "browser", "os"}[i])
		}
	}
	return visit{region: fields[0], browser: fields[1], system: fields[2]}, nil
}

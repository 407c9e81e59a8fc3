package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnVisits(t *testing.T) {
	visits, err := loadVisits("")
	if err != nil {
		t.Fatal(err)
	}
	if len(visits) < 300 {
		t.Errorf("%d visits, want some hundreds", len(visits))
	}
	regions := newLedger(visits).over
	if len(regions) < 10 {
		t.Errorf("%d regions, want some more", len(regions))
	}
}

func TestReadVisits(t *testing.T) {
	visits, err := readVisits(strings.NewReader("\ufeffRegion, Browser, OS\nUS,Firefox,Mac OS X\n\n DE , \"Chrome, beta\" ,Linux\n"), "v.csv")
	if err == nil {
		t.Fatalf("a quote followed by a blank is malformed, but got %v", visits)
	}
	visits, err = readVisits(strings.NewReader("\ufeffregion,browser,os\r\nUS,Firefox,Mac OS X\r\n\r\nDE ,\"Chrome, beta\",Linux"), "v.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := []visit{{"US", "Firefox", "Mac OS X"}, {"DE", "Chrome, beta", "Linux"}}
	if len(visits) != 2 || visits[0] != want[0] || visits[1] != want[1] {
		t.Errorf("visits = %v, want %v", visits, want)
	}
}

func TestMalformedLineIsNamedWithItsNumber(t *testing.T) {
	for text, want := range map[string]string{
		"US,Firefox,Linux\nDE,Chrome\n":             "v.csv: line 2: 2 fields",
		"US,Firefox,Linux\n\n\nDE,Chrome,a,b\n":     "v.csv: line 4: 4 fields",
		"region,browser,os\nUS,,Linux\n":            "v.csv: line 2: the browser is empty",
		"US,\"a\nb\",Linux\n ,Chrome,Linux\n":       "v.csv: line 3: the region is empty",
		"US,Firefox,Linux\nUS,Fire\"fox,Linux\n":    "v.csv: line 2: ",
		"US,Firefox,Linux\nUS,\"Firefox,Linux\n":    "v.csv: line ",
		"US,Firefox,\xff\n":                         "v.csv: line 1: the os is not UTF-8",
		"":                                          "v.csv: no visits",
		"region,browser,os\n":                       "v.csv: no visits",
		"US,Firefox,Linux\nregion,browser,os,n\n":   "v.csv: line 2: 4 fields",
		"US,Firefox,Linux\nUS,Firefox,   \t  \nx\n": "v.csv: line 2: the os is empty",
	} {
		visits, err := readVisits(strings.NewReader(text), "v.csv")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q gives %v and error %v, want one that begins with %q", text, visits, err, want)
		}
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "none.csv")
	if _, err := loadVisits(name); err == nil || !strings.Contains(err.Error(), "none.csv") {
		t.Errorf("error = %v, want one that names the file", err)
	}
	if err := os.WriteFile(name, []byte("US,Firefox,Linux\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if visits, err := loadVisits(name); err != nil || len(visits) != 1 {
		t.Errorf("visits = %v, %v", visits, err)
	}
}

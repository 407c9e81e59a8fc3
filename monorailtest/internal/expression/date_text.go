package expression

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// unset is a part of a dateText that the text does not have.
const unset = -1

// dateText is what is known of a date while its text is read.
type dateText struct {
	text                                 string
	year, month, day                     int
	isoYear, isoWeek, isoDay             int
	hour, minute, second, milli          int
	weekday                              int
	offset                               int
	hasDate, hasTime, hasZone, zoneNamed bool
}

func newDateText(s string) *dateText {
	return &dateText{
		text: s, year: unset, month: unset, day: unset, isoYear: unset, isoWeek: unset, isoDay: unset,
		hour: unset, minute: unset, second: unset, milli: unset, weekday: unset,
	}
}

// fail returns the error of a text that is no date at a place.
func (d *dateText) fail(at int, reason string) error {
	c := byte(' ')
	if at < len(d.text) {
		c = d.text[at]
	}
	return mongoerror.New(mongoerror.ConversionFailure, "Error parsing date string '%s'; %d: %s '%c'", d.text, at, reason, c)
}

// date returns the date that has been read. zone is the one that was asked for.
func (d *dateText) date(zone *time.Location) (any, error) {
	if d.isoYear != unset || d.isoWeek != unset || d.isoDay != unset {
		if d.year != unset || d.month != unset || d.day != unset {
			return nil, d.fail(len(d.text), "Mixing of ISO dates with natural dates is not allowed")
		}
		if d.isoYear == unset {
			return nil, d.fail(len(d.text), "The parsed date was invalid")
		}
		t := isoDate(d.isoYear, orOne(d.isoWeek), orOne(d.isoDay))
		d.year, d.month, d.day = t.Year(), int(t.Month()), t.Day()
	}
	if d.hour != unset || d.minute != unset || d.second != unset || d.milli != unset {
		for _, part := range []*int{&d.hour, &d.minute, &d.second} {
			if *part == unset {
				*part = 0
			}
		}
	} else {
		d.hour, d.minute, d.second = 0, 0, 0
	}
	if d.year == unset || d.month == unset || d.day == unset {
		return nil, mongoerror.New(mongoerror.ConversionFailure, "an incomplete date/time string has been found, with elements missing: \"%s\"", d.text)
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	if d.month < 1 || d.month > 12 || t.Day() != d.day || int(t.Month()) != d.month {
		return nil, d.fail(len(d.text), "The parsed date was invalid")
	}
	if d.hour > 23 || d.minute > 59 || d.second > 59 {
		return nil, d.fail(len(d.text), "The parsed time was invalid")
	}
	if d.weekday != unset {
		t = t.AddDate(0, 0, (d.weekday-int(t.Weekday())+7)%7)
	}
	local := t.Unix()
	switch {
	case d.hasZone && zone != time.UTC:
		if d.zoneNamed {
			return nil, mongoerror.New(mongoerror.ConversionFailure, "you cannot pass in a date/time string with time zone information together with a timezone argument")
		}
		return nil, mongoerror.New(mongoerror.ConversionFailure, "you cannot pass in a date/time string with GMT offset together with a timezone argument")
	case d.hasZone:
		local -= int64(d.offset)
	default:
		local = fromLocal(local, zone)
	}
	return primitive.DateTime(local*1000 + int64(max(0, d.milli))), nil
}

// orOne returns a part of a date, one where it is not there.
func orOne(part int) int {
	if part == unset {
		return 1
	}
	return part
}

// abbreviations are the time zones that a text may name, in seconds east of UTC.
var abbreviations = map[string]int{
	"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800, "MSK": 10800,
	"EST": -18000, "EDT": -14400, "CST": -21600, "CDT": -18000, "MST": -25200, "MDT": -21600, "PST": -28800, "PDT": -25200,
}

// findAbbreviation returns the time zone that a word names. The letters but J are the zones of the
// military, A to M eastwards and N to Y westwards.
func findAbbreviation(name string) (seconds int, ok bool) {
	name = upper(name)
	if seconds, ok = abbreviations[name]; ok || len(name) != 1 {
		return seconds, ok
	}
	switch c := int(name[0]); {
	case c >= 'A' && c <= 'I':
		return (c - 'A' + 1) * 3600, true
	case c >= 'K' && c <= 'M':
		return (c - 'A') * 3600, true
	case c >= 'N' && c <= 'Y':
		return ('N' - c - 1) * 3600, true
	}
	return 0, false
}

// scanZone reads a time zone: an offset, GMT and an offset, or an abbreviation.
func (d *dateText) scanZone(s string) (length int, ok bool) {
	prefix := 0
	if strings.HasPrefix(s, "GMT+") || strings.HasPrefix(s, "GMT-") {
		prefix = 3
	}
	if seconds, n, ok := scanOffset(s[prefix:]); ok {
		d.offset, d.hasZone = seconds, true
		return prefix + n, true
	}
	name := word(s)
	seconds, ok := findAbbreviation(name)
	if ok {
		d.offset, d.hasZone, d.zoneNamed = seconds, true, true
	}
	return len(name), ok
}

// scanOffset reads +hh, +hhmm or +hh:mm, of which the hours may have one digit.
func scanOffset(s string) (seconds, length int, ok bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, 0, false
	}
	digits := 0
	for digits < 4 && 1+digits < len(s) && isDigit(s[1+digits]) {
		digits++
	}
	if digits == 0 {
		return 0, 0, false
	}
	length = 1 + digits
	n := number(s[1:length])
	hours, minutes := n, 0
	switch {
	case digits > 2:
		hours, minutes = n/100, n%100
	case len(s) >= length+3 && s[length] == ':' && isDigit(s[length+1]) && isDigit(s[length+2]):
		minutes = number(s[length+1 : length+3])
		length += 3
	}
	seconds = hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, length, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number returns the value of a string of digits.
func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n
}

// fraction returns the first three digits of a fraction of a second, as milliseconds.
func fraction(digits string) int {
	return number(fmt.Sprintf("%s000", digits)[:3])
}

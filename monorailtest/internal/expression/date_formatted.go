package expression

import (
	"strings"
	"time"
)

// inputSpecifiers are those of $dateFromString.
const inputSpecifiers = "dGHLmMSuVYzZ"

// specifierDigits are the digits that a specifier takes, at least and at most.
var specifierDigits = map[byte]struct{ least, most int }{
	'd': {1, 2}, 'm': {1, 2}, 'Y': {1, 4}, 'H': {1, 2}, 'M': {2, 2}, 'S': {2, 2}, 'L': {1, 3}, 'G': {1, 4}, 'V': {1, 2}, 'u': {1, 1},
}

// parseFormatted reads a date that is written in a format, which has been checked.
func parseFormatted(s, format string, zone *time.Location) (any, error) {
	d := newDateText(s)
	parts := map[byte]*int{
		'd': &d.day, 'm': &d.month, 'Y': &d.year, 'H': &d.hour, 'M': &d.minute, 'S': &d.second,
		'L': &d.milli, 'G': &d.isoYear, 'V': &d.isoWeek, 'u': &d.isoDay,
	}
	at := 0
	for i := 0; i < len(format); i++ {
		c := format[i]
		specifier := c == '%'
		if specifier {
			i++
			c = format[i]
		}
		if part, ok := parts[c]; specifier && ok {
			end := at
			for end < len(s) && end-at < specifierDigits[c].most && isDigit(s[end]) {
				end++
			}
			if end-at < specifierDigits[c].least {
				return nil, d.fail(at, "Unexpected data found.")
			}
			*part = number(s[at:end])
			if c == 'L' {
				*part = fraction(s[at:end])
			}
			at = end
			continue
		}
		if specifier && (c == 'z' || c == 'Z') {
			n, err := d.zone(s[at:], c, at)
			if err != nil {
				return nil, err
			}
			at += n
			continue
		}
		if at >= len(s) || s[at] != c {
			return nil, d.fail(at, "The separation symbol could not be found")
		}
		at++
	}
	if at < len(s) {
		return nil, d.fail(at, "Trailing data")
	}
	return d.date(zone)
}

// zone reads what z or Z stands for, and returns its length.
func (d *dateText) zone(s string, specifier byte, at int) (length int, err error) {
	if specifier == 'Z' {
		end := 1
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if len(s) < 2 || s[0] != '+' && s[0] != '-' || end == 1 || end > 5 {
			return 0, d.fail(at, "Invalid timezone offset in minutes")
		}
		if d.offset = number(s[1:end]) * 60; s[0] == '-' {
			d.offset = -d.offset
		}
		d.hasZone = true
		return end, nil
	}
	trimmed := strings.TrimLeft(s, " \t(")
	n, ok := d.scanZone(trimmed)
	if !ok {
		return 0, d.fail(at, "passing a time zone identifier as part of the string is not allowed")
	}
	return len(s) - len(trimmed) + n, nil
}

// word returns the letters at the beginning of s.
func word(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return s[:i]
		}
	}
	return s
}

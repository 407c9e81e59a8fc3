package expression

import (
	"regexp"
	"strings"
	"sync"
	"time"
)

// form is one way to write a part of a date.
type form struct {
	pattern *regexp.Regexp
	// set takes the groups of the pattern.
	set func(d *dateText, g []string)
	// clock says that the part is the time of the day.
	clock bool
}

// months are the beginnings of their names.
const months = "janfebmaraprmayjunjulaugsepoctnovdec"

func monthNumber(name string) int {
	return strings.Index(months, strings.ToLower(name[:3]))/3 + 1
}

// century returns what is left out of a year of two digits.
func century(year int) int {
	if year < 70 {
		return 2000
	}
	return 1900
}

// weekdays are the names of the days, which a text may cut off after three letters.
var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// forms are the ways to write a date and a time that are understood where no format is given, the
// longer ones first.
var forms = sync.OnceValue(func() []form {
	const month = `(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`
	date := func(year, month, day int) func(*dateText, []string) {
		return func(d *dateText, g []string) {
			d.year, d.day = number(g[year]), 1
			if len(g[year]) == 2 {
				d.year += century(d.year)
			}
			if day > 0 {
				d.day = number(g[day])
			}
			if isDigit(g[month][0]) {
				d.month = number(g[month])
			} else {
				d.month = monthNumber(g[month])
			}
		}
	}
	isoWeek := func(d *dateText, g []string) {
		d.isoYear, d.isoWeek, d.isoDay = number(g[1]), number(g[2]), 1
		if g[3] != "" {
			d.isoDay = number(g[3])
		}
	}
	ordinal := func(d *dateText, g []string) {
		t := time.Date(number(g[1]), time.January, number(g[2]), 0, 0, 0, 0, time.UTC)
		d.year, d.month, d.day = t.Year(), int(t.Month()), t.Day()
	}
	clock := func(d *dateText, g []string) {
		d.hour, d.minute, d.second, d.milli = number(g[1]), number(g[2]), number(g[3]), fraction(g[4])
		if len(g) > 5 && g[5] != "" {
			d.hour %= 12
			if g[5][0]|0x20 == 'p' {
				d.hour += 12
			}
		}
	}
	var out []form
	add := func(pattern string, set func(*dateText, []string), clock bool) {
		out = append(out, form{regexp.MustCompile(`^(?i:` + pattern + `)`), set, clock})
	}
	add(`(\d{4})-?w(\d{2})(?:-?([0-7]))?\b`, isoWeek, false)
	add(`(\d{4})([/-])(\d{1,2})[/-](\d{1,2})`, date(1, 3, 4), false)
	add(`(\d{4})-(\d{3})\b`, ordinal, false)
	add(`(\d{4})-(\d{2})\b`, date(1, 2, 0), false)
	add(`(\d{4})(\d{2})(\d{2})`, date(1, 2, 3), false)
	add(`(\d{4})(\d{3})\b`, ordinal, false)
	add(`(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b`, date(3, 1, 2), false)
	add(`(\d{1,2})[.-](\d{1,2})[.-](\d{4})`, date(3, 2, 1), false)
	add(`(\d{1,2})(?:st|nd|rd|th)?[ .\t-]*`+month+`[ .\t-]*(\d{4})\b`, date(3, 2, 1), false)
	add(month+`[ .\t-]*(\d{1,2})(?:st|nd|rd|th)?[ .,\t]+(\d{4})\b`, date(3, 1, 2), false)
	add(`(\d{4})[ .\t-]*`+month+`[ .\t-]*(\d{1,2})\b`, date(1, 2, 3), false)
	add(`t?(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,](\d+))?)?(?:[ \t]*([ap])\.?m\.?\b)?`, clock, true)
	add(`t(\d{2})(\d{2})?(\d{2})?(?:[.,](\d+))?`, clock, true)
	add(`(noon)`, func(d *dateText, _ []string) { d.hour, d.minute, d.second = 12, 0, 0 }, true)
	add(`(\d{1,2})()()()[ \t]*([ap])\.?m\.?\b`, clock, true)
	return out
})

// parseDate reads a date as the server does where no format is given: one of many ways to write a
// day, a time, or both. What it does not know is a ConversionFailure.
func parseDate(s string, zone *time.Location) (any, error) {
	d := newDateText(s)
	for at := 0; at < len(s); {
		rest := s[at:]
		n, err := d.scan(rest, at)
		if err != nil {
			return nil, err
		}
		at += n
	}
	return d.date(zone)
}

// scan reads one part of a date and returns its length.
func (d *dateText) scan(rest string, at int) (int, error) {
	if strings.IndexByte(" \t\n,", rest[0]) >= 0 {
		return 1, nil
	}
	for _, f := range forms() {
		if f.clock && d.hasTime || !f.clock && d.hasDate {
			continue
		}
		g := f.pattern.FindStringSubmatch(rest)
		if g == nil {
			continue
		}
		f.set(d, g)
		if f.clock {
			d.hasTime = true
		} else {
			d.hasDate = true
		}
		return len(g[0]), nil
	}
	if c := rest[0]; !d.hasZone && (d.hasTime || c != '+' && c != '-') {
		if n, ok := d.scanZone(rest); ok {
			return n, nil
		}
	}
	name := word(rest)
	for i, full := range weekdays {
		if len(name) >= 3 && d.weekday == unset && strings.HasPrefix(full, strings.ToLower(name)) {
			d.weekday = i
			return len(name), nil
		}
	}
	if name != "" {
		return 0, d.fail(at, "passing a time zone identifier as part of the string is not allowed")
	}
	return 0, d.fail(at, "Unexpected character")
}

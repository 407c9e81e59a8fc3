package bench

// line is a line of the table: what contestant a of a contest cost in terms of b.
type line struct {
	id      string // of the measure; several lines may share it
	title   string
	contest *contest
	a, b    int
	goal    goal
	// meaning says what it means for the user, given what a and b cost and the ratio of both.
	meaning func(a, b Figures, ratio float64) string
}

// Row is a line of the table as it was measured.
type Row struct {
	Measure   string // P1 to P10; several rows may share it
	Title     string
	Unit      string // of Spread: "" for a ratio, or "KiB"
	Spread    Spread
	Processor float64 // the ratio of the processor times; 0 where there is none
	Goal      string  // "" where there is none
	Verdict   string  // "met", "missed", or "" where there is no goal
	Meaning   string
	Parts     []Part
	// Skipped says why it was not measured; nothing else but Measure and Title is set then.
	Skipped string
}

// Part is one of the two that a row compares.
type Part struct {
	Name string
	Figures
	// Bytes is what it keeps in use, for a row in KiB; Figures are then 0.
	Bytes float64
}

func (l line) row() Row {
	a, b := medians(l.contest.rounds[l.a]), medians(l.contest.rounds[l.b])
	wall := l.contest.ratio(l.a, l.b, func(f Figures) float64 { return f.Wall })
	processor := l.contest.ratio(l.a, l.b, func(f Figures) float64 { return f.Processor })
	row := Row{
		Measure: l.id, Title: l.title, Spread: wall, Processor: processor.Median,
		Goal: l.goal.String(), Verdict: l.goal.verdict(wall.Median),
		Parts: []Part{l.contest.part(l.a, a), l.contest.part(l.b, b)},
	}
	if l.meaning != nil {
		row.Meaning = l.meaning(a, b, wall.Median)
	}
	return row
}

func (c *contest) part(i int, f Figures) Part {
	return Part{Name: c.title + ": " + c.contestants[i].name, Figures: f}
}

package bench

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"go.mongodb.org/mongo-driver/v2/version"

	"github.com/mongo-monorail/monorail"
)

// WriteTable writes what a person reads: the ratios with their goals, what everything cost, and what
// it means.
func WriteTable(w io.Writer, r *Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, at %s; medians of %d alternating rounds\n\n", r.environment(), r.Server, r.Rounds)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tratio\tmedian\tleast\tmost\tcpu\tgoal\t")
	for _, row := range r.Rows {
		if row.Skipped != "" {
			fmt.Fprintf(table, "%s\t%s\t\t\t\t\t\tnot measured\n", row.Measure, row.Title)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Measure, row.Title,
			row.figure(row.Spread.Median), row.figure(row.Spread.Least), row.figure(row.Spread.Most),
			optional(row.Processor), row.Goal, row.Verdict)
	}
	_ = table.Flush() // into a buffer: cannot fail
	b.WriteByte('\n')
	table = tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "what one operation costs\twall ns\tcpu ns\tallocations\t")
	for _, part := range r.Parts {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.1f\t\n", part.Name, grouped(part.Wall), grouped(part.Processor), part.Allocations)
	}
	_ = table.Flush()
	b.WriteByte('\n')
	for _, row := range r.Rows {
		meaning := row.Meaning
		if row.Skipped != "" {
			meaning = "Not measured: " + row.Skipped
		}
		fmt.Fprintf(&b, "%-4s %s\n", row.Measure, meaning)
	}
	if r.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Note)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// environment says when and with what it was measured.
func (r *Report) environment() string {
	return fmt.Sprintf("%s, %d processors, %s %s/%s, driver v%s, Monorail %s", r.Date.Format(time.DateOnly),
		runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH, version.Driver, monorail.Version)
}

// figure writes one of a row's figures with its unit.
func (row Row) figure(value float64) string {
	if row.Unit != "" {
		return fmt.Sprintf("%.2f %s", value, row.Unit)
	}
	return fmt.Sprintf("%.2f", value)
}

func optional(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

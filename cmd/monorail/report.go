package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// report writes the results to w: a table and what it means, or JSON.
func report(w io.Writer, c config, results []result) error {
	if c.json {
		return reportJSON(w, results)
	}
	var b bytes.Buffer
	writeTable(&b, results)
	fmt.Fprintf(&b, "\n%s\n", meaning(results))
	_, err := w.Write(b.Bytes())
	return err
}

// jsonResult is one line of --json. Programs read it: names and units stay as they are.
type jsonResult struct {
	Way                string  `json:"way"`
	Visits             int     `json:"visits"`
	Stale              int     `json:"stale"`
	Lost               int64   `json:"lost"`
	VisitsPerSecond    float64 `json:"visits_per_second"`
	P50                float64 `json:"p50_us"`
	P99                float64 `json:"p99_us"`
	RoundTripsPerVisit float64 `json:"round_trips_per_visit"`
}

func reportJSON(w io.Writer, results []result) error {
	encoder := json.NewEncoder(w)
	for _, r := range results {
		err := encoder.Encode(jsonResult{
			Way: r.way.letter, Visits: r.visits, Stale: r.stale, Lost: r.lost,
			VisitsPerSecond: r.visitsPerSecond(), P50: microseconds(r.p50), P99: microseconds(r.p99),
			RoundTripsPerVisit: r.perVisit(r.roundTrips),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func writeTable(b *bytes.Buffer, results []result) {
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\n%-30s\tvisits/s\tp50\tp99\tround trips\twrite calls\tstale totals\tlost\t\n", "way")
	fmt.Fprintln(table, "\t\t\t\tper visit\tper visit\t\t\t")
	for _, r := range results {
		fmt.Fprintf(table, "(%s) %-26s\t%.0f\t%s\t%s\t%.2f\t%.2f\t%d (%s)\t%d\t\n", r.way.letter, r.way.name,
			r.visitsPerSecond(), shortDuration(r.p50), shortDuration(r.p99),
			r.perVisit(r.roundTrips), r.perVisit(r.writes), r.stale, percent(r.stale, r.visits), r.lost)
	}
	_ = table.Flush() // into a buffer: cannot fail
}

// shortDuration writes d in milliseconds: rows of one unit compare at a glance.
func shortDuration(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

// percent writes part of whole so that it says 0 % and 100 % only where that is exact.
func percent(part, whole int) string {
	switch {
	case whole == 0 || part == 0:
		return "0 %"
	case part == whole:
		return "100 %"
	default:
		return fmt.Sprintf("%.1f %%", min(max(100*float64(part)/float64(whole), 0.1), 99.9))
	}
}

// noticeableGain is what two ways must differ by to be told apart in one run: runs of one way differ
// by some 10 %.
const noticeableGain = 1.2

// meaning says in a sentence or two what the table shows.
func meaning(results []result) string {
	var sentences []string
	var right, wrong, acknowledged, request *result
	for i := range results {
		r := &results[i]
		switch {
		case r.broken():
			sentences = append(sentences, fmt.Sprintf("(%s) BROKE ITS PROMISE: %d totals missed a visit, and the counters differ from the visits made by %d.", r.way.letter, r.stale, r.lost))
		case r.way.right:
			right = r
		default:
			wrong = r
		}
		switch r.way.letter {
		case "a":
			acknowledged = r
		case "c":
			request = r
		}
	}
	if right != nil && len(sentences) == 0 {
		text := "In the right ways every total included the visitor's own visit"
		if acknowledged != nil && request != nil && acknowledged.visits > 0 && request.visits > 0 {
			text += fmt.Sprintf("; inside a request (c) that took %.2f round trips where acknowledged writes (a) took %.2f, ",
				request.perVisit(request.roundTrips), acknowledged.perVisit(acknowledged.roundTrips))
			if gain := ratio(request.visitsPerSecond(), acknowledged.visitsPerSecond()); gain >= noticeableGain {
				text += fmt.Sprintf("and gave %.1f times as many visits per second", gain)
			} else {
				text += "which pays the more the longer a round trip takes (-rtt)"
			}
		}
		sentences = append(sentences, text+".")
	}
	switch {
	case wrong == nil:
	case wrong.stale > 0:
		sentences = append(sentences, fmt.Sprintf("The same unacknowledged writes on the driver's shared pool (%s) showed %d of %d visitors a total without a visit that was made: the read took another socket and overtook the write.", wrong.way.letter, wrong.stale, wrong.visits))
	default:
		sentences = append(sentences, fmt.Sprintf("The same unacknowledged writes on the driver's shared pool (%s) were lucky this time: nothing promises it, and more visitors (-visitors) or a slower server end the luck.", wrong.way.letter))
	}
	return strings.Join(sentences, "\n")
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

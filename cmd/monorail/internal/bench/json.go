package bench

import (
	"encoding/json"
	"io"
	"time"
)

// jsonRow is one line of WriteJSON. Programs read it: names and units stay as they are.
type jsonRow struct {
	Measure        string     `json:"measure"`
	Title          string     `json:"title"`
	Unit           string     `json:"unit,omitempty"`
	Median         float64    `json:"median,omitempty"`
	Least          float64    `json:"least,omitempty"`
	Most           float64    `json:"most,omitempty"`
	ProcessorRatio float64    `json:"cpu_ratio,omitempty"`
	Goal           string     `json:"goal,omitempty"`
	Verdict        string     `json:"verdict,omitempty"`
	Meaning        string     `json:"meaning,omitempty"`
	NotMeasured    string     `json:"not_measured,omitempty"`
	Parts          []jsonPart `json:"parts,omitempty"`
	Rounds         int        `json:"rounds"`
	Server         string     `json:"server"`
	Date           string     `json:"date"`
}

type jsonPart struct {
	Name        string  `json:"name"`
	Wall        float64 `json:"ns_per_op,omitempty"`
	Processor   float64 `json:"cpu_ns_per_op,omitempty"`
	Allocations float64 `json:"allocs_per_op"`
	Bytes       float64 `json:"bytes,omitempty"`
}

// WriteJSON writes one JSON object for each line of the table.
func WriteJSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(w)
	for _, row := range r.Rows {
		line := jsonRow{
			Measure: row.Measure, Title: row.Title, Unit: row.Unit,
			Median: row.Spread.Median, Least: row.Spread.Least, Most: row.Spread.Most, ProcessorRatio: row.Processor,
			Goal: row.Goal, Verdict: row.Verdict, Meaning: row.Meaning, NotMeasured: row.Skipped,
			Rounds: r.Rounds, Server: r.Server, Date: r.Date.Format(time.RFC3339),
		}
		for _, part := range row.Parts {
			line.Parts = append(line.Parts, jsonPart{part.Name, part.Wall, part.Processor, part.Allocations, part.Bytes})
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

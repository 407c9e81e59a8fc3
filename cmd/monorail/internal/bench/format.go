package bench

import (
	"fmt"
	"strings"
)

// grouped writes a number without its fraction, with commas between groups of three digits.
func grouped(value float64) string {
	digits := fmt.Sprintf("%.0f", value)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

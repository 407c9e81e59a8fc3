package expression

import (
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/bson/primitive"
)

// formatShort writes a double with six significant digits.
func formatShort(d float64) string { return strconv.FormatFloat(d, 'g', 6, 64) }

// refuse returns the error of a string that is no number.
func refuse(s, reason string) error {
	return conversionFailure("Failed to parse number '%s' in $convert with no onError value: %s", s, reason)
}

// checkNumber refuses what none of the types takes.
func checkNumber(s string) error {
	switch {
	case strings.HasPrefix(s, "0x"):
		return conversionFailure("Illegal hexadecimal input in $convert with no onError value: %s", s)
	case s == "":
		return refuse(s, "Empty string")
	case strings.IndexByte(" \t\n\v\f\r", s[0]) >= 0:
		return refuse(s, "Leading whitespace")
	}
	return nil
}

// parseInteger reads a decimal integer with an optional sign.
func parseInteger(s string, least, most int64) (int64, error) {
	if err := checkNumber(s); err != nil {
		return 0, err
	}
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && (i > 0 || s[i] != '+' && s[i] != '-') {
			return 0, refuse(s, "Did not consume whole string.")
		}
	}
	if s == "+" || s == "-" {
		return 0, refuse(s, "No digits")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		return 0, refuse(s, "Overflow")
	}
	return n, nil
}

// parseDouble reads a double as C's strtod does.
func parseDouble(s string) (any, error) {
	if err := checkNumber(s); err != nil {
		return nil, err
	}
	// The library knows digits apart by underscores.
	if strings.Contains(s, "_") {
		return nil, refuse(s, "Did not consume whole string.")
	}
	d, err := strconv.ParseFloat(s, 64)
	if err == nil {
		return d, nil
	}
	if math.IsInf(d, 0) {
		return nil, refuse(s, "Out of range")
	}
	return nil, refuse(s, "Did not consume whole string.")
}

// parseDecimal reads a decimal.
func parseDecimal(s string) (any, error) {
	if err := checkNumber(s); err != nil {
		return nil, err
	}
	d, err := primitive.ParseDecimal128(s)
	if err != nil {
		return nil, refuse(s, "Failed to parse string to decimal")
	}
	return d, nil
}

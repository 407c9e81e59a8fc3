package bench

import "fmt"

// What the lines mean for the user. a and b are what the two cost, ratio is the table's figure.

func meansClientCost(a, b Figures, _ float64) string {
	return fmt.Sprintf("Your program spends %s on a write that it does not wait for, where the driver's own w:0 costs it %s.", span(b.Wall), span(a.Wall))
}

func meansFloor(a, b Figures, _ float64) string {
	return fmt.Sprintf("Of the %s of such a write, %s are the encoding of its two documents, which nothing can save.", span(a.Wall), span(b.Wall))
}

func meansTen(a, b Figures, _ float64) string {
	return fmt.Sprintf("Ten writes and a read that sees them take %s in a request; one round trip to the server takes %s.", span(a.Wall), span(b.Wall))
}

func meansTenOfficial(a, _ Figures, ratio float64) string {
	return fmt.Sprintf("The same with the driver's acknowledged writes takes %s, %.1f round trips.", span(a.Wall), ratio)
}

func meansIndependent(a, b Figures, _ float64) string {
	return fmt.Sprintf("Ten acknowledged updates that do not need each other's results take %s by Go and Wait; one round trip to the server takes %s.", span(a.Wall), span(b.Wall))
}

func meansIndependentOfficial(a, _ Figures, ratio float64) string {
	return fmt.Sprintf("The same with the driver, one after another, takes %s, %.1f round trips.", span(a.Wall), ratio)
}

func meansInRequest(o operation) func(a, b Figures, _ float64) string {
	return func(a, b Figures, _ float64) string {
		return fmt.Sprintf("A caller alone waits %s for %s in a request and %s with the driver outside; %s and %s of that are your program's processor time.",
			span(a.Wall), o.phrase, span(b.Wall), span(a.Processor), span(b.Processor))
	}
}

func meansThroughput(a, b Figures, _ float64) string {
	return fmt.Sprintf("64 goroutines that share a request do %s updates a second over its one socket; with the driver and 64 sockets they do %s.", rate(b.Wall), rate(a.Wall))
}

func meansCounting(a, b Figures, _ float64) string {
	return fmt.Sprintf("A request counts %s events a second until every reader sees them; the driver's BulkWrite of 1,000 counts %s.", rate(b.Wall/batchSize), rate(a.Wall/batchSize))
}

func meansOutside(o operation) func(a, b Figures, _ float64) string {
	return func(a, b Figures, _ float64) string {
		return fmt.Sprintf("Outside every request %s takes %s with Monorail's client and %s with the driver's: that is what code without requests pays.", o.phrase, span(a.Wall), span(b.Wall))
	}
}

func meansShort(o operation) func(a, b Figures, _ float64) string {
	return func(a, b Figures, _ float64) string {
		return fmt.Sprintf("A request that is started, used for %s and ended takes %s, where the driver's operation by itself takes %s: that is what a request for everything would cost.", o.phrase, span(a.Wall), span(b.Wall))
	}
}

func meansMemory(beyond float64) string {
	return fmt.Sprintf("A thousand requests that wait for something to do take %.1f MiB beyond their connections.", beyond*1000/(1<<20))
}

// span writes nanoseconds with three digits.
func span(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.3g s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.3g ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	default:
		return fmt.Sprintf("%.0f ns", ns)
	}
}

// rate writes how many operations of so many nanoseconds a second has.
func rate(ns float64) string { return grouped(1e9 / ns) }

//go:build !linux

package main

import "time"

// sleepUntil returns at t.
func sleepUntil(t time.Time) { time.Sleep(time.Until(t)) }

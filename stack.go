package monorail

import (
	"runtime"
	"strconv"
	"strings"
)

// maxStackFrames bounds what a captured stack costs: deep enough for a web framework, the driver and
// the program's own frames below them.
const maxStackFrames = 48

// Stack is where something happened: program counters, as of runtime.Callers, innermost first.
type Stack []uintptr

// String returns the stack as runtime/debug.Stack would: function, file and line of each frame.
func (s Stack) String() string {
	if len(s) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(s)
	for {
		frame, more := frames.Next()
		b.WriteString(frame.Function)
		b.WriteString("\n\t")
		b.WriteString(frame.File)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(frame.Line))
		b.WriteByte('\n')
		if !more {
			return b.String()
		}
	}
}

// captureStack returns the stack of its caller's callers, without the innermost skip of them.
func captureStack(skip int) Stack {
	var pcs [maxStackFrames]uintptr
	n := runtime.Callers(skip+2, pcs[:])
	return append(Stack(nil), pcs[:n]...)
}

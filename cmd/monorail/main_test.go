package main

import (
	"os"
	"testing"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/bench"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

// mainVariable makes the test's program the command itself: its tests of processes start it so.
const mainVariable = "MONORAIL_TEST_MAIN"

func init() {
	bench.Main()
	if os.Getenv(mainVariable) != "" {
		main()
	}
}

func TestMain(m *testing.M) { wiretest.Main(m) }

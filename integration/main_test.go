package integration

import (
	"os"
	"testing"

	"github.com/mongo-monorail/monorail/integration/internal/servertest"
)

// TestMain fails the package when goroutines are left after all tests.
func TestMain(m *testing.M) { os.Exit(servertest.Run(m)) }

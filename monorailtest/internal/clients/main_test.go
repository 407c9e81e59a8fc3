package clients

import (
	"testing"

	"github.com/mongo-monorail/monorail/monorailtest/internal/leaktest"
)

func TestMain(m *testing.M) {
	leaktest.Main(m, "github.com/mongo-monorail/monorail/monorailtest")
}

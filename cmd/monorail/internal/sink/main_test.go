package sink

import (
	"testing"

	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func TestMain(m *testing.M) { wiretest.Main(m) }

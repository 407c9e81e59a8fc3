package main

import (
	"testing"

	"github.com/mongo-monorail/monorail/cmd/monorail/internal/bench"
	"github.com/mongo-monorail/monorail/internal/wiretest"
)

func init() { bench.Main() }

func TestMain(m *testing.M) { wiretest.Main(m) }

# Monorail: requests for the official MongoDB driver.
#
# `make` alone prints the targets. Needed: Go (the version in go.work), make, and a C compiler for
# the race detector. Nothing else has to be installed or running: tests and demo bring their server.
#
#   MONORAIL_TEST_URI=mongodb://host:port make test     also tests against that MongoDB
#   make demo ARGS="--rtt 1ms --count 2000"             passes arguments to the demo
#   make bench BENCH=Unacknowledged COUNT=6             runs some benchmarks, several times each, and the table
#   make bench BENCH=- ARGS="--uri mongodb://host"      makes the table alone, at that MongoDB
#   make fuzz FUZZTIME=5m                               fuzzes each target for that long
#   make soak SOAK=8h                                   runs random programs for that long

SHELL       := /bin/bash
STATICCHECK := bin/staticcheck
ARGS        ?=
BENCH       ?= .
COUNT       ?= 1
FUZZTIME    ?= 20s
SOAK        ?= 10m

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench fuzz soak build clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## count page views in four ways, three right and one wrong, on a server of its own
	@go build -o bin/monorail ./cmd/monorail
	@bin/monorail demo $(ARGS)

test: $(STATICCHECK) ## run every test of every module with -race, and the checks of lint; say what did not run
	@go run ./integration/internal/testsummary -staticcheck $(STATICCHECK)

lint: $(STATICCHECK) ## run gofmt, go vet and staticcheck on every module
	@go run ./integration/internal/testsummary -checks -staticcheck $(STATICCHECK)

bench: ## run the benchmarks, the official driver beside Monorail; end with a table of ratios and goals
	go test -C cmd/monorail -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./internal/bench
	@go build -o bin/monorail ./cmd/monorail
	@bin/monorail bench $(ARGS)

# One package at a time and one target at a time: that is all that `go test -fuzz` accepts.
fuzz: ## fuzz every fuzz target of every module, FUZZTIME each
	@set -e -o pipefail; \
	for module in $$(find . -name go.mod -not -path '*/.*/*' -exec dirname {} \; | sort); do \
		for package in $$(cd $$module && go list -f '{{.Dir}}' ./...); do \
			for target in $$(cat /dev/null $$package/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p'); do \
				echo "$${package#$(CURDIR)/} $$target"; \
				(cd $$package && go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .); \
			done; \
		done; \
	done

# A failure names the seed of the program; -rapid.seed with that seed runs it again.
soak: ## run random programs against the model of the contract for SOAK, with seeds never used before
	MONORAIL_SOAK=$(SOAK) go test -C integration -race -v -count 1 -timeout 0 -run '^TestModel(OfASet)?$$' ./model

build: ## build every package of every module as a user would, without go.work
	@set -e; \
	for module in $$(find . -name go.mod -not -path '*/.*/*' -exec dirname {} \; | sort); do \
		echo "build $$module"; \
		(cd $$module && GOWORK=off go build -o /dev/null ./... && GOWORK=off go vet ./...); \
	done

clean: ## remove what the targets built
	rm -rf bin

# The version is pinned, with checksums, in .ci/tools, apart from the modules that users see.
$(STATICCHECK): .ci/tools/go.mod .ci/tools/go.sum
	@GOWORK=off go build -C .ci/tools -o $(CURDIR)/$@ honnef.co/go/tools/cmd/staticcheck
	@touch $@

# What a person types. `make up` is all it takes on a fresh computer.
STACK  ?= local
YES    ?=
DELETE_DATA ?=
SETUP  :=
WRITE  ?=
FUZZTIME ?= 1m
ROWS   ?=
RESUME ?=
ARCHS := amd64 arm64
JOBS  := producer popularity
LINT  := go tool -modfile=.ci/tools/lint/go.mod
# Everything but what needs containers.
UNIT   = $(shell go list ./... | grep -v '^weir/testenv')
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'
# It names the stack: a variable that was left set, or stays in a shell's history,
# must not delete the data of another one.
delete = $(if $(DELETE_DATA),$(if $(filter $(STACK),$(DELETE_DATA)),--yes-delete-data,\
  $(error DELETE_DATA is "$(DELETE_DATA)": to delete the data of stack $(STACK), write DELETE_DATA=$(STACK))))

.PHONY: help build generate up down test check bench soak clean

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

build: ## build ops, the provider and the jobs into bin/
	$(BUILD) -o bin/ops ./ops
	$(BUILD) -o bin/pulumi-resource-weir ./infra/cmd/pulumi-resource-weir
	@for arch in $(ARCHS); do for job in $(JOBS); do \
	  echo "build the job $$job for linux-$$arch"; \
	  GOOS=linux GOARCH=$$arch $(BUILD) -o bin/jobs/linux-$$arch/weir-$$job ./jobs/cmd/weir-$$job || exit 1; \
	done; done

generate: ## write the provider's schema and, from it, the typed resources in infra/weir
	go test -count 1 -run SchemaIsUpToDate ./infra/provider -update
	cd .ci/tools/sdkgen && go run . ../../../infra/weir < ../../../infra/weir/schema.json

up: setup build ## bring the stack up and verify it (STACK=local)
	@bin/ops up --stack $(STACK)

down: build ## remove the stack and all that it made, after asking (YES=1 does not ask, nor does DELETE_DATA=local, which lets its data go)
	@bin/ops down --stack $(STACK) $(if $(YES),--yes) $(delete)

check: ## the fast part of the tests: format, vet, linters, the import rule, unit tests
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted, run gofmt -w on:" $$files >&2; exit 1; }
	go vet ./...
	$(LINT) staticcheck $$(go list ./... | grep -v '^weir/infra/weir') # which is generated
	$(LINT) depguard ./...
	cd .ci/tools/lint && go test ./...
	go test $(UNIT)

test: SETUP := --tests
test: setup build check ## all tests, end to end on containers too
	go test -timeout 60m ./testenv/...

bench: setup build ## measure, against others (ROWS=install,noop; RESUME=1 after a stop; WRITE=1 for docs/performance.md)
	@go build -trimpath -o bin/bench ./testenv/bench
	@bin/bench $(if $(ROWS),-rows $(ROWS)) $(if $(RESUME),-resume) $(if $(WRITE),-write)

soak: SETUP := --tests
soak: setup build ## run for long under faults (WEIR_SOAK_ROUNDS=20), and fuzz the parsers (FUZZTIME=1m each)
	go test -timeout 26h -count 1 -v -tags soak -run 'Soak|CutOff|DiesWithin|Interrupted|Leaves|Instances|NotFit|ToTheLetter|FromAnArchive' ./testenv/e2e ./jobs/popularity ./jobs/behavior
	@grep -roE '^func Fuzz[A-Za-z0-9]+' --include='*_test.go' . | sed -E 's|/[^/]*:func| |' | while read -r dir target; do \
	  go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir" || exit 1; done

clean: ## remove what was built; not stacks, not their state
	rm -rf bin/ops bin/pulumi-resource-weir bin/jobs bin/bench coverage.out

.PHONY: setup
setup:
	@testenv/setup.sh $(SETUP)

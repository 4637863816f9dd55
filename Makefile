# The front door: make help.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# NVIDIA's header marks as deprecated what its own Go binding calls.
export CGO_CFLAGS := -g -O2 -Wno-deprecated-declarations
# Gin reads MessagePack unless it is told not to, through the package that takes longest of all to compile.
export GOFLAGS += -tags=nomsgpack

client := web/dist/index.html
client_sources := $(shell find web/src web/public web/index.html web/*.ts web/*.js web/tsconfig*.json hub/closecodes.json -type f 2>/dev/null)
client_packages := web/node_modules/.package-lock.json

.PHONY: help run build runtime test lint bench soak evaluate loadtest crowd chaos notices clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

run: build ## Build everything and serve on http://127.0.0.1:8080
	@exec bin/seghub serve

build: runtime $(client) ## Build bin/seghub with the web client inside
	@go build -ldflags "-s -w" -o bin/seghub ./app

runtime: ## Fetch the ONNX Runtime library into the cache folder, once; GPU=1 adds its CUDA provider
	@scripts/fetch-onnxruntime $(if $(filter 1,$(GPU)),--gpu) >/dev/null

$(client_packages): web/package.json web/package-lock.json
	@npm --prefix web ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(client): $(client_packages) $(client_sources)
	@npm --prefix web run --silent build
	@touch $@

test: build ## Run all tests; says in one line each what was left out
	@scripts/test

lint: $(client_packages) ## Check formatting, imports and the rules between packages
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	@go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run
	@npm --prefix web run --silent check

bench: build ## Measure speed and memory beside bare ONNX Runtime, the line, the reading of files and the finding of objects; BENCH="--quick" passes options on to the first
	@bin/seghub bench $(BENCH)
	@npm --prefix web run --silent bench
	@go test ./sessions -run '^$$' -bench 'Scripts|Estimates' -benchtime 1x | $(or $(PYTHON),python3) scripts/plot-scripts
	@$(or $(PYTHON),python3) scripts/bench-files
	@$(or $(PYTHON),python3) scripts/bench-measures
	@$(or $(PYTHON),python3) scripts/bench-objects

soak: ## Take the line through 100,000 random steps, with everything that may break in between: an hour or two
	@go test ./sessions -run 'TestTheLineHolds' -count 1 -timeout 0 -rapid.checks 1000 -rapid.steps 100

evaluate: build ## Score the shipped models beside Otsu's threshold; DATA=../shared/data is the folder of images
	@bin/seghub models evaluate --data=$(or $(DATA),../shared/data)

loadtest: build ## Play a load with k6 against a hub of its own; SCENARIO is smoke, overflow, reconnect, slow or hostile
	@scripts/loadtest $(or $(SCENARIO),smoke)

crowd: build ## Have ten thousand wait beside four who work; CROWD="--waiting=1000" passes options on
	@go run ./loadtest/crowd $(CROWD)

chaos: build ## Torment three hubs and their Redis for four minutes, and look whether a job is lost; CHAOS passes options on
	@go run ./loadtest/chaos $(CHAOS)

notices: $(client_packages) ## Write the licences of everything inside bin/seghub to bin/THIRD-PARTY-NOTICES.txt
	@mkdir -p bin
	@scripts/notices >bin/THIRD-PARTY-NOTICES.txt

clean: ## Remove what was built; data and caches stay
	rm -rf bin web/node_modules web/dist/assets web/dist/index.html

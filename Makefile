# The program is one file, bin/runbook; it needs Go and a C compiler (SQLite).
# Lines that start with ## are the help.

BIN := bin/runbook
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

test lint: export CGO_CFLAGS ?= -O2

.PHONY: help build lab ipfsnode plugins kubernetes-assets test-kubernetes demo demo-crash demo-slow test sweep backends lint lint-all bench bench-explore bench-peers docs zoneinfo clean

## make help         this text
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make build        build bin/runbook
build:
	@mkdir -p bin
	go build -o $(BIN) ./cmd/runbook

## make plugins      build bin/runbook-plugin-kubernetes, a program of its own; some minutes
KUBERNETES := cmd/runbook-plugin-kubernetes
plugins:
	@mkdir -p bin
	CGO_ENABLED=0 go -C $(KUBERNETES) build -ldflags='-s -w' -o $(CURDIR)/bin/runbook-plugin-kubernetes .

## make kubernetes-assets build the servers for test-kubernetes: ten minutes of CPU, and more
kubernetes-assets:
	@command -v etcd >/dev/null || { echo "etcd is not installed: apt-get install etcd-server"; exit 1; }
	@mkdir -p bin/kubernetes
	for name in kube-apiserver kube-controller-manager; do \
	  CGO_ENABLED=0 go -C $(KUBERNETES)/assets build -ldflags='-s -w' -o $(CURDIR)/bin/kubernetes/$$name k8s.io/kubernetes/cmd/$$name || exit 1; \
	done
	ln -sf "$$(command -v etcd)" bin/kubernetes/etcd

## make test-kubernetes the tests of the backend kubernetes, on what kubernetes-assets built
test-kubernetes: export KUBEBUILDER_ASSETS ?= $(CURDIR)/bin/kubernetes
test-kubernetes:
	CGO_ENABLED=0 go -C $(KUBERNETES) vet ./...
	CGO_ENABLED=0 go -C $(KUBERNETES) test ./...

## make demo         start the lab and move a version from blue to green
demo: build
	@sh examples/blue-green/demo.sh ok

## make demo-crash   the same, with the runner killed half way and resumed
demo-crash: build
	@sh examples/blue-green/demo.sh crash

## make demo-slow    the same, with green getting slow half way: it rolls back
demo-slow: build
	@sh examples/blue-green/demo.sh slow

## make lab          start the lab with all systems that are installed, until Ctrl-C
lab: build
	@$(BIN) lab --with all

## make ipfsnode     build bin/ipfsnode, the lab's IPFS node, a program of its own; some minutes
ipfsnode:
	@mkdir -p bin
	CGO_ENABLED=0 go -C examples/bench/ipfsnode build -ldflags='-s -w' -o $(CURDIR)/bin/ipfsnode .

## make test         all tests, with the race detector where that can find something
# With the detector, packages do what -short asks for: it makes processes start
# several times as slowly, and tells nothing of one that is killed. The packages
# that kill runners, or explore pairs of faults, do all of it without; three of them
# do little else. A program that it watches waits for a second before it ends; the
# tests end thousands. Debuggers' tables are left out: they are a fifth of the linking,
# and with those of SQLite a third of compiling it. Tests of backends wait for servers
# more than they compute, so that three packages share two processors.
# A compiler lives for seconds: one that collects no garbage before it has 2 GiB takes
# a quarter less time. What is tested has the usual settings.
COMPILER := GOGC=off GOMEMLIMIT=2GiB
USUAL := -exec 'env -u GOGC -u GOMEMLIMIT'
KILL  := ./plugins/exec ./plugins/script ./plugins/sqlite
WHOLE := ./cmd/runbook ./interpreter ./interpreter/rehearse ./interpreter/journal ./interpreter/replay $(KILL)
RACE  := $(COMPILER) GORACE="atexit_sleep_ms=10" go test $(USUAL) -ldflags=-w -race
test:
	$(RACE) -short -vet=off -timeout 25m $$(go list ./... | grep -vxF "$$(go list ./plugins/...)")
	$(RACE) -short -vet=off -timeout 25m -p 3 $$(go list ./plugins/... | grep -vxF "$$(go list $(KILL))")
	go -C examples/plugin test ./...
	$(COMPILER) go test $(USUAL) -ldflags=-w -vet=off -timeout 25m -parallel 3 $(WHOLE)

## make sweep        every test whole, and all of what make test takes a part of: hours
sweep:
	RUNBOOK_SWEEP=all $(RACE) -count=1 -timeout 5h -p 1 ./...

## make backends     try backends, and write what came out into docs/backends; PKG=./plugins/kubo tries one
PKG := ./plugins/...
backends:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && export RUNBOOK_TRIED="$$dir" && \
	RUNBOOK_REQUIRE_SERVERS=1 go test -count=1 -run 'Conformance|Model|RealServer|PgBackRest|Killed|Crashes' $(PKG) && \
	go test -count=1 -run TestTriedBackends ./cmd/runbook

## make lint         gofmt, vet, staticcheck, and govulncheck where its database can be reached
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(COMPILER) go vet ./...
	$(COMPILER) go -C examples/plugin vet ./...
	$(COMPILER) go run $(STATICCHECK) ./...
	@$(COMPILER) sh .ci/vulncheck $(GOVULNCHECK)

## make lint-all     lint, and vet of the programs in examples/bench, which have hundreds of modules of others
lint-all: lint
	go -C examples/bench vet ./...
	CGO_ENABLED=0 go -C examples/bench/ipfsnode vet ./...
	CGO_ENABLED=0 go -C examples/bench/caddyserver vet ./...

## make bench        benchmarks, as ratios against the bare library in the same run
bench:
	go test -run '^$$' -bench . -benchtime 2s ./interpreter/... ./plugins/host/...

## make bench-explore explorations of the shipped runbook in full length, single faults and pairs
bench-explore:
	go test ./interpreter/rehearse -run '^$$' -bench Explore -benchtime 1x

## make bench-peers  beside DBOS, go-workflows and bare SQLite, killed and resumed; some minutes
bench-peers:
	go -C examples/bench run .

## make docs         write docs/reference anew from the declarations
docs: build
	@rm -rf docs/reference
	$(BIN) docs --markdown docs/reference

## make zoneinfo     take the time zones of the installed Go
zoneinfo:
	cp "$$(go env GOROOT)/lib/time/zoneinfo.zip" interpreter/effect/tzdata/zoneinfo.zip

## make clean        remove what was built
clean:
	rm -rf bin

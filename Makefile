# `make` sets everything up and runs the pipeline; `make test` sets up and passes the tests; `make verify` runs the pipeline
# again from nothing, in a copy, and compares every output with the committed ones.
# The stamps make the second run fast: pip is asked again only when a lock file changed.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: all test test-all verify bench lint lock
all: .venv/runtime
	dvc repro

test: .venv/development
	python -m pytest --numprocesses auto --dist worksteal -m 'not slow'

test-all: .venv/development
	python -m pytest --numprocesses auto --dist worksteal

verify: .venv/runtime
	python tools/verify.py

bench: all
	for name in pipeline training scale; do python tests/benchmarks/$$name.py || exit; done

lint: .venv/development
	ruff check .
	ruff format --check .
	mypy

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock: .venv/development
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and f"TensorFlow needs Python 3.11 to 3.13, found {sys.version}: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.txt | .venv/bin/python
	python -m pip install --quiet --require-hashes --requirement requirements.txt
	touch $@

.venv/development: requirements-dev.txt .venv/runtime
	python -m pip install --quiet --require-hashes --requirement requirements-dev.txt
	touch $@

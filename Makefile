# `make` sets everything up and runs the pipeline. `make test` runs the quick tests, `make test-all` the slow ones as well,
# `make test-emulated` those on CPUs that qemu emulates. `make verify` runs the pipeline from scratch in a copy and compares
# every output with the committed one. tools/environment.py makes .venv; it installs only when a lock file has changed.
PYTHON ?= python3
BIN := .venv/bin
# A stage is `python stages/....py`, so .venv comes first on the PATH; not for tools/environment.py, which may have to
# replace it, nor for the recipes themselves: the make of macOS (3.81) looks up programs in the PATH it was started with.
ORIGINAL := $(PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Settings from outside that would change a stage's imports or behaviour, or the shell that DVC starts it with.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONINSPECT PYTHONDONTWRITEBYTECODE BASH_ENV ENV
export SHELL := /bin/sh
ifeq ($(LOGNAME)$(USER),)  # DVC asks for a name, which a user ID without an entry in /etc/passwd does not have
export LOGNAME := $(shell id -un 2>/dev/null || id -u)
endif

.PHONY: all test test-all test-emulated verify bench lint docs lock runtime development
all: runtime
	$(BIN)/python -m dvc repro
	@echo
	@echo "Open reports/index.html in a browser: the results, and a canvas to draw digits on."

test: development
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m 'not slow'

test-all: development
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m 'not emulated'

test-emulated: development
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m emulated

verify: runtime
	$(BIN)/python tools/verify.py

bench: all
	$(BIN)/python tests/benchmarks/pipeline.py
	$(BIN)/python tests/benchmarks/training.py

lint: development
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: development
	$(BIN)/python tools/docs.py

COMPILE := $(BIN)/python -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock: development
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-cluster.in --output-file requirements-cluster.txt
	$(COMPILE) requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt

runtime development: export PATH := $(ORIGINAL)
runtime development:
	@"$(PYTHON)" -I -c '' 2>/dev/null || { echo 'PYTHON=$(PYTHON) does not start a Python 3: unset it, or run `make PYTHON=python3.13`' >&2; exit 1; }
	@"$(PYTHON)" -I tools/environment.py $@ $(if $(filter command,$(origin PYTHON)),rebuild)

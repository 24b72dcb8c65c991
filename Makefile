# `make` sets everything up and runs the pipeline; `make test` sets up and passes the quick tests, `make test-all` the slow
# ones as well, `make test-emulated` those on CPUs that qemu emulates; `make verify` runs the pipeline
# again from nothing, in a copy, and compares every output with the committed ones.
# tools/environment.py makes .venv; it asks pip again only when a lock file changed.
PYTHON ?= python3
BIN := .venv/bin
# For what the recipes start: a stage is `python stages/....py`. Not for the recipes themselves, because the make of
# macOS (3.81) looks their programs up in the PATH that it was started with: they name the Python of .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH

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
	for name in pipeline training scale shortcuts; do $(BIN)/python tests/benchmarks/$$name.py || exit; done

lint: development
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python tools/pins.py

docs: development
	$(BIN)/python tools/docs.py

COMPILE := $(BIN)/python -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock: development
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-cluster.in --output-file requirements-cluster.txt
	$(COMPILE) requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt

runtime development:
	@"$(PYTHON)" -I tools/environment.py $@

# Each target sets up what it needs by itself, in .venv, from the machine's python3. Root is not needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-build-isolation
LOCK    = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
          --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-options

FOR_RUN := $(VENV)/.ready-to-run
FOR_DEV := $(VENV)/.ready-to-develop
PINNED  := pyproject.toml requirements/build.txt requirements/run.txt

.PHONY: help demo test check soak bench lock clean
.DEFAULT_GOAL := help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(FOR_RUN) ## a simulated BIG-IP, sample backends and the controller, at a URL to open; Ctrl-C ends it
	@exec $(BIN)/turnbuckle demo

test: $(FOR_DEV) ## every test; says which were skipped and why
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -rs -n auto --dist loadfile

check: $(FOR_DEV) ## format, lint, types, import rules, and the counts that may only fall
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest tests/test_project.py

soak: $(FOR_DEV) ## faults without end on a virtual clock, against an oracle (minutes); STEPS=1000000 SEED=7 for more
	@PYTHONHASHSEED=0 PYTHONPATH=tests $(BIN)/python -m soak $(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--seed $(SEED)) $(if $(SOCKETS),--sockets $(SOCKETS))

bench: $(FOR_RUN) ## measure, print and write benchmarks/results/latest.json (BENCH="--servers 100": that size only)
	@$(BIN)/python -m benchmarks $(BENCH) $(if $(RECORD),--record)
	@$(BIN)/python -m benchmarks --real $(BENCH) $(if $(RECORD),--record)
	$(if $(BENCH),,@$(BIN)/python -m benchmarks --ingresses 1000 $(if $(RECORD),--record))

lock: $(FOR_DEV) ## find the newest versions that pyproject.toml allows, and pin them by hash
	$(LOCK) --upgrade --output-file requirements/build.txt requirements/build.in
	$(LOCK) --upgrade --output-file requirements/run.txt -c requirements/build.txt pyproject.toml
	$(LOCK) --upgrade --output-file requirements/dev.txt --extra dev \
	    -c requirements/build.txt -c requirements/run.txt pyproject.toml

clean: ## remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Turnbuckle needs Python 3.11 or newer, and $(PYTHON) is not that;" \
	         "name one that is: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) comes without its venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(FOR_RUN): $(PINNED) | $(VENV)/.made
	@echo "Installing into $(VENV) what turnbuckle needs to run ..."
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes -r requirements/run.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(FOR_DEV): $(PINNED) requirements/dev.txt | $(VENV)/.made
	@echo "Installing into $(VENV) what turnbuckle needs to run and to be tested ..."
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --editable .
	@touch $(FOR_RUN) $@

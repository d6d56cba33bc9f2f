# Everything a user or a contributor runs. `make demo` and `make test` need nothing but Python 3.11 to 3.13 and make.

VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
READY := $(VENV)/.ready-for-lock

# The first Python on this machine that the project supports; `make demo PYTHON=/path/to/python` chooses another.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && { echo $$python; break; }; done)

# The one library of the system that a wheel of the lock needs and does not bring.
NO_OPENMP := LightGBM cannot be imported: it needs OpenMP of the system. Install it (Debian and Ubuntu: apt-get install \
	libgomp1; macOS: brew install libomp), then make install again.

.DEFAULT_GOAL := help
.PHONY: help install demo test ui docs bench bench-full lint format lock clean

help: ## Show these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

install: $(READY) ## Create the environment from the lock

# Bytecode is compiled at once: without it every first import costs two to three times as much.
$(READY): $(LOCK)
	@'$(or $(PYTHON),python3)' -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "Transit Assets needs Python 3.11, 3.12 or 3.13; $(or $(PYTHON),python3) is" \
			"$$('$(or $(PYTHON),python3)' --version 2>&1 | head -1)." \
			"Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) with $$('$(PYTHON)' --version) from $(LOCK)"
	@'$(PYTHON)' -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' $(LOCK))"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --compile-bytecode $(LOCK)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import lightgbm' 2>/dev/null || { echo "$(NO_OPENMP)" >&2; exit 1; }
	@touch $@

demo: $(READY) ## Fill a lake from the simulator, check it, build the marts, train the models
	@$(BIN)/transit demo

ui: $(READY) ## Open Dagster on http://127.0.0.1:3000
	@$(BIN)/transit ui

test: lint ## Lint, types, dbt, every test
	$(BIN)/dbt parse --no-partial-parse --project-dir dbt_project --profiles-dir dbt_project --target-path $(abspath $(VENV))/dbt
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## ruff, mypy and hadolint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

format: $(READY) ## Let ruff put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY) ## Build dbt's docs, the data dictionary, Data Docs and model cards into site/
	$(BIN)/python -m transit_assets.quality.site

bench: $(READY) ## Measure, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

# Works in TMPDIR; BENCH_ARCS and BENCH_MONTHS take less of a city or of a year.
bench-full: export BENCH_ARCS ?= 3000
bench-full: export BENCH_EXAMPLES ?= 1000000
bench-full: export BENCH_PAGE ?= benchmarks-full.md
bench-full: $(READY) ## Measure a year of 3,000 arcs of road (an hour), and write docs/benchmarks-full.md
	$(BIN)/python -m benchmarks road_interim road_marts road_training

lock: $(READY) ## Resolve pyproject.toml again into requirements.lock (ARGS=--upgrade: newest versions)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 $(ARGS) \
		--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" --quiet -o $(LOCK)

clean: ## Remove the environment and what tools leave behind; the lake stays
	rm -rf $(VENV) build site .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

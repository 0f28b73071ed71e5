# One command per chore. Everything runs in .venv, which is made when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -q
# One thread per process: tests and runs already use one process per core.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow check format validate bench lock clean

help:           ## list the chores
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 14

setup: $(STAMP) ## create .venv with everything ([all,dev]) under the constraints file

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "archgym needs Python 3.11 or newer; name one with: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	@touch $(STAMP)

# Always a run of its own: what an earlier demo left, finished or not, is put aside, never mixed in.
demo: $(STAMP)  ## six searchers look for a memory controller; table and report at the end
	@if [ -e results/demo ]; then mv results/demo results/demo-before-$$(date +%Y%m%d-%H%M%S); fi
	$(BIN)/archgym run quickstart --output results/demo
	$(BIN)/archgym report results/demo --output results/demo.html

test: $(STAMP)  ## the tests, under ten minutes on two cores
	$(PYTEST) -n 2 --dist worksteal

test-slow: $(STAMP) ## the heavier tests, with new random cases
	HYPOTHESIS_PROFILE=search $(PYTEST) -n 2 --dist worksteal -m slow

check: $(STAMP) ## lint, formatting, types, import layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ARCHGYM_REFERENCE ?= ../shared/reference
validate: $(STAMP) ## agreement with the reference simulators' measured results
	$(BIN)/archgym validate memory --reference $(ARCHGYM_REFERENCE)/memory
	$(BIN)/archgym validate accelerator --reference $(ARCHGYM_REFERENCE)/accelerator
	$(BIN)/archgym validate soc --reference $(ARCHGYM_REFERENCE)/soc

bench: $(STAMP) ## the performance figures
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.accelerator
	$(BIN)/python -m benchmarks.codesign
	$(BIN)/python -m benchmarks.mapper
	$(BIN)/python -m benchmarks.systolic
	$(BIN)/python -m benchmarks.soc
	$(BIN)/python -m benchmarks.soc_search
	$(BIN)/python -m benchmarks.environment
	$(BIN)/python -m benchmarks.agents

lock: $(STAMP)  ## write constraints.txt from what is installed now
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:          ## remove what the chores made, results excepted
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

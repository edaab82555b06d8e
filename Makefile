# Two commands do all: `make demo` and `make test`. Needs Python 3.11 or later with pip, and nothing else.
# The environment is .venv; stamps in it tell what is installed, so that a second call is quick.

PYTHON ?= python3
WORKERS ?= auto
DB ?=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check benchmarks clean

help:
	@echo "make demo    correct the demo's drafts, print a table, write out/demo/demo.html, and say"
	@echo "             how to serve the demo's page for drafts of your own;"
	@echo "             DB=postgres, DB=mysql or DB=duckdb: on such a database, started for it"
	@echo "make test    run the tests"
	@echo "make check   ruff, mypy, import-linter and the docs against the code"
	@echo "make benchmarks   each benchmark as a trial of seconds; docs/benchmarks.md says how to measure"
	@echo "make clean   remove the environment, caches and out/"
	@echo "Settings: PYTHON=$(PYTHON) (3.11 or later), WORKERS=$(WORKERS) (processes that run tests)"

# The small models' weights are fetched once, into the user's cache; the demo can do without them.
# With DB=postgres, mysql or duckdb it is shown on such a database; servers are started for it.
demo: $(STAMPS)/default $(if $(DB),$(STAMPS)/extra-$(DB))
	@told=$$($(BIN)/share models pull 2>&1) && echo "$$told" || echo "Without small models: $$told"
	$(if $(DB),$(BIN)/python runs/demo_on.py $(DB),$(BIN)/share demo --out out/demo)

test: $(STAMPS)/test
	$(BIN)/pytest -n $(WORKERS)

check: $(STAMPS)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/check.py

# In small they say whether they work, not how fast; all are run, and one that fails fails the whole.
benchmarks: $(STAMPS)/test
	@status=0; for each in $$(grep -l 'main(__doc__' benchmarks/*.py); do \
	  $(BIN)/python $$each --small || status=1; echo; done; exit $$status

clean:
	rm -rf $(VENV) out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Where the system's Python lacks ensurepip (Debian without python3-venv), its own pip fills the environment.
$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; name one, e.g. make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip; }
	@mkdir -p $(STAMPS) && touch $@

# With the service, some seconds more: the demo ends by naming the command that serves it.
$(STAMPS)/default: $(STAMPS)/venv pyproject.toml
	$(PIP) --editable '.[serve]'
	@touch $@

$(STAMPS)/extra-%: $(STAMPS)/default
	$(PIP) --editable '.[$*]'
	@touch $@

$(STAMPS)/test: $(STAMPS)/default
	$(PIP) --editable '.[test]'
	@touch $@

$(STAMPS)/check: $(STAMPS)/test
	$(PIP) --editable '.[test,check]'
	@touch $@

# Every target makes and keeps its own virtual environment. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# make run
SYMBOLS ?=
SHARDS ?=
SEED ?=
RUN_FOR ?=
REPLAY ?=
# make test
TESTS ?= tests
PYTEST_ARGS ?=
WORKERS ?= 2
# make sim
SEEDS ?= 200
FIRST ?= 1
SIM_ARGS ?=
# make migrate
DATABASE_URL ?=
# make mutate: which modules of opensqt_actors/domain, and what else scripts/mutate.py takes
MODULES ?=
MUTATE_ARGS ?=
# make check: the commit with which proto/ must stay compatible, if not the one that scripts/check.sh finds
AGAINST ?=
# make bench: which ones
BENCH ?= $(wildcard scripts/bench/*.py)

DEMO := $(strip $(BIN)/opensqt demo $(if $(SYMBOLS),--symbols $(SYMBOLS)) $(if $(SHARDS),--shards $(SHARDS)) $(if $(SEED),--seed $(SEED)) $(if $(RUN_FOR),--run-for $(RUN_FOR)) \
	$(foreach file,$(REPLAY),--replay $(file)))

.PHONY: help venv run test check bench sim mutate proto lint format migrate pin clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## make or refresh the virtual environment (every other target does so by itself)
	@:

$(STAMP): pyproject.toml setup.cfg constraints.txt
	@{ $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which with PYTHON=..."; exit 1; }; } >&2
	@echo "preparing $(VENV)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip setuptools >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[dev]' >&2
	@$(BIN)/python -m compileall -q opensqt_actors >&2 # a start must not compile, also where nobody may write bytecode
	@touch $@

# At a terminal the demo gets a process group of its own: Ctrl-C ends it in order, and make, which did not see the
# signal, reports its exit code instead of "Interrupt".
run: $(STAMP) ## trade on the simulated venue: [RUN_FOR=30] [SYMBOLS=36] [SHARDS=0] [SEED=1] [REPLAY="file ..."]
	@if [[ -t 0 ]]; then set -m; $(DEMO) & fg >/dev/null; else exec $(DEMO); fi

# Most of the time an integration test waits for processes of its own: two files at a time take half as long as one.
test: $(STAMP) ## run all tests: [TESTS=tests/unit] [WORKERS=2] [PYTEST_ARGS=-x]
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS) $(PYTEST_ARGS)

check: $(STAMP) ## everything that needs no running part: format, lint, types, imports, proto, links, wheel
	@AGAINST=$(AGAINST) scripts/check.sh

lint: $(STAMP) ## ruff, mypy and the import contracts only
	@scripts/check.sh format ruff types imports

format: $(STAMP) ## let ruff format and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

proto: $(STAMP) ## generate opensqt_actors/wire/v1 from proto/
	@$(BIN)/python scripts/generate_wire.py

bench: $(STAMP) ## run the benchmarks, one JSON line each: [BENCH=scripts/bench/tick_to_order.py]
	@for bench in $(BENCH); do echo "== $$bench" >&2; $(BIN)/python $$bench; done

sim: $(STAMP) ## run seeded simulations of the whole fleet: [SEEDS=200] [FIRST=1] [SIM_ARGS="--trace 200"]
	@$(BIN)/python scripts/sim.py --seeds $(SEEDS) --first $(FIRST) $(SIM_ARGS)

mutate: $(STAMP) ## break the trading rules on purpose and count what no test notices: [MODULES="pnl risk"]
	@$(BIN)/python scripts/mutate.py $(MODULES) $(MUTATE_ARGS)

migrate: $(STAMP) ## bring a database to the newest schema: DATABASE_URL=sqlite:///state/opensqt.db
	@test -n "$(DATABASE_URL)" || { echo "say which database: make migrate DATABASE_URL=sqlite:///state/opensqt.db" >&2; exit 4; }
	@$(BIN)/alembic -c alembic/alembic.ini -x url="$(DATABASE_URL)" upgrade head

pin: ## write constraints.txt anew with the newest versions that fit pyproject.toml
	@PYTHON=$(PYTHON) scripts/pin.sh

clean: ## remove the virtual environment and everything generated that is not in git
	@rm -rf $(VENV) build dist *.egg-info .coverage htmlcov mutants
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

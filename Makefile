# The commands of this repository. `make` alone lists them. Everything is set up by what needs it, once.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AZURITE := localcloud/node_modules/.ready

# The first Python of the machine that is new enough; `make PYTHON=python3.12 …` takes another.
NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
CANDIDATES := python3 python3.13 python3.12 python3.11 python
FOUND = $(shell for python in $(CANDIDATES); do "$$python" $(NEW_ENOUGH) 2>/dev/null && echo "$$python" && break; done)
PYTHON ?= $(FOUND)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

.PHONY: help setup test lint docs demo bench sim soak reliability lock fmt clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(READY) $(AZURITE) ## Create .venv with everything pinned, and Azurite for the local clouds

test: setup lint ## Lint, types, floors, generated pages, then every test; under fifteen minutes
	@$(BIN)/pytest -n 2 --dist loadgroup

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(MAKE) --no-print-directory docs CHECK=--check

docs: $(READY) ## Write the generated pages again (CHECK=--check only compares)
	@for room in cli config telemetry; do $(BIN)/python -m replicator.$$room.reference $(CHECK) || exit 1; done
	@$(BIN)/python -m replicator.cli.reference $(CHECK)

demo: $(READY) ## Watch a live application move from AWS to Azure (KEEP=1 leaves all of it running)
	@$(MAKE) --no-print-directory --silent $(AZURITE) || echo "Azurite cannot be installed; the demo leaves S3 → Blob Storage out."
	@$(BIN)/python -m replicator.demo $(if $(KEEP),--keep)

bench: $(READY) $(AZURITE) ## Speed against bare loops and rclone, barriers, memory: make bench ONLY=objects
	@$(PIP) install --require-hashes -r requirements/rclone.lock 2> /dev/null || \
		echo "rclone is not available; nothing is measured beside it."
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

sim: $(READY) ## Simulate runs with faults by seed: make sim SEEDS=1000
	@$(BIN)/python -m replicator.testing --seeds $(or $(SEEDS),100)

soak: $(READY) $(AZURITE) ## All pipelines under faults by chance, then everything compared: make soak MINUTES=30
	@$(BIN)/python -m replicator.testing.soak --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

reliability: $(READY) ## Write docs/reliability.md from SEEDS=1000 simulated worlds and from the soaks
	@$(BIN)/python -m replicator.testing.reliability --seeds $(or $(SEEDS),1000)

lock: $(READY) ## Resolve the dependencies again into requirements/*.lock
	@$(COMPILE) pyproject.toml --all-extras --output-file requirements/dev.lock
	@$(COMPILE) pyproject.toml --constraint requirements/dev.lock --output-file requirements/runtime.lock
	@$(COMPILE) requirements/build.in --constraint requirements/dev.lock --output-file requirements/build.lock
	@$(COMPILE) requirements/node.in --output-file requirements/node.lock
	@$(COMPILE) requirements/rclone.in --output-file requirements/rclone.lock

fmt: $(READY) ## Format the code, and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

clean: ## Remove what was set up and what was made
	@rm -rf $(VENV) localcloud/node_modules *.egg-info build run bench/results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} + && rm -rf .*_cache .hypothesis

$(READY): requirements/dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) $(NEW_ENOUGH) || { echo "$(PYTHON) is not Python 3.11 or newer."; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version), a minute or two the first time …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(AZURITE): localcloud/package-lock.json $(READY)
	@$(BIN)/python -c 'from localcloud.node import find_node; find_node()' 2> /dev/null || { \
		echo "Installing Node.js into $(VENV) …"; $(PIP) install --require-hashes -r requirements/node.lock; }
	@echo "Installing Azurite …"
	@$(BIN)/python -m localcloud install > $(VENV)/azurite.log 2>&1 || { cat $(VENV)/azurite.log; exit 1; }
	@touch $@

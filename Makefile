# `make dev` once in a fresh virtual environment; `make check` and `make test` before a commit.
PYTHON ?= python

# The two engines that draw people. Only their data and a few modules are used, and `pip install` of their own requirement lists would
# add what only their demos need: random-face asks for Jupyter and gdown (some 90 packages), anny for warp-lang (150 MB of CUDA).
ENGINES = random-face==2021.7.21.1 anny==0.6.2

.PHONY: help dev check lint types format test test-fast attacks

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

dev:  ## install everything for training, tests and checks
	$(PYTHON) -m pip install --editable ".[dev]"
	$(PYTHON) -m pip install --no-deps $(ENGINES)

check: lint types  ## format, lint and types

lint:  ## ruff: format and lint
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:  ## pyright: no more errors than tools/types_baseline.json says
	$(PYTHON) tools/check_types.py

format:  ## put every file into the one format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

test:  ## all tests
	$(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast:  ## without the slow ones and the browser
	$(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not browser"

attacks:  ## every hostile file by every way in; a table of what came of it
	$(PYTHON) -m tests.attacks

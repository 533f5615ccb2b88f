# One set of verbs for people and for CI. `make` alone prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.test-installed
RUN_STAMP := $(VENV)/.run-installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-live bench check format lint types lock golden clean

help: ## Print this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is missing or older than 3.11: name another one, as in make PYTHON=python3.12 install"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements/run.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(STAMP): requirements/test.txt $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

install: $(RUN_STAMP) ## Install the gateway, with the packages of requirements/run.txt, into .venv
	@echo "The gateway is $(BIN)/gateway: call it by that path, or put it on the PATH with  . $(BIN)/activate"

demo: $(RUN_STAMP) ## Start gateway, demo identity provider, sample application and proxy; Ctrl-C ends all
	$(BIN)/gateway demo

test: $(STAMP) ## Run the whole suite (live parts skip with a reason where a server is missing)
ifdef T
	$(BIN)/python -m pytest $(T)
else
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not live and not browser"
	$(BIN)/python -m pytest -m "live or browser"
endif

test-fast: $(STAMP) ## Run what needs no real server, in parallel, in under two minutes
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not live and not browser" $(T)

bench: $(STAMP) ## Measure what a check costs, in under 20 minutes: ROWS=check,proxy ROUNDS=3 SECONDS=1 LARGE=1
	$(BIN)/python -m bench --rows "$(ROWS)" --names "$(NAMES)" --rounds $(or $(ROUNDS),3) --seconds $(or $(SECONDS),1) \
	  --size $(if $(LARGE),large,$(or $(SIZE),usual))

check: $(STAMP) ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(STAMP) ## Format the code and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(STAMP) ## Write the golden files anew (review the diff)
	GATEWAY_WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden tests/attacks/test_registry.py

lock: ## Pin the requirements again, with hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q pyproject.toml --group test -c requirements/run.txt -o requirements/test.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q --group live -o requirements/live.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q --group build -o requirements/build.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -q --group bench -o requirements/bench.txt

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info

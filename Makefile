# Everything a person or a machine does with this checkout. `make` alone lists the targets.
#
# Each environment is a folder with a stamp file, made once and again when pyproject.toml changes: .venv for daily
# work, .venv-test with real frameworks, .venv-fuzz and .venv-bench. torch comes by plain pip: on Linux its default
# wheel may be a CUDA build of several gigabytes; for the small one set
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu, in the environment or behind `make test`.
# `make test` runs one worker more than there are processors, because tests of the jail wait as often as they compute.
# (pytest gets -v only to make up for the -q of pyproject.toml, with which xdist says twice that it begins.)
# `make format NAME=...` adds a file format; what formats the code is `make tidy`.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

SECONDS ?= 3600
WORKERS ?= auto
FAST := not frameworks and not models and not jail and not slow
PY := .venv/bin/python

# $(call environment,FOLDER,EXTRAS) installs this checkout with EXTRAS into FOLDER.
define environment
@echo "Setting up $(1) with [$(2)]; this happens once."
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || \
	{ python=$$(sh tools/find_python.sh) && "$$python" -m venv --clear $(1); }
@$(1)/bin/python -m pip install -qq --disable-pip-version-check --editable '.[$(2)]'
@touch $@
endef

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.ready ## make .venv with the tools for daily work (instant the second time)

.venv/.ready: pyproject.toml
	$(call environment,.venv,dev)

.venv-test/.ready: pyproject.toml
	$(call environment,.venv-test,dev$(,)frameworks)

.venv-fuzz/.ready: pyproject.toml
	$(call environment,.venv-fuzz,test$(,)fuzz)

.venv-bench/.ready: pyproject.toml
	$(call environment,.venv-bench,test$(,)bench)

# a comma that does not end an argument
, := ,

.PHONY: demo
demo: .venv/.ready ## scan three real packages from PyPI and one hostile model built on the spot
	@$(PY) -m tools.demo

.PHONY: check check-format check-lint check-types check-layers check-docs check-tests
check: check-format check-lint check-types check-layers check-docs check-tests ## all that is fast: run it before each commit (under 60 s)

check-format: .venv/.ready
	$(PY) -m ruff format --check .

check-lint: .venv/.ready
	$(PY) -m ruff check .

check-types: .venv/.ready
	$(PY) -m mypy

check-layers: .venv/.ready
	.venv/bin/lint-imports --no-cache

check-docs: .venv/.ready
	$(PY) -m tools.docs --check

check-tests: .venv/.ready
	$(PY) -m pytest -v -n $(WORKERS) -m "$(FAST)" --durations=10 --durations-min=2

.PHONY: test
test: .venv-test/.ready ## everything: real frameworks, real models, the wall (sets itself up; minutes)
	@.venv-test/bin/python -m tools.models
	@MODELAIRLOCK_ALL=1 PYTEST_XDIST_AUTO_NUM_WORKERS=$$(.venv-test/bin/python -c 'import os; print((os.cpu_count() or 1) + 1)') \
		.venv-test/bin/python -m pytest -v -n $(WORKERS) -rfEs --durations=10 --durations-min=5

.PHONY: fuzz
fuzz: .venv-fuzz/.ready ## fuzz every format, or NAME=gguf, for SECONDS=3600 in all
	@.venv-fuzz/bin/python -m fuzz.fuzz_format $(NAME) --seconds $(SECONDS)

.PHONY: bench-jail
bench-jail: .venv/.ready .venv-test/.ready ## measure what the jail costs and write docs/benchmarks-jail.md
	@$(PY) -m bench.jail

.PHONY: bench
bench: .venv-bench/.ready ## measure against the peers and write docs/benchmarks.md
	@.venv-bench/bin/python -m bench.run

.PHONY: docs
docs: .venv/.ready ## generate the pages under docs/ that come from the code
	@$(PY) -m tools.docs

.PHONY: format rule
format: .venv/.ready ## NAME=tflite: start a file format and its failing test
	@$(PY) -m tools.scaffold format "$(NAME)"

rule: .venv/.ready ## NAME=runs-shell: start a rule and its failing test
	@$(PY) -m tools.scaffold rule "$(NAME)"

.PHONY: tidy
tidy: .venv/.ready ## format the code and mend what ruff can mend
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

.PHONY: wheel
wheel: .venv/.ready ## build the wheel into dist/
	@rm -rf dist
	@$(PY) -m build --wheel

.PHONY: clean
clean: ## remove what was built; environments and downloads stay
	rm -rf dist build .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name '.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# All set-up is done by the targets themselves. `make` alone lists them.
PYTHON ?= python3
RUN = .venv/bin/python
# Two processes, one thread each; modules stay whole, for the fixtures they share, and
# those with slow tests come first (tests/conftest.py).
TESTS = $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cls test test-fast test-all docs lint format lists results architecture bench gpu-prepare gpu-check gpu-bench gpu-train compatibility clean clean-all

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16
	@echo 'Python 3.10 to 3.12 is taken from PYTHON=$(PYTHON).'

setup:  ## make or update .venv with everything pinned (first time: see docs/install.md)
	@$(PYTHON) -m setup_env

demo: setup  ## distil a small detector on CPU and show what it gained
	$(RUN) tools/demo.py

demo-cls: setup  ## the same for a classifier
	$(RUN) tools/demo.py --task classification

test: lint docs  ## everything that CI checks: lint, the site and all tests
	$(TESTS)

test-fast: setup  ## the tests without the slow ones
	$(TESTS) -m 'not slow and not sweep'

test-all: setup  ## all tests and the sweeps, which the others sample: before a release
	$(TESTS) -m ''

docs: setup  ## build the site of the documentation in build/site
	NO_MKDOCS_2_WARNING=1 $(RUN) -W ignore -m mkdocs build --strict

lint: setup  ## ruff, mypy and the import rules
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-cache

format: setup  ## let ruff rewrite the files
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

lists: setup  ## write the lists of losses from their own files
	$(RUN) -m maintenance.lists

results: setup  ## write the tables of results from benchmarks/results
	$(RUN) -m maintenance.results

architecture: setup  ## write the table and the picture of the packages from the import rules
	$(RUN) -m maintenance.architecture

bench:  ## say how the benchmarks are run
	@echo 'Benchmarks run for hours and are started one by one; each file in benchmarks/ says how:'
	@echo '    $(RUN) benchmarks/NAME.py --help'
	@echo 'Results are kept in benchmarks/results/.'

gpu-prepare: setup  ## fill .gpu with what a GPU machine without a network lacks (docs/gpu.md)
	$(RUN) -m device.first_hour prepare

gpu-check:  ## on a GPU: build mmcv's operators, try what is promised (10 minutes)
	$(PYTHON) -m device.first_hour check $(FLAGS)

gpu-bench:  ## on a GPU: the benchmark of a step at COCO's size (10 minutes)
	$(PYTHON) -m device.first_hour bench $(FLAGS)

gpu-train:  ## on a GPU: short runs with the teacher's options (10 minutes)
	$(PYTHON) -m device.first_hour train $(FLAGS)

compatibility: setup  ## try every family of the zoos (an hour on 2 cores; resumes), write docs/compatibility.md
	$(RUN) tools/compatibility.py --jobs 2

clean:  ## remove what builds and checks leave; keeps .venv, data and work_dirs
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

clean-all: clean  ## remove .venv as well
	rm -rf .venv

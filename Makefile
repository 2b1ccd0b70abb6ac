# Everything is installed into the checkout (.venv, node/node_modules, target, build); nothing needs root.

CARGO ?= cargo
PYTHON ?= python3
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test setup lint test-rust test-harness test-loom test-features test-agreement bench clean train-default train-mf-minilm quality

# One ONNX Runtime for all languages, so that their results can be compared to the bit.
ORT_PACKAGE := onnxruntime==1.32.0
ORT_LIBRARY = $(abspath $(firstword $(wildcard $(VENV)/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)))
CONFORMANCE := $(abspath target/conformance)

# Two thread pools on few cores spin against each other.
export OMP_NUM_THREADS := 1

include packaging/c.mk
include packaging/python.mk
include packaging/node.mk
include packaging/cli.mk
include packaging/gateway.mk

help:
	@echo "make demo                 route real prompts through both routers"
	@echo "make test                 every suite of every language"
	@echo "make test-ecosystem       Ray Data and Spark with two workers each"
	@echo "make test-finetune        fine-tuning with torch and transformers"
	@echo "make install PREFIX=DIR   the command, the C library, headers, pkg-config and CMake files"
	@echo "make bench                every figure beside its limit"
	@echo "make python-wheel node-pack c-tarball cli-wheel cli-npm   packages, into dist/"

demo: python-venv
	@$(VENV_PYTHON) demo/demo.py

test: setup
	@rm -rf $(CONFORMANCE) && mkdir -p $(CONFORMANCE)
	@$(PYTHON) tools/run_suites.py

setup: python-venv node-deps
	@$(CARGO) fetch --quiet

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets --features routellm-core/ort -- -D warnings
	$(VENV_PYTHON) -m ruff check --quiet demo tools tests
	@$(MAKE) lint-python
	$(VENV_PYTHON) tools/faces/generate.py --check
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps
	$(VENV_PYTHON) tests/api/public.py
	$(VENV_PYTHON) tests/lint/cycles.py
	$(VENV_PYTHON) tests/lint/unified.py
	@echo "lint: 9 passed, 0 failed"

# Tests under #[ignore] are run where nothing may be skipped.
test-rust:
	@test -n "$(ORT_LIBRARY)" || { echo "no ONNX Runtime in $(VENV): run make setup"; exit 1; }
	ROUTELLM_ORT_PATH=$(ORT_LIBRARY) ROUTELLM_CONFORMANCE_OUT=$(CONFORMANCE)/rust.json $(CARGO) test --quiet \
	    $(if $(filter 1,$(ROUTELLM_REQUIRE_ALL)),-- --include-ignored) 2>&1

# That every suite counts what it skips.
test-harness:
	@$(VENV_PYTHON) tests/harness/test_skips.py

# Every interleaving of the queue in front of the sessions.
test-loom:
	$(CARGO) test --quiet -p routellm-loom 2>&1

# Every promised combination of the core's features.
test-features:
	@CARGO=$(CARGO) $(VENV_PYTHON) tests/features/check.py

# The other languages write their results in their own suites; these two use the same library here.
test-agreement: export ROUTELLM_ORT_PATH = $(ORT_LIBRARY)
test-agreement:
	@ROUTELLM_CONFORMANCE_OUT=$(CONFORMANCE)/python.json \
	    $(VENV_PYTHON) -P -m pytest -c python/pyproject.toml -q \
	    python/tests/test_conformance.py python/tests/test_exports_conformance.py >/dev/null
	@ROUTELLM_CONFORMANCE_OUT=$(CONFORMANCE)/node.json \
	    $(NODE) --test node/test/conformance.test.js node/test/exports-conformance.test.js >/dev/null
	@$(PYTHON) tools/agreement.py

bench: python-venv node-addon
	ROUTELLM_ORT_PATH=$(ORT_LIBRARY) $(CARGO) bench -p routellm-core --features ort --bench speed
	$(MAKE) bench-c bench-go bench-python bench-node

# The artifacts that ship, from DATA (votes and gold rows) and target/encoder (tools/encoder/README.md).
DATA ?= ../shared/data
train-default:
	$(CARGO) run --release -p routellm-core --example train_default -- \
	    $(DATA)/gold/mmlu_gold.jsonl $(DATA)/arena/votes.jsonl core/default-router

train-mf-minilm: python-venv
	ROUTELLM_ORT_PATH=$(ORT_LIBRARY) $(CARGO) run --release -p routellm-core --example train_mf_minilm -- \
	    target/encoder $(DATA)/arena/votes.jsonl $(DATA)/gold/mmlu_gold.jsonl artifacts/mf-minilm

# The quality table of the README.
quality: python-venv
	ROUTELLM_ORT_PATH=$(ORT_LIBRARY) $(CARGO) run --release -p routellm-core --example evaluate -- \
	    $(DATA)/routellm-evals artifacts/mf-minilm

clean:
	rm -rf target build dist $(VENV) node/node_modules

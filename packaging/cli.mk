# The command `routellm`: one program, which the packages for Python and npm and the C installation bring.
# Included by the Makefile at the root; every path is relative to it.

.PHONY: cli cli-wheel cli-npm test-cli test-packages test-pages

# Cargo knows better than make whether something is to be done. maturin takes the same program.
cli:
	$(CARGO) build --quiet --release --locked -p routellm-cli

# dist/routellm_cli-*.whl
cli-wheel: cli $(PYTHON_TOOLS)
	rm -f $(DIST)/routellm_cli-*.whl
	cd packages/python-cli && ../../$(PYTHON_BIN)/maturin build --quiet --release --locked --out ../../$(DIST)

# dist/routellm-cli-*.tgz
cli-npm: cli
	mkdir -p $(DIST)
	rm -f $(DIST)/routellm-cli-*.tgz
	cd packages/npm-cli && $(NPM) pack --silent --pack-destination ../../$(DIST)

# What the command says, in the development build.
test-cli:
	$(CARGO) test --quiet -p routellm-cli 2>&1

# The command as its packages install it.
test-packages: cli-wheel cli-npm c-tree python-venv node-addon
	@$(PYTHON_BIN)/python tests/packages/command.py

# The page of an evaluation in Chromium, on a phone and on a desk.
test-pages: cli $(PYTHON_TOOLS)
	@$(PYTHON_BIN)/python tests/pages/report.py target/release/routellm

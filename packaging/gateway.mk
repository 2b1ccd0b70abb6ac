# The gateway: its tests in Rust, the official clients against it, and its page in Chromium.
# Included by the Makefile at the root; every path is relative to it.

GATEWAY_VENV := build/gateway/venv
GATEWAY_TOOLS := $(GATEWAY_VENV)/.tools

.PHONY: test-gateway test-gateway-clients test-gateway-page bench-gateway

# Between a client that sees every byte and an upstream that misbehaves as it is told.
test-gateway:
	$(CARGO) test --quiet -p routellm-gateway 2>&1

$(GATEWAY_TOOLS): tests/gateway/requirements.txt
	$(PYTHON) -m venv $(GATEWAY_VENV)
	$(GATEWAY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# The official clients of OpenAI and Anthropic through the gateway, with the command as it is installed.
test-gateway-clients: cli $(GATEWAY_TOOLS)
	@$(GATEWAY_VENV)/bin/python tests/gateway/clients.py target/release/routellm

# The page in Chromium, on a phone and on a desk.
test-gateway-page: cli $(PYTHON_TOOLS)
	@$(PYTHON_BIN)/python tests/pages/gateway.py target/release/routellm

# Rates and added latency on this machine, over loopback.
bench-gateway:
	$(CARGO) run --quiet --release -p routellm-gateway --example load

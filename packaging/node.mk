# The npm packages: `routellm` (node/) and `routellm-mf-minilm` (packages/npm-mf-minilm/).
# Included by the Makefile at the root; every path is relative to it.

NPM ?= npm
NODE ?= node

.PHONY: node-deps node-addon test-node node-pack bench-node

node/node_modules/.package-lock.json: node/package-lock.json
	cd node && $(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Without install scripts: the one of onnxruntime-node fetches CUDA libraries.
node-deps: node/node_modules/.package-lock.json

# Cargo knows better than make whether something is to be done.
node-addon: node-deps
	$(NODE) node/scripts/build.mjs

test-node: node-addon
	$(NODE) node/scripts/test.mjs

# dist/routellm-*.tgz and dist/routellm-mf-minilm-*.tgz
node-pack: node-addon
	mkdir -p dist
	cd node && $(NPM) pack --silent --pack-destination ../dist
	cd packages/npm-mf-minilm && $(NPM) pack --silent --pack-destination ../../dist

bench-node: node-addon
	$(NODE) node/bench/overhead.mjs

# The C library, its installation, and the suites of C, C++ and Go. The top-level Makefile includes this file;
# alone it works too: make -f packaging/c.mk test-c

CARGO ?= cargo
PYTHON ?= python3
GO ?= go
PREFIX ?= /usr/local
DESTDIR ?=
CARGO_TARGET_DIR ?= target

C_BUILD := build/c
C_RELEASE := $(CARGO_TARGET_DIR)/release
# An installed tree that was moved after its installation: everything is tested against it.
C_TREE := $(C_BUILD)/tree
C_ABI := 0
C_VERSION = $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
C_TARBALL = dist/routellm-$(C_VERSION)-$(shell uname -m)-linux.tar.gz
# What a program needs that links libroutellm.a: `cargo rustc -p routellm -- --print native-static-libs`.
C_NATIVE_LIBS := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
# Go finds the library through pkg-config in the moved tree.
C_GO_ENV = PKG_CONFIG_PATH=$(abspath $(C_TREE))/lib/pkgconfig LD_LIBRARY_PATH=$(abspath $(C_TREE))/lib CGO_ENABLED=1

# Every language uses the same ONNX Runtime, and leaves its results where they are compared. Both come from the
# top-level Makefile; without them the suites use what they find, and write nothing.
c_env = $(if $(ORT_LIBRARY),ROUTELLM_ORT_PATH=$(ORT_LIBRARY)) \
    $(if $(CONFORMANCE),ROUTELLM_CONFORMANCE_OUT=$(CONFORMANCE)/$(1).json)

.PHONY: c-lib install c-tree c-tarball test-c test-cpp test-go test-valgrind test-sanitize bench-c bench-go

# build/c/lib: the library under its real name, and the link that compilers look for; build/c/bin: the command.
c-lib:
	$(CARGO) build --release -p routellm
	$(CARGO) build --release --locked -p routellm-cli
	install -d $(C_BUILD)/lib $(C_BUILD)/bin
	install -m 755 $(C_RELEASE)/routellm $(C_BUILD)/bin/
	install -m 755 $(C_RELEASE)/libroutellm.so $(C_BUILD)/lib/libroutellm.so.$(C_ABI)
	ln -sf libroutellm.so.$(C_ABI) $(C_BUILD)/lib/libroutellm.so
	install -m 644 $(C_RELEASE)/libroutellm.a $(C_BUILD)/lib/libroutellm.a

# $(call c_install,FOLDER): puts everything under FOLDER.
define c_install
	install -d $(1)/bin $(1)/lib/pkgconfig $(1)/lib/cmake/routellm $(1)/include $(1)/share/routellm/default \
	    $(1)/share/doc/routellm
	install -m 755 $(C_BUILD)/bin/routellm $(1)/bin/
	install -m 755 $(C_BUILD)/lib/libroutellm.so.$(C_ABI) $(1)/lib/
	ln -sf libroutellm.so.$(C_ABI) $(1)/lib/libroutellm.so
	install -m 644 $(C_BUILD)/lib/libroutellm.a $(1)/lib/
	install -m 644 include/routellm.h include/routellm.hpp $(1)/include/
	install -m 644 core/default-router/* $(1)/share/routellm/default/
	install -m 644 packaging/tsan.supp $(1)/share/routellm/
	sed -e 's|@VERSION@|$(C_VERSION)|' -e 's|@NATIVE_LIBS@|$(C_NATIVE_LIBS)|' packaging/routellm.pc.in \
	    > $(1)/lib/pkgconfig/routellm.pc
	sed -e 's|@NATIVE_LIBS_CMAKE@|$(subst $(c_space),;,$(C_NATIVE_LIBS))|' packaging/routellm-config.cmake.in \
	    > $(1)/lib/cmake/routellm/routellm-config.cmake
	sed -e 's|@VERSION@|$(C_VERSION)|' packaging/routellm-config-version.cmake.in \
	    > $(1)/lib/cmake/routellm/routellm-config-version.cmake
	if [ -f LICENSE ]; then install -m 644 LICENSE $(1)/share/doc/routellm/; fi
endef
c_empty :=
c_space := $(c_empty) $(c_empty)

install: c-lib
	$(call c_install,$(DESTDIR)$(PREFIX))

c-tree: c-lib
	rm -rf $(C_TREE) $(C_BUILD)/tree-before
	$(call c_install,$(C_BUILD)/tree-before)
	mv $(C_BUILD)/tree-before $(C_TREE)

c-tarball: c-tree
	rm -rf $(C_BUILD)/tarball
	install -d dist $(C_BUILD)/tarball
	cp -a $(C_TREE) $(C_BUILD)/tarball/routellm-$(C_VERSION)
	tar -C $(C_BUILD)/tarball --owner=0 --group=0 --sort=name -czf $(C_TARBALL) routellm-$(C_VERSION)
	@ls -l $(C_TARBALL)

# Each suite ends with a line such as `c: 41 passed, 0 failed, 0 skipped`.
test-c: c-tree
	@$(if $(CONFORMANCE),mkdir -p $(CONFORMANCE))
	@$(call c_env,c) $(PYTHON) tests/c/suite.py c --tree $(C_TREE) --work $(C_BUILD)/test-c

test-cpp: c-tree
	@$(if $(CONFORMANCE),mkdir -p $(CONFORMANCE))
	@$(call c_env,cpp) $(PYTHON) tests/c/suite.py cpp --tree $(C_TREE) --work $(C_BUILD)/test-cpp

test-go: c-tree
	@$(if $(CONFORMANCE),mkdir -p $(CONFORMANCE))
	@$(call c_env,go) $(C_GO_ENV) $(PYTHON) tests/c/go_suite.py --go $(GO)

test-valgrind: c-tree
	@$(PYTHON) tests/c/suite.py valgrind --tree $(C_TREE) --work $(C_BUILD)/test-valgrind

test-sanitize: c-tree
	@$(PYTHON) tests/c/suite.py sanitize --tree $(C_TREE) --work $(C_BUILD)/test-sanitize

# What the C call adds to the Rust call, and the Go call to the C call.
bench-c:
	$(CARGO) bench -p routellm-ffi --bench overhead

bench-go: c-tree
	cd bindings/go && $(C_GO_ENV) $(GO) test -run '^$$' -bench . -benchmem
	cd bindings/go && $(C_GO_ENV) CGO_ENABLED=0 $(GO) test -tags routellm_purego -run '^$$' -bench . -benchmem

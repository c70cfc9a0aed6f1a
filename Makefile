# SPDX-License-Identifier: GPL-2.0-only
#
# chaos: everything built goes to $(O) (.output). `make help` lists the targets, V=1 shows commands,
# SANITIZE=address,undefined builds into a folder of its own.

O	    ?= .output
V	    ?= 0
SANITIZE    ?=
PREFIX	    ?= /usr/local
DESTDIR	    ?=
VERSION	    := 0.1.0

CC	    ?= gcc
CLANG	    ?= clang
BPFTOOL	    ?= bpftool
PKG_CONFIG  ?= pkg-config
LLVM_STRIP  ?= $(firstword $(shell command -v llvm-strip llvm-strip-14 2>/dev/null) llvm-strip)

HOST_ARCH   := $(shell uname -m)
ARCH	    := $(HOST_ARCH:aarch64=arm64)

ifeq ($(V),1)
Q	    :=
msg	    =
else
Q	    := @
msg	    = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(O)/%,%,$(2))";
MAKEFLAGS   += --no-print-directory
endif

# Rooms of user/: each is a directory and an archive. A room may use the rooms to its right:
# the link of its unit tests, which name only those, proves it.
ROOMS		 := lib experiment line datapath discover flows lab recorder check analysis report run kube agent cli
DEPS_lib	 :=
DEPS_experiment	 := discover lib
DEPS_line	 := lib
DEPS_datapath	 := line lib
DEPS_discover	 := datapath line lib
DEPS_flows	 := discover datapath line lib
DEPS_lab	 := experiment discover datapath line lib
DEPS_recorder	 := experiment discover datapath line lib
DEPS_check	 := lib
DEPS_analysis	 := check lib
DEPS_report	 := analysis check lib
DEPS_run	 := recorder lab experiment discover datapath line report analysis check lib
DEPS_kube	 := experiment lib
DEPS_agent	 := kube run recorder lab experiment discover datapath line report analysis check lib
DEPS_cli	 := agent kube run recorder lab experiment flows discover datapath line report analysis check lib

PKGS	    := libfyaml jansson libcurl hiredis libmnl libmicrohttpd libbpf
CFLAGS	    ?= -O2 -g
WARN	    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	       -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wno-format-nonliteral \
	       -Wno-missing-field-initializers
SAN	    := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_CFLAGS   = -std=gnu11 -D_GNU_SOURCE -DCHAOS_VERSION='"$(VERSION)"' $(WARN) $(CFLAGS) $(SAN) -pthread \
	       -Iuser -I$(O)/gen $(PKG_CFLAGS) -MMD -MP
# Read when make starts: what installs packages first calls make again for what is built by them.
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
LIBS	    := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lelf -lz -lm
ALL_LDFLAGS  = $(LDFLAGS) $(SAN) -pthread

BPF_CFLAGS  := -g -O2 -std=gnu11 -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-function -Ibpf -MMD -MP

# A sanitized build never shares objects with a plain one; a make below this one has it already.
ifneq ($(SANITIZE),)
override O  := $(patsubst %/sanitized,%,$(O))/sanitized
endif

# make again, for what the packages just installed make possible.
JOBS	    ?= $(shell nproc 2>/dev/null || echo 1)
REMAKE	     = $(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

srcs	     = $(sort $(wildcard user/$(1)/*.c))
objs	     = $(patsubst user/%.c,$(O)/user/%.o,$(call srcs,$(1)))
lib	     = $(O)/lib$(1).a
ROOM_LIBS   := $(foreach r,$(ROOMS),$(call lib,$(r)))

all: $(O)/chaos bpf-arch ## build chaos

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- BPF: .bpf.c -> .bpf.o -> skeleton; both architectures compile everywhere ----

BPF_SRCS    := $(wildcard bpf/*.bpf.c)
BPF_NAMES   := $(patsubst bpf/%.bpf.c,%,$(BPF_SRCS))
SKELS	    := $(patsubst %,$(O)/gen/%.skel.h,$(BPF_NAMES))
ARCHES	    := x86_64 arm64
target_arch_x86_64 := x86
target_arch_arm64  := arm64

define bpf_rule
$(O)/bpf/$(1)/%.bpf.o: bpf/%.bpf.c
	$$(call msg,BPF,$(1)/$$*)
	@mkdir -p $$(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_$(target_arch_$(1)) -Ivmlinux/$(1) \
		$$(patsubst %,-I%,$$(wildcard /usr/include/$(HOST_ARCH)-linux-gnu)) \
		-MF $$@.d -MT $$@ -c $$< -o $$@
	$(Q)$(LLVM_STRIP) -g $$@
endef
$(foreach a,$(ARCHES),$(eval $(call bpf_rule,$(a))))

bpf-arch: $(foreach a,$(ARCHES),$(patsubst %,$(O)/bpf/$(a)/%.bpf.o,$(BPF_NAMES)))

$(O)/gen/%.skel.h: $(O)/bpf/$(ARCH)/%.bpf.o
	$(call msg,SKEL,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen object $(O)/gen/$*.linked.o $<
	$(Q)$(BPFTOOL) gen skeleton $(O)/gen/$*.linked.o name $*_bpf > $@.tmp && mv $@.tmp $@

include tests/tests.mk

# ---- user space ----

# A missing library is said once, with what to do.
$(O)/libraries:
	@mkdir -p $(@D)
	@$(PKG_CONFIG) --exists --print-errors $(PKGS) || { echo "Missing libraries. As root: make deps" >&2; exit 1; }
	@touch $@

$(O)/user/%.o: user/%.c | $(O)/libraries
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

# Only the data plane sees the skeleton.
$(call objs,datapath): | $(SKELS)

# The page that people read, in two byte arrays: what comes before the data, and the scripts, in the order in which they run.
PAGE_HEAD := $(addprefix user/report/,head.html style.css body.html)
PAGE_CODE := $(patsubst %,user/report/%.js,core terms head draw roles model timeline move phase tables)
PAGE	   = $(O)/gen/page_head.h $(O)/gen/page_code.h
$(O)/gen/page_head.h: $(PAGE_HEAD)
	$(call msg,EMBED,$@)
	@mkdir -p $(@D)
	$(Q)cat $^ | (printf 'static const unsigned char page_head[] = {\n'; xxd -i; printf '};\nstatic const unsigned int page_head_len = sizeof(page_head);\n') > $@
$(O)/gen/page_code.h: $(PAGE_CODE)
	$(call msg,EMBED,$@)
	@mkdir -p $(@D)
	$(Q)(echo '<script>'; cat $^; echo '</script></body></html>') | (printf 'static const unsigned char page_code[] = {\n'; xxd -i; printf '};\nstatic const unsigned int page_code_len = sizeof(page_code);\n') > $@

$(call objs,report): | $(PAGE)

define room_rule
$(call lib,$(1)): $(call objs,$(1))
	$$(call msg,AR,$$@)
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

$(O)/chaos: $(ROOM_LIBS)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ -Wl,--whole-archive $(call lib,cli) -Wl,--no-whole-archive \
		$(foreach r,$(DEPS_cli),$(call lib,$(r))) $(LIBS)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# ---- packages ----

deps: ## install what the build needs (Debian, Ubuntu; as root)
	@.ci/install build

deps-demo:
	@.ci/install build demo

deps-test: ## install what tests, lint and fuzzing need
	@.ci/install build demo test lint

# ---- the main job, on real software ----

demo: deps-demo ## install, build, and record a split brain of Redis with its Sentinels (as root)
	$(Q)$(REMAKE) $(O)/chaos
	$(Q)chaos/demo $(O)/chaos

# ---- care ----

TIDY_SRCS   := $(foreach r,$(ROOMS),$(call srcs,$(r)))
SCRIPTS	    := $(shell grep -rlE '^\#!.*(bash|/sh)|^\# shellcheck shell' .ci chaos completion tests vmlinux 2>/dev/null)
C_FILES	     = $(wildcard bpf/*.[ch] bpf/lib/*.h user/*/*.[ch] tests/*/*.[ch] tests/unit/*/*.[ch])

# A file is looked at again when its object is newer: its own text or a header has changed.
$(O)/lint/%.tidy: user/%.c $(O)/user/%.o .clang-tidy
	$(call msg,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(filter-out -MMD -MP -W%,$(ALL_CFLAGS)) 2>&1 | \
		{ grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -' || :; } > $@.tmp
	$(Q)if grep -qE '(warning|error):' $@.tmp; then cat $@.tmp; exit 1; fi; mv $@.tmp $@

lint: $(patsubst user/%.c,$(O)/lint/%.tidy,$(TIDY_SRCS)) ## clang-tidy, shellcheck, mandoc
	$(call msg,LINT,shell scripts)
	$(Q)shellcheck -x $(SCRIPTS)
	$(call msg,LINT,man/chaos.1)
	$(Q)mandoc -Tlint -Wwarning man/chaos.1

format: ## put all C in the style of .clang-format
	clang-format -i $(C_FILES)

vmlinux: ## make the CO-RE type headers again from this kernel's BTF
	vmlinux/generate

# ---- install ----

install: $(O)/chaos ## to $(DESTDIR)$(PREFIX): program, man page, completion, experiments
	install -D -m 755 $(O)/chaos $(DESTDIR)$(PREFIX)/bin/chaos
	install -D -m 644 man/chaos.1 $(DESTDIR)$(PREFIX)/share/man/man1/chaos.1
	install -D -m 644 completion/chaos.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/chaos
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/chaos/experiments chaos/experiments/*.yaml

uninstall: ## take all of that away again
	rm -f $(DESTDIR)$(PREFIX)/bin/chaos $(DESTDIR)$(PREFIX)/share/man/man1/chaos.1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/chaos
	rm -rf $(DESTDIR)$(PREFIX)/share/chaos

clean: ## remove everything built
	rm -rf $(O)

.PHONY: all help bpf-arch deps deps-demo deps-test demo lint format vmlinux install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:

# SPDX-License-Identifier: Apache-2.0
# One non-recursive Makefile; everything generated goes to $(B). `make help` lists the targets.
B       ?= build
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local

PKGS    := libbpf libelf zlib libmnl libnftnl libnftables json-c libcurl libevent_core libevent_extra libcrypto libssl \
	   libseccomp libcap-ng
TPKGS   := $(PKGS) cmocka
WARN    := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wundef \
	   -Wpointer-arith -Wwrite-strings -Werror
USER_CF = -std=gnu11 -D_GNU_SOURCE $(WARN) -fstack-protector-strong \
	   -fPIE -Iheaders -Iuser -isystem $(B) $(shell pkg-config --cflags $(TPKGS))
LIBS    = $(shell pkg-config --libs $(PKGS))
TLIBS   = $(shell pkg-config --libs $(TPKGS))
HARDEN  := -pie -Wl,-z,relro,-z,now
# BPF needs the headers of the architecture (asm/types.h) but nothing else of the host. clang puts
# the vendor into the folder's name.
BPF_CF  = -O2 -g -mcpu=v3 --target=bpf -Wall -Wextra -Wshadow -Werror -Iheaders \
	   -idirafter /usr/include/$(subst -pc-,-,$(shell $(CC) -dumpmachine))
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# -MD, not -MMD: the skeleton is included as a system header.
DEP     := -MD -MP

SKEL := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))
SRC  := $(wildcard user/*.c user/*/*.c)
OBJ  := $(SRC:%.c=$(B)/%.o)
MOD  := $(patsubst %.c,$(B)/san/%.o,$(filter-out user/main.c,$(SRC)))
UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
BPFT := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bpf/*.c))

Q   := $(if $(filter 1,$(V)),,@)
say  = $(Q)$(if $(Q),printf '  %-6s %s\n' $(1) $(2);) mkdir -p $(@D);

all: $(B)/nex-relay			## build the relay and its BPF programs
deps:					## install what building and testing need (Debian packages)
	$(Q)tools/deps
demo:					## show the relay at work in a lab of its own (KEEP=1 leaves it up)
	$(Q)tools/deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo $(if $(filter-out 0 no,$(KEEP)),--keep)
test:					## install, build, run everything this machine can run
	$(Q)tools/deps
	$(Q)tests/run
test-build: all $(UNIT) $(B)/tests/bpf/table $(B)/tests/vm/test_wg_edit_live ## build the tests, run none
test-unit: $(UNIT)			## unit tests with sanitizers: no root, seconds
	$(Q)tests/run unit
test-bpf: $(B)/tests/bpf/table		## packet tables under BPF_PROG_RUN, and mutations of them: root
	$(Q)tests/run bpf
test-net: all				## namespaces with real WireGuard: root
	$(Q)tests/run net
test-vm: all $(B)/tests/bpf/table $(B)/tests/vm/test_wg_edit_live	## the last two on Debian's kernels under QEMU (KERNELS=all for more)
	$(Q)tests/run vm
test-long:				## build, unit tests and demo on the next Debian: root, a network
	$(Q)tools/deps
	$(Q)tests/run debian
lint:					## format, static analysis, shell scripts
	$(Q)tests/run lint
fmt:					## format all C files
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')
print-flags:				# for tests/lint: how user files are compiled
	@echo '$(USER_CF)'
install: all				## install the binary below $(DESTDIR)$(PREFIX)
	install -D -m 0755 $(B)/nex-relay $(DESTDIR)$(PREFIX)/sbin/nex-relay
uninstall:				## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/sbin/nex-relay
clean:					## remove everything that was built
	rm -rf $(B)
help:					## this list
	@sed -n 's/^\([a-z-]*\):[^#]*##/  \1 -/p' Makefile

$(B)/nex-relay: $(OBJ)
	$(call say,LINK,$@) $(CC) $(LDFLAGS) $(HARDEN) -o $@ $^ $(LIBS)
$(B)/tests/unit/%: $(B)/san/tests/unit/%.o $(MOD)
	$(call say,LINK,$@) $(CC) $(SAN) -o $@ $^ $(TLIBS)
# Without sanitizers: an emulated CPU is slow enough.
$(B)/tests/vm/%: $(B)/tests/unit/%.o $(filter-out $(B)/user/main.o,$(OBJ))
	$(call say,LINK,$@) $(CC) -o $@ $^ $(TLIBS)
$(B)/tests/bpf/table: $(BPFT)
	$(call say,LINK,$@) $(CC) -o $@ $^ $(TLIBS)
$(B)/san/%.o: %.c | $(SKEL)
	$(call say,CC-SAN,$<) $(CC) $(CFLAGS) $(SAN) $(USER_CF) $(DEP) -c -o $@ $<
$(B)/%.o: %.c | $(SKEL)
	$(call say,CC,$<) $(CC) $(CFLAGS) $(USER_CF) $(DEP) -c -o $@ $<
$(B)/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<) $(CLANG) $(BPF_CF) $(DEP) -c -o $@ $<
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@) { echo '/* NOLINTBEGIN: generated */' && \
	$(BPFTOOL) gen skeleton $< name $* && echo '/* NOLINTEND */'; } > $@

.PHONY: all print-flags deps demo test test-build test-unit test-bpf test-net test-vm test-long lint fmt install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# SPDX-License-Identifier: GPL-2.0-only

VERSION := 0.1

prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man

PKGS := popt blkid libudev smartcols json-c uuid libkmod
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wformat=2 -Wformat-nonliteral -Wvla -Wno-unused-parameter
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
BASE := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. \
	-DVERSION='"$(VERSION)"' $(WARN) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS = $(shell pkg-config --libs $(PKGS)) -lm

CORE := bits bitmap_super member_super member_super_update intent_table commit summary
PARTS := report each parse explain image window writer rechunk outcome member choose probe ioctl sysfs proc driver stack udev node array trust place forecast survey muster slot start holders device join spare progress svg
MODES := Create Examine Ranges Map Check Bitmap Merge Dump Restore Assemble Build Attach Manage Add Detail Wait
OBJS := $(CORE:%=module/core/%) $(PARTS) $(MODES)

UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))

all: mdbitmap

mdbitmap: $(OBJS:%=build/%.o) build/mdbitmap.o
	$(CC) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -o $@ $^ $(LIBS)

build/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(HARDEN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The same sources for the tests, watched by the sanitizers.
SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

build/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(SAN) -MMD -MP -c -o $@ $<

build/san/lib.a: $(OBJS:%=build/san/%.o)
	@rm -f $@
	ar rcs $@ $^

build/san/mdbitmap: build/san/mdbitmap.o build/san/lib.a
	$(CC) $(SAN) -o $@ $^ $(LIBS)

build/unit/%: build/san/tests/unit/%.o build/san/lib.a
	@mkdir -p $(@D)
	$(CC) $(SAN) -o $@ $^ $(LIBS) -lcmocka

# Tests. Each floor leaves TAP in build/tap; the summary counts them all.
# One floor:	make check-unit | check-cli | check-lint | check-vm
# One test:	make build/unit/test_bits && build/unit/test_bits
#		bats tests/cli/create.bats
#		tests/vm/run tests/vm/powercut.bats
TAP = build/tap

check:
	tests/deps
	+$(MAKE) -s check-all

check-all:
	@rm -rf $(TAP)
	+@$(MAKE) -s check-build
	+@$(MAKE) -sk check-unit check-cli check-lint check-vm; \
	tests/tap-summary $(TAP)/*.tap

check-build: mdbitmap build/san/mdbitmap $(UNIT:%=build/unit/%)

check-unit: $(UNIT:%=build/unit/%)
	@mkdir -p $(TAP)
	@for t in $(UNIT); do echo "# $$t"; CMOCKA_MESSAGE_OUTPUT=TAP \
		build/unit/$$t >$(TAP)/unit-$$t.tap 2>&1; \
		grep '^not ok' $(TAP)/unit-$$t.tap; done; true

# The tool built with the sanitizers, so that every test here watches memory.
check-cli: mdbitmap build/san/mdbitmap
	@mkdir -p $(TAP)
	@echo "# tests/cli"
	@printf '%s\n' tests/cli/*.bats | MDBITMAP=$(CURDIR)/build/san/mdbitmap \
		xargs -P 2 -I{} sh -c \
		'bats --tap {} >$(TAP)/cli-$$(basename {} .bats).tap'; true

check-lint: mdbitmap
	@mkdir -p $(TAP)
	@tests/lint >$(TAP)/lint.tap; true

check-vm: mdbitmap
	@mkdir -p $(TAP)
	@echo "# tests/vm"
	@tests/vm/selftest >$(TAP)/vm-selftest.tap; \
	tests/vm/run tests/vm/*.bats >$(TAP)/vm.tap; true

demo:
	tests/deps
	+@$(MAKE) -s mdbitmap
	@tests/vm/demo

bench:
	tests/deps
	+@$(MAKE) -s mdbitmap
	@tests/bench/run

install: mdbitmap
	install -D -m 755 mdbitmap $(DESTDIR)$(sbindir)/mdbitmap
	install -D -m 644 man/mdbitmap.8 $(DESTDIR)$(mandir)/man8/mdbitmap.8
	install -D -m 644 man/mdbitmap-format.5 $(DESTDIR)$(mandir)/man5/mdbitmap-format.5

uninstall:
	rm -f $(DESTDIR)$(sbindir)/mdbitmap $(DESTDIR)$(mandir)/man8/mdbitmap.8 \
		$(DESTDIR)$(mandir)/man5/mdbitmap-format.5

# Kernels fetched for the VMs stay; distclean takes them too.
clean:
	rm -f mdbitmap
	find build -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf mdbitmap build

-include $(shell find build -path build/vm -prune -o -type f -name '*.d' -print 2>/dev/null)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all check check-all check-build check-unit check-cli check-lint \
	check-vm demo bench install uninstall clean distclean

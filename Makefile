# SPDX-License-Identifier: GPL-2.0-only

# One version for the tool and the module, where DKMS has to have it.
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' module/dkms.conf)

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

CORE := bits bitmap_super member_super member_super_update intent_table commit company \
	streams summary
PARTS := report each parse explain image window writer rechunk outcome member choose probe ioctl sysfs counters proc driver stack udev node mdarray trust place forecast survey muster slot start holders device join spare progress svg
MODES := Create Examine Ranges Map Check Bitmap Merge Dump Restore Assemble Build Attach Manage Add Detail Wait
OBJS := $(CORE:%=module/core/%) $(PARTS) $(MODES)

UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

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

# The same again for libFuzzer, which only clang has. How deep the stack was
# depends on where it begins: no two runs would be the same.
FUZZ_CC ?= clang
FUZZ_COVERAGE := -fsanitize=fuzzer-no-link -fno-sanitize-coverage=stack-depth

build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(BASE) $(SAN) $(FUZZ_COVERAGE) -MMD -MP -c -o $@ $<

build/fuzz/lib.a: $(OBJS:%=build/fuzz/%.o)
	@rm -f $@
	ar rcs $@ $^

$(FUZZ:%=build/fuzz/%): build/fuzz/%: build/fuzz/tests/fuzz/%.o \
		build/fuzz/tests/fuzz/fuzz.o build/fuzz/lib.a
	$(FUZZ_CC) $(SAN) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# What threads do to the words of chunks: under another sanitizer, so apart.
build/unit/test_intent_race: tests/unit/test_intent_race.c tests/unit/unit.h \
		$(foreach c,intent_table commit,module/core/$(c).c module/core/$(c).h) \
		module/core/port.h
	@mkdir -p $(@D)
	$(CC) $(BASE) -O1 -g -fsanitize=thread -o $@ $(filter %.c,$^) -lcmocka

# The driver in userspace, for power cuts: its sources as they are, with what
# the kernel gives them in tests/sim/kernel.h. The kernel's own headers are empty.
SIM_DRIVER := intent sweep chunks intent_super store super gate array launch \
	manager roster leg raid1 raid1_write raid1_read raid1_copy raid1_gate \
	raid1_behind raid1_repair resync resync_choose resync_speed \
	$(CORE:%=core/%)
SIM_PARTS := kernel platter doors rig load crash script invent sim
SIM_OBJS = $(SIM_DRIVER:%=module/%.o) $(SIM_PARTS:%=tests/sim/%.o)
SIM = -std=gnu11 -D_GNU_SOURCE -I. -Imodule -Imodule/core \
	-idirafter build/sim/kernel -include tests/sim/kernel.h -MMD -MP
# What the kernel's own build does not ask of its sources either.
SIM_WARN := $(filter-out -Wshadow -Wpointer-arith -Wmissing-prototypes \
	-Wformat%,$(WARN)) -Wno-sign-compare -Wno-maybe-uninitialized

build/sim/kernel/made: $(wildcard module/*.[ch] module/core/*.h)
	@mkdir -p $(@D)
	@sed -n 's,^#include <\(\(linux\|asm\|trace\)/.*\)>.*,\1,p' $^ | sort -u | \
		while read -r h; do mkdir -p $(@D)/$${h%/*} && : >$(@D)/$$h; done
	@touch $@

define sim_rules
build/sim/$(1)/module/%.o: module/%.c build/sim/kernel/made
	@mkdir -p $$(@D)
	$$(CC) $$(SIM) $$(SIM_WARN) $(2) -c -o $$@ $$<

build/sim/$(1)/tests/sim/%.o: tests/sim/%.c build/sim/kernel/made
	@mkdir -p $$(@D)
	$$(CC) $$(SIM) $$(WARN) -Wno-sign-compare -Wno-clobbered $(2) -c -o $$@ $$<

build/sim/$(1)/sim: $$(SIM_OBJS:%=build/sim/$(1)/%)
	$$(CC) $(2) -o $$@ $$^
endef
$(eval $(call sim_rules,fast,-O2 -g))
$(eval $(call sim_rules,san,$(SAN)))

# With one source of the module changed: MUTANT=intent, in build/sim/mutants/NAME.
build/sim/mutants/%/sim: build/sim/fast/sim
	$(CC) $(SIM) -O2 -c -o $(@D)/$(notdir $(MUTANT)).o $(@D)/$(notdir $(MUTANT)).c
	$(CC) -o $@ $(filter-out %/module/$(MUTANT).o,$(SIM_OBJS:%=build/sim/fast/%)) \
		$(@D)/$(notdir $(MUTANT)).o

# What records the disks of a VM, what judges the trace, and what cuts it.
build/recorder build/tracecheck build/cuts: build/%: tests/recorder/%.c \
		$(wildcard tests/recorder/*.h)
	@mkdir -p $(@D)
	$(CC) $(BASE) -O2 -o $@ $(filter %.c,$^)

build/tracecheck build/cuts: tests/recorder/replay.c

# Tests. Each floor leaves TAP in build/tap; the summary counts them all.
# One floor:	make check-unit | check-sim | check-fuzz | check-cli | check-lint |
#		check-dkms | check-vm
# One test:	make build/unit/test_bits && build/unit/test_bits
#		bats tests/cli/create.bats
#		tests/fuzz/run 60 fuzz_bits
#		tests/vm/run tests/vm/powercut.bats
TAP = build/tap

check:
	tests/deps
	+$(MAKE) -s check-all

check-all:
	@rm -rf $(TAP)
	+@$(MAKE) -s check-build
	+@$(MAKE) -sk -j2 check-unit check-sim check-fuzz check-lint check-dkms; \
	$(MAKE) -sk check-cli check-vm; \
	tests/tap-summary $(TAP)/*.tap

check-build: mdbitmap build/san/mdbitmap $(UNIT:%=build/unit/%) $(FUZZ:%=build/fuzz/%) \
	build/sim/fast/sim build/sim/san/sim

check-unit: $(UNIT:%=build/unit/%)
	@mkdir -p $(TAP)
	@for t in $(UNIT); do echo "# $$t"; CMOCKA_MESSAGE_OUTPUT=TAP \
		build/unit/$$t >$(TAP)/unit-$$t.tap 2>&1; \
		grep '^not ok' $(TAP)/unit-$$t.tap; done; true

# What a power cut once found, scenarios with a cut at every step, and as many
# random ones; members that run apart and meet again; any members at each start: the
# same every time. The sanitizers, which are slow, watch some.
SIM_CRASHES ?= 150000
SIM_SAN_CRASHES ?= 1000
SIM_FEUDS ?= 20000
SIM_SAN_FEUDS ?= 50
SIM_BRAWLS ?= 1000
SIM_SAN_BRAWLS ?= 10
SIM_SEED ?= 1
SIM_SCRIPTS = $(sort $(wildcard tests/sim/regressions/*.sim tests/sim/scenarios/*.sim))

check-sim: build/sim/fast/sim build/sim/san/sim
	@mkdir -p $(TAP)
	@echo "# tests/sim"
	@build/sim/fast/sim --seed $(SIM_SEED) --crashes $(SIM_CRASHES) --feuds $(SIM_FEUDS) \
		--brawls $(SIM_BRAWLS) $(SIM_SCRIPTS) >$(TAP)/sim.tap; \
	build/sim/san/sim --seed $(SIM_SEED) --crashes $(SIM_SAN_CRASHES) --feuds $(SIM_SAN_FEUDS) \
		--brawls $(SIM_SAN_BRAWLS) >$(TAP)/sim-san.tap 2>&1; \
	grep -h '^not ok' $(TAP)/sim*.tap; true

# In search of what is not known yet: other power cuts, feuds and brawls each time.
sim: build/sim/fast/sim
	build/sim/fast/sim --crashes $(CUTS) --feuds $(FEUDS) --brawls $(BRAWLS)
CUTS ?= 1000000
FEUDS ?= 100000
BRAWLS ?= 10000

# All that a parser once failed on, the corpus, and as many inputs made of it
# as take half a minute: the same ones every time.
check-fuzz: $(FUZZ:%=build/fuzz/%)
	@mkdir -p $(TAP)
	@echo "# tests/fuzz"
	@tests/fuzz/run check $(FUZZ) >$(TAP)/fuzz.tap; true

# In search of what is not known yet. What is found stays in build/fuzz/found.
FUZZ_SECONDS ?= 60

fuzz: $(FUZZ:%=build/fuzz/%)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ)

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

check-dkms:
	@mkdir -p $(TAP)
	@echo "# tests/dkms.bats"
	@bats --tap tests/dkms.bats >$(TAP)/dkms.tap; true

check-vm: mdbitmap
	@mkdir -p $(TAP)
	@echo "# tests/vm"
	@tests/bench/drift >$(TAP)/bench.tap & \
	tests/vm/selftest >$(TAP)/vm-selftest.tap; \
	wait; \
	tests/vm/run --jobs 3 tests/vm/*.bats >$(TAP)/vm.tap; true

# Every scenario on every kernel that it names, not on one of them, and on two CPUs:
# more than an hour.
check-kernels: mdbitmap
	tests/deps
	tests/vm/run --jobs 3 --all tests/vm/*.bats

# The scenario of driver-cuts.bats, with that many power cuts: other ones each time.
powercut: CUTS = 1000
powercut: SEED := $(shell date +%s)
powercut: mdbitmap
	tests/deps
	POWER_CUTS=$(CUTS) POWER_CUTS_SEED=$(SEED) RECORDER_SEED=$(SEED) \
		tests/vm/run --timeout $$(($(CUTS) * 4 + 600)) tests/vm/driver-cuts.bats

# What a power cut can do to stock md, see docs/MD-RACES.md.
md-races: mdbitmap
	tests/deps
	tests/vm/md-races

# The module's scenarios on a kernel that watches memory, locks and leaks. Its
# first build takes ten minutes, and it is slow: so not in check.
DEBUG_TAKEOVER = $(shell grep -l '^\# vm-mdbitmap:' tests/vm/*.bats)
DEBUG_BESIDE = $(filter-out $(DEBUG_TAKEOVER),$(wildcard tests/vm/driver-*.bats))

check-debug: mdbitmap
	tests/deps
	tests/vm/run --kernel debug --driver mdbitmap $(DEBUG_TAKEOVER)
	tests/vm/run --kernel debug --driver stock $(DEBUG_BESIDE)
	tests/vm/run --kernel debug --driver mdbitmap tests/vm/debug/*.bats

# The module: for the running kernel, or the one whose headers KDIR names; for
# all kernels that the tests boot, into build/module.
KDIR ?= /lib/modules/$(shell uname -r)/build

module:
	+$(MAKE) -C module KDIR=$(KDIR)

SERIES := 6.1 6.12 newest

module-all:
	tests/deps
	@for series in $(SERIES); do tests/vm/module $$series || exit; done

demo:
	tests/deps
	+@$(MAKE) -s mdbitmap
	@tests/vm/demo

bench:
	tests/deps
	+@$(MAKE) -s mdbitmap
	@tests/bench/report

install: mdbitmap
	install -D -m 755 mdbitmap $(DESTDIR)$(sbindir)/mdbitmap
	install -D -m 644 man/mdbitmap.8 $(DESTDIR)$(mandir)/man8/mdbitmap.8
	install -D -m 644 man/mdbitmap.4 $(DESTDIR)$(mandir)/man4/mdbitmap.4
	install -D -m 644 man/mdbitmap-format.5 $(DESTDIR)$(mandir)/man5/mdbitmap-format.5

# The module's sources for DKMS; on the machine itself, not into a package,
# they are built and installed too.
DKMS_SOURCES = $(patsubst module/%,%,$(wildcard $(addprefix module/, \
	Kbuild Makefile dkms.conf *.[ch] core/*.[ch] compat/*.h compat/*.mk \
	compat/older/linux/*.h)))
dkms_dir = $(DESTDIR)/usr/src/mdbitmap-$(VERSION)

install-dkms:
	@set -e; for f in $(filter-out %.mod.c,$(DKMS_SOURCES)); do \
		install -D -m 644 module/$$f $(dkms_dir)/$$f; done
ifeq ($(DESTDIR),)
	dkms add mdbitmap/$(VERSION)
	dkms build mdbitmap/$(VERSION)
	dkms install mdbitmap/$(VERSION)
endif

uninstall-dkms:
ifeq ($(DESTDIR),)
	-dkms remove mdbitmap/$(VERSION) --all
endif
	rm -rf $(dkms_dir)

uninstall:
	rm -f $(DESTDIR)$(sbindir)/mdbitmap $(DESTDIR)$(mandir)/man8/mdbitmap.8 \
		$(DESTDIR)$(mandir)/man4/mdbitmap.4 \
		$(DESTDIR)$(mandir)/man5/mdbitmap-format.5

# Kernels fetched for the VMs stay; distclean takes them too.
clean:
	rm -f mdbitmap
	cd module && find . \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name modules.order -o -name Module.symvers \) -delete
	find build -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf mdbitmap build

-include $(shell find build \( -path build/vm -o -name src \) -prune -o -type f -name '*.d' -print 2>/dev/null)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all check check-all check-build check-unit check-sim check-fuzz check-cli check-lint \
	check-dkms check-vm check-kernels check-debug powercut md-races sim fuzz module module-all demo bench install \
	install-dkms uninstall uninstall-dkms clean distclean

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
	-DVERSION='"$(VERSION)"' $(WARN) $(shell pkg-config --cflags $(PKGS))
LIBS = $(shell pkg-config --libs $(PKGS)) -lm

CORE := bits bitmap_super member_super
PARTS := report parse explain image writer member choose probe ioctl sysfs udev node array trust
MODES := Create Examine Ranges Map Check Bitmap Merge Dump Assemble Attach Manage Detail Wait
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

-include $(shell find build -name '*.d' 2>/dev/null)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all

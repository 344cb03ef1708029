/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The text form of a bitmap, as --dump writes and --restore reads it:
 *
 *	mdbitmap dump 1
 *	file-bytes N
 *	byte-order ORDER	big32 or big64: a version 3 bitmap was read so
 *	super OFFSET		and one line for each of dump_fields, in order
 *	cluster-name "TEXT"	\ooo for what is not plain text
 *	pad HEX			if not zero
 *	bits OFFSET		and START..END for each range of set bits
 *	states OFFSET		and START..END STATE for runs of version 6
 *	bytes OFFSET HEX	anything else
 *	end
 *
 * Offsets are in bytes from the superblock, bits and states are counted from
 * their OFFSET. All go up. What no line names is zero.
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "module/core/bits.h"
#include "module/core/bitmap_super.h"

#define DUMP_FIRST_LINE "mdbitmap dump 1"

enum {
	DUMP_BYTES_PER_LINE = 32,
	DUMP_STATES = 256,		/* values of a byte of state */
};

/* A number of the superblock, and the largest that fits its place on disk. */
struct dump_field {
	const char *name;
	size_t offset, size;		/* in struct bitmap_super */
	uint64_t max;
	bool hex;
};

extern const struct dump_field dump_fields[];
extern const size_t dump_field_count;

/* Of each known state but 0; NULL: written as 0x and two digits. */
extern const char *const dump_states[BITMAP_STATES];

uint64_t dump_field_get(const struct dump_field *field, const struct bitmap_super *sb);
void dump_field_set(const struct dump_field *field, struct bitmap_super *sb,
		    uint64_t value);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mdbitmap.ko's write-intent engine counts, since the bitmap was
 * attached: /sys/block/NAME/md/bitmap/stats, mdbitmap(4). Stock md has
 * nothing of it. What cannot be read, or is no number, is not known and left
 * out; nothing here fails.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

enum { COUNTER_BUCKETS_MAX = 32 };

/*
 * One number, or a histogram: its bucket i counts what is at least 2^i and
 * below 2^(i+1), the first also 0, the last all that is larger.
 */
struct counter {
	size_t count;			/* of n[]; 0: not known */
	uint64_t n[COUNTER_BUCKETS_MAX];
};

enum counter_id {
	COUNTER_WRITES_HOT, COUNTER_WRITES_COLD,
	COUNTER_COMMITS, COUNTER_COMMIT_BLOCKS, COUNTER_COMMIT_BITS, COUNTER_AHEAD,
	COUNTER_SUPER_WRITES, COUNTER_BITS_PER_COMMIT, COUNTER_COMMIT_US,
	COUNTER_SWEEPS, COUNTER_CLEARED, COUNTER_FLUSHES, COUNTER_FLUSHES_SAVED,
	COUNTER_WAITS_FULL, COUNTER_WAITS_MEMORY,
	COUNTER_DIRTY_BYTES, COUNTER_MEMORY_BYTES,
	COUNTERS
};

struct counters {
	struct counter of[COUNTERS];
};

void counters_read(const char *md, struct counters *c);

/* Decimal numbers with a blank between each two; false, and count 0: no such. */
bool counter_parse(const char *text, struct counter *out);

/*
 * At least @percent (1 to 100) of what a histogram has counted is below
 * *@bound. -ERANGE: some of that is in the last bucket, whose least number is
 * *@bound; -ENODATA: nothing was counted.
 */
int counter_bound(const struct counter *histogram, unsigned int percent,
		  uint64_t *bound);

/* For people: the lines of what explains an array's speed, and all by name. */
typedef void counters_row(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void counters_summary(const struct counters *c, counters_row *row);
void counters_list(const struct counters *c, counters_row *row);

/* All, and what follows from them, as an object in @o; nothing if none is known. */
void counters_json(const struct counters *c, struct json_object *o, const char *key);

#endif

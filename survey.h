/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that can be learned of an array by a user of any privilege: for
 * --detail. What cannot is said in words in gaps[].
 */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>
#include <stdint.h>
#include "counters.h"
#include "mdarray.h"
#include "module/core/bitmap_super.h"
#include "proc.h"
#include "sysfs.h"

enum { SURVEY_GAPS_MAX = 8 };

struct survey_member {
	bool events_known;
	uint64_t events;
};

struct survey_bitmap {
	enum { SURVEY_NONE, SURVEY_FILE, SURVEY_INTERNAL } kind;
	bool readable;			/* sb, chunks, dirty_* are valid */
	struct bitmap_super sb;
	uint64_t chunks, dirty_chunks, dirty_bytes;
	uint64_t chunk_bytes;		/* of the running bitmap; 0 not known */
	bool delay_known, behind_known;
	double delay_s;
	uint64_t write_behind;		/* requests */
	/* Of mdbitmap.ko only: */
	bool budget_known;
	uint64_t budget_bytes;		/* that may stay dirty without need */
	char store[16];			/* ok, failed; "" not known */
	struct counters counters;
};

struct survey {
	const struct driver *driver;	/* NULL: its name is no array's */
	struct mdarray *array;		/* not privileged: fd -1, super NULL and no
					 * spares */
	bool privileged;
	struct mdstat stat;
	char level[32];
	char policy[32];		/* "" not known */
	char action[32];		/* sysfs sync_action, "" not known */
	char uuid[64];			/* mdadm's form, "" not known */
	struct survey_member *members;	/* beside array->members */
	struct survey_bitmap bitmap;
	char *gaps[SURVEY_GAPS_MAX];
	size_t gap_count;
};

/* 0, or -errno after fail(): there is no such array. */
int survey_take(const char *node, struct survey *s);
void survey_free(struct survey *s);

#endif

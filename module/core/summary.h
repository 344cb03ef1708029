/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of numbers below a fixed bound as a tree of 64-way bitmaps: insert,
 * remove and "next member from here" touch one word on each of a few levels,
 * so that finding what is dirty never scans what is not. The caller provides
 * memory and locking.
 */
#ifndef CORE_SUMMARY_H
#define CORE_SUMMARY_H

#include "port.h"

enum { SUMMARY_LEVELS = 6 };	/* 2^36 members */

struct summary {
	u64 bound;			/* members are [0, bound) */
	unsigned int levels;
	u64 *level[SUMMARY_LEVELS];	/* [0]: one bit a member */
};

/* u64 words of memory that a set with this bound needs; 0: bound too large. */
u64 summary_words(u64 bound);

/* Empty set in @words, which has summary_words() zeroed entries. */
void summary_init(struct summary *s, u64 bound, u64 *words);

/* @n is below bound. */
bool summary_has(const struct summary *s, u64 n);
void summary_add(struct summary *s, u64 n);
void summary_remove(struct summary *s, u64 n);

/* Smallest member at or above @from, or bound. Any @from is fine. */
u64 summary_next(const struct summary *s, u64 from);

static inline bool summary_empty(const struct summary *s)
{
	return summary_next(s, 0) == s->bound;
}

#endif

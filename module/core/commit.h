/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of writes, as arithmetic. The caller holds one lock over each
 * struct; nothing here allocates, sleeps or does I/O.
 *
 * Commits: bits are set in the image under the open generation; a write gets
 * that generation as its ticket. One commit at a time closes the open
 * generation, writes every block that has changed, makes it durable. A ticket
 * is good when its generation, or a later one, is durable: never because some
 * page "is no longer dirty" (perf-reliability.md C.2).
 *
 * Epochs: a bit may be cleared when all members completed a flush that was
 * submitted after the last write to its chunk had completed. Sweeps number
 * the time. A chunk that a sweep found idle is covered by a flush submitted
 * after that sweep had *ended*: one submitted while it ran may be older than
 * the end of a write to a chunk that the sweep had not come to yet. So a
 * flush carries the number of the last sweep that had ended.
 */
#ifndef CORE_COMMIT_H
#define CORE_COMMIT_H

#include "port.h"

struct commit {
	u64 open;		/* generation that bits are being set under; from 1 */
	u64 durable;		/* all up to here are on the medium */
	bool busy;		/* open - 1 is being written */
	bool wanted;		/* somebody waits for the open one */
};

void commit_init(struct commit *c);

/* Ticket for a bit set now; somebody will wait for it. */
static inline u64 commit_ticket(struct commit *c)
{
	c->wanted = true;
	return c->open;
}

static inline bool commit_done(const struct commit *c, u64 ticket)
{
	return ticket <= c->durable;
}

/* Close the open generation and return it; not while busy. */
u64 commit_begin(struct commit *c);

/*
 * That commit ended. @ok: its generation is durable; otherwise nothing moves,
 * and what was in it is wanted again under the open generation (whose next
 * commit carries it, since its blocks are dirty again).
 */
void commit_end(struct commit *c, bool ok);

struct epoch {
	u64 sweep;		/* sweeps ended */
	u64 flushed;		/* newest sweep that a flush of all members followed */
};

void epoch_init(struct epoch *e);

/* A sweep has visited every chunk; its number, from 1. */
u64 epoch_sweep(struct epoch *e);

/* A flush of all members is about to be submitted; its stamp. */
static inline u64 epoch_stamp(const struct epoch *e)
{
	return e->sweep;
}

/* A flush with this stamp has completed on all members, without error. */
static inline void epoch_flushed(struct epoch *e, u64 stamp)
{
	if (stamp > e->flushed)
		e->flushed = stamp;
}

/*
 * May a chunk be cleared that sweep @seen found idle, and that was not
 * written to since? A chunk of age A, met by the sweep that will be number
 * N = sweep + 1, was found idle by sweep N - A or an earlier one.
 */
static inline bool epoch_covers(const struct epoch *e, u64 seen)
{
	return seen <= e->flushed;
}

#endif

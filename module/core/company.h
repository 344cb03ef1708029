/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When to begin a commit. It carries the writes that wait when it begins; any
 * that comes a moment later waits for all of it, and for the next one. Those
 * that a commit lets go return as their writers' next ones, most of them together,
 * and a commit that begins while they do splits them: with as many commits
 * between two turns of a writer as there are parts.
 *
 * So a commit waits for those that are about to return, if that costs the ones that
 * wait less than it saves the others. R that are expected in the time D would
 * otherwise wait for this commit and for their own; Q that wait now do so for D
 * longer: if R * (2 C - D) > Q * D, a commit taking C. Who is late is expected in the
 * time that he is late, and for an eighth of his journey at most.
 *
 * All in one commit, though, leave the store idle while they are on the members, and
 * these while they are on the store. So where the journey takes as long as a commit, and
 * writers are many, half of them are enough: the halves take turns.
 *
 * Times are nanoseconds of one clock that does not go back. The caller holds one
 * lock over the struct. Nothing is lost if all this is wrong, but time.
 */
#ifndef CORE_COMPANY_H
#define CORE_COMPANY_H

#include "port.h"

/* A stalled store is no measure. */
#define COMPANY_COMMIT_MAX 20000000u

/* Half of fewer is not worth a commit. */
#define COMPANY_HALF 8u

struct company {
	unsigned int queued;	/* writes that wait for the next commit */
	unsigned int taken;	/* by the one under way */
	struct {
		unsigned int out;	/* let go, and not back */
		u64 since;
	} gone[2];		/* by the last commit but one, and by the last */
	u64 back_ns;		/* after which those let go were all back */
	u64 commit_ns;
};

/* A write waits for the next commit. */
void company_queue(struct company *p, u64 now);

/* A commit takes those that wait; it took @commit_ns, and has let them go. */
void company_begin(struct company *p);
void company_end(struct company *p, u64 now, u64 commit_ns);

/* When to begin the next commit, should nobody return before; 0: at once. */
u64 company_until(const struct company *p, u64 now);

#endif

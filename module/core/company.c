// SPDX-License-Identifier: GPL-2.0-only
#include "company.h"

/* As long as the longest that there was lately. */
static void learn(struct company *p, u64 took)
{
	if (took > 4 * p->commit_ns)
		took = 4 * p->commit_ns;
	if (took > p->back_ns)
		p->back_ns = took;
	else
		p->back_ns -= (p->back_ns - took) / 8;
}

/* Who comes is one of those that went first. */
void company_queue(struct company *p, u64 now)
{
	unsigned int i = p->gone[0].out ? 0 : 1;

	p->queued++;
	if (p->gone[i].out && !--p->gone[i].out)
		learn(p, now - p->gone[i].since);
}

void company_begin(struct company *p)
{
	p->taken = p->queued;
	p->queued = 0;
}

void company_end(struct company *p, u64 now, u64 commit_ns)
{
	p->commit_ns = commit_ns < COMPANY_COMMIT_MAX ? commit_ns :
							 COMPANY_COMMIT_MAX;
	if (p->gone[0].out)
		learn(p, now - p->gone[0].since);
	p->gone[0] = p->gone[1];
	p->gone[1].out = p->taken;
	p->gone[1].since = now;
}

u64 company_until(const struct company *p, u64 now)
{
	unsigned int i, all = p->queued + p->gone[0].out + p->gone[1].out;
	u64 limit = 2 * p->commit_ns;

	if (all >= 2 * COMPANY_HALF && p->queued >= all - p->queued &&
	    p->back_ns >= p->commit_ns)
		return 0;
	for (i = 0; i < 2; i++) {
		u64 expected = p->gone[i].since + p->back_ns;
		u64 last = expected + p->back_ns / 8;
		u64 wait = expected > now ? expected - now : now - expected;

		if (now < last && wait < limit &&
		    p->gone[i].out * (limit - wait) > p->queued * wait)
			return last;
	}
	return 0;
}

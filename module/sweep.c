// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clearing. A sweep passes every few seconds over the chunks that have words:
 * those it finds idle grow older, and the oldest of those that are more than
 * the resync budget are cleared, provided that a flush of all members has been
 * submitted since the sweep that found them idle (P2). A flush that a
 * filesystem sent will do; otherwise one is sent. Not while degraded.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "intent_impl.h"
#include "trace.h"

enum {
	FREE_BATCH = 32,	/* pages of words freed after one grace period */
	VISIT_WORDS = 64,	/* visited without letting go of the lock: 50000 instructions */
};

/* What one sweep may clear, and what it found. */
struct sweep {
	unsigned int above;	/* all that are older than this ... */
	u64 quota;		/* ... and so many of just this age */
	u64 cleared;
	u64 aged[INTENT_AGE_MAX + 1];
	bool busy;		/* writes in flight, or chunks that can grow older */
	void *free[FREE_BATCH];
	unsigned int nfree;
};

void sweep_arm(struct intent *in)
{
	lockdep_assert_held(&in->lock);
	if (in->sweeping || in->dying || in->state)
		return;
	in->sweeping = true;
	queue_delayed_work(in->wq, &in->sweep_work,
			   msecs_to_jiffies(in->delay_ms));
}

static bool try_clear(struct intent *in, struct sweep *s, u64 chunk, u16 *word)
{
	if (!(intent_apply(word, INTENT_CLEAR, intent_degraded(in)) & INTENT_CLEAR_BIT))
		return false;
	chunk_clear_bit(in, chunk);
	s->cleared++;
	return true;
}

static bool wants_clear(struct sweep *s, unsigned int age)
{
	if (age > s->above)
		return true;
	if (age != s->above || !s->quota)
		return false;
	s->quota--;
	return true;
}

static void visit(struct intent *in, struct sweep *s, u64 chunk, u16 *word)
{
	u16 now = READ_ONCE(*word);
	unsigned int age;

	if (!intent_durable(now) && intent_state_of(now) != INTENT_CLEAN) {
		/* A write that was undone left it so, or the engine for a stream. */
		s->busy = true;
		if (!intent_settle(in, chunk, word))
			return;
		now = READ_ONCE(*word);
	}
	if (intent_state_of(now) != INTENT_DIRTY)
		return;
	age = intent_age_of(now);
	if (intent_count_of(now)) {
		s->busy = true;
		return;
	}
	if (wants_clear(s, age) && try_clear(in, s, chunk, word))
		return;
	if (age < INTENT_AGE_MAX)
		s->busy = true;
	intent_apply(word, INTENT_AGE, intent_degraded(in));
	s->aged[min_t(unsigned int, age + 1, INTENT_AGE_MAX)]++;
}

static void free_words(struct sweep *s)
{
	if (!s->nfree)
		return;
	synchronize_rcu();
	while (s->nfree)
		free_page((unsigned long)s->free[--s->nfree]);
}

/* Of one page, in->lock held. Another sweep, at a stop, may have freed it. */
static void visit_words(struct intent *in, struct sweep *s, u64 chunk, u64 end)
{
	u16 *word = chunk_word(in, chunk);

	for (; word && chunk < end; chunk++, word++)
		if (READ_ONCE(*word))
			visit(in, s, chunk, word);
}

/* One page of words; the number of the next one, or in->npages. */
static u64 visit_page(struct intent *in, struct sweep *s, u64 page)
{
	u64 chunk, end;
	u16 *words;

	spin_lock(&in->lock);
	page = summary_next(&in->worded, page);
	chunk = page * PAGE_WORDS;
	end = min_t(u64, chunk + PAGE_WORDS, in->chunks);
	while (chunk < end) {
		visit_words(in, s, chunk, min_t(u64, chunk + VISIT_WORDS, end));
		chunk += VISIT_WORDS;
		intent_let_others(in);
	}
	words = page < in->npages ? chunks_take_words(in, page) : NULL;
	if (words)
		s->free[s->nfree++] = words;
	spin_unlock(&in->lock);
	if (s->nfree == FREE_BATCH)
		free_words(s);
	return page + 1;
}

static void visit_all(struct intent *in, struct sweep *s)
{
	u64 page = 0;

	while (page < in->npages)
		page = visit_page(in, s, page);
	free_words(s);
}

/* --- what may be cleared ------------------------------------------------ */

unsigned int sweep_covered_age(struct intent *in)
{
	unsigned int age;

	for (age = 1; age <= INTENT_AGE_MAX; age++)
		if (in->epoch.sweep + 1 > age &&
		    epoch_covers(&in->epoch, in->epoch.sweep + 1 - age))
			break;
	return age;
}

static u64 older(struct intent *in, unsigned int age)
{
	u64 n = 0;

	for (; age <= INTENT_AGE_MAX; age++)
		n += in->aged[age];
	return n;
}

static bool flush_members(struct intent *in)
{
	u64 stamp = intent_flush_begin(in);

	if (array_flush_legs(in->array))
		return false;
	intent_flush_done(in, stamp);
	in->stats.flushes++;
	return true;
}

int sweep_prepare(struct intent *in)
{
	u64 events = READ_ONCE(in->array->events_recorded);

	lockdep_assert_held(&in->commit_mutex);
	/*
	 * Who fails from here on has at least these, though an update may be under
	 * way that it is not told of any more; who was away before has fewer.
	 */
	smp_rmb();
	if (intent_degraded(in))
		return -EAGAIN;
	if (in->super.events_cleared >= events)
		return 0;
	in->super.events_cleared = events;
	return intent_commit_super(in);
}

/* Choose @surplus chunks, the oldest first; false: clear nothing now. */
static bool choose(struct intent *in, struct sweep *s, u64 surplus)
{
	unsigned int covered = sweep_covered_age(in), age;
	int err;

	surplus = min(surplus, older(in, 1));
	if (!surplus || intent_degraded(in))
		return false;
	if (older(in, covered) >= surplus) {
		in->stats.flushes_saved++;
	} else {
		if (!flush_members(in))
			return false;
		covered = 1;
	}
	mutex_lock(&in->commit_mutex);
	err = sweep_prepare(in);
	mutex_unlock(&in->commit_mutex);
	if (err)
		return false;
	for (age = INTENT_AGE_MAX; age > covered && older(in, age) < surplus;)
		age--;
	s->above = age;
	s->quota = surplus - older(in, age + 1);
	return true;
}

void sweep_commit_cleared(struct intent *in)
{
	u64 b = 0;

	lockdep_assert_held(&in->lock);
	while ((b = summary_next(&in->cleared, b)) < in->blocks) {
		summary_remove(&in->cleared, b);
		summary_add(&in->changed, b);
	}
}

/* Is there anything for the next sweep to do? in->lock held. */
static bool goes_on(struct intent *in, const struct sweep *s)
{
	return s->busy || s->cleared ||
	       (in->dirty_chunks > in->budget_chunks && older(in, 1) &&
		!intent_degraded(in));
}

void sweep_work(struct work_struct *work)
{
	struct intent *in = container_of(work, struct intent, sweep_work.work);
	struct sweep s = { .above = INTENT_AGE_MAX, .quota = 0 };
	u64 surplus;

	spin_lock(&in->lock);
	in->sweeping = false;
	surplus = in->dirty_chunks > in->budget_chunks ?
		in->dirty_chunks - in->budget_chunks : 0;
	spin_unlock(&in->lock);
	if (READ_ONCE(in->state))
		return;
	choose(in, &s, surplus);
	visit_all(in, &s);

	spin_lock(&in->lock);
	memcpy(in->aged, s.aged, sizeof(in->aged));
	epoch_sweep(&in->epoch);
	in->stats.sweeps++;
	in->stats.cleared += s.cleared;
	sweep_commit_cleared(in);
	if (!summary_empty(&in->changed))
		in->commit.wanted = true;
	intent_commit_soon(in);
	if (goes_on(in, &s))
		sweep_arm(in);
	spin_unlock(&in->lock);
	trace_sweep(in->array, in->epoch.sweep, s.cleared, in->dirty_chunks);
}

/* --- at a stop ---------------------------------------------------------- */

void sweep_all(struct intent *in)
{
	/* The first pass makes every idle chunk at least one sweep old. */
	struct sweep first = { .above = INTENT_AGE_MAX, .quota = 0 };
	struct sweep second = { .above = 0, .quota = 0 };

	visit_all(in, &first);
	visit_all(in, &second);
}

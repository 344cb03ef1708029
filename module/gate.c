// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gates that I/O passes: suspension, the array's mode, the superblocks
 * that writes wait for, and the range that is closed by hand.
 *
 * Writes and "clean": a write counts itself as started and looks at in_sync in
 * one RCU section. Who records "clean" sets in_sync first, waits for those
 * sections, and then compares the sums of ended (taken first) and started
 * writes: equal means that every write that saw in_sync false has ended. One
 * that sees it true takes its count back, parks, and asks for "dirty".
 */
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "array_impl.h"
#include "trace.h"

enum {
	SUSPEND_WARN_SECONDS = 30,
};

/* --- parking ---------------------------------------------------------------- */

static void park(struct array *a, struct bio *bio, const char *why)
{
	unsigned long irq;

	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return;
	}
	trace_bio_parked(a, bio, why);
	spin_lock_irqsave(&a->state_lock, irq);
	bio_list_add(&a->parked, bio);
	spin_unlock_irqrestore(&a->state_lock, irq);
	/* Before the caller looks whether its gate has opened meanwhile. */
	smp_mb();
}

void array_park(struct array *a, struct bio *bio)
{
	park(a, bio, "personality");
}

void array_unpark(struct array *a)
{
	/* After the gate was opened: pairs with park(). */
	smp_mb();
	if (!bio_list_empty(&a->parked))
		queue_work(a->wq, &a->park_work);
}

/* In their order. Those that meet another closed gate are parked again. */
void gate_park_work(struct work_struct *work)
{
	struct array *a = container_of(work, struct array, park_work);
	struct bio_list list;
	struct bio *bio;

	spin_lock_irq(&a->state_lock);
	bio_list_init(&list);
	bio_list_merge(&list, &a->parked);
	bio_list_init(&a->parked);
	spin_unlock_irq(&a->state_lock);
	while ((bio = bio_list_pop(&list))) {
		array_submit(a, bio);
		cond_resched();
	}
}

/* --- writes ----------------------------------------------------------------- */

/* A flush without data changes nothing. */
static bool is_write(const struct bio *bio)
{
	return op_is_write(bio->bi_opf) && bio_sectors(bio);
}

static void uncount(struct array *a)
{
	/* Started before ended, for who sums them up. */
	smp_mb();
	this_cpu_inc(a->writes->ended);
}

/* False: "clean" is recorded, or about to be; not counted then. */
static bool count(struct array *a)
{
	bool clean;

	rcu_read_lock();
	this_cpu_inc(a->writes->started);
	clean = READ_ONCE(a->in_sync);
	rcu_read_unlock();
	if (likely(!clean))
		return true;
	uncount(a);
	return false;
}

static void ask_for_dirty(struct array *a)
{
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	if (a->in_sync) {
		set_bit(ARRAY_SUPER_CLEAN, &a->flags);
		set_bit(ARRAY_SUPER_PENDING, &a->flags);
		/* Who sees it dirty sees that this is not recorded yet. */
		smp_wmb();
		WRITE_ONCE(a->in_sync, false);
	}
	spin_unlock_irqrestore(&a->state_lock, irq);
	array_wake(a);
}

static bool is_pending(struct array *a)
{
	return test_bit(ARRAY_SUPER_PENDING, &a->flags) &&
	       !test_bit(ARRAY_BROKEN, &a->flags);
}

static bool is_closed(struct array *a, sector_t sector, sector_t end)
{
	sector_t lo = READ_ONCE(a->suspend_lo), hi = READ_ONCE(a->suspend_hi);

	return unlikely(lo < hi) && sector < hi && end > lo;
}

/* A gate is closed: give back what the write holds, wait, look again. */
static void park_write(struct array *a, struct bio *bio, const char *why)
{
	sector_t sector = bio->bi_iter.bi_sector, end = bio_end_sector(bio);

	park(a, bio, why);
	if (!is_pending(a) && !is_closed(a, sector, end))
		array_unpark(a);
	percpu_ref_put(&a->active);
}

static void refuse_write(struct array *a, struct bio *bio)
{
	bio_io_error(bio);
	percpu_ref_put(&a->active);
}

static bool may_write(struct array *a, struct bio *bio)
{
	if (unlikely(READ_ONCE(a->mode) != ARRAY_RW))
		array_become_rw(a);
	if (likely(READ_ONCE(a->mode) == ARRAY_RW &&
		   !test_bit(ARRAY_BROKEN, &a->flags)))
		return true;
	refuse_write(a, bio);
	return false;
}

/* True: it is admitted and counted. Otherwise it is dealt with. */
static bool admit_write(struct array *a, struct bio *bio)
{
	const char *why = NULL;

	if (!may_write(a, bio))
		return false;
	if (unlikely(!count(a))) {
		ask_for_dirty(a);
		park_write(a, bio, "clean");
		return false;
	}
	/* Pairs with ask_for_dirty(). */
	smp_rmb();
	if (unlikely(is_pending(a)))
		why = "superblocks";
	else if (is_closed(a, bio->bi_iter.bi_sector, bio_end_sector(bio)))
		why = "suspend_lo";
	/* "Dirty" may not be pending any more because it could not be recorded: see settle(). */
	smp_rmb();
	if (likely(!why && !test_bit(ARRAY_BROKEN, &a->flags)))
		return true;
	uncount(a);
	if (why)
		park_write(a, bio, why);
	else
		refuse_write(a, bio);
	return false;
}

/* --- admission -------------------------------------------------------------- */

static void park_suspended(struct array *a, struct bio *bio)
{
	park(a, bio, "suspended");
	if (!percpu_ref_is_dying(&a->active))
		array_unpark(a);
}

void array_submit(struct array *a, struct bio *bio)
{
	if (unlikely(!percpu_ref_tryget_live(&a->active))) {
		park_suspended(a, bio);
		return;
	}
	if (unlikely(!a->pers)) {
		bio_io_error(bio);
		percpu_ref_put(&a->active);
		return;
	}
	if (is_write(bio) && !admit_write(a, bio))
		return;
	a->pers->submit(a, bio);
}

void array_bio_drop(struct array *a, bool write)
{
	if (write) {
		this_cpu_inc(a->writes->ended);
		if (!timer_pending(&a->safemode_timer) &&
		    READ_ONCE(a->safemode_delay))
			mod_timer(&a->safemode_timer,
				  jiffies + READ_ONCE(a->safemode_delay));
	}
	percpu_ref_put(&a->active);
}

/* --- going clean ------------------------------------------------------------- */

static unsigned long sum_started(struct array *a)
{
	unsigned long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu_ptr(a->writes, cpu)->started);
	return n;
}

static unsigned long sum_ended(struct array *a)
{
	unsigned long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu_ptr(a->writes, cpu)->ended);
	return n;
}

static bool writes_idle(struct array *a)
{
	unsigned long ended = sum_ended(a);

	/* Pairs with uncount(); a write that was sent is ordered by its I/O. */
	smp_mb();
	return ended == sum_started(a);
}

static bool is_recording(struct array *a)
{
	return test_bit(ARRAY_SUPER_PENDING, &a->flags) ||
	       test_bit(ARRAY_SUPER_DIRTY, &a->flags);
}

/*
 * A write that has ended may have left members different; superblocks do not say so yet,
 * and the next start may be without the bitmap.
 */
static bool is_chunk_owed(struct array *a)
{
	return test_bit(ARRAY_CHUNK_OWED, &a->flags);
}

static int make_clean(struct array *a)
{
	bool idle;

	lockdep_assert_held(&a->super_lock);
	/* Where the last member missed a write others may have it. */
	if (a->mode != ARRAY_RW || is_recording(a) || is_chunk_owed(a) ||
	    test_bit(ARRAY_BROKEN, &a->flags))
		return -EBUSY;
	if (a->in_sync)
		return 0;
	spin_lock_irq(&a->state_lock);
	WRITE_ONCE(a->in_sync, true);
	spin_unlock_irq(&a->state_lock);
	synchronize_rcu();
	spin_lock_irq(&a->state_lock);
	idle = writes_idle(a) && !is_chunk_owed(a);
	/* A write may have come meanwhile, and asked for dirty. */
	if (a->in_sync) {
		WRITE_ONCE(a->in_sync, idle);
		if (idle)
			set_bit(ARRAY_SUPER_CLEAN, &a->flags);
	} else {
		idle = false;
	}
	spin_unlock_irq(&a->state_lock);
	return idle ? 0 : -EBUSY;
}

/* No superblock says "clean" before it is known whether writes are idle. */
int array_make_clean(struct array *a)
{
	int err;

	mutex_lock(&a->super_lock);
	err = make_clean(a);
	mutex_unlock(&a->super_lock);
	array_wake(a);
	return err;
}

void gate_safemode(struct timer_list *timer)
{
	struct array *a = timer_container_of(a, timer, safemode_timer);

	WRITE_ONCE(a->safemode, true);
	array_wake(a);
}

/* Idle is: no write has started for a whole delay, and none is in flight. */
void gate_look_for_clean(struct array *a)
{
	unsigned long started;

	if (!READ_ONCE(a->safemode))
		return;
	WRITE_ONCE(a->safemode, false);
	started = sum_started(a);
	if (started == a->safemode_seen && !array_make_clean(a))
		return;
	a->safemode_seen = started;
	if (!READ_ONCE(a->in_sync) && READ_ONCE(a->safemode_delay))
		mod_timer(&a->safemode_timer,
			  jiffies + READ_ONCE(a->safemode_delay));
}

/* --- suspension --------------------------------------------------------------- */

static void active_drained(struct percpu_ref *ref)
{
	struct array *a = container_of(ref, struct array, active);

	wake_up_all(&a->suspend_wait);
	wake_up_all(&a->manager_wait);
}

static void wait_drained(struct array *a)
{
	while (!wait_event_timeout(a->suspend_wait,
				   percpu_ref_is_zero(&a->active),
				   SUSPEND_WARN_SECONDS * HZ))
		array_warn(a, "I/O has not ended for %u seconds; waiting for it\n",
			   SUSPEND_WARN_SECONDS);
}

/* The manager itself waits: nobody else finishes what it waits for. */
static void serve_until_drained(struct array *a)
{
	for (;;) {
		wait_event(a->manager_wait, percpu_ref_is_zero(&a->active) ||
			   READ_ONCE(a->manager_wake));
		if (percpu_ref_is_zero(&a->active))
			return;
		WRITE_ONCE(a->manager_wake, false);
		/* Before looking at what it was woken for. */
		smp_mb();
		manager_serve(a);
	}
}

void array_suspend(struct array *a)
{
	lockdep_assert_held(&a->lock);
	if (a->suspended++)
		return;
	percpu_ref_kill(&a->active);
	if (current == a->manager)
		serve_until_drained(a);
	else
		wait_drained(a);
	a->suspend_noio = memalloc_noio_save();
}

void array_resume(struct array *a)
{
	lockdep_assert_held(&a->lock);
	if (--a->suspended)
		return;
	memalloc_noio_restore(a->suspend_noio);
	percpu_ref_reinit(&a->active);
	wake_up_all(&a->suspend_wait);
	array_unpark(a);
	/* What was put off while suspended. */
	array_wake(a);
}

/* --- start and end of an array -------------------------------------------------- */

int gate_init(struct array *a)
{
	int err;

	a->writes = alloc_percpu(struct array_writes);
	if (!a->writes)
		return -ENOMEM;
	err = percpu_ref_init(&a->active, active_drained, PERCPU_REF_ALLOW_REINIT,
			      GFP_KERNEL);
	if (err)
		free_percpu(a->writes);
	return err;
}

void gate_exit(struct array *a)
{
	percpu_ref_exit(&a->active);
	free_percpu(a->writes);
}

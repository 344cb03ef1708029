// SPDX-License-Identifier: GPL-2.0-only
/*
 * One sync of an array: its thread, what is in flight, how far it has got and
 * where that is recorded. Which sync is run, and what its end means, is
 * resync_choose.c; how fast, resync_speed.c; in whose turn, resync_turn.c.
 */
#include <linux/kthread.h>
#include <linux/slab.h>

#include "attr.h"
#include "intent.h"
#include "resync_impl.h"
#include "stat.h"

enum {
	RECORD_PARTS = 16,		/* of the array between two checkpoints */
	RECORD_S = 300,			/* or so long */
	ENGINE_MS = 500,		/* the engine hears of what is done */
};

const char *const sync_action_names[SYNC_ACTIONS] = {
	[SYNC_IDLE] = "idle",
	[SYNC_RESYNC] = "resync",
	[SYNC_RECOVER] = "recover",
	[SYNC_CHECK] = "check",
	[SYNC_REPAIR] = "repair",
	[SYNC_FROZEN] = "frozen",
};

int resync_init_array(struct array *a)
{
	struct resync *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	r->array = a;
	spin_lock_init(&r->lock);
	init_waitqueue_head(&r->wait);
	INIT_LIST_HEAD(&r->turn);
	a->resync = r;
	return 0;
}

void resync_free_array(struct array *a)
{
	kfree(a->resync);
	a->resync = NULL;
}

/* --- in flight ---------------------------------------------------------- */

void resync_issue(struct array *a, sector_t sector, sector_t sectors)
{
	struct resync *r = a->resync;
	unsigned int i;

	spin_lock_irq(&r->lock);
	for (i = 0; i < RESYNC_FLIGHT && r->flight[i].sectors; i++)
		;
	if (!WARN_ON_ONCE(i == RESYNC_FLIGHT)) {
		r->flight[i].sector = sector;
		r->flight[i].sectors = sectors;
	}
	r->flying++;
	r->copied += sectors;
	spin_unlock_irq(&r->lock);
}

static void forget_flight(struct resync *r, sector_t sector)
{
	unsigned int i;

	for (i = 0; i < RESYNC_FLIGHT; i++)
		if (r->flight[i].sectors && r->flight[i].sector == sector)
			r->flight[i].sectors = 0;
}

/*
 * What nobody can read stays as it is, and a resync makes the rest equal
 * nevertheless. A member without it can never be in sync: a recovery ends.
 */
static void note_failure(struct resync *r, sector_t sector, int error)
{
	r->failed = min(r->failed, sector);
	if (error == -EIO)
		set_bit(RESYNC_UNREADABLE, &r->flags);
	if (error != -EIO || r->action == SYNC_RECOVER)
		set_bit(RESYNC_INTERRUPTED, &r->flags);
}

void resync_done(struct array *a, sector_t sector, sector_t sectors, int error,
		 bool lacks)
{
	struct resync *r = a->resync;
	unsigned long irq;

	spin_lock_irqsave(&r->lock, irq);
	forget_flight(r, sector);
	if (error)
		note_failure(r, sector, error);
	if (lacks)
		r->keep = true;
	r->flying--;
	/* Under the lock, for when nothing flies any more r may go away. */
	wake_up(&r->wait);
	spin_unlock_irqrestore(&r->lock, irq);
}

/* All below has been copied, or did not need to be. */
static sector_t watermark(struct resync *r)
{
	sector_t mark;
	unsigned long irq;
	unsigned int i;

	spin_lock_irqsave(&r->lock, irq);
	mark = min(r->next, r->failed);
	for (i = 0; i < RESYNC_FLIGHT; i++)
		if (r->flight[i].sectors)
			mark = min(mark, r->flight[i].sector);
	spin_unlock_irqrestore(&r->lock, irq);
	return mark;
}

static bool is_idle(struct resync *r)
{
	unsigned long irq;
	bool idle;

	spin_lock_irqsave(&r->lock, irq);
	idle = !r->flying;
	spin_unlock_irqrestore(&r->lock, irq);
	return idle;
}

void resync_drain(struct resync *r)
{
	wait_event(r->wait, is_idle(r));
}

/* --- interruption ------------------------------------------------------- */

bool resync_running(struct array *a)
{
	return a->resync && test_bit(RESYNC_RUNNING, &a->resync->flags);
}

bool resync_interrupted(struct array *a)
{
	return test_bit(RESYNC_INTERRUPTED, &a->resync->flags);
}

void resync_interrupt(struct array *a)
{
	struct resync *r = a->resync;

	if (!r || !test_bit(RESYNC_RUNNING, &r->flags))
		return;
	set_bit(RESYNC_INTERRUPTED, &r->flags);
	wake_up(&r->wait);
	resync_turn_wake();
}

/* --- what is recorded --------------------------------------------------- */

static bool heeds_bitmap(struct resync *r)
{
	return r->array->intent &&
	       (r->action == SYNC_RESYNC || r->action == SYNC_RECOVER);
}

static void record_resync(struct array *a, sector_t mark)
{
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	if (a->resync_sector != NO_SECTOR && mark > a->resync_sector &&
	    !test_bit(ARRAY_CHUNK_OWED, &a->flags))
		a->resync_sector = mark;
	spin_unlock_irqrestore(&a->state_lock, irq);
}

/* The list of members stands still while we hold the array. */
static void record_recovery(struct array *a, sector_t mark)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (test_bit(LEG_RECOVERING, &leg->flags) &&
		    !test_bit(LEG_FAULTY, &leg->flags) &&
		    mark > leg->recovery_sector)
			WRITE_ONCE(leg->recovery_sector, mark);
}

/* Move the checkpoint to what is done; the superblocks tell it with the next write. */
void resync_record(struct resync *r, sector_t mark)
{
	if (r->action == SYNC_RESYNC)
		record_resync(r->array, mark);
	else if (r->action == SYNC_RECOVER)
		record_recovery(r->array, mark);
	r->recorded = mark;
	r->recorded_at = jiffies;
}

static void record_when_due(struct resync *r, sector_t mark)
{
	struct array *a = r->array;

	if (mark - r->recorded < (r->end - r->start) / RECORD_PARTS &&
	    !time_after(jiffies, r->recorded_at + RECORD_S * HZ))
		return;
	if (mark == r->recorded || !percpu_ref_tryget_live(&a->active))
		return;
	resync_record(r, mark);
	array_bio_drop(a, false);
	if (r->action == SYNC_RESYNC || r->action == SYNC_RECOVER)
		array_super_owed(a);
	attr_notify_completed(a);
}

/* Chunks that lie wholly below @mark are done. */
static void tell_engine(struct resync *r, sector_t mark)
{
	if (!heeds_bitmap(r) || mark <= r->told ||
	    !time_after(jiffies, r->told_at + msecs_to_jiffies(ENGINE_MS)))
		return;
	intent_sync_end(r->array->intent, r->told, mark, r->keep);
	/* The chunk that @mark lies in is told of again. */
	r->told = mark < r->end ? mark & ~(r->chunk_sectors - 1) : mark;
	r->told_at = jiffies;
}

/* --- the thread --------------------------------------------------------- */

/* At sync_max a sync waits for it to move. */
static bool wait_at_limit(struct resync *r)
{
	struct array *a = r->array;

	if (r->next < READ_ONCE(a->sync_max))
		return true;
	resync_drain(r);
	attr_notify_completed(a);
	while (!resync_interrupted(a) && r->next >= READ_ONCE(a->sync_max))
		wait_event_timeout(r->wait, resync_interrupted(a), HZ / 2);
	return !resync_interrupted(a);
}

static void run_pieces(struct resync *r)
{
	struct array *a = r->array;
	sector_t mark;

	while (r->next < r->end && !resync_interrupted(a)) {
		bool skipped = false;
		sector_t n;

		if (!wait_at_limit(r))
			break;
		n = a->pers->sync_request(a, r->next, &skipped);
		if (!n)
			break;
		spin_lock_irq(&r->lock);
		r->next = min(r->next + n, r->end);
		spin_unlock_irq(&r->lock);
		mark = watermark(r);
		record_when_due(r, mark);
		tell_engine(r, mark);
		if (!skipped)
			resync_pace(r);
		cond_resched();
	}
	resync_drain(r);
}

/* A check has looked at all that there is to see. */
static bool all_was_read(struct resync *r)
{
	return r->action == SYNC_CHECK || r->action == SYNC_REPAIR ||
	       !test_bit(RESYNC_UNREADABLE, &r->flags);
}

static void run_sync(struct resync *r)
{
	struct array *a = r->array;
	int err = a->pers->sync_start(a, r->action);

	if (err) {
		array_err(a, "%s could not start: %d\n",
			  sync_action_names[r->action], err);
		set_bit(RESYNC_UNREADABLE, &r->flags);
		set_bit(RESYNC_INTERRUPTED, &r->flags);
		return;
	}
	resync_speed_begin(r);
	run_pieces(r);
	if (a->pers->sync_stop(a, !resync_interrupted(a) && r->next >= r->end &&
				  all_was_read(r)))
		set_bit(RESYNC_COMPLETE, &r->flags);
}

static int resync_thread(void *data)
{
	struct resync *r = data;
	struct array *a = r->array;

	if (resync_turn_take(r)) {
		stat_changed();
		run_sync(r);
	}
	resync_turn_give(r);
	set_bit(RESYNC_ENDED, &r->flags);
	array_wake(a);
	return 0;
}

/* Where the running sync has got to; the caller has waited for its end. */
sector_t resync_mark(struct resync *r)
{
	return watermark(r);
}

int resync_start_thread(struct resync *r)
{
	struct array *a = r->array;
	struct task_struct *thread;

	r->next = r->recorded = r->start;
	r->failed = NO_SECTOR;
	r->told = 0;
	r->keep = false;
	r->copied = 0;
	r->recorded_at = r->told_at = jiffies;
	r->flags = 0;
	set_bit(RESYNC_RUNNING, &r->flags);
	thread = kthread_create(resync_thread, r, "%s_resync", array_name(a));
	if (IS_ERR(thread)) {
		clear_bit(RESYNC_RUNNING, &r->flags);
		return PTR_ERR(thread);
	}
	get_task_struct(thread);
	r->thread = thread;
	wake_up_process(thread);
	return 0;
}

void resync_wait_thread(struct resync *r)
{
	/* Before it has run for the first time this keeps it from ever doing so. */
	kthread_stop(r->thread);
	put_task_struct(r->thread);
	r->thread = NULL;
	resync_turn_forget(r);
}

/* --- status ------------------------------------------------------------- */

void resync_get_status(struct array *a, struct resync_status *st)
{
	struct resync *r = a->resync;

	memset(st, 0, sizeof(*st));
	if (!r)
		return;
	if (!test_bit(RESYNC_RUNNING, &r->flags)) {
		st->pending = a->resync_sector != NO_SECTOR;
		if (st->pending)
			st->action = SYNC_RESYNC;
		return;
	}
	st->action = r->action;
	st->delayed = test_bit(RESYNC_DELAYED, &r->flags);
	st->total = r->end;
	st->done = min(watermark(r), r->end);
	resync_speed_status(r, st);
}

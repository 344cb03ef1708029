// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread of a running array: it finishes what completions could not,
 * writes superblocks, deals with a failed store, and looks after syncs. Only
 * for these last it tries a->lock; who holds that wakes it afterwards. All else
 * it does under super_lock at most, so that I/O can drain while somebody holds
 * a->lock and suspends.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>

#include "array_impl.h"
#include "disk.h"
#include "intent.h"
#include "resync.h"

void array_wake(struct array *a)
{
	WRITE_ONCE(a->manager_wake, true);
	/* Orders it before the look at who waits. */
	if (wq_has_sleeper(&a->manager_wait))
		wake_up(&a->manager_wait);
}

/* --- P3 --------------------------------------------------------------------------- */

/* Another file may have been attached meanwhile, which is fine. */
static void give_up(struct array *a, int error)
{
	mutex_lock(&a->super_lock);
	if (a->intent && intent_failed(a->intent))
		intent_give_up(a->intent, error);
	mutex_unlock(&a->super_lock);
}

/*
 * Twice: the write that failed may have left the first of these counts in the
 * file, which must stay behind the members.
 */
static int make_stale(struct array *a)
{
	int err;

	set_bit(ARRAY_SUPER_DIRTY, &a->flags);
	err = array_update_super(a);
	if (err)
		return err;
	set_bit(ARRAY_SUPER_DIRTY, &a->flags);
	return array_update_super(a);
}

static void without_superblocks(struct array *a)
{
	array_err(a, "bitmap file failed, and without superblocks nothing could say so: read-only from now on\n");
	launch_set_mode(a, ARRAY_READONLY);
	give_up(a, -EIO);
}

static void with_superblocks(struct array *a)
{
	int err = make_stale(a);

	if (err)
		array_err(a, "bitmap file failed, and the superblocks cannot say so: writes fail\n");
	else
		array_err(a, "bitmap file failed; superblocks say that it is stale; writes go on without it\n");
	give_up(a, err ? -EIO : 0);
}

/*
 * Superblocks are not written while read-only; no write waits then. Nor does one of an
 * engine that is not the array's yet: if that goes wrong, who attaches it is told.
 */
static void deal_with_store(struct array *a)
{
	if (!test_bit(ARRAY_STORE_FAILED, &a->flags) || !READ_ONCE(a->intent) ||
	    (a->persistent && READ_ONCE(a->mode) != ARRAY_RW))
		return;
	clear_bit(ARRAY_STORE_FAILED, &a->flags);
	disk_no_zeroes(a);
	if (a->persistent)
		with_superblocks(a);
	else
		without_superblocks(a);
	stat_changed();
	disk_changed(a);
}

/* --- the loop ------------------------------------------------------------------------ */

void manager_serve(struct array *a)
{
	a->pers->manage(a);
	deal_with_store(a);
	if (array_super_is_owed(a))
		array_update_super(a);
	/* Some of it waited for superblocks, which a failed store has written, too. */
	a->pers->manage(a);
}

static void look_after_syncs(struct array *a)
{
	if (READ_ONCE(a->mode) != ARRAY_RW || !mutex_trylock(&a->lock))
		return;
	roster_retire(a);
	resync_manage(a);
	mutex_unlock(&a->lock);
}

static int manager(void *data)
{
	struct array *a = data;

	/* Reclaim must not wait for the array that waits for us. */
	memalloc_noio_save();
	while (!kthread_should_stop()) {
		wait_event_idle(a->manager_wait, READ_ONCE(a->manager_wake) ||
				kthread_should_stop());
		WRITE_ONCE(a->manager_wake, false);
		/* Before looking at what it was woken for. */
		smp_mb();
		manager_serve(a);
		gate_look_for_clean(a);
		look_after_syncs(a);
	}
	return 0;
}

struct task_struct *manager_create(struct array *a)
{
	return kthread_create(manager, a, "%s_%s", array_name(a), "raid1");
}

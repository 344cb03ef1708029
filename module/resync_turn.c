// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays that share a disk are not synced at the same time: its heads would
 * run to and fro. First come, first served.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "resync_impl.h"
#include "stat.h"

static DEFINE_SPINLOCK(turn_lock);	/* the list; process context */
static LIST_HEAD(turns);		/* syncs, by arrival */
static DECLARE_WAIT_QUEUE_HEAD(turn_wait);

int resync_turn_prepare(struct resync *r)
{
	unsigned int n = 0;
	struct leg *leg;

	list_for_each_entry(leg, &r->array->legs, list)
		n++;
	r->disks = kcalloc(n, sizeof(*r->disks), GFP_KERNEL);
	if (!r->disks)
		return -ENOMEM;
	r->ndisks = 0;
	list_for_each_entry(leg, &r->array->legs, list)
		r->disks[r->ndisks++] = leg->bdev->bd_disk;
	return 0;
}

static bool share_disk(const struct resync *a, const struct resync *b)
{
	unsigned int i, j;

	for (i = 0; i < a->ndisks; i++)
		for (j = 0; j < b->ndisks; j++)
			if (a->disks[i] == b->disks[j])
				return true;
	return false;
}

static bool is_my_turn(struct resync *r)
{
	struct resync *other;
	bool mine = true;

	if (READ_ONCE(r->array->sync_force_parallel))
		return true;
	spin_lock(&turn_lock);
	list_for_each_entry(other, &turns, turn) {
		if (other == r)
			break;
		if (share_disk(r, other)) {
			mine = false;
			break;
		}
	}
	spin_unlock(&turn_lock);
	return mine;
}

static void tell_delayed(struct resync *r)
{
	set_bit(RESYNC_DELAYED, &r->flags);
	array_info(r->array, "%s is delayed: another array is being synced on the same disk\n",
		   sync_action_names[r->action]);
	stat_changed();
}

bool resync_turn_take(struct resync *r)
{
	spin_lock(&turn_lock);
	list_add_tail(&r->turn, &turns);
	spin_unlock(&turn_lock);
	if (!is_my_turn(r))
		tell_delayed(r);
	wait_event(turn_wait, is_my_turn(r) || resync_interrupted(r->array));
	clear_bit(RESYNC_DELAYED, &r->flags);
	return !resync_interrupted(r->array);
}

void resync_turn_give(struct resync *r)
{
	spin_lock(&turn_lock);
	list_del_init(&r->turn);
	spin_unlock(&turn_lock);
	resync_turn_wake();
}

void resync_turn_forget(struct resync *r)
{
	kfree(r->disks);
	r->disks = NULL;
}

void resync_turn_wake(void)
{
	wake_up_all(&turn_wait);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may write where: writes in flight against ranges that are being copied.
 */
#include <linux/slab.h>

#include "raid1_impl.h"

static void free_drained(struct percpu_ref *ref)
{
	complete(&container_of(ref, struct raid1_gate, free)->drained);
}

int raid1_gate_init(struct raid1_gate *gate)
{
	int err;

	mutex_init(&gate->lock);
	init_waitqueue_head(&gate->wait);
	init_completion(&gate->drained);
	gate->buckets = kvcalloc(RAID1_BUCKETS, sizeof(*gate->buckets), GFP_KERNEL);
	if (!gate->buckets)
		return -ENOMEM;
	err = percpu_ref_init(&gate->free, free_drained, PERCPU_REF_ALLOW_REINIT,
			      GFP_KERNEL);
	if (err)
		kvfree(gate->buckets);
	return err;
}

void raid1_gate_exit(struct raid1_gate *gate)
{
	percpu_ref_exit(&gate->free);
	kvfree(gate->buckets);
}

/* Buckets that [sector, end) touches: from that of @sector on, so many. */
static unsigned int buckets_of(sector_t sector, sector_t end)
{
	sector_t n = ((end - 1) >> RAID1_BUCKET_SHIFT) - (sector >> RAID1_BUCKET_SHIFT) + 1;

	return min_t(sector_t, n, RAID1_BUCKETS);
}

static struct raid1_bucket *bucket_at(struct raid1_gate *gate, sector_t sector,
				      unsigned int i)
{
	return &gate->buckets[((sector >> RAID1_BUCKET_SHIFT) + i) & (RAID1_BUCKETS - 1)];
}

bool raid1_gate_raised(struct raid1_gate *gate, sector_t sector, sector_t end)
{
	unsigned int i, n = buckets_of(sector, end);

	for (i = 0; i < n; i++)
		if (atomic_read(&bucket_at(gate, sector, i)->raised))
			return true;
	return false;
}

static void leave_buckets(struct raid1_gate *gate, sector_t sector, sector_t end)
{
	unsigned int i, n = buckets_of(sector, end);
	bool empty = false;

	for (i = 0; i < n; i++)
		if (atomic_dec_and_test(&bucket_at(gate, sector, i)->writes))
			empty = true;
	if (empty && wq_has_sleeper(&gate->wait))
		wake_up_all(&gate->wait);
}

static bool enter_buckets(struct raid1_gate *gate, sector_t sector, sector_t end)
{
	unsigned int i, n = buckets_of(sector, end);

	for (i = 0; i < n; i++)
		atomic_inc(&bucket_at(gate, sector, i)->writes);
	/* Pairs with raise(): one of us sees the other. */
	smp_mb__after_atomic();
	if (likely(!raid1_gate_raised(gate, sector, end)))
		return true;
	leave_buckets(gate, sector, end);
	return false;
}

bool raid1_gate_enter(struct raid1_gate *gate, sector_t sector, sector_t end,
		      bool *counted)
{
	*counted = false;
	if (likely(percpu_ref_tryget_live(&gate->free)))
		return true;
	*counted = true;
	return enter_buckets(gate, sector, end);
}

void raid1_gate_leave(struct raid1_gate *gate, sector_t sector, sector_t end,
		      bool counted)
{
	if (likely(!counted))
		percpu_ref_put(&gate->free);
	else
		leave_buckets(gate, sector, end);
}

void raid1_gate_count(struct raid1_gate *gate)
{
	mutex_lock(&gate->lock);
	if (!gate->users++) {
		reinit_completion(&gate->drained);
		percpu_ref_kill(&gate->free);
		wait_for_completion(&gate->drained);
	}
	mutex_unlock(&gate->lock);
}

void raid1_gate_uncount(struct raid1_gate *gate)
{
	mutex_lock(&gate->lock);
	if (!--gate->users)
		percpu_ref_reinit(&gate->free);
	mutex_unlock(&gate->lock);
}

void raid1_gate_raise(struct raid1_gate *gate, sector_t sector)
{
	struct raid1_bucket *bucket = bucket_at(gate, sector, 0);

	atomic_inc(&bucket->raised);
	/* Pairs with enter_buckets(). */
	smp_mb__after_atomic();
	wait_event(gate->wait, !atomic_read(&bucket->writes));
}

bool raid1_gate_lower(struct raid1_gate *gate, sector_t sector)
{
	return atomic_dec_and_test(&bucket_at(gate, sector, 0)->raised);
}

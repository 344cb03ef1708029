// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror's slots: start, stop, who is in which, what may fail.
 */
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "raid1.h"
#include "raid1_impl.h"

static struct kmem_cache *read_cache;

struct leg *raid1_first(struct raid1 *r1)
{
	struct leg *mostly = NULL;
	unsigned int i;

	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		if (!leg || !leg_in_sync(leg))
			continue;
		if (!test_bit(LEG_WRITE_MOSTLY, &leg->flags))
			return leg;
		if (!mostly)
			mostly = leg;
	}
	return mostly;
}

bool raid1_lacks(struct raid1 *r1)
{
	unsigned int i;

	for (i = 0; i < r1->slots; i++)
		if (!raid1_writable(r1->slot[i].leg))
			return true;
	return false;
}

/* --- start and stop ----------------------------------------------------- */

static void set_slot(struct raid1 *r1, unsigned int i, struct leg *leg)
{
	struct array *a = r1->array;
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	r1->slot[i].leg = leg;
	r1->slot[i].errors_since = jiffies;
	spin_unlock_irqrestore(&a->state_lock, irq);
}

static int place_legs(struct raid1 *r1)
{
	struct array *a = r1->array;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (leg->slot < 0 || test_bit(LEG_FAULTY, &leg->flags))
			continue;
		if (leg->slot >= r1->slots || r1->slot[leg->slot].leg) {
			array_err(a, "%s: slot %d is taken or does not exist\n",
				  leg->kname, leg->slot);
			return -EINVAL;
		}
		set_slot(r1, leg->slot, leg);
		if (!test_bit(LEG_IN_SYNC, &leg->flags) &&
		    !test_bit(LEG_BITMAP_SYNC, &leg->flags))
			set_bit(LEG_FULL_SYNC, &leg->flags);
	}
	if (!raid1_first(r1)) {
		array_err(a, "no member is in sync\n");
		return -EINVAL;
	}
	/* With a bitmap its bits say it. */
	if (!a->bitmap_file)
		resync_lower_recovery(a, a->resync_sector);
	return 0;
}

static int alloc_pools(struct raid1 *r1)
{
	size_t bytes = struct_size_t(struct raid1_write, leg, r1->slots);
	int err;

	err = mempool_init_kmalloc_pool(&r1->writes, RAID1_RESERVE, bytes);
	if (err)
		return err;
	err = mempool_init_slab_pool(&r1->reads, RAID1_RESERVE, read_cache);
	if (err)
		goto writes;
	r1->page = alloc_page(GFP_KERNEL);
	if (r1->page)
		return 0;
	err = -ENOMEM;
	mempool_exit(&r1->reads);
writes:
	mempool_exit(&r1->writes);
	return err;
}

static void free_pools(struct raid1 *r1)
{
	mempool_exit(&r1->writes);
	mempool_exit(&r1->reads);
	__free_page(r1->page);
}

static struct raid1 *mirror_alloc(struct array *a)
{
	struct raid1 *r1 = kvzalloc(struct_size(r1, slot, a->raid_disks), GFP_KERNEL);

	if (!r1)
		return NULL;
	r1->array = a;
	r1->slots = a->raid_disks;
	spin_lock_init(&r1->lock);
	INIT_LIST_HEAD(&r1->failed_writes);
	INIT_LIST_HEAD(&r1->failed_reads);
	INIT_LIST_HEAD(&r1->repairs);
	INIT_LIST_HEAD(&r1->hard_reads);
	INIT_LIST_HEAD(&r1->free_copies);
	init_waitqueue_head(&r1->copy_wait);
	INIT_WORK(&r1->repair_work, raid1_repair_work);
	INIT_WORK(&r1->read_work, raid1_read_work);
	raid1_behind_init(&r1->behind);
	return r1;
}

static int run(struct array *a)
{
	struct raid1 *r1 = mirror_alloc(a);
	int err = -ENOMEM;

	if (!r1)
		return err;
	err = place_legs(r1);
	if (err)
		goto free;
	err = alloc_pools(r1);
	if (err)
		goto free;
	err = raid1_gate_init(&r1->gate);
	if (err)
		goto pools;
	a->private = r1;
	return 0;
pools:
	free_pools(r1);
free:
	kvfree(r1);
	return err;
}

static void stop(struct array *a)
{
	struct raid1 *r1 = a->private;

	cancel_work_sync(&r1->read_work);
	cancel_work_sync(&r1->repair_work);
	raid1_repair_drop(r1);
	raid1_gate_exit(&r1->gate);
	free_pools(r1);
	a->private = NULL;
	kvfree(r1);
}

/* --- members ------------------------------------------------------------ */

static int free_slot(struct raid1 *r1, int wanted)
{
	unsigned int i;

	if (wanted >= 0 && wanted < r1->slots && !r1->slot[wanted].leg)
		return wanted;
	for (i = 0; i < r1->slots; i++)
		if (!r1->slot[i].leg)
			return i;
	return -ENOSPC;
}

/* What it lacks, whatever it had when it was elsewhere: what the bitmap says, or all. */
static void set_lack(struct leg *leg)
{
	clear_bit(LEG_IN_SYNC, &leg->flags);
	leg->recovery_sector = 0;
	if (!test_bit(LEG_BITMAP_SYNC, &leg->flags))
		set_bit(LEG_FULL_SYNC, &leg->flags);
}

static int add(struct array *a, struct leg *leg)
{
	struct raid1 *r1 = a->private;
	int i = free_slot(r1, leg->saved_slot);

	if (i < 0)
		return i;
	set_lack(leg);
	leg->slot = i;
	set_slot(r1, i, leg);
	return 0;
}

static int remove(struct array *a, struct leg *leg)
{
	struct raid1 *r1 = a->private;

	if (leg->slot < 0 || leg->slot >= r1->slots || r1->slot[leg->slot].leg != leg)
		return 0;
	if (leg_in_sync(leg))
		return -EBUSY;
	set_slot(r1, leg->slot, NULL);
	leg->slot = -1;
	return 0;
}

static bool may_fail(struct array *a, struct leg *leg)
{
	struct raid1 *r1 = a->private;
	unsigned int i;

	lockdep_assert_held(&a->state_lock);
	if (!leg_in_sync(leg) || test_bit(ARRAY_FAIL_LAST, &a->flags))
		return true;
	for (i = 0; i < r1->slots; i++) {
		struct leg *other = r1->slot[i].leg;

		if (other && other != leg && leg_in_sync(other))
			return true;
	}
	return false;
}

/* --- the rest ----------------------------------------------------------- */

static void submit(struct array *a, struct bio *bio)
{
	struct raid1 *r1 = a->private;

	if (op_is_write(bio->bi_opf))
		raid1_write_submit(r1, bio);
	else
		raid1_read_submit(r1, bio);
}

static void manage(struct array *a)
{
	struct raid1 *r1 = a->private;

	raid1_write_manage(r1);
	raid1_read_manage(r1);
}

static void status(struct array *a, struct seq_file *seq)
{
	struct raid1 *r1 = a->private;
	unsigned int i;

	seq_printf(seq, " [%u/%d] [", r1->slots, (int)r1->slots - a->degraded);
	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		seq_putc(seq, leg && leg_in_sync(leg) ? 'U' : '_');
	}
	seq_putc(seq, ']');
}

static sector_t size(struct array *a, sector_t member_sectors)
{
	return member_sectors;
}

const struct personality raid1_personality = {
	.name = "raid1",
	.level = 1,
	.owner = THIS_MODULE,
	.run = run,
	.stop = stop,
	.submit = submit,
	.add = add,
	.remove = remove,
	.may_fail = may_fail,
	.manage = manage,
	.status = status,
	.sync_start = raid1_copy_start,
	.sync_stop = raid1_copy_stop,
	.sync_request = raid1_copy_request,
	.size = size,
};

int raid1_init(void)
{
	read_cache = KMEM_CACHE(raid1_read, 0);
	return read_cache ? 0 : -ENOMEM;
}

void raid1_exit(void)
{
	kmem_cache_destroy(read_cache);
}

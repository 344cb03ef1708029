// SPDX-License-Identifier: GPL-2.0-only
/*
 * A range that a member could not read is read again in pieces, from others where
 * that has to be, and written back: most disks remap such sectors when they are
 * written to. Writes are kept out of the range meanwhile.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "raid1_impl.h"

bool raid1_repair_too_many(struct raid1 *r1, unsigned int slot)
{
	struct raid1_slot *s = &r1->slot[slot];
	struct leg *leg = s->leg;

	/* The count halves every hour. */
	while (time_after(jiffies, s->errors_since + 3600 * HZ)) {
		s->errors_since += 3600 * HZ;
		atomic_set(&leg->read_errors, atomic_read(&leg->read_errors) / 2);
		if (!atomic_read(&leg->read_errors))
			s->errors_since = jiffies;
	}
	if (atomic_inc_return(&leg->read_errors) <= READ_ONCE(r1->array->max_read_errors))
		return false;
	return array_fail_unless_last(r1->array, leg, "too many read errors");
}

void raid1_repair_queue(struct raid1 *r1, unsigned int slot, sector_t sector,
			sector_t end)
{
	struct raid1_repair *repair = kmalloc(sizeof(*repair), GFP_ATOMIC | __GFP_NOWARN);
	unsigned long irq;

	/* The next read of the range will ask again. */
	if (!repair)
		return;
	repair->slot = slot;
	repair->leg = r1->slot[slot].leg;
	repair->sector = sector;
	repair->end = end;
	spin_lock_irqsave(&r1->lock, irq);
	list_add_tail(&repair->list, &r1->repairs);
	spin_unlock_irqrestore(&r1->lock, irq);
	queue_work(r1->array->wq, &r1->repair_work);
}

static struct raid1_repair *take(struct raid1 *r1)
{
	struct raid1_repair *repair;

	spin_lock_irq(&r1->lock);
	repair = list_first_entry_or_null(&r1->repairs, struct raid1_repair, list);
	if (repair)
		list_del(&repair->list);
	spin_unlock_irq(&r1->lock);
	return repair;
}

void raid1_repair_drop(struct raid1 *r1)
{
	struct raid1_repair *repair;

	while ((repair = take(r1)))
		kfree(repair);
}

/* --- in pieces ---------------------------------------------------------- */

/* What every member can read alone, in bytes; a page at most (leg_open()). */
static unsigned int block_bytes(struct raid1 *r1)
{
	unsigned int i, bytes = SECTOR_SIZE;

	for (i = 0; i < r1->slots; i++)
		if (r1->slot[i].leg)
			bytes = max(bytes, bdev_logical_block_size(r1->slot[i].leg->bdev));
	return bytes;
}

static bool read_own(struct raid1 *r1, unsigned int slot, sector_t sector,
		     unsigned int bytes, struct page *page, unsigned int at)
{
	struct leg *leg = r1->slot[slot].leg;

	return raid1_readable(leg, sector + (bytes >> SECTOR_SHIFT)) &&
	       !leg_io(leg, sector, bytes, page, at, REQ_OP_READ);
}

/* In the order in which they would come to be raid1_first(). */
static bool read_other(struct raid1 *r1, unsigned int slot, sector_t sector,
		       unsigned int bytes, struct page *page, unsigned int at, bool mostly)
{
	unsigned int i;

	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		if (i != slot && leg && leg_in_sync(leg) &&
		    test_bit(LEG_WRITE_MOSTLY, &leg->flags) == mostly &&
		    !leg_io(leg, sector, bytes, page, at, REQ_OP_READ))
			return true;
	}
	return false;
}

static bool has_other(struct raid1 *r1, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < r1->slots; i++)
		if (i != slot && r1->slot[i].leg && leg_in_sync(r1->slot[i].leg))
			return true;
	return false;
}

int raid1_gather(struct raid1 *r1, unsigned int slot, sector_t sector,
		 unsigned int bytes, struct page *page)
{
	unsigned int at, n, block = block_bytes(r1);
	int others = 0;

	if (read_own(r1, slot, sector, bytes, page, 0))
		return 0;
	if (!has_other(r1, slot))
		return -EIO;
	for (at = 0; at < bytes; at += n, sector += n >> SECTOR_SHIFT) {
		n = min(block, bytes - at);
		if (read_own(r1, slot, sector, n, page, at))
			continue;
		if (!read_other(r1, slot, sector, n, page, at, false) &&
		    !read_other(r1, slot, sector, n, page, at, true))
			return -EIO;
		others += n >> SECTOR_SHIFT;
	}
	return others;
}

/* --- repair ------------------------------------------------------------- */

/* False: the member cannot be helped, and was failed. */
static bool repair_page(struct raid1 *r1, const struct raid1_repair *repair,
			sector_t sector, unsigned int bytes, struct page *page)
{
	int others = raid1_gather(r1, repair->slot, sector, bytes, page);
	struct leg *leg = repair->leg;

	if (others <= 0)
		return true;
	if (leg_io(leg, sector, bytes, page, 0, REQ_OP_WRITE | REQ_FUA) ||
	    leg_io(leg, sector, bytes, page, 0, REQ_OP_READ)) {
		array_fail_leg(r1->array, leg, "read error that rewriting did not cure");
		return false;
	}
	atomic_add(others, &leg->corrected);
	array_info_limited(r1->array, "%s: read error corrected, %d sectors at %llu\n",
			   leg->kname, others, (unsigned long long)sector);
	return true;
}

/* The part of the range that lies in one bucket of the gate. */
static bool repair_bucket(struct raid1 *r1, const struct raid1_repair *repair,
			  sector_t sector, sector_t end, struct page *page)
{
	bool go_on = true;
	sector_t bucket = sector;

	raid1_gate_raise(&r1->gate, bucket);
	while (go_on && sector < end) {
		unsigned int n = min_t(sector_t, PAGE_SIZE >> SECTOR_SHIFT, end - sector);

		go_on = repair_page(r1, repair, sector, n << SECTOR_SHIFT, page);
		sector += n;
	}
	if (raid1_gate_lower(&r1->gate, bucket))
		array_unpark(r1->array);
	return go_on;
}

static void repair_range(struct raid1 *r1, const struct raid1_repair *repair,
			 struct page *page)
{
	sector_t sector = repair->sector, end;

	for (; sector < repair->end; sector = end) {
		end = min(repair->end, sector + raid1_gate_room(sector));
		if (!repair_bucket(r1, repair, sector, end, page))
			break;
	}
}

/* Only if things are still as they were when it was asked for. */
static void repair_if_possible(struct raid1 *r1, const struct raid1_repair *repair,
			       struct page *page)
{
	if (!raid1_tryget(r1))
		return;
	if (repair->slot < r1->slots && r1->slot[repair->slot].leg == repair->leg &&
	    raid1_readable(repair->leg, repair->end) && r1->array->mode == ARRAY_RW)
		repair_range(r1, repair, page);
	array_bio_drop(r1->array, false);
}

void raid1_repair_work(struct work_struct *work)
{
	struct raid1 *r1 = container_of(work, struct raid1, repair_work);
	struct page *page = alloc_page(GFP_NOIO);
	struct raid1_repair *repair;

	if (!page)
		return;
	raid1_gate_count(&r1->gate);
	while ((repair = take(r1))) {
		repair_if_possible(r1, repair, page);
		kfree(repair);
	}
	raid1_gate_uncount(&r1->gate);
	__free_page(page);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a sync does to one piece of the mirror: read it, compare it, write it
 * where it is missing. Pieces are copied side by side, each while writes are
 * kept out of its bucket.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "raid1_impl.h"

struct raid1_copy_leg {
	struct bio bio;
	struct raid1_copy *copy;
	struct leg *leg;		/* NULL: has no part in this piece */
	bool reads;
	unsigned int bad;		/* sectors that it could not read */
	bool writes;
	unsigned int buffer;		/* that it writes */
	struct bio_vec vec[RAID1_COPY_PAGES];
};

struct raid1_copy {
	struct raid1 *r1;
	struct list_head list;		/* r1->free_copies */
	struct work_struct work;	/* what comes after reading */
	sector_t sector;
	unsigned int sectors;
	unsigned int source;		/* slot */
	bool lacks;
	int error;
	atomic_t flying;		/* bios, and one while they are sent */
	unsigned int buffers;
	struct page **pages;		/* RAID1_COPY_PAGES for each buffer */
	struct raid1_copy_leg leg[];	/* one for each slot */
};

static bool compares(enum sync_action action)
{
	return action == SYNC_CHECK || action == SYNC_REPAIR;
}

/* Members that are compared have a buffer each; a copy needs but one. */
static unsigned int buffer_of(const struct raid1_copy *copy, unsigned int slot)
{
	return copy->buffers > 1 ? slot : 0;
}

static struct page **buffer_pages(const struct raid1_copy *copy, unsigned int buffer)
{
	return &copy->pages[buffer * RAID1_COPY_PAGES];
}

/* Bytes of the piece that lie in page @i of a buffer, 0: it ends before. */
static unsigned int page_bytes(const struct raid1_copy *copy, unsigned int i)
{
	unsigned int bytes = copy->sectors << SECTOR_SHIFT, at = i * PAGE_SIZE;

	return at < bytes ? min_t(unsigned int, bytes - at, PAGE_SIZE) : 0;
}

static sector_t page_sector(const struct raid1_copy *copy, unsigned int i)
{
	return copy->sector + ((sector_t)i << (PAGE_SHIFT - SECTOR_SHIFT));
}

/* --- the end ------------------------------------------------------------ */

static void copy_put(struct raid1_copy *copy)
{
	struct raid1 *r1 = copy->r1;
	unsigned long irq;

	spin_lock_irqsave(&r1->lock, irq);
	list_add(&copy->list, &r1->free_copies);
	spin_unlock_irqrestore(&r1->lock, irq);
	wake_up(&r1->copy_wait);
}

static void copy_end(struct raid1_copy *copy)
{
	struct array *a = copy->r1->array;
	sector_t sector = copy->sector;
	unsigned int sectors = copy->sectors;
	int error = copy->error;
	bool lacks = copy->lacks;

	if (raid1_gate_lower(&copy->r1->gate, sector))
		array_unpark(a);
	copy_put(copy);
	resync_done(a, sector, sectors, error, lacks);
	array_bio_drop(a, false);
}

/* --- bios --------------------------------------------------------------- */

static void leg_init(struct raid1_copy_leg *l, unsigned int buffer, blk_opf_t opf,
		     bio_end_io_t *end)
{
	struct raid1_copy *copy = l->copy;
	struct page **pages = buffer_pages(copy, buffer);
	unsigned int i;

	bio_init(&l->bio, l->leg->bdev, l->vec, RAID1_COPY_PAGES, opf);
	l->bio.bi_iter.bi_sector = copy->sector + l->leg->data_sector;
	l->bio.bi_private = l;
	l->bio.bi_end_io = end;
	for (i = 0; i < RAID1_COPY_PAGES && page_bytes(copy, i); i++)
		__bio_add_page(&l->bio, pages[i], page_bytes(copy, i), 0);
}

static void write_put(struct raid1_copy *copy)
{
	if (atomic_dec_and_test(&copy->flying))
		copy_end(copy);
}

static void leg_written(struct bio *bio)
{
	struct raid1_copy_leg *l = bio->bi_private;
	struct raid1_copy *copy = l->copy;

	if (unlikely(bio->bi_status)) {
		copy->error = -ENODEV;
		array_fail_leg(copy->r1->array, l->leg, "write error in a sync");
	} else if (l->bad) {
		atomic_add(l->bad, &l->leg->corrected);
	}
	bio_uninit(bio);
	write_put(copy);
}

static void write_legs(struct raid1_copy *copy)
{
	unsigned int i;

	atomic_set(&copy->flying, 1);
	for (i = 0; i < copy->r1->slots; i++) {
		struct raid1_copy_leg *l = &copy->leg[i];

		if (!l->leg || !l->writes)
			continue;
		if (test_bit(LEG_FAULTY, &l->leg->flags)) {
			copy->error = -ENODEV;
			continue;
		}
		leg_init(l, l->buffer, REQ_OP_WRITE, leg_written);
		atomic_inc(&copy->flying);
		submit_bio_noacct(&l->bio);
	}
	write_put(copy);
}

/* --- between reading and writing, in a worker --------------------------- */

/* A member that could not read the piece: page by page, and write it back. */
static bool mend_buffer(struct raid1_copy *copy, unsigned int slot)
{
	unsigned int buffer = buffer_of(copy, slot), i;
	struct raid1_copy_leg *l = &copy->leg[slot];
	struct page **pages = buffer_pages(copy, buffer);

	l->bad = 0;
	for (i = 0; i < RAID1_COPY_PAGES && page_bytes(copy, i); i++) {
		int others = raid1_gather(copy->r1, slot, page_sector(copy, i),
					  page_bytes(copy, i), pages[i]);

		if (others < 0)
			return false;
		l->bad += others;
	}
	l->writes = true;
	l->buffer = buffer;
	return true;
}

/* False: nobody can read the piece. */
static bool mend(struct raid1_copy *copy)
{
	struct raid1 *r1 = copy->r1;
	unsigned int i;

	for (i = 0; i < r1->slots; i++) {
		if (!copy->leg[i].leg || !copy->leg[i].bad)
			continue;
		if (raid1_repair_too_many(r1, i)) {
			copy->error = -ENODEV;
			return false;
		}
		if (!mend_buffer(copy, i)) {
			array_err(r1->array, "no member can read %u sectors at %llu\n",
				  copy->sectors, (unsigned long long)copy->sector);
			copy->error = -EIO;
			return false;
		}
	}
	return true;
}

static bool same(struct raid1_copy *copy, unsigned int slot)
{
	struct page **a = buffer_pages(copy, buffer_of(copy, copy->source));
	struct page **b = buffer_pages(copy, buffer_of(copy, slot));
	unsigned int i;

	for (i = 0; i < RAID1_COPY_PAGES && page_bytes(copy, i); i++)
		if (memcmp(page_address(a[i]), page_address(b[i]), page_bytes(copy, i)))
			return false;
	return true;
}

static void compare(struct raid1_copy *copy)
{
	struct raid1 *r1 = copy->r1;
	unsigned int i;

	for (i = 0; i < r1->slots; i++) {
		struct raid1_copy_leg *l = &copy->leg[i];

		if (!l->leg || i == copy->source || same(copy, i))
			continue;
		atomic64_add(copy->sectors, &r1->array->mismatches);
		if (r1->action == SYNC_REPAIR) {
			l->writes = true;
			l->buffer = buffer_of(copy, copy->source);
		}
	}
}

static void after_reading(struct work_struct *work)
{
	struct raid1_copy *copy = container_of(work, struct raid1_copy, work);

	if (!mend(copy)) {
		copy_end(copy);
		return;
	}
	if (compares(copy->r1->action))
		compare(copy);
	write_legs(copy);
}

/* --- reading ------------------------------------------------------------ */

static void read_put(struct raid1_copy *copy)
{
	if (atomic_dec_and_test(&copy->flying))
		queue_work(copy->r1->array->wq, &copy->work);
}

static void leg_read(struct bio *bio)
{
	struct raid1_copy_leg *l = bio->bi_private;

	l->bad = bio->bi_status == BLK_STS_OK ? 0 : l->copy->sectors;
	bio_uninit(bio);
	read_put(l->copy);
}

static void read_legs(struct raid1_copy *copy)
{
	unsigned int i;

	atomic_set(&copy->flying, 1);
	for (i = 0; i < copy->r1->slots; i++) {
		struct raid1_copy_leg *l = &copy->leg[i];

		if (!l->leg || !l->reads)
			continue;
		leg_init(l, buffer_of(copy, i), REQ_OP_READ, leg_read);
		atomic_inc(&copy->flying);
		submit_bio_noacct(&l->bio);
	}
	read_put(copy);
}

/* --- which members take part -------------------------------------------- */

static bool is_target(enum sync_action action, const struct leg *leg)
{
	switch (action) {
	case SYNC_RESYNC:
		return true;
	case SYNC_RECOVER:
		return test_bit(LEG_RECOVERING, &leg->flags);
	default:
		return false;
	}
}

static bool is_read(enum sync_action action, const struct leg *leg,
		    const struct leg *source)
{
	return leg == source || (compares(action) && leg_in_sync(leg));
}

/*
 * True: there is something to do. The source is read even if it has just
 * failed: no write can have passed it by here, and something must be read.
 */
static bool plan_legs(struct raid1_copy *copy)
{
	struct raid1 *r1 = copy->r1;
	struct leg *source = raid1_first(r1);
	unsigned int i, others = 0;

	copy->lacks = raid1_lacks(r1);
	for (i = 0; i < r1->slots; i++) {
		struct raid1_copy_leg *l = &copy->leg[i];
		struct leg *leg = r1->slot[i].leg;

		l->leg = NULL;
		l->bad = 0;
		if (!source || (leg != source && !raid1_writable(leg)))
			continue;
		if (leg == source)
			copy->source = i;
		l->reads = is_read(r1->action, leg, source);
		l->writes = leg != source && is_target(r1->action, leg);
		l->buffer = 0;
		if (!l->reads && !l->writes)
			continue;
		l->leg = leg;
		l->copy = copy;
		others += leg != source;
	}
	return others;
}

/*
 * Up to where, at most, can the bitmap alone say what is to be copied? Not
 * beyond the checkpoint of a member that must be given everything.
 */
static sector_t bitmap_rules(struct raid1 *r1)
{
	sector_t end = r1->array->array_sectors;
	unsigned int i;

	if (r1->action != SYNC_RECOVER)
		return end;
	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		if (leg && test_bit(LEG_RECOVERING, &leg->flags) &&
		    test_bit(LEG_FULL_SYNC, &leg->flags))
			end = min(end, leg->recovery_sector);
	}
	return end;
}

/* --- one request -------------------------------------------------------- */

/* While the array is suspended a sync waits, too; unless it is to end. */
static bool hold(struct raid1 *r1)
{
	struct array *a = r1->array;

	while (!raid1_tryget(r1)) {
		if (resync_interrupted(a))
			return false;
		wait_event_timeout(a->suspend_wait,
				   !READ_ONCE(a->suspended) || resync_interrupted(a),
				   HZ / 10);
	}
	return true;
}

static struct raid1_copy *take_free(struct raid1 *r1)
{
	struct raid1_copy *copy;

	spin_lock_irq(&r1->lock);
	copy = list_first_entry_or_null(&r1->free_copies, struct raid1_copy, list);
	if (copy)
		list_del(&copy->list);
	spin_unlock_irq(&r1->lock);
	return copy;
}

static struct raid1_copy *copy_get(struct raid1 *r1)
{
	struct raid1_copy *copy;

	wait_event(r1->copy_wait, (copy = take_free(r1)));
	copy->error = 0;
	return copy;
}

/* The bitmap, if the sync heeds it. */
static struct intent *intent_of(struct raid1 *r1)
{
	return compares(r1->action) ? NULL : r1->array->intent;
}

/*
 * Need what is at @sector be copied, as far as is known, and how many sectors from
 * there on is that true of? Unless it is but a @peek, the engine is told of a copy.
 */
static bool is_owed(struct raid1 *r1, sector_t sector, sector_t *n, bool peek)
{
	struct intent *in = intent_of(r1);
	sector_t rules = bitmap_rules(r1);

	*n = r1->array->array_sectors - sector;
	if (!in || intent_sync_begin(in, sector, n, sector >= rules, peek))
		return true;
	*n = min(*n, rules - sector);
	return false;
}

/*
 * Writes are out of the way, so that what is owed now stays so. False: nothing of
 * the next *n sectors is to be copied.
 */
static bool copy_start(struct raid1_copy *copy, sector_t sector, sector_t *n)
{
	struct raid1 *r1 = copy->r1;
	bool owed;

	*n = r1->array->array_sectors - sector;
	owed = plan_legs(copy) && is_owed(r1, sector, n, false);
	*n = min(*n, raid1_gate_room(sector));
	if (!owed)
		return false;
	*n = min_t(sector_t, *n, RAID1_COPY_SECTORS);
	copy->sectors = *n;
	resync_issue(r1->array, sector, *n);
	return true;
}

static sector_t request(struct raid1 *r1, sector_t sector, bool *skipped)
{
	struct raid1_copy *copy;
	sector_t n;

	*skipped = !is_owed(r1, sector, &n, true);
	if (*skipped)
		return n;
	copy = copy_get(r1);
	copy->sector = sector;
	raid1_gate_raise(&r1->gate, sector);
	if (!copy_start(copy, sector, &n)) {
		if (raid1_gate_lower(&r1->gate, sector))
			array_unpark(r1->array);
		copy_put(copy);
		*skipped = true;
		return n;
	}
	read_legs(copy);
	return n;
}

sector_t raid1_copy_request(struct array *a, sector_t sector, bool *skipped)
{
	struct raid1 *r1 = a->private;
	sector_t n;

	if (!hold(r1))
		return 0;
	n = request(r1, sector, skipped);
	if (*skipped)
		array_bio_drop(a, false);
	return n;
}

/* --- start and stop ----------------------------------------------------- */

static void copy_free(struct raid1_copy *copy)
{
	unsigned int i;

	if (!copy)
		return;
	for (i = 0; copy->pages && i < copy->buffers * RAID1_COPY_PAGES; i++)
		if (copy->pages[i])
			__free_page(copy->pages[i]);
	kvfree(copy->pages);
	kvfree(copy);
}

static struct raid1_copy *copy_alloc(struct raid1 *r1, unsigned int buffers)
{
	struct raid1_copy *copy = kvzalloc(struct_size(copy, leg, r1->slots), GFP_KERNEL);
	unsigned int i, n = buffers * RAID1_COPY_PAGES;

	if (!copy)
		return NULL;
	copy->r1 = r1;
	copy->buffers = buffers;
	INIT_WORK(&copy->work, after_reading);
	copy->pages = kvcalloc(n, sizeof(*copy->pages), GFP_KERNEL);
	for (i = 0; copy->pages && i < n; i++) {
		copy->pages[i] = alloc_page(GFP_KERNEL);
		if (!copy->pages[i])
			break;
	}
	if (i == n)
		return copy;
	copy_free(copy);
	return NULL;
}

static void free_copies(struct raid1 *r1)
{
	unsigned int i;

	INIT_LIST_HEAD(&r1->free_copies);
	for (i = 0; i < RAID1_COPIES; i++) {
		copy_free(r1->copies[i]);
		r1->copies[i] = NULL;
	}
}

static int alloc_copies(struct raid1 *r1)
{
	unsigned int i, buffers = compares(r1->action) ? r1->slots : 1;

	for (i = 0; i < RAID1_COPIES; i++) {
		r1->copies[i] = copy_alloc(r1, buffers);
		if (!r1->copies[i])
			return -ENOMEM;
		list_add(&r1->copies[i]->list, &r1->free_copies);
	}
	return 0;
}

int raid1_copy_start(struct array *a, enum sync_action action)
{
	struct raid1 *r1 = a->private;
	int err;

	r1->action = action;
	err = alloc_copies(r1);
	if (err)
		free_copies(r1);
	else
		raid1_gate_count(&r1->gate);
	return err;
}

/*
 * Before they are said to be in sync. A superblock comes behind a flush of its member
 * anyway; without metadata nothing else flushes what had no bits. False: it was interrupted.
 */
static bool flush_recovered(struct raid1 *r1)
{
	unsigned int i;

	if (!hold(r1))
		return false;
	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		if (raid1_writable(leg) && test_bit(LEG_RECOVERING, &leg->flags) &&
		    blkdev_issue_flush(leg->bdev))
			array_fail_leg(r1->array, leg, "flush error at the end of recovery");
	}
	array_bio_drop(r1->array, false);
	return true;
}

bool raid1_copy_stop(struct array *a, bool complete)
{
	struct raid1 *r1 = a->private;

	if (complete && r1->action == SYNC_RECOVER)
		complete = flush_recovered(r1);
	raid1_gate_uncount(&r1->gate);
	free_copies(r1);
	return complete;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: from the member that can do it soonest; from the others, one after
 * the other, if that one cannot read; in pieces, if none can or they may differ.
 */
#include <linux/blkdev.h>

#include "raid1_impl.h"

/* What a member is told of a read. Failing early is for who has another choice. */
#define FLAGS_PASSED (REQ_SYNC | REQ_META | REQ_PRIO | REQ_RAHEAD | \
		      REQ_IDLE | REQ_BACKGROUND)

/* A sequential reader stays where it is until that member has so many reads more than another. */
enum { READS_AHEAD = 8 };

/* --- the choice --------------------------------------------------------- */

/* P4: may members differ in the range? */
static bool may_differ(struct array *a, sector_t sector, sector_t end)
{
	if (a->intent)
		return intent_owes_sync(a->intent, sector, end - sector);
	return end > READ_ONCE(a->resync_sector);
}

static sector_t distance(const struct leg *leg, sector_t sector)
{
	sector_t head = READ_ONCE(leg->head);

	return head > sector ? head - sector : sector - head;
}

struct choice {
	struct leg *leg;
	unsigned int reads;
	sector_t distance;
	bool slow;			/* write-mostly */
};

/*
 * Is @new a better one than @old? @seeks: all members are disks that do; of
 * these the nearest, but none waits for its turn while another has nothing to do.
 */
static bool better(const struct choice *new, const struct choice *old, bool seeks)
{
	if (!old->leg || new->slow != old->slow)
		return !old->leg || !new->slow;
	if (!new->distance != !old->distance &&
	    (seeks || max(new->reads, old->reads) < READS_AHEAD))
		return !new->distance;
	if (new->reads != old->reads && (!seeks || !new->reads || !old->reads))
		return new->reads < old->reads;
	return new->distance < old->distance;
}

static struct leg *balance(struct raid1 *r1, sector_t sector, sector_t end)
{
	struct choice best = { };
	bool seeks = true;
	unsigned int i;

	for (i = 0; i < r1->slots; i++)
		if (raid1_readable(r1->slot[i].leg, end))
			seeks &= bdev_rot(r1->slot[i].leg->bdev);
	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;
		struct choice c = { .leg = leg };

		if (!raid1_readable(leg, end))
			continue;
		c.reads = atomic_read(&leg->reads);
		c.distance = distance(leg, sector);
		c.slow = test_bit(LEG_WRITE_MOSTLY, &leg->flags);
		if (better(&c, &best, seeks))
			best = c;
	}
	return best.leg;
}

static struct leg *choose(struct raid1 *r1, sector_t sector, sector_t end)
{
	if (unlikely(may_differ(r1->array, sector, end)))
		return raid1_first(r1);
	return balance(r1, sector, end);
}

/* --- the end ------------------------------------------------------------ */

static void read_end(struct raid1_read *r, blk_status_t status)
{
	struct raid1 *r1 = r->r1;
	struct array *a = r1->array;
	struct bio *bio = r->bio;

	bio->bi_status = status;
	bio_end_io_acct(bio, r->start_time);
	bio_endio(bio);
	mempool_free(r, &r1->reads);
	array_bio_drop(a, false);
}

static void queue_failed(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;
	unsigned long irq;

	/* As queue_failed() of a write. */
	rcu_read_lock();
	spin_lock_irqsave(&r1->lock, irq);
	list_add_tail(&r->list, &r1->failed_reads);
	spin_unlock_irqrestore(&r1->lock, irq);
	array_wake(r1->array);
	rcu_read_unlock();
}

static void leg_read(struct bio *bio)
{
	struct raid1_read *r = bio->bi_private;
	blk_status_t status = bio->bi_status;

	atomic_dec(&r->leg->reads);
	bio_uninit(bio);
	/* Reading ahead may fail for no reason: its user does without. */
	if (likely(status == BLK_STS_OK) || r->bio->bi_opf & REQ_RAHEAD)
		read_end(r, status);
	else
		queue_failed(r);
}

/* --- sending ------------------------------------------------------------ */

static void send(struct raid1_read *r, struct leg *leg)
{
	struct bio *bio = r->bio;

	if (bio_init_clone(leg->bdev, &r->clone, bio, GFP_NOIO)) {
		read_end(r, BLK_STS_RESOURCE);
		return;
	}
	r->leg = leg;
	r->clone.bi_opf = REQ_OP_READ | (bio->bi_opf & FLAGS_PASSED);
	r->clone.bi_iter.bi_sector += leg->data_sector;
	r->clone.bi_private = r;
	r->clone.bi_end_io = leg_read;
	atomic_inc(&leg->reads);
	WRITE_ONCE(leg->head, bio_end_sector(bio));
	submit_bio_noacct(&r->clone);
}

/* Its source lags behind writes to the range that were acknowledged. */
static bool is_behind(struct raid1 *r1, struct leg *leg, struct bio *bio)
{
	return test_bit(LEG_WRITE_MOSTLY, &leg->flags) &&
	       raid1_behind_overlaps(r1, bio->bi_iter.bi_sector, bio_end_sector(bio));
}

/* Come back later. They may have ended before it was parked: so look again. */
static void park(struct raid1 *r1, struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector, end = bio_end_sector(bio);
	struct array *a = r1->array;

	array_park(a, bio);
	smp_mb();
	if (!raid1_behind_overlaps(r1, sector, end))
		array_unpark(a);
	array_bio_drop(a, false);
}

static void fail_bio(struct raid1 *r1, struct bio *bio)
{
	bio_io_error(bio);
	array_bio_drop(r1->array, false);
}

void raid1_read_submit(struct raid1 *r1, struct bio *bio)
{
	struct leg *leg = choose(r1, bio->bi_iter.bi_sector, bio_end_sector(bio));
	struct raid1_read *r;

	if (unlikely(!leg)) {
		fail_bio(r1, bio);
		return;
	}
	if (unlikely(is_behind(r1, leg, bio))) {
		park(r1, bio);
		return;
	}
	r = mempool_alloc(&r1->reads,
			  bio->bi_opf & REQ_NOWAIT ? GFP_NOWAIT : GFP_NOIO);
	if (!r) {
		bio_wouldblock_error(bio);
		array_bio_drop(r1->array, false);
		return;
	}
	r->r1 = r1;
	r->bio = bio;
	r->first = leg->slot;
	r->next = 0;
	r->start_time = bio_start_io_acct(bio);
	send(r, leg);
}

/* --- after an error, in the manager thread ------------------------------ */

/* The next member that has not been tried. */
static struct leg *next_leg(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;

	while (r->next < r1->slots) {
		unsigned int i = r->next++;

		if (i != r->first &&
		    raid1_readable(r1->slot[i].leg, bio_end_sector(r->bio)))
			return r1->slot[i].leg;
	}
	return NULL;
}

static void note_error(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;
	struct leg *leg = r->leg;

	array_warn_limited(r1->array, "%s: read error at sector %llu\n", leg->kname,
			   (unsigned long long)r->bio->bi_iter.bi_sector);
	if (r1->array->mode != ARRAY_RW)
		return;
	if (test_bit(LEG_FAILFAST, &leg->flags))
		array_fail_unless_last(r1->array, leg, "read error");
	else if (!raid1_repair_too_many(r1, leg->slot))
		raid1_repair_queue(r1, leg->slot, r->bio->bi_iter.bi_sector,
				   bio_end_sector(r->bio));
}

/* The one that is left lags behind: start anew when it does not. */
static void restart(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;
	struct bio *bio = r->bio;

	bio_end_io_acct(bio, r->start_time);
	mempool_free(r, &r1->reads);
	park(r1, bio);
}

/* In pieces, of which each may be from another member. */
static void read_hard(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;

	spin_lock_irq(&r1->lock);
	list_add_tail(&r->list, &r1->hard_reads);
	spin_unlock_irq(&r1->lock);
	queue_work(r1->array->wq, &r1->read_work);
}

/*
 * All of it from another would not be what this one gives beside what is bad, if members
 * differ (P4). And where each of them fails somewhere, others may have that.
 */
static void retry(struct raid1_read *r)
{
	struct raid1 *r1 = r->r1;
	sector_t sector = r->bio->bi_iter.bi_sector, end = bio_end_sector(r->bio);
	struct leg *leg = NULL;

	note_error(r);
	if (!may_differ(r1->array, sector, end))
		leg = next_leg(r);
	if (leg ? is_behind(r1, leg, r->bio) : raid1_behind_overlaps(r1, sector, end))
		restart(r);
	else if (leg)
		send(r, leg);
	else
		read_hard(r);
}

void raid1_read_manage(struct raid1 *r1)
{
	struct raid1_read *r, *next;
	LIST_HEAD(list);

	if (list_empty_careful(&r1->failed_reads))
		return;
	spin_lock_irq(&r1->lock);
	list_splice_init(&r1->failed_reads, &list);
	spin_unlock_irq(&r1->lock);
	list_for_each_entry_safe(r, next, &list, list) {
		list_del(&r->list);
		retry(r);
	}
}

/* --- in pieces, in a worker ---------------------------------------------- */

static void give(struct bio *bio, struct bvec_iter *iter, const char *from,
		 unsigned int bytes)
{
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);

		bv.bv_len = min(bv.bv_len, bytes);
		memcpy_to_bvec(&bv, from);
		bio_advance_iter(bio, iter, bv.bv_len);
		from += bv.bv_len;
		bytes -= bv.bv_len;
	}
}

/* As the member has it that all is read from while they may differ. */
static blk_status_t read_pieces(struct raid1 *r1, struct bio *bio)
{
	struct leg *first = raid1_first(r1);
	struct bvec_iter iter = bio->bi_iter;

	while (iter.bi_size) {
		unsigned int n = min_t(unsigned int, iter.bi_size, PAGE_SIZE);

		if (!first || raid1_gather(r1, first->slot, iter.bi_sector, n, r1->page) < 0)
			return BLK_STS_IOERR;
		give(bio, &iter, page_address(r1->page), n);
	}
	return BLK_STS_OK;
}

static struct raid1_read *take_hard(struct raid1 *r1)
{
	struct raid1_read *r;

	spin_lock_irq(&r1->lock);
	r = list_first_entry_or_null(&r1->hard_reads, struct raid1_read, list);
	if (r)
		list_del(&r->list);
	spin_unlock_irq(&r1->lock);
	return r;
}

void raid1_read_work(struct work_struct *work)
{
	struct raid1 *r1 = container_of(work, struct raid1, read_work);
	struct raid1_read *r;

	while ((r = take_hard(r1)))
		read_end(r, read_pieces(r1, r->bio));
}

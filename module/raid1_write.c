// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes and flushes: to every member that works. The user is told when all
 * that he waits for have ended, and not before the failure of one that has
 * not got the data is recorded on the others. The engine is told when the last
 * has ended, those left behind included.
 */
#include <linux/blkdev.h>

#include "disk.h"
#include "raid1_impl.h"

/* What members are told of a write; the rest is between the user and us. */
#define FLAGS_PASSED (REQ_SYNC | REQ_META | REQ_PRIO | REQ_FUA | REQ_PREFLUSH | \
		      REQ_IDLE | REQ_BACKGROUND | REQ_NOUNMAP)

static blk_opf_t leg_opf(const struct bio *bio)
{
	return bio_op(bio) | (bio->bi_opf & FLAGS_PASSED);
}

/* --- the end ------------------------------------------------------------ */

/* All members it was sent to have ended. */
static void tell_engine(struct raid1_write *w)
{
	bool missed = test_bit(WRITE_MISSED, &w->flags);
	struct array *a = w->r1->array;

	if (!a->intent)
		return;
	if (w->stamp && !missed)
		intent_flush_done(a->intent, w->stamp);
	if (test_bit(WRITE_FLUSH, &w->flags))
		return;
	intent_end(a->intent, &w->intent, missed);
	if (missed && test_bit(WRITE_UNSUPPORTED, &w->flags)) {
		/* Nobody fails, and members differ. */
		set_bit(ARRAY_CHUNK_OWED, &a->flags);
		array_wake(a);
	}
}

static void write_end(struct raid1_write *w)
{
	struct raid1 *r1 = w->r1;
	struct array *a = r1->array;
	bool is_write = !test_bit(WRITE_FLUSH, &w->flags);
	unsigned int i;

	for (i = 0; i < r1->slots; i++)
		if (w->leg[i].leg)
			bio_uninit(&w->leg[i].bio);
	tell_engine(w);
	if (is_write) {
		raid1_behind_end(w);
		raid1_gate_leave(&r1->gate, w->sector, w->end,
				 test_bit(WRITE_COUNTED, &w->flags));
	}
	mempool_free(w, &r1->writes);
	array_bio_drop(a, is_write);
}

static void write_put(struct raid1_write *w)
{
	if (atomic_dec_and_test(&w->refs))
		write_end(w);
}

static blk_status_t write_status(const struct raid1_write *w)
{
	if (test_bit(WRITE_UNSUPPORTED, &w->flags))
		return BLK_STS_NOTSUPP;
	return test_bit(WRITE_GOOD, &w->flags) ? BLK_STS_OK : BLK_STS_IOERR;
}

static void acknowledge(struct raid1_write *w)
{
	unsigned long start_time = w->start_time;
	struct bio *bio = w->bio;
	/* Members differ: who knows that it failed, and reads, must read all from one. */
	bool differs = test_bit(WRITE_UNSUPPORTED, &w->flags);

	bio->bi_status = write_status(w);
	if (unlikely(differs))
		write_put(w);
	bio_end_io_acct(bio, start_time);
	bio_endio(bio);
	if (likely(!differs))
		write_put(w);
}

/* Leave it to the manager, which knows when failures are recorded. */
static void queue_failed(struct raid1_write *w)
{
	struct raid1 *r1 = w->r1;
	unsigned long irq;

	set_bit(WRITE_QUEUED, &w->flags);
	/* From the lock on it may be gone, and a stop with it, which waits for this. */
	rcu_read_lock();
	spin_lock_irqsave(&r1->lock, irq);
	list_add_tail(&w->list, &r1->failed_writes);
	spin_unlock_irqrestore(&r1->lock, irq);
	array_wake(r1->array);
	rcu_read_unlock();
}

static void front_put(struct raid1_write *w)
{
	if (!atomic_dec_and_test(&w->front))
		return;
	raid1_behind_told(w);
	if (unlikely(test_bit(WRITE_FAILED, &w->flags) ||
		     !test_bit(WRITE_GOOD, &w->flags) ||
		     !array_super_settled(w->r1->array))) {
		raid1_behind_untold(w);
		queue_failed(w);
	} else {
		acknowledge(w);
	}
}

/*
 * A member that has it may have been failed before another's error came in, of
 * one that is the last now: then nobody who is read from has it.
 */
static void look_who_has_it(struct raid1_write *w)
{
	unsigned int i;

	if (!test_bit(WRITE_FAILED, &w->flags))
		return;
	for (i = 0; i < w->r1->slots; i++)
		if (w->leg[i].leg && READ_ONCE(w->leg[i].has_it) &&
		    leg_in_sync(w->leg[i].leg))
			break;
	assign_bit(WRITE_GOOD, &w->flags, i < w->r1->slots);
}

/* Do superblocks say of everybody who lacks it that he failed? */
static bool is_recorded(struct raid1_write *w)
{
	unsigned int i;

	for (i = 0; i < w->r1->slots; i++) {
		struct leg *leg = w->r1->slot[i].leg;

		if (leg && test_bit(LEG_FAULTY, &leg->flags) &&
		    !test_bit(LEG_FAILURE_RECORDED, &leg->flags))
			return false;
	}
	return true;
}

/*
 * Nobody is left who could record that others lack it: at the next start these
 * would pass for good, so that it is a failure.
 */
static bool is_lost(struct raid1_write *w)
{
	return test_bit(WRITE_FAILED, &w->flags) &&
	       test_bit(ARRAY_BROKEN, &w->r1->array->flags) && !is_recorded(w);
}

/*
 * Not yet: some member that is left behind may still save it; or it is to be
 * a success, and the failure is not recorded.
 */
static bool must_wait(struct raid1_write *w)
{
	struct array *a = w->r1->array;
	bool flying = atomic_read(&w->refs) > 1;

	/* Whoever flies no more has said how it went. */
	smp_rmb();
	look_who_has_it(w);
	if (!test_bit(WRITE_GOOD, &w->flags))
		return flying;
	if (!array_super_settled(a))
		return true;
	if (!is_lost(w))
		return false;
	if (array_super_is_owed(a))
		return true;
	clear_bit(WRITE_GOOD, &w->flags);
	return false;
}

void raid1_write_manage(struct raid1 *r1)
{
	struct raid1_write *w, *next;
	LIST_HEAD(list);

	if (list_empty_careful(&r1->failed_writes))
		return;
	spin_lock_irq(&r1->lock);
	list_splice_init(&r1->failed_writes, &list);
	spin_unlock_irq(&r1->lock);
	list_for_each_entry_safe(w, next, &list, list) {
		raid1_behind_told(w);
		if (must_wait(w)) {
			raid1_behind_untold(w);
			continue;
		}
		list_del(&w->list);
		acknowledge(w);
	}
	spin_lock_irq(&r1->lock);
	list_splice(&list, &r1->failed_writes);
	spin_unlock_irq(&r1->lock);
}

/* Some disks say that they can write zeroes, and refuse when they are to: SCSI's ones so. */
static bool refuses_zeroes(const struct raid1_write_leg *l)
{
	return bio_op(&l->bio) == REQ_OP_WRITE_ZEROES &&
	       (l->bio.bi_status == BLK_STS_NOTSUPP || l->bio.bi_status == BLK_STS_TARGET ||
		!bdev_write_zeroes_sectors(l->leg->bdev));
}

/* A member that does not discard keeps its data, which nobody may expect anything of. */
static bool is_failure(const struct raid1_write_leg *l)
{
	if (l->bio.bi_status == BLK_STS_OK || bio_op(&l->bio) == REQ_OP_DISCARD)
		return false;
	if (refuses_zeroes(l)) {
		set_bit(WRITE_UNSUPPORTED, &l->write->flags);
		set_bit(ARRAY_NO_ZEROES, &l->write->r1->array->flags);
		disk_no_zeroes(l->write->r1->array);
	}
	return true;
}

static void leg_failed(struct raid1_write_leg *l)
{
	struct raid1_write *w = l->write;

	set_bit(WRITE_MISSED, &w->flags);
	if (test_bit(WRITE_UNSUPPORTED, &w->flags))
		return;
	set_bit(WRITE_FAILED, &w->flags);
	array_fail_leg(w->r1->array, l->leg,
		       test_bit(WRITE_FLUSH, &w->flags) ? "flush error" : "write error");
}

/* The manager may wait for just this before it can say how the write went. */
static void behind_put(struct raid1_write *w)
{
	struct array *a = w->r1->array;

	/* has_it() before this look, as queue_failed() before the manager's. */
	smp_mb();
	if (likely(test_bit(WRITE_GOOD, &w->flags) &&
		   !test_bit(WRITE_FAILED, &w->flags) &&
		   !test_bit(WRITE_QUEUED, &w->flags))) {
		write_put(w);
		return;
	}
	percpu_ref_get(&a->active);
	write_put(w);
	array_wake(a);
	array_bio_drop(a, false);
}

static void has_it(struct raid1_write_leg *l)
{
	WRITE_ONCE(l->has_it, true);
	set_bit(WRITE_GOOD, &l->write->flags);
}

static void leg_written(struct bio *bio)
{
	struct raid1_write_leg *l = bio->bi_private;
	struct raid1_write *w = l->write;

	if (unlikely(is_failure(l)))
		leg_failed(l);
	else if (l->in_sync)
		has_it(l);

	if (!l->behind) {
		/* In this order: who acknowledges it counts those that fly. */
		write_put(w);
		front_put(w);
	} else {
		behind_put(w);
	}
}

/* --- sending ------------------------------------------------------------ */

static void leg_init_flush(struct raid1_write_leg *l)
{
	bio_init(&l->bio, l->leg->bdev, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
}

static int leg_init(struct raid1_write *w, struct raid1_write_leg *l, bool behind)
{
	blk_opf_t opf = leg_opf(w->bio);

	l->behind = behind && test_bit(LEG_WRITE_MOSTLY, &l->leg->flags);
	if (test_bit(WRITE_FLUSH, &w->flags)) {
		leg_init_flush(l);
	} else if (l->behind) {
		raid1_behind_prepare(w, l, opf);
	} else {
		int err = bio_init_clone(l->leg->bdev, &l->bio, w->bio, GFP_NOIO);

		if (err)
			return err;
		l->bio.bi_opf = opf;
	}
	l->bio.bi_iter.bi_sector = w->sector + l->leg->data_sector;
	l->bio.bi_private = l;
	l->bio.bi_end_io = leg_written;
	return 0;
}

/* Decide about slot @i. */
static int leg_choose(struct raid1_write *w, unsigned int i, bool behind)
{
	struct raid1_write_leg *l = &w->leg[i];
	struct leg *leg = w->r1->slot[i].leg;
	int err;

	if (!raid1_writable(leg)) {
		set_bit(WRITE_MISSED, &w->flags);
		if (leg && !test_bit(LEG_FAILURE_RECORDED, &leg->flags))
			set_bit(WRITE_FAILED, &w->flags);
		return 0;
	}
	l->write = w;
	l->leg = leg;
	l->in_sync = test_bit(LEG_IN_SYNC, &leg->flags);
	l->has_it = false;
	err = leg_init(w, l, behind);
	if (err) {
		l->leg = NULL;
		return err;
	}
	atomic_inc(&w->refs);
	if (!l->behind)
		atomic_inc(&w->front);
	return 0;
}

/* No memory for the clone of slot @i: none may be sent, or members would differ. */
static void send_nothing(struct raid1_write *w, unsigned int i)
{
	while (i--) {
		if (!w->leg[i].leg)
			continue;
		bio_uninit(&w->leg[i].bio);
		w->leg[i].leg = NULL;
	}
	clear_bit(WRITE_MISSED, &w->flags);
	w->stamp = 0;
	atomic_set(&w->refs, 1);
	acknowledge(w);
}

/* Its bits are durable: to all members. They do not change while we hold the array. */
static void send(struct raid1_write *w)
{
	bool behind = raid1_behind_begin(w);
	unsigned int i;

	if (w->bio->bi_opf & REQ_PREFLUSH && w->r1->array->intent)
		w->stamp = intent_flush_begin(w->r1->array->intent);
	for (i = 0; i < w->r1->slots; i++) {
		if (leg_choose(w, i, behind)) {
			send_nothing(w, i);
			return;
		}
	}
	for (i = 0; i < w->r1->slots; i++)
		if (w->leg[i].leg)
			submit_bio_noacct(&w->leg[i].bio);
	front_put(w);
}

/*
 * Zeroes that one member takes and another refuses leave a chunk to be copied: once, and
 * not at all without a bitmap, as nobody would know of it. They come back as data.
 */
static bool may_send_zeroes(struct array *a)
{
	return a->intent && !intent_failed(a->intent) &&
	       !test_bit(ARRAY_NO_ZEROES, &a->flags);
}

static void send_or_refuse(struct raid1_write *w)
{
	if (bio_op(w->bio) == REQ_OP_WRITE_ZEROES && !may_send_zeroes(w->r1->array)) {
		__set_bit(WRITE_UNSUPPORTED, &w->flags);
		acknowledge(w);
	} else {
		send(w);
	}
}

/* The engine has made the bits durable, or cannot. */
static void go(struct intent_write *intent, int error)
{
	struct raid1_write *w = container_of(intent, struct raid1_write, intent);

	if (error)
		acknowledge(w);
	else
		send_or_refuse(w);
}

/* --- entering ----------------------------------------------------------- */

static struct raid1_write *write_alloc(struct raid1 *r1, struct bio *bio)
{
	struct raid1_write *w;
	unsigned int i;

	w = mempool_alloc(&r1->writes,
			  bio->bi_opf & REQ_NOWAIT ? GFP_NOWAIT : GFP_NOIO);
	if (!w)
		return NULL;
	w->r1 = r1;
	w->bio = bio;
	w->sector = bio->bi_iter.bi_sector;
	w->end = bio_end_sector(bio);
	w->stamp = 0;
	w->flags = 0;
	w->vec = NULL;
	w->intent.logged = false;
	atomic_set(&w->refs, 1);
	atomic_set(&w->front, 1);
	for (i = 0; i < r1->slots; i++)
		w->leg[i].leg = NULL;
	return w;
}

static void would_block(struct raid1 *r1, struct bio *bio, bool is_write)
{
	bio_wouldblock_error(bio);
	array_bio_drop(r1->array, is_write);
}

static bool must_park(struct raid1 *r1, sector_t sector, sector_t end)
{
	return raid1_gate_raised(&r1->gate, sector, end) ||
	       raid1_behind_overlaps(r1, sector, end);
}

/*
 * The range is being copied, or is behind: come back later. What kept it may
 * have ended before it was parked, and woken nobody: so look again.
 */
static void park(struct raid1 *r1, struct bio *bio, sector_t sector, sector_t end)
{
	struct array *a = r1->array;

	array_park(a, bio);
	smp_mb();
	if (!must_park(r1, sector, end))
		array_unpark(a);
	array_bio_drop(a, true);
}

static bool enter(struct raid1 *r1, struct raid1_write *w)
{
	bool counted;

	if (unlikely(raid1_behind_overlaps(r1, w->sector, w->end)))
		return false;
	if (!raid1_gate_enter(&r1->gate, w->sector, w->end, &counted))
		return false;
	if (counted)
		__set_bit(WRITE_COUNTED, &w->flags);
	return true;
}

/* Take a step into the engine, if there is one, and send. */
static void start(struct raid1 *r1, struct raid1_write *w)
{
	struct intent *in = r1->array->intent;
	struct bio *bio = w->bio;

	w->start_time = bio_start_io_acct(bio);
	if (!in) {
		send_or_refuse(w);
		return;
	}
	w->intent.sector = w->sector;
	w->intent.end = w->end;
	w->intent.kind = INTENT_USER;
	w->intent.go = go;
	switch (intent_start(in, &w->intent, bio->bi_opf & REQ_NOWAIT)) {
	case INTENT_GO:
		send_or_refuse(w);
		break;
	case INTENT_QUEUED:
		break;	/* and w may be gone */
	case INTENT_AGAIN:
		raid1_gate_leave(&r1->gate, w->sector, w->end,
				 test_bit(WRITE_COUNTED, &w->flags));
		bio_end_io_acct(bio, w->start_time);
		mempool_free(w, &r1->writes);
		would_block(r1, bio, true);
		break;
	}
}

static void flush(struct raid1 *r1, struct bio *bio)
{
	struct raid1_write *w = write_alloc(r1, bio);

	if (!w) {
		would_block(r1, bio, false);
		return;
	}
	__set_bit(WRITE_FLUSH, &w->flags);
	w->start_time = bio_start_io_acct(bio);
	send(w);
}

void raid1_write_submit(struct raid1 *r1, struct bio *bio)
{
	struct raid1_write *w;

	if (!bio_sectors(bio)) {
		flush(r1, bio);
		return;
	}
	w = write_alloc(r1, bio);
	if (!w) {
		would_block(r1, bio, true);
		return;
	}
	if (unlikely(!enter(r1, w))) {
		sector_t sector = w->sector, end = w->end;

		mempool_free(w, &r1->writes);
		park(r1, bio, sector, end);
		return;
	}
	start(r1, w);
}

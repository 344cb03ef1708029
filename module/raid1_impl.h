/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the mirror; for the raid1*.c files only.
 *
 * Slots change under a->lock, a->super_lock and state_lock, with the array
 * suspended: all I/O, that of a sync included, holds a reference of a->active
 * and may look at them without a lock.
 *
 * Locks, all innermost:
 *
 *	r1->lock	spinlock, irqsave: lists of failed I/O, of what is to be
 *			repaired or read in pieces, and of free copies.
 *	behind.lock	spinlock, irqsave: the tree of write-behind.
 *	gate.lock	mutex, process context: who wants writes to be counted.
 *			Held while the writes that were not counted drain.
 */
#ifndef RAID1_IMPL_H
#define RAID1_IMPL_H

#include <linux/mempool.h>
#include <linux/rbtree.h>

#include "array.h"
#include "intent.h"
#include "leg.h"
#include "resync.h"

enum {
	RAID1_RESERVE = 32,		/* requests that always get memory */
	RAID1_BUCKETS = 1024,		/* of the gate, a power of two */
	RAID1_BUCKET_SHIFT = 12,	/* sectors: 2 MiB */
	RAID1_BUCKET_SECTORS = 1 << RAID1_BUCKET_SHIFT,
	RAID1_COPIES = 32,		/* pieces a sync has in flight */
	RAID1_COPY_SECTORS = 128,
	RAID1_COPY_PAGES = DIV_ROUND_UP(RAID1_COPY_SECTORS << SECTOR_SHIFT, PAGE_SIZE),
	RAID1_BEHIND_PAGES = 256,	/* larger writes are not left behind */
};

/* --- the gate: raid1_gate.c --------------------------------------------- */

/*
 * Keeps writes out of a range that a sync or a repair is copying. While
 * nobody does, a write costs a reference of @free. While somebody does,
 * writes are counted in the bucket of their place instead, and one that meets
 * a raised bucket is parked until that is lowered.
 */
struct raid1_bucket {
	atomic_t writes;		/* in flight */
	atomic_t raised;		/* copies that want it empty */
};

struct raid1_gate {
	struct percpu_ref free;		/* writes that no bucket counts */
	struct completion drained;	/* of those */
	struct mutex lock;
	unsigned int users;		/* of counting; lock */
	struct raid1_bucket *buckets;
	wait_queue_head_t wait;		/* a bucket has no writes any more */
};

int raid1_gate_init(struct raid1_gate *gate);
void raid1_gate_exit(struct raid1_gate *gate);

/*
 * A write of [sector, end) begins: true, and *counted is to be given back at
 * its end (any context). False: the range is being copied.
 */
bool raid1_gate_enter(struct raid1_gate *gate, sector_t sector, sector_t end,
		      bool *counted);
void raid1_gate_leave(struct raid1_gate *gate, sector_t sector, sector_t end,
		      bool counted);

/* Is some bucket of the range raised now? */
bool raid1_gate_raised(struct raid1_gate *gate, sector_t sector, sector_t end);

/* From now on all writes are counted: waits for those that are not. Nests; process context. */
void raid1_gate_count(struct raid1_gate *gate);
void raid1_gate_uncount(struct raid1_gate *gate);

/*
 * Keep writes out of @sector's bucket and wait for those that are in it;
 * while writes are counted. Lowering, in any context: true if nobody keeps it
 * raised any more, when array_unpark() is due.
 */
void raid1_gate_raise(struct raid1_gate *gate, sector_t sector);
bool raid1_gate_lower(struct raid1_gate *gate, sector_t sector);

/* Sectors from @sector to the end of its bucket. */
static inline sector_t raid1_gate_room(sector_t sector)
{
	return RAID1_BUCKET_SECTORS - (sector & (RAID1_BUCKET_SECTORS - 1));
}

/* --- the mirror: raid1.c ------------------------------------------------ */

struct raid1_slot {
	struct leg *leg;		/* NULL: empty */
	unsigned long errors_since;	/* jiffies: leg->read_errors was halved */
};

/* Writes that members may still lack although their users were told. raid1_behind.c */
struct raid1_behind {
	spinlock_t lock;
	struct rb_root_cached tree;
};

struct raid1 {
	struct array *array;
	struct raid1_gate gate;
	struct raid1_behind behind;
	mempool_t writes;		/* struct raid1_write */
	mempool_t reads;		/* struct raid1_read */
	spinlock_t lock;
	struct list_head failed_writes;	/* wait for the manager */
	struct list_head failed_reads;
	struct list_head repairs;	/* struct raid1_repair */
	struct work_struct repair_work;
	struct list_head hard_reads;	/* of which a piece may be from another member */
	struct work_struct read_work;
	struct page *page;		/* of read_work */

	/* The sync that runs; raid1_copy.c. */
	enum sync_action action;
	struct raid1_copy *copies[RAID1_COPIES];
	struct list_head free_copies;
	wait_queue_head_t copy_wait;

	unsigned int slots;
	struct raid1_slot slot[];
};

/* References of a->active for I/O of our own: false if the array is suspended. */
static inline bool raid1_tryget(struct raid1 *r1)
{
	return percpu_ref_tryget_live(&r1->array->active);
}

/* May @leg be sent writes? */
static inline bool raid1_writable(const struct leg *leg)
{
	return leg && !test_bit(LEG_FAULTY, &leg->flags);
}

/* Does @leg hold good data of everything below @end? */
static inline bool raid1_readable(const struct leg *leg, sector_t end)
{
	return raid1_writable(leg) && (test_bit(LEG_IN_SYNC, &leg->flags) ||
				       end <= READ_ONCE(leg->recovery_sector));
}

/*
 * The member that all reads are served from while members may differ, and
 * that a sync copies from: the first one that is in sync, one that writes may
 * be behind on only if there is no other. NULL: none.
 */
struct leg *raid1_first(struct raid1 *r1);

/* Is some slot without a working member? */
bool raid1_lacks(struct raid1 *r1);

/* --- writes: raid1_write.c ---------------------------------------------- */

struct raid1_write_leg {
	struct bio bio;
	struct raid1_write *write;
	struct leg *leg;		/* NULL: not sent to this slot */
	bool in_sync;			/* when sent: its success is the user's */
	bool has_it;			/* written to it, and in sync when sent */
	bool behind;			/* the user does not wait for it */
};

enum raid1_write_flag {
	WRITE_GOOD,			/* a member in sync has it */
	WRITE_MISSED,			/* some slot has not */
	WRITE_FAILED,			/* a failure must be recorded before it is acknowledged */
	WRITE_UNSUPPORTED,		/* a member knows no such command */
	WRITE_COUNTED,			/* by a bucket of the gate */
	WRITE_FLUSH,			/* an empty flush: no write */
	WRITE_BEHIND,			/* in the tree, and in a->write_behind */
	WRITE_TOLD,			/* in a->behind_told */
	WRITE_QUEUED,			/* the manager decides how it ends */
};

struct raid1_write {
	struct raid1 *r1;
	struct bio *bio;		/* the user's */
	sector_t sector, end;
	unsigned long start_time;
	struct intent_write intent;
	u64 stamp;			/* of the engine, if it flushes */
	unsigned long flags;
	atomic_t refs;			/* legs in flight, and one until the user's bio is ended */
	atomic_t front;			/* legs the user waits for, and one while they are sent */
	struct list_head list;		/* r1->failed_writes */
	struct rb_node node;		/* behind.tree */
	sector_t subtree_last;
	struct bio_vec *vec;		/* write-behind's copy of the data */
	unsigned int nvec;
	struct raid1_write_leg leg[];	/* one for each slot */
};

void raid1_write_submit(struct raid1 *r1, struct bio *bio);
/* Manager thread: acknowledge failed writes whose failures are recorded. */
void raid1_write_manage(struct raid1 *r1);

/* --- write-behind: raid1_behind.c --------------------------------------- */

void raid1_behind_init(struct raid1_behind *behind);

/*
 * May some members be left behind with @w? If so its data are copied, and
 * raid1_behind_prepare() is what to call for such a leg instead of cloning.
 * raid1_behind_told() is for any write that is about to be acknowledged, before the look
 * whether it may be, raid1_behind_untold() if it may not; raid1_behind_end() for its end.
 */
bool raid1_behind_begin(struct raid1_write *w);
void raid1_behind_prepare(struct raid1_write *w, struct raid1_write_leg *l,
			  blk_opf_t opf);
void raid1_behind_told(struct raid1_write *w);
void raid1_behind_untold(struct raid1_write *w);
void raid1_behind_end(struct raid1_write *w);

/* Does a write that is behind touch the range? Any context, cheap if there is none. */
bool raid1_behind_overlaps(struct raid1 *r1, sector_t sector, sector_t end);

/* --- reads: raid1_read.c ------------------------------------------------ */

struct raid1_read {
	struct raid1 *r1;
	struct bio *bio;		/* the user's */
	unsigned long start_time;
	struct leg *leg;
	unsigned int first;		/* slot that was tried first */
	unsigned int next;		/* slot to try next, after that */
	struct list_head list;		/* r1->failed_reads, r1->hard_reads */
	struct bio clone;
};

void raid1_read_submit(struct raid1 *r1, struct bio *bio);
/* Manager thread: try other members. */
void raid1_read_manage(struct raid1 *r1);
void raid1_read_work(struct work_struct *work);

/* --- repair of members that cannot read: raid1_repair.c ----------------- */

struct raid1_repair {
	struct list_head list;		/* r1->repairs */
	struct leg *leg;
	unsigned int slot;
	sector_t sector, end;
};

void raid1_repair_work(struct work_struct *work);
/* Any context: rewrite what @slot cannot read of the range from the others, soon. */
void raid1_repair_queue(struct raid1 *r1, unsigned int slot, sector_t sector,
			sector_t end);
/*
 * Up to a page as the member of @slot has it, but for the blocks that it cannot read:
 * these are from the first in sync that can. Returns the sectors of these, or -EIO: there
 * is one that nobody can read. Sleeps.
 */
int raid1_gather(struct raid1 *r1, unsigned int slot, sector_t sector,
		 unsigned int bytes, struct page *page);
void raid1_repair_drop(struct raid1 *r1);
/* A read error of @leg; true if it had too many and was failed. Process context. */
bool raid1_repair_too_many(struct raid1 *r1, unsigned int slot);

/* --- the sync's I/O: raid1_copy.c --------------------------------------- */

int raid1_copy_start(struct array *a, enum sync_action action);
bool raid1_copy_stop(struct array *a, bool complete);
sector_t raid1_copy_request(struct array *a, sector_t sector, bool *skipped);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the engine; for intent.c (the write path and its commits), chunks.c
 * (memory for bits and words), sweep.c (clearing), and intent_super.c (start,
 * superblock, status) only.
 *
 * Locks:
 *
 *	in->commit_mutex  one commit at a time; the decoded superblock; staging.
 *			  Held over store I/O. Taken under a->lock or
 *			  a->super_lock, never the other way round.
 *	in->lock	  spinlock, process context: image, directory, generations,
 *			  epochs, waiting writes. Held for one page of words or the
 *			  copy of one block at most.
 *
 * A page of words is found under RCU; it is freed only when all its words are
 * clean, which they cannot leave but under in->lock.
 */
#ifndef INTENT_IMPL_H
#define INTENT_IMPL_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/bitmap_super.h"
#include "core/bits.h"
#include "core/commit.h"
#include "core/intent_table.h"
#include "core/company.h"
#include "core/streams.h"
#include "core/summary.h"
#include "intent.h"
#include "store.h"

enum {
	PAGE_WORDS = 2048,		/* counters of one page, as md counts them */
	BLOCK_BITS = STORE_BLOCK * 8,
	SUPER_BITS = BITMAP_SUPER_BYTES * 8, /* of block 0 that are no chunks' */
	STAGE_BLOCKS = 64,		/* written by one call of the store */
	HOLD_CHUNKS = 256,		/* started without letting go of the lock */
	RETRY_MS = 10,			/* after a failed allocation, or a full word */
};

/*
 * Where a page of words is absent, a set bit of the image stands for a chunk
 * that owes a sync and a clear one for a clean chunk, neither being written to:
 * so a bitmap full of ones costs no words.
 */
struct chunk_page {
	u16 __rcu *words;	/* PAGE_WORDS; in->lock to change */
	u16 live;		/* chunks of it that are not clean; in->lock */
};

/* As if a write went to the chunks ahead of a stream. In use while logged. */
struct ahead {
	struct intent_write write;
	struct intent *in;
};

/* Counted per CPU on the fast path of every write. */
struct intent_counts {
	u64 hot;
};

struct intent {
	struct array *array;
	struct store *store;
	unsigned int chunk_shift;	/* sectors */
	sector_t sectors;		/* of the array */
	u64 chunks;
	u64 blocks;			/* of the store, superblock and bits */
	u64 npages;

	/*
	 * Writes no longer go by the table: 0 as usual, 1 the store has failed and
	 * all wait, 2 given up: unlogged, or ended with give_up_error.
	 */
	int state;
	int give_up_error;

	spinlock_t lock;
	u8 **image;			/* [blocks]; NULL: all zero */
	u64 *set_gen;			/* [blocks]: newest generation with a set in it */
	struct chunk_page *pages;	/* [npages] */
	struct summary changed;		/* blocks that the next commit writes */
	struct summary cleared;		/* blocks with cleared bits, in no hurry */
	struct summary worded;		/* pages that have words */
	u64 *summary_memory;
	u64 dirty_chunks;		/* set bits */
	u64 pages_used;			/* pages with live > 0 */
	u64 words_pages, image_blocks;	/* allocated */
	struct commit commit;
	struct company company;	/* when the next one begins */
	struct streams streams;
	struct ahead ahead[STREAMS];	/* one for each */
	struct epoch epoch;
	struct list_head waiting[2];	/* writes, by the low bit of their ticket */
	struct list_head stalled;	/* writes that found no memory or a full word */
	u64 sets;			/* bits set since the last commit began */
	sector_t sync_lo, sync_hi;	/* where chunks may be INTENT_SYNCING */
	struct intent_stats stats;

	struct mutex commit_mutex;
	struct bitmap_super super;
	u8 *stage;			/* STAGE_BLOCKS blocks, vmalloc */
	struct store_run runs[STAGE_BLOCKS];

	struct intent_counts __percpu *counts;
	struct workqueue_struct *wq;
	struct work_struct commit_work;
	struct hrtimer commit_timer;	/* begins what waits for company */
	struct delayed_work sweep_work, retry_work;
	wait_queue_head_t wait;		/* for a generation to be durable */

	unsigned int delay_ms;
	u64 budget_chunks;
	u64 aged[INTENT_AGE_MAX + 1];	/* idle dirty chunks by age, last sweep */
	bool sweeping;			/* the sweep is armed; in->lock */
	bool dying;
};

/* --- chunks.c ----------------------------------------------------------- */

static inline u64 chunk_of(const struct intent *in, sector_t sector)
{
	return sector >> in->chunk_shift;
}

static inline sector_t chunk_start(const struct intent *in, u64 chunk)
{
	return (sector_t)chunk << in->chunk_shift;
}

/* First sector behind @chunk. */
static inline sector_t chunk_end(const struct intent *in, u64 chunk)
{
	return min_t(sector_t, chunk_start(in, chunk + 1), in->sectors);
}

static inline u64 chunk_block(u64 chunk)
{
	return (chunk + SUPER_BITS) / BLOCK_BITS;
}

static inline u64 chunk_bit(u64 chunk)
{
	return (chunk + SUPER_BITS) % BLOCK_BITS;
}

/* The chunk's word, or NULL if its page is absent. rcu_read_lock or in->lock held. */
u16 *chunk_word(struct intent *in, u64 chunk);

/*
 * Make words and image block for @chunk. GFP_NOIO, sleeps; -ENOMEM. No locks
 * held. Another may free the words again before the caller has in->lock.
 */
int chunk_provide(struct intent *in, u64 chunk);

/* in->lock held: are both there? */
bool chunk_provided(struct intent *in, u64 chunk);

/* in->lock held, block and words there: the bit and all that is counted with it. */
void chunk_set_bit(struct intent *in, u64 chunk);
void chunk_clear_bit(struct intent *in, u64 chunk);

/* The image's bit. */
bool chunk_test_bit(struct intent *in, u64 chunk);

/* First chunk in [from, to) that owes a sync or is being synced, or @to; may stop early at a chunk that does not, having set *stopped. Any context. */
u64 chunk_next_owed(struct intent *in, u64 from, u64 to, bool *stopped);

int chunks_alloc(struct intent *in);	/* the empty directory */
void chunks_free(struct intent *in);

/* Before the engine runs: all set, none set, or from the store. */
int chunks_fill(struct intent *in);
void chunks_zero(struct intent *in);
int chunks_load(struct intent *in);

/* in->lock held: page @n's words if they may be freed, now unpublished, or NULL. Free after synchronize_rcu(). */
u16 *chunks_take_words(struct intent *in, u64 n);

/* --- intent.c ----------------------------------------------------------- */

static inline bool intent_degraded(const struct intent *in)
{
	return READ_ONCE(in->array->degraded) > 0;
}

/* Let go of in->lock for a moment: much is started, or cleared. */
static inline void intent_let_others(struct intent *in)
{
	spin_unlock(&in->lock);
	cond_resched();
	spin_lock(&in->lock);
}

/* in->lock held: false while the bit of @chunk may not be durable; if it is, @word says so. */
static inline bool intent_settle(struct intent *in, u64 chunk, u16 *word)
{
	if (!commit_done(&in->commit, in->set_gen[chunk_block(chunk)]))
		return false;
	intent_apply(word, INTENT_COMMITTED, intent_degraded(in));
	return true;
}

/* in->lock held: if the open generation is wanted, see that it is committed. */
void intent_commit_soon(struct intent *in);

/* in->commit_mutex held: write all that has changed. 0, or -errno and the store has failed. */
int intent_commit(struct intent *in);

/* in->commit_mutex held: put the superblock into the image, and commit. */
int intent_commit_super(struct intent *in);

void intent_ahead_init(struct intent *in);
void intent_ahead_stop(struct intent *in);	/* after intent_works_stop() */

int intent_works_init(struct intent *in);
void intent_works_stop(struct intent *in);

/* --- sweep.c ------------------------------------------------------------ */

void sweep_work(struct work_struct *work);
void sweep_arm(struct intent *in);	/* in->lock held */

/*
 * Clear every dirty chunk that is idle, whatever its age; I/O drained, members
 * flushed by the caller.
 */
void sweep_all(struct intent *in);

/* The youngest age whose chunks some flush has covered; above the maximum: none. */
unsigned int sweep_covered_age(struct intent *in);

/* in->lock held: cleared bits go with the next commit after all. */
void sweep_commit_cleared(struct intent *in);

/* in->commit_mutex held. Before any bit is cleared: events_cleared is the array's generation, durably. -EAGAIN: degraded. */
int sweep_prepare(struct intent *in);

#endif

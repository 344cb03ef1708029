/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The write-intent engine: which chunks may differ, on the medium before they
 * can (P1), cleared after they cannot (P2). It never sees a bio, and nobody
 * else touches a bit. DESIGN.md section 4; core/ has its table and arithmetic.
 *
 * Locks: one spinlock per engine, process context only, held for at most one
 * page of words (2048) or one block copy; it protects the image, the commit's
 * generations, the epochs, the list of waiting writes and the directory of
 * pages. Words whose bit is durable change without it, atomically. One mutex
 * serialises commits and protects the superblock fields.
 */
#ifndef INTENT_H
#define INTENT_H

#include <linux/list.h>
#include <linux/types.h>

#include "array.h"

struct intent;

enum intent_kind {
	INTENT_USER,		/* a write to the array */
	INTENT_EXACT,		/* just these bits: none are set ahead of it */
	INTENT_AHEAD,		/* the engine's own: bits ahead of a stream of writes */
};

/* Embedded in the personality's request for one write. */
struct intent_write {
	struct list_head list;
	sector_t sector, end;		/* of the array, half-open; set by the caller */
	u64 ticket;
	u64 look;			/* engine: a chunk that stays to the slow path */
	enum intent_kind kind;		/* set by the caller */
	bool logged;			/* engine: intent_end() is owed */
	/*
	 * The bits are durable (or the array has recorded that the bitmap is
	 * stale, P3): send it to the members. @error instead: neither was
	 * possible; end the write with -EIO after intent_end(). Process context,
	 * may be called before intent_start() returns INTENT_QUEUED.
	 */
	void (*go)(struct intent_write *w, int error);
};

enum intent_answer {
	INTENT_GO,		/* send it now */
	INTENT_QUEUED,		/* ->go() comes */
	INTENT_AGAIN,		/* nowait, and it would have to wait: nothing is owed */
};

/*
 * A write begins: its chunks stay dirty until intent_end(). Process context;
 * does not sleep with @nowait, and otherwise only in a GFP_NOIO allocation.
 * a->intent is stable for who holds an active reference.
 */
enum intent_answer intent_start(struct intent *in, struct intent_write *w,
				bool nowait);

/*
 * The last leg of the write (write-behind included) has ended. @missed: some
 * slot has no member that has the data. Any context.
 */
void intent_end(struct intent *in, struct intent_write *w, bool missed);

/* P4: is any chunk of the range owing a sync? Then read from one member only. Any context, cheap. */
bool intent_owes_sync(struct intent *in, sector_t sector, sector_t sectors);

/*
 * A flush that will reach all working members is about to be submitted:
 * keep the stamp. It has completed on all of them without error: give it back.
 */
u64 intent_flush_begin(struct intent *in);
void intent_flush_done(struct intent *in, u64 stamp);

/*
 * Sync. Must the chunk at @sector be copied? *sectors is how far from @sector
 * the answer holds (to the chunk's end at least; far for skips, never 0). If
 * so, the chunk is being synced until one of the calls below. @all: yes in any
 * case (full recovery). @peek: change nothing.
 * intent_sync_end(): what was begun in [from, to) and lies wholly there is done:
 * @keep (some slot still lacks it: the bit stays). intent_sync_abort(): everything begun and not
 * ended owes its sync again. Process context, one sync at a time.
 */
bool intent_sync_begin(struct intent *in, sector_t sector, sector_t *sectors,
		       bool all, bool peek);
void intent_sync_end(struct intent *in, sector_t from, sector_t to, bool keep);
void intent_sync_abort(struct intent *in);

/*
 * A sync ran to its end, and for a recovery: its member is in sync, and that
 * is recorded: whatever was begun and not ended is done (or kept).
 */
void intent_sync_finish(struct intent *in, bool keep);

/* Does any chunk owe a sync? And the first such sector at or above @from, or NO_SECTOR. */
sector_t intent_next_owed(struct intent *in, sector_t from);

/*
 * Make the engine for @a from its bitmap file: superblock read and judged,
 * memory for the directory. a->lock held. Errnos as md-abi.md 3.1.
 * intent_load(): bits in, start rules of DESIGN.md 8 applied, superblock
 * written; I/O on the array must be drained. @clean: the members were in sync
 * when the array was started or attached to.
 */
int intent_create(struct array *a, struct file *file, struct intent **out);
int intent_load(struct intent *in, bool clean, bool attaching);

/* Like a stop of the engine's timers: flush, and clear what may be. lock held, I/O drained. */
int intent_flush(struct intent *in);
void intent_destroy(struct intent *in);

/*
 * P5: record @events, durably, before the members' superblocks do. 0 also if
 * the store has failed before: the file stays older then. super_lock held.
 * @forget: nobody who has less comes back by the bitmap.
 */
int intent_write_super(struct intent *in, u64 events, bool forget);

/* The file will not be told of writes any more, and nobody else could say so. As intent_flush(). */
int intent_write_stale(struct intent *in);

/* May the device that left at @events come back by bitmap? events >= events_cleared. */
bool intent_can_re_add(struct intent *in, u64 events);

/*
 * A member comes back, and only what owes a sync will be copied to it: so does
 * from now on whatever its cache may have lost. I/O drained.
 */
void intent_member_returns(struct intent *in);

/*
 * P3. The store failed: no write is acknowledged until the manager has called
 * intent_give_up() after the members' superblocks made the file stale
 * (@error 0), or decided that writes must fail (-EIO: no metadata).
 */
bool intent_failed(struct intent *in);
void intent_give_up(struct intent *in, int error);

/* md/bitmap_set_bits: chunks [first, last] owe a sync; durable on return. -ERANGE. lock held. */
int intent_mark(struct intent *in, u64 first, u64 last);

/* A leg joined or left; degraded has changed. Any context. */
void intent_kick(struct intent *in);

/* For status and sysfs; any time between create and destroy. lock or roster_lock held. */
struct intent_status {
	u64 chunk_bytes;
	u64 chunks, dirty_chunks;
	u64 pages, pages_used;		/* of 2048 counters, for the status line */
	u64 events, events_cleared;
	unsigned int delay_ms;
	unsigned int write_behind;
	u64 budget_bytes;
	bool failed;
	u64 memory_bytes;		/* of image and words */
};
void intent_get_status(struct intent *in, struct intent_status *st);
int intent_set_delay(struct intent *in, unsigned int ms);
int intent_set_budget(struct intent *in, u64 bytes);
int intent_set_write_behind(struct intent *in, unsigned int max);

enum { INTENT_HIST = 16 };		/* powers of two: 1, 2, 4, ... */
struct intent_stats {
	u64 writes_hot, writes_cold;	/* needed no commit; waited for one */
	u64 commits, commit_blocks, commit_bits;
	u64 ahead;			/* of the bits: set ahead of a stream */
	u64 super_writes;
	u64 bits_per_commit[INTENT_HIST];
	u64 commit_us[INTENT_HIST];	/* latency, microseconds */
	u64 sweeps, cleared, flushes, flushes_saved;
	u64 waits_full, waits_memory;
};
void intent_get_stats(struct intent *in, struct intent_stats *st);

/* Point 12: the bitmap's superblock, in the log. */
void intent_dump(struct intent *in);

#endif

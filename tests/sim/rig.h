/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An array on a machine of its own: its disks, its bitmap file, and what its
 * users have been promised.
 */
#ifndef RIG_H
#define RIG_H

#include "machine.h"
#include "module/array.h"

enum {
	MEMBERS_MAX = 3,
	DATA_FROM = 8,			/* first sector of array data on a member */
	VALUE_SHIFT = 20,		/* a sector holds: number of the write, its own number */
};

struct config {
	unsigned int members;		/* devices */
	unsigned int spares;		/* of them, at first */
	unsigned int chunks, chunk_sectors;
	unsigned int budget;		/* chunks that may stay dirty */
	unsigned int delay_ms;		/* between sweeps */
	unsigned int quantum;		/* preemption: the smaller, the more */
	unsigned int patience;		/* of grace periods: turns of others, at most */
	unsigned int nomem;		/* in 1000 */
	unsigned int behind;		/* write-behind, requests */
	unsigned int mostly;		/* so many members, from the last, are write-mostly */
	unsigned int fua;		/* 1: disks have it */
	unsigned int direct;		/* 1: the bitmap file can do direct I/O */
	unsigned int blockdev;		/* 1: the bitmap is on a block device */
	unsigned int stream;		/* of 1000 writes go on where the last of these ended */
	unsigned int lazy;		/* 1: the last member takes its time; 2: all; 3: the store, too */
	unsigned int zeroes;		/* of 1000 writes are of zeroes */
	unsigned int nowait;		/* of 1000 must not wait */
	unsigned int order;		/* in which members are assembled: a row of a table */
	unsigned int unlogged;		/* of 1000 starts after a power cut are without the bitmap */
	unsigned int halfway;		/* of 1000 are stopped in the middle of their sync, at first */
	unsigned int nested;		/* of 1000 lose power again in their sync */
	unsigned int used;		/* of 1000 are written to when they are synced */
	unsigned int microseconds;	/* 0: members' superblocks have none, as if stock md wrote them */
	unsigned int believed;		/* 1: the file never becomes stale; that it is believed is judged */
	unsigned int persistent;	/* 0: no metadata, and not for power cuts */
	unsigned int without;		/* mask of members that starts leave out */
	unsigned int lossy;		/* 1: any may be lost at any start; that members come to be equal is judged */
	unsigned int cut;		/* a power cut every so many steps of disks, in the mean */
	unsigned int tries;		/* different ones at each of these places */
};

/* Of one sector of the array: numbers of writes to it, which only grow. */
struct promise {
	u64 issued;			/* the newest */
	u64 acked;			/* the newest that succeeded */
	u64 durable;			/* not less than this survives */
	u64 known;			/* what reads give: number + 1, 0: not known */
	bool busy;			/* a write is under way */
};

struct rig {
	struct config config;
	struct machine *m;
	struct array *a;
	struct platter *member[MEMBERS_MAX];
	struct platter *store;
	struct file file;
	u32 sectors;			/* of the array */
	struct promise *promises;
	u32 stream_at;			/* sector */
	u64 numbers;			/* of writes */
	unsigned int loads;		/* tasks that use the array */
	wait_queue_head_t load_wait;
	unsigned int absent;		/* a bit for each member that is not assembled */
	bool unlogged;			/* nor is the bitmap */
	struct platter *snapshot[MEMBERS_MAX];
	bool stopping;			/* they shall end */
	bool asked;			/* for "clean", and told; script.c */
	void (*on_start)(struct rig *rig);	/* the array runs, and nothing has been synced */
	void *judgement;
	u8 *copied;			/* by chunk: members were written to; or NULL */
	bool leaks;			/* memory was left behind; crash.c */
	unsigned int cut_in;		/* steps of disks to the next power cut */
	unsigned int depth;		/* recoveries that are under way: its own, and what it is within */
};

/* A new array, all members equal, its bitmap clear. */
struct rig *rig_new(const struct config *config, u64 seed);

/* What a power cut leaves of @from, on a machine that has not started yet. */
struct rig *rig_cut(const struct rig *from, u64 seed);
void rig_free(struct rig *rig);

/* Tasks of its machine call these. */
bool rig_start(struct rig *rig);	/* assemble and run it, with its bitmap; false: lossy, refused */
void rig_stop(struct rig *rig);
void rig_wait_recorded(struct rig *rig);	/* superblocks owe nothing; a while at most */
void rig_wait_syncs(struct rig *rig);		/* which may go on, to their end */
bool rig_broken(const struct rig *rig);		/* the last member failed: no promise holds */
void rig_fail(struct rig *rig, unsigned int nr);
void rig_remove(struct rig *rig, unsigned int nr);
bool rig_is_attached(struct rig *rig, unsigned int nr);
bool rig_in_sync(struct rig *rig, unsigned int nr);
bool rig_is_faulty(struct rig *rig, unsigned int nr);
bool rig_any_is_bad(const struct rig *rig, u32 sector, u32 n);	/* at any member */
unsigned int rig_slots(const struct rig *rig);
bool rig_healthy(struct rig *rig);		/* every slot has a member in sync */
void rig_add(struct rig *rig, unsigned int nr);
void rig_re_add(struct rig *rig, unsigned int nr);
void rig_detach(struct rig *rig);
void rig_attach(struct rig *rig);
void rig_set_options(struct rig *rig);	/* of its config, that its file does not say */
void rig_mark(struct rig *rig, u32 chunk, u32 chunks);	/* as bitmap_set_bits */
void rig_check(struct rig *rig);		/* compare members, and wait for it */
void rig_repair(struct rig *rig);
void rig_limit_syncs(struct rig *rig, u32 sector);	/* they stop there; 0: nowhere */
void rig_freeze(struct rig *rig);		/* no syncs, until they are waited for */
void rig_reactivate(struct rig *rig);		/* inactive, with its members, and active again */
void rig_make_readonly(struct rig *rig);
void rig_make_writable(struct rig *rig);
void rig_make_read_auto(struct rig *rig);	/* read-only until the first write */

/* What a power cut would leave of its members; and, while it is stopped, these as they were. */
void rig_snapshot(struct rig *rig);
void rig_roll_back(struct rig *rig);

static inline struct rig *rig_here(void)
{
	return machine->owner;
}

/* --- load.c: what users do -------------------------------------------------- */

/* Tasks of its machine. Flags: REQ_FUA, REQ_PREFLUSH. */
void load_write(struct rig *rig, u32 sector, u32 n, blk_opf_t flags);
void load_read(struct rig *rig, u32 sector, u32 n);
void load_flush(struct rig *rig);

/* Start tasks that do so many things each, of any kind; wait for them. */
void load_start(struct rig *rig, unsigned int tasks, unsigned int things);
void load_wait(struct rig *rig);

/* May sector @sector hold @value? Fails the run if not. */
void load_judge(const struct rig *rig, u32 sector, u64 value, const char *where);

/* --- crash.c ------------------------------------------------------------------- */

extern u64 crashes;		/* so far */

/* From now on there are power cuts. */
void crash_arm(struct rig *rig);

/* Cut now, so many times, and see what comes of it. */
void crash_here(struct rig *rig, unsigned int times);

/* Nothing is owed: what the members must hold. */
void crash_judge_equal(struct rig *rig);

/* After a stop: what the bitmap file must say. */
void crash_judge_stopped(struct rig *rig);

/* --- script.c -------------------------------------------------------------------- */

struct script;
struct script *script_read(const char *path);	/* NULL: an error, which is told */
void script_print(const struct script *s);	/* as script_read() wants it, behind "# " */
void script_run(struct script *s);
void script_free(struct script *s);

/* --- invent.c -------------------------------------------------------------------- */

struct script *script_random(u64 seed);	/* of power cuts */
struct script *script_feud(u64 seed);	/* of members that run apart */
struct script *script_brawl(u64 seed);	/* of any members at each start, and power cuts */

#endif

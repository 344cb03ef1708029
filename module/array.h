/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An array: its life cycle, its members, its superblocks, and the gates that
 * its I/O passes. Every other file of the driver sees this header.
 *
 * Locks, outermost first:
 *
 *	array_list_lock	mutex: list of all arrays, names and minors
 *	a->lock		mutex: configuration. Every ioctl and sysfs store that
 *			changes an array, run and stop, start and reaping of a
 *			sync. May be held over I/O and suspension.
 *	a->super_lock	mutex: superblock writing, held over I/O. The manager
 *			thread writes superblocks under this one alone, never
 *			under a->lock, so that I/O which waits for a superblock
 *			drains while somebody holds a->lock and suspends.
 *	a->roster_lock	mutex: list of members, slots, a->pers, a->intent. Never
 *			held over I/O, so that who only looks (status, sysfs,
 *			GET ioctls) is not caught by a member that hangs.
 *	(engine and store: see intent.h, store.h)
 *	a->state_lock	spinlock, irqsave: flags and slots that completions
 *			change (a member fails), degraded, parked and failed I/O.
 *
 * The list of members and the personality's pointers to them change only with
 * all three of these mutexes held (array_roster_lock()) and the array suspended:
 * whoever holds a reference of a->active (all I/O), or one of those mutexes,
 * may follow them.
 *
 * Contexts: I/O enters in process context; completions come in any.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/raid/md_u.h>
#include <linux/raid/md_p.h>

#include "core/member_super.h"

struct array;
struct leg;
struct intent;
struct resync;
struct store;

#define NO_SECTOR ((sector_t)~0ULL)	/* "none", "all in sync", md's MaxSector */

enum array_mode {
	ARRAY_STOPPED,		/* clear, or configured but not running */
	ARRAY_READONLY,		/* running, never written to */
	ARRAY_READ_AUTO,	/* running, read-only until the first write */
	ARRAY_RW,
};

/* What the sync worker does; see resync.h. */
enum sync_action {
	SYNC_IDLE,
	SYNC_RESYNC,
	SYNC_RECOVER,
	SYNC_CHECK,
	SYNC_REPAIR,
	SYNC_FROZEN,		/* as a word only */
	SYNC_ACTIONS,
};

/* a->flags, atomic bit operations. */
enum array_flag {
	ARRAY_CLOSING,		/* a stop is under way: opens fail with ENODEV */
	ARRAY_DELETED,		/* the object goes away */
	ARRAY_MAKING,		/* not in sysfs yet, but open() finds it: not to be removed */
	ARRAY_HOLD,		/* just created: kept until the first ioctl or close */
	ARRAY_BROKEN,		/* the last member failed: writes fail */
	ARRAY_SUPER_DIRTY,	/* superblocks owed (members changed) */
	ARRAY_SUPER_CLEAN,	/* superblocks owed (clean/dirty transition only) */
	ARRAY_SUPER_PENDING,	/* writes wait for those superblocks */
	ARRAY_SYNC_NEEDED,	/* manager: look whether a sync should start */
	ARRAY_CHUNK_OWED,	/* manager: look whether a chunk owes one to members in sync */
	ARRAY_SYNC_FROZEN,	/* sync_action says frozen */
	ARRAY_FAIL_LAST,	/* fail_last_dev */
	ARRAY_SERIALIZE,	/* serialize_policy (accepted, see attr.c) */
	ARRAY_NO_ZEROES,	/* a member has refused REQ_OP_WRITE_ZEROES: no more of them */
	ARRAY_STORE_FAILED,	/* the engine's store failed: P3 owed by the manager */
};

/* Counts of one CPU; see array_write_begin(). */
struct array_writes {
	unsigned long started, ended;
};

/* The personality: RAID1 now. Called with the array's active reference held unless said. */
struct personality {
	const char *name;	/* "raid1" */
	int level;
	struct module *owner;
	/* a->lock held, no I/O yet: set up from the members; -errno. */
	int (*run)(struct array *a);
	/* a->lock held, I/O drained. */
	void (*stop)(struct array *a);
	/* A bio that passed the gates. Never fails: ends the bio. May be called from the retry worker again. */
	void (*submit)(struct array *a, struct bio *bio);
	/*
	 * a->lock and array_roster_lock() held, array suspended: give @leg a slot (its
	 * saved_slot if free, else the first free one). Sets leg->slot. 0, -ENOSPC none.
	 */
	int (*add)(struct array *a, struct leg *leg);
	/* The same locks: take it out of its slot. -EBUSY if it is in sync and working. */
	int (*remove)(struct array *a, struct leg *leg);
	/* Any context, state_lock held: may @leg be failed? False for the last in-sync one. */
	bool (*may_fail)(struct array *a, struct leg *leg);
	/* Manager thread, no locks: finish what completions could not (failed I/O). */
	void (*manage)(struct array *a);
	/* Text for the status line: " [2/1] [U_]" without newline. a->roster_lock held. */
	void (*status)(struct array *a, struct seq_file *seq);
	/*
	 * All three from the sync's thread, without locks or references; see
	 * resync.h. Start: memory, writes are counted; -errno. Request: make
	 * members equal from @sector on; how far is returned, 0 if the sync was
	 * interrupted. What is not *skipped ends with resync_done(). Stop: nothing is in
	 * flight; @complete: what members lacked is there: flush their caches; false if
	 * that could not be done.
	 */
	int (*sync_start)(struct array *a, enum sync_action action);
	sector_t (*sync_request)(struct array *a, sector_t sector, bool *skipped);
	bool (*sync_stop)(struct array *a, bool complete);
	/* a->lock held, suspended: the array's size from its members' size (sectors). */
	sector_t (*size)(struct array *a, sector_t member_sectors);
};

struct array {
	/* Fixed from creation on. */
	struct gendisk *disk;
	int minor;
	bool named;			/* mdb_NAME: no number, lives until stopped */
	struct kref kref;		/* disk, sysfs directory, list walkers */
	struct list_head all;		/* array_list_lock */
	struct kobject kobj;		/* "md" below the disk; attr.c */
	struct kernfs_node *kn_state, *kn_action, *kn_completed, *kn_degraded; /* for notify; attr.c */
	struct kobject *bitmap_kobj;	/* "bitmap" below that; attr.c */
	struct work_struct remove_work;	/* disk.c */

	struct mutex lock;
	bool module_held;		/* not unused: the module stays; lock */
	struct mutex super_lock;
	struct mutex roster_lock;
	spinlock_t state_lock;
	unsigned long flags;		/* enum array_flag */
	atomic_t openers;

	/* Configuration: written under lock, read under it or while running. */
	enum array_mode mode;		/* array_set_mode() only */
	bool persistent;		/* has metadata */
	int major_version, minor_version, patch_version;
	enum member_format format;	/* if persistent and known */
	int level;			/* LEVEL_NONE: (-1000000) not set */
	char level_name[16];		/* as written to md/level while stopped */
	int layout;
	int chunk_bytes;
	int raid_disks;
	time64_t ctime;
	sector_t member_sectors;	/* used of each member ("size", dev_sectors) */
	sector_t array_sectors;		/* capacity while running */
	u8 uuid[16];
	char set_name[33];
	u32 max_devices;		/* descriptor numbers */
	unsigned int max_read_errors;	/* 20 */

	/* Generation. super_lock. */
	u64 events;
	u64 utime, utime_before;	/* of the superblocks with these, and with one less; 0: unknown */
	u64 events_recorded;		/* all that are in sync have these, or newer, on the medium */
	bool in_sync;			/* READ_ONCE by writes: no write since "clean" was recorded */
	sector_t resync_sector;		/* in sync below; NO_SECTOR: everywhere. state_lock to move */
	bool super_behind;		/* one event more with the next update */
	bool lowered;			/* this update lowers a checkpoint; super_lock */
	u64 outrun;			/* events that it passes; state_lock */
	struct member_update_disk *roles; /* room for each of legs: super.c */
	unsigned int roles_room;

	/* Members. */
	struct list_head legs;		/* newest first; array_roster_lock() + suspended to change */
	u8 returning[4][16];		/* device UUIDs or so, of the last to leave; see roster.c; lock */
	bool was_whole;			/* without metadata: all slots were in sync once, since it runs; lock */
	unsigned int returning_next;
	int degraded;			/* slots without an in-sync member; state_lock */
	const struct personality *pers;	/* NULL: not running */
	void *private;			/* the personality's */

	/* I/O gates. */
	struct percpu_ref active;	/* every bio from admission to its end */
	int suspended;			/* depth; lock */
	unsigned int suspend_noio;	/* of who suspended: memalloc_noio_save() */
	wait_queue_head_t suspend_wait;	/* woken when drained, and when resumed */
	struct array_writes __percpu *writes;
	sector_t suspend_lo, suspend_hi; /* sysfs; writes there wait while lo < hi */
	struct bio_list parked;		/* waiting for a gate; state_lock */
	struct work_struct park_work;	/* resubmits them */
	struct workqueue_struct *wq;	/* WQ_MEM_RECLAIM: park_work and the personality's */
	unsigned long safemode_delay;	/* jiffies; 0: never clean by itself */
	struct timer_list safemode_timer;
	bool safemode;			/* timer fired: look whether clean can be recorded */
	unsigned long safemode_seen;	/* manager: writes started when it last looked */

	/* The manager thread, while running. */
	struct task_struct *manager;
	wait_queue_head_t manager_wait;
	bool manager_wake;
	wait_queue_head_t super_wait;	/* woken when superblocks have been written */

	/* The bitmap. */
	struct intent *intent;		/* suspended to change, while running */
	struct store *store;		/* open as long as bitmap_file is set; lock */
	struct file *bitmap_file;	/* set by SET_BITMAP_FILE; lock, and state_lock to read without */
	unsigned int write_behind_max;	/* 0: off */
	atomic_t write_behind;		/* outstanding now */
	atomic_t behind_told;		/* of these, acknowledged: super_wait */
	unsigned int write_behind_used;	/* high-water mark */

	/* Sync. See resync.h. */
	struct resync *resync;
	atomic64_t mismatches;		/* sectors, last check or repair */
	unsigned int sync_speed_min, sync_speed_max; /* KiB/s, 0: system */
	bool sync_force_parallel;	/* do not wait for arrays on the same disks */
	sector_t sync_min, sync_max;	/* sectors, for check and repair; NO_SECTOR */
};

/* --- array.c: life cycle ------------------------------------------------ */

extern struct mutex array_list_lock;
extern struct list_head array_list;	/* newest first? order of creation; stat.c prints newest first */

/* A new, clear array with one reference; no disk yet (disk.c makes it). NULL: no memory. */
struct array *array_alloc(void);
static inline struct array *array_get(struct array *a)
{
	kref_get(&a->kref);
	return a;
}
void array_put(struct array *a);

/* The mutex of a user's request: -EINTR if a signal came, -ENODEV if the module goes. */
int array_lock(struct array *a);
void array_unlock(struct array *a);	/* and wakes the manager, which may have missed its chance */

/* To change members, pers or intent: super_lock and roster_lock. a->lock held. */
void array_roster_lock(struct array *a);
void array_roster_unlock(struct array *a);

/* Is this array as empty as a fresh one? lock held. */
bool array_is_unused(struct array *a);

/*
 * What the ioctls and sysfs do, all with a->lock held; md-abi.md sections 2
 * and 3 give the errnos. One log line with the array's name for each refusal
 * that is not plain from its errno.
 */
int array_set_info(struct array *a, const mdu_array_info_t *info);	/* SET_ARRAY_INFO, not running */
int array_update_info(struct array *a, const mdu_array_info_t *info);	/* running */
void array_get_info(struct array *a, mdu_array_info_t *info);
int array_get_disk(struct array *a, mdu_disk_info_t *disk);		/* disk->number is input */
int array_add_disk(struct array *a, const mdu_disk_info_t *disk);	/* ADD_NEW_DISK */
int array_hot_add(struct array *a, dev_t dev);
int array_hot_remove(struct array *a, dev_t dev);
int array_set_faulty(struct array *a, dev_t dev);			/* no lock needed */
int array_run(struct array *a, enum array_mode wanted);			/* RUN_ARRAY: ARRAY_RW (or start_ro's) */
int array_stop(struct array *a, bool keep_config);			/* STOP_ARRAY; keep: inactive */
int array_stop_ro(struct array *a);					/* -> ARRAY_READONLY */
void array_rest(struct array *a);		/* no sync from now on; clean until the next write */
int array_may_restart(struct array *a);					/* could the next one be? */
int array_restart_rw(struct array *a);
int array_set_bitmap(struct array *a, int fd);				/* SET_BITMAP_FILE; -1 removes */
int array_remove_leg(struct array *a, struct leg *leg);			/* also sysfs "remove" */
int array_re_add(struct array *a, struct leg *leg);			/* sysfs "re-add": faulty, attached */

/* The running array's mode; the only place that changes it. lock held. */
void array_set_mode(struct array *a, enum array_mode mode);

/* READ_AUTO becomes RW, a sync is looked for. Any process context, takes no mutex. */
void array_become_rw(struct array *a);

/* --- array.c: I/O gates ------------------------------------------------- */

/* A bio for the array, from disk.c (already split to limits) or from park_work. */
void array_submit(struct array *a, struct bio *bio);

/*
 * A personality cannot take @bio now. It must not hold an active reference
 * for it any more (array_bio_drop()). The bio comes back through
 * array_submit() after the next array_unpark(). REQ_NOWAIT bios end instead.
 */
void array_park(struct array *a, struct bio *bio);
void array_unpark(struct array *a);	/* a gate may have opened; any context */

/* Give back the reference (and the count of a write) with which submit was called. Any context. */
void array_bio_drop(struct array *a, bool write);

/*
 * Park new I/O, wait for old I/O to end; lock held, super_lock not; nests.
 * After it no bio is in any personality's hands. The manager thread may call it
 * too: it serves failed I/O and superblocks while it waits. Until
 * array_resume(), by the same thread, memory is allocated as by GFP_NOIO.
 */
void array_suspend(struct array *a);
void array_resume(struct array *a);

/* --- array.c: members and superblocks ----------------------------------- */

/*
 * @leg is broken: faulty from now on, unless it is the last one, when the
 * array becomes broken instead. Any context. True if it was failed (now or before).
 * Superblocks are owed then; whoever acknowledges a write that @leg lacks
 * must wait for them (array_super_settled()).
 */
bool array_fail_leg(struct array *a, struct leg *leg, const char *why);

/* The same for what is no reason to end all writes: the last one stays as it is. */
bool array_fail_unless_last(struct array *a, struct leg *leg, const char *why);

/* Ask the manager for superblocks / for a look around. Any context. */
void array_wake(struct array *a);
void array_super_owed(struct array *a);
/* The same, and no write is acknowledged before; the caller wakes the manager. state_lock held. */
void array_super_awaited(struct array *a);

/*
 * Have all failures known when this is called been recorded on the other
 * members? True also when they are not going to be: while read-only, and when the
 * array is ARRAY_BROKEN, where a write that lacks a member ends with an error.
 */
bool array_super_settled(struct array *a);

/* Superblocks are owed, and can be written. Any context. */
bool array_super_is_owed(struct array *a);

/* Write superblocks now, bitmap's first. super_lock NOT held (takes it). Process context. */
int array_update_super(struct array *a);

/*
 * Some have run without those that are in sync here, up to @events by what one of them,
 * or their bitmap file, says. The next update goes past all that they may have, and
 * from then on nobody who is absent comes back by the bitmap. Owes that update.
 */
void array_outrun(struct array *a, u64 events);

/*
 * Flush the caches of all working members, in parallel; 0 if all that are in
 * sync succeeded (a member that fails is failed, and -EIO returned). Process
 * context; used by the engine before it clears bits. Tells the engine's epoch nothing itself.
 */
int array_flush_legs(struct array *a);

/* Record "clean" now if no write is in flight, or -EBUSY. lock held; the manager writes it. */
int array_make_clean(struct array *a);

struct leg *array_find_leg(struct array *a, dev_t dev);		/* any of the three mutexes */
struct leg *array_find_number(struct array *a, int number);
bool array_has_free_slot(struct array *a);			/* any of the three mutexes */
int array_count_degraded(struct array *a);			/* state_lock held: recompute a->degraded */

/* Log with the array's name: array_info(a, "..."). */
#define array_err(a, fmt, ...) pr_err("%s: " fmt, array_name(a), ##__VA_ARGS__)
#define array_warn(a, fmt, ...) pr_warn("%s: " fmt, array_name(a), ##__VA_ARGS__)
#define array_info(a, fmt, ...) pr_info("%s: " fmt, array_name(a), ##__VA_ARGS__)

/* The same for what a medium may make happen thousands of times. */
#define array_err_limited(a, fmt, ...) \
	pr_err_ratelimited("%s: " fmt, array_name(a), ##__VA_ARGS__)
#define array_warn_limited(a, fmt, ...) \
	pr_warn_ratelimited("%s: " fmt, array_name(a), ##__VA_ARGS__)
#define array_info_limited(a, fmt, ...) \
	pr_info_ratelimited("%s: " fmt, array_name(a), ##__VA_ARGS__)

static inline const char *array_name(const struct array *a)
{
	return a->disk ? a->disk->disk_name : "mdb?";
}

static inline bool array_running(const struct array *a)
{
	return a->mode != ARRAY_STOPPED;
}

/* Point 12: everything worth knowing about a, in the log: on a bad event. */
void array_dump(struct array *a, const char *why);

/* The array changed (members, sync): wakes poll() on the status file. stat.c */
void stat_changed(void);

#endif

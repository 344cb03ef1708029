/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sync worker: resync after a crash, recovery of a member, check and
 * repair: which one, from where, how fast, and what is recorded. How a range
 * is made equal is the personality's (sync_request).
 */
#ifndef RESYNC_H
#define RESYNC_H

#include "array.h"

extern const char *const sync_action_names[SYNC_ACTIONS];	/* sysfs words */

int resync_init_array(struct array *a);		/* allocates a->resync; at run */
void resync_free_array(struct array *a);

/*
 * Manager thread, a->lock held, rw: activate spares, start what is owed
 * (requested check/repair, recovery of a slot, resync below resync_sector or
 * chunks that owe one); reap what has finished. Several arrays that share a physical disk
 * take turns (DELAYED).
 */
void resync_manage(struct array *a);

/* Is one running (delayed ones included)? Any context. */
bool resync_running(struct array *a);
enum sync_action resync_action(struct array *a);	/* what runs, or is owed */
enum sync_action resync_last(struct array *a);

/* sync_action written: 0, -EBUSY, -EINVAL. lock held (dropped and retaken for "idle"/"frozen" if it must wait). */
int resync_request(struct array *a, enum sync_action action);

/*
 * Members that are in sync may differ in some chunk: somebody has marked it, or one has
 * refused a write that another took. If so, a resync is owed. With a member missing, or a
 * store that has failed, that is looked at only if ARRAY_CHUNK_OWED tells of such a chunk.
 * a->lock held.
 */
void resync_look_for_owed(struct array *a);

/*
 * From @sector on members may differ, and superblocks are not going to say so of those
 * that are in sync (it may be one alone): what members that are recovering hold there
 * is forgotten, too. lock held, before or between syncs.
 */
void resync_lower_recovery(struct array *a, sector_t sector);

/* Interrupt and wait; the checkpoint is kept. lock held. @freeze: and do not restart. */
void resync_stop(struct array *a, bool freeze);
void resync_thaw(struct array *a);

/* A member failed or something else made the running sync pointless: any context. */
void resync_interrupt(struct array *a);

/* Is the running sync to end? Then sync_request() returns soon. Any context. */
bool resync_interrupted(struct array *a);

/*
 * From the personality: a piece of the sync is about to be copied (within
 * sync_request(), RESYNC_FLIGHT at a time at most); it has ended (any context). @error: members may
 * differ there as before. @lacks: they agree, but some slot has no member.
 */
enum { RESYNC_FLIGHT = 64 };
void resync_issue(struct array *a, sector_t sector, sector_t sectors);
void resync_done(struct array *a, sector_t sector, sector_t sectors, int error,
		 bool lacks);

struct resync_status {
	enum sync_action action;
	bool delayed;		/* waits for another array */
	bool pending;		/* owed, but nothing runs */
	sector_t done, total;	/* sectors */
	unsigned long speed_kib;	/* recent, per second */
	unsigned long finish_s;		/* estimated seconds left */
};
void resync_get_status(struct array *a, struct resync_status *st);

/* Limits in force, KiB/s. */
unsigned int resync_speed_min(struct array *a);
unsigned int resync_speed_max(struct array *a);

#endif

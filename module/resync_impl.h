/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the sync worker; for the resync*.c files only.
 *
 * What a sync is (action, range) is set under a->lock before its thread
 * starts, and read by anybody while RESYNC_RUNNING is set. r->lock (spinlock, irqsave,
 * innermost) protects what is in flight.
 */
#ifndef RESYNC_IMPL_H
#define RESYNC_IMPL_H

#include "leg.h"
#include "resync.h"

enum resync_flag {
	RESYNC_RUNNING,			/* from its start until it has been reaped */
	RESYNC_DELAYED,			/* waits for its turn */
	RESYNC_INTERRUPTED,		/* shall end */
	RESYNC_UNREADABLE,		/* gave up: trying again is useless */
	RESYNC_COMPLETE,		/* all was copied */
	RESYNC_ENDED,			/* the thread has: to be reaped */
};

enum { RESYNC_MARKS = 8 };		/* of speed, seconds apart */

struct resync {
	struct array *array;
	struct task_struct *thread;	/* a->lock */
	unsigned long flags;		/* enum resync_flag */
	enum sync_action action;
	enum sync_action last;
	enum sync_action requested;	/* by the user: check or repair; a->lock */
	bool hopeless;			/* the last one gave up; a->lock */
	sector_t start, end;
	wait_queue_head_t wait;		/* something ended; interruption */

	spinlock_t lock;
	sector_t next;			/* not requested from here on; the thread moves it */
	struct {
		sector_t sector, sectors;
	} flight[RESYNC_FLIGHT];
	unsigned int flying;
	sector_t failed;		/* first sector that could not be copied */
	sector_t copied;		/* all that was, for speed */
	bool keep;			/* some slot lacks what was copied */

	/* The thread's. */
	sector_t recorded, told;	/* checkpoint; what the engine knows */
	sector_t chunk_sectors;		/* the engine's */
	unsigned long recorded_at, told_at;
	struct {
		unsigned long at;
		sector_t copied;
	} marks[RESYNC_MARKS];
	unsigned int mark;		/* newest */
	u64 user_sectors;		/* when last looked at */

	/* resync_turn.c's. */
	struct list_head turn;
	const void **disks;		/* whole disks of the members, as names only */
	unsigned int ndisks;
};

/* resync.c */
void resync_drain(struct resync *r);	/* until nothing is in flight; process context */
int resync_start_thread(struct resync *r);
void resync_wait_thread(struct resync *r);
sector_t resync_mark(struct resync *r);
void resync_record(struct resync *r, sector_t mark);

/* resync_speed.c; the thread's, but status */
void resync_speed_begin(struct resync *r);
void resync_pace(struct resync *r);	/* sleeps as long as limits and users want */
void resync_speed_status(struct resync *r, struct resync_status *st);

/* resync_turn.c */
int resync_turn_prepare(struct resync *r);	/* a->lock: note the disks */
bool resync_turn_take(struct resync *r);	/* false: interrupted */
void resync_turn_give(struct resync *r);
void resync_turn_forget(struct resync *r);		/* its thread is no more, or never was */
void resync_turn_wake(void);			/* any context */

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast a sync goes: as fast as it can while nobody else uses the array,
 * never above its maximum; above its minimum only as long as users leave room.
 */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/part_stat.h>

#include "resync_impl.h"

enum {
	MARK_S = 2,			/* between marks */
	BUSY_SECTORS = 64,		/* users' I/O that counts */
	SLEEP_MS = 100,			/* at most at a time, so that it can be interrupted */
};

static unsigned int sync_speed_min = 1000;
module_param(sync_speed_min, uint, 0644);
MODULE_PARM_DESC(sync_speed_min, "KiB/s that a sync takes however busy its array is");

static unsigned int sync_speed_max = 200000;
module_param(sync_speed_max, uint, 0644);
MODULE_PARM_DESC(sync_speed_max, "KiB/s that a sync takes at most");

unsigned int resync_speed_min(struct array *a)
{
	return a->sync_speed_min ?: READ_ONCE(sync_speed_min);
}

unsigned int resync_speed_max(struct array *a)
{
	return a->sync_speed_max ?: READ_ONCE(sync_speed_max);
}

static u64 user_sectors(struct array *a)
{
	return part_stat_read_accum(a->disk->part0, sectors);
}

void resync_speed_begin(struct resync *r)
{
	unsigned int i;

	r->mark = 0;
	for (i = 0; i < RESYNC_MARKS; i++) {
		r->marks[i].at = jiffies;
		r->marks[i].copied = 0;
	}
	r->user_sectors = user_sectors(r->array);
}

static void set_mark(struct resync *r)
{
	unsigned int next = (r->mark + 1) % RESYNC_MARKS;

	if (!time_after(jiffies, r->marks[r->mark].at + MARK_S * HZ))
		return;
	r->marks[next].copied = r->copied;
	r->marks[next].at = jiffies;
	WRITE_ONCE(r->mark, next);
}

/* KiB/s since the oldest mark. */
static unsigned long speed_kib(struct resync *r)
{
	unsigned int oldest = (READ_ONCE(r->mark) + 1) % RESYNC_MARKS;
	unsigned long ms = jiffies_to_msecs(jiffies - r->marks[oldest].at);

	return div64_u64((u64)(r->copied - r->marks[oldest].copied) * 500, ms + 1);
}

/* KiB/s since the newest mark, for what is happening now. */
static unsigned long speed_now(struct resync *r)
{
	unsigned long ms = jiffies_to_msecs(jiffies - r->marks[r->mark].at);

	return div64_u64((u64)(r->copied - r->marks[r->mark].copied) * 500, ms + 10);
}

static bool users_wait(struct array *a)
{
	long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += part_stat_local_read_cpu(a->disk->part0, in_flight[READ], cpu) +
		     part_stat_local_read_cpu(a->disk->part0, in_flight[WRITE], cpu);
	return n > 0;
}

/* Now, or since we last looked. */
static bool users_seen(struct resync *r)
{
	u64 now = user_sectors(r->array);
	bool seen = now - r->user_sectors > BUSY_SECTORS;

	r->user_sectors = now;
	return seen || users_wait(r->array);
}

static void nap(struct resync *r)
{
	wait_event_timeout(r->wait, resync_interrupted(r->array),
			   msecs_to_jiffies(SLEEP_MS));
}

void resync_pace(struct resync *r)
{
	struct array *a = r->array;
	bool yielded = false;

	set_mark(r);
	while (!resync_interrupted(a)) {
		unsigned long speed = speed_now(r);

		if (speed <= resync_speed_min(a))
			break;
		if (speed > resync_speed_max(a)) {
			nap(r);
		} else if (!yielded && users_seen(r)) {
			resync_drain(r);
			yielded = true;
		} else {
			break;
		}
	}
}

void resync_speed_status(struct resync *r, struct resync_status *st)
{
	if (st->delayed)
		return;
	st->speed_kib = speed_kib(r);
	st->finish_s = div64_u64((u64)(st->total - st->done) / 2, st->speed_kib + 1);
}

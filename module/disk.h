/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door of the block layer: gendisks, names and minors, open and close,
 * bios in, capacity and queue limits.
 */
#ifndef DISK_H
#define DISK_H

#include "array.h"

int disk_init(void);	/* block major, new_array parameter */
void disk_exit(void);

extern bool disk_takeover;	/* module parameter */

/* "mdb3", "mdb_home" (takeover: md3, md_home): make the array and its disk. -EEXIST, -E2BIG, -EINVAL. */
int disk_create(const char *name);

/* The array of an open device. */
static inline struct array *disk_array(struct gendisk *disk)
{
	return disk->private_data;
}

/*
 * The array has been stopped, or used by a command (@stopped false): what kept
 * a fresh one alive may end. lock held.
 */
void disk_release_hold(struct array *a, bool stopped);

/*
 * Look whether @a is unused and not open, and shall go. Any context, but after
 * a->lock has been released: who finds it taken trusts its holder to call this.
 */
void disk_remove_later(struct array *a);

/* Let removals that have been asked for come to their end. No lock held. */
void disk_flush_removals(void);

/*
 * The @n-th array, newest first, or NULL; it and its disk stay until
 * disk_put(). Takes array_list_lock.
 */
struct array *disk_get_nth(loff_t n);
void disk_put(struct array *a);

/* "holders" and "slaves" in sysfs. a->lock held, may sleep. */
int disk_link_leg(struct leg *leg);
void disk_unlink_leg(struct leg *leg);

/*
 * Queue limits from the members (all of them, slots or not), and a change of
 * them when one joins: -errno if it cannot be stacked. Array suspended or not
 * running.
 */
int disk_set_limits(struct array *a);
int disk_add_limits(struct array *a, struct leg *leg);

/* REQ_OP_WRITE_ZEROES is not offered any more, until the next start. Any context. */
void disk_no_zeroes(struct array *a);

/* Capacity (sectors; 0: stopped), read-only flag, and the uevents that go with them. */
void disk_set_capacity(struct array *a, sector_t sectors);
void disk_set_readonly(struct array *a, bool ro);
void disk_changed(struct array *a);	/* CHANGE uevent */

#endif

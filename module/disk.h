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

/* An unused array shall go when its last opener has: queue its removal. */
void disk_remove_later(struct array *a);

/*
 * Queue limits from the members (all of them, slots or not), and a change of
 * them when one joins: -errno if it cannot be stacked. Array suspended or not
 * running.
 */
int disk_set_limits(struct array *a);
int disk_add_limits(struct array *a, struct leg *leg);

/* Capacity (sectors; 0: stopped), read-only flag, and the uevents that go with them. */
void disk_set_capacity(struct array *a, sector_t sectors);
void disk_set_readonly(struct array *a, bool ro);
void disk_changed(struct array *a);	/* CHANGE uevent */

#endif

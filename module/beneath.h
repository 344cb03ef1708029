/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What block devices stand on: through partitions, and through every driver
 * that shows its lower devices in /sys/block/NAME/slaves (dm, md, ours), and
 * from one of our arrays to the device that keeps its bitmap.
 *
 * Not seen: the file behind a loop device, devices behind a network, further
 * devices of a file system of several. Who needs those walks /sys from
 * userspace; the driver has no symbols for it.
 */
#ifndef BENEATH_H
#define BENEATH_H

#include <linux/blkdev.h>
#include <linux/list.h>

/* @above waits for @below: an array for its bitmap's device. */
struct beneath {
	struct list_head list;
	struct gendisk *above, *below;
};

/*
 * Remember that @above will wait for @below, unless @below is @above or stands on it:
 * -ELOOP. Both disks must stay as long as the entry. Takes other disks'
 * open_mutex; process context.
 */
int beneath_add(struct beneath *b, struct gendisk *above, struct gendisk *below);
void beneath_del(struct beneath *b);

#endif

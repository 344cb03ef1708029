/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drivers that arrays run on, one table row each: how their nodes are
 * named, which module makes them, which file has their status.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <sys/types.h>

struct driver {
	const char *prefix;	/* of its nodes: "md" */
	const char *module;	/* "md_mod": /sys/module/.../new_array */
	int major;		/* 9, or 0 for a dynamic one */
	const char *status;	/* "/proc/mdstat" */
	bool ours;		/* mdbitmap.ko: bitmap files on any filesystem and on
				 * block devices, whatever the kernel */
};

/*
 * The driver of the array that @word names (/dev/md0, md0, /dev/md/home), by
 * its spelling; NULL if it names none. Nodes named md are mdbitmap.ko's while
 * that is loaded with takeover=1.
 */
const struct driver *driver_of_word(const char *word);

/* The same, of the block device behind @node if there is one. */
const struct driver *driver_of_node(const char *node);

/* The status file that shows the array of this kernel name. */
const char *driver_status(const char *kernel);

/* Is mdbitmap.ko loaded with takeover=1? */
bool driver_has_taken_over(void);

/* Is @dev the number of an array's node, be an array behind it or not? */
bool driver_has_number(dev_t dev);

/* What follows the driver's prefix in @word, which is without /dev/, or NULL. */
const char *driver_behind_prefix(const struct driver *driver, const char *word);

/*
 * The word that means @word's array with mdbitmap.ko beside stock md:
 * /dev/mdb0 for /dev/md0. False: it has no such name.
 */
bool driver_our_word(const char *word, char *ours, size_t size);

#endif

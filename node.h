/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Array nodes, of whichever driver: words into names, names into array
 * objects and open nodes.
 */
#ifndef NODE_H
#define NODE_H

#include <stdbool.h>
#include <sys/types.h>
#include "driver.h"

/* What a word for an array means, by its spelling alone. */
struct node_name {
	const struct driver *driver;
	char kernel[32];	/* "md0", "md_home", "mdb0" */
	char path[48];		/* "/dev/md0", "/dev/md_home" */
	char link[64];		/* "/dev/md/home" if it was written so, or "" */
};

/*
 * mdN, /dev/mdN, md_NAME, /dev/md_NAME, /dev/md/NAME; /dev/md/N is mdN; and
 * the same with mdb. 0, or -EINVAL (nothing recorded): such an array cannot
 * be made. node_bad_name() is the line for that, and returns -EINVAL.
 */
int node_split(const char *word, struct node_name *name);
int node_bad_name(const char *word);

/* Is the driver of that array there, loaded or to be loaded? It is not touched. */
int node_check_driver(const char *word);

/*
 * Make the array object and its node if missing (module loaded, new_array
 * written, node waited for or made), and open it O_RDWR | O_EXCL. *path is
 * the malloc'ed /dev name. -errno after fail(); -EBUSY if the array is
 * in use already, running or half assembled. What is handed out is clear:
 * SET_ARRAY_INFO can come at once, STOP_ARRAY first is wrong (newest kernels
 * may end the object with it, md-abi.md 2.7).
 */
int node_create(const char *word, char **path, int *fd);

/*
 * Open an existing array's node; *name its kernel name. A bare word is
 * looked for in /dev, /dev/md and as /dev/md_WORD, then in /dev/mdb and as
 * /dev/mdb_WORD. -errno after fail();
 * -ENODEV if it is no array.
 */
int node_open(const char *word, int open_flags, int *fd, char name[64]);

/*
 * Wait until the kernel has deleted a stopped array, which it does when it
 * likes, or newest kernels never; then node_forget().
 */
void node_wait_gone(const char *kernel, unsigned int limit_ms);

/*
 * What we made by hand for an array that is gone now, without udevd: its
 * links in /dev/md or /dev/mdb, and its node if the kernel does not remove it.
 */
void node_forget(const char *kernel);

/* What inserting @module ended with, for the one error line; returns @err. */
int node_module_failed(const char *module, int err);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Array nodes and the drivers behind them: which driver serves /dev/mdN,
 * how a new node is made, what it cannot do. One table row per driver.
 */
#ifndef NODE_H
#define NODE_H

#include <stdbool.h>
#include <sys/types.h>

struct driver {
	const char *prefix;	/* of its nodes: "md" */
	const char *module;	/* "md_mod": /sys/module/.../new_array */
	int major;		/* 9, or 0 for a dynamic one */
};

/* The driver that serves @node by its name (/dev/md0, md0, /dev/md/home). */
const struct driver *node_driver(const char *node);

/* What a word for an array means, by its spelling alone. */
struct node_name {
	const struct driver *driver;
	char kernel[32];	/* "md0", "md_home" */
	char path[48];		/* "/dev/md0", "/dev/md_home" */
	char link[64];		/* "/dev/md/home" if it was written so, or "" */
};

/*
 * mdN, /dev/mdN, md_NAME, /dev/md_NAME, /dev/md/NAME; /dev/md/N is mdN.
 * 0, or -EINVAL (nothing recorded): such an array cannot be made.
 */
int node_split(const char *word, struct node_name *name);

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
 * looked for in /dev, /dev/md and as /dev/md_WORD. -errno after fail();
 * -ENODEV if it is no array.
 */
int node_open(const char *word, int open_flags, int *fd, char name[64]);

/*
 * What we made by hand for an array that is gone now, without udevd: its
 * links in /dev/md, and its node if the kernel does not remove it.
 */
void node_forget(const char *kernel);

/* What inserting @module ended with, for the one error line; returns @err. */
int node_module_failed(const char *module, int err);

#endif

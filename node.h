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

/*
 * Make the array object and its node if missing (module loaded, new_array
 * written, node waited for or made), and open it O_RDWR | O_EXCL. *path is
 * the malloc'ed /dev name. -errno after fail(); -EBUSY if the array is
 * in use already.
 */
int node_create(const char *word, char **path, int *fd);

/* Open an existing array's node; *name its kernel name. -errno after fail(). */
int node_open(const char *word, int open_flags, int *fd, char name[64]);

#endif

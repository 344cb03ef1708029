/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A running array, as the ioctls, sysfs and its members' superblocks
 * describe it, gathered once.
 */
#ifndef MDARRAY_H
#define MDARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "ioctl.h"
#include "member.h"

struct mdarray_member {
	mdu_disk_info_t info;
	char name[64];			/* kernel name, "vdb" */
	char path[80];			/* /dev/vdb */
};

struct mdarray {
	char node[128];			/* as the user wrote it */
	char name[64];			/* kernel name */
	int fd;
	mdu_array_info_t info;
	bool persistent;
	char metadata[32];		/* sysfs metadata_version: "1.2", "none" */
	uint64_t component_sectors;	/* used of each member */
	uint64_t sync_sectors;		/* what a bitmap covers */
	char state[32];			/* sysfs array_state */
	struct mdarray_member *members;
	size_t member_count;
	struct member_super *super;	/* of the freshest readable member; NULL
					 * without metadata or privilege */
	bool internal_bitmap;		/* live, internal */
	char *bitmap_path;		/* file: GET_BITMAP_FILE or mdstat; NULL none */
};

/* Gather. 0 or -errno after fail(): -ENODEV not an array or not configured. */
int mdarray_open(const char *node, int open_flags, struct mdarray **out);
void mdarray_close(struct mdarray *array);

/* Member by path, kernel name or dev_t. -ENXIO after fail() if it is none. */
int mdarray_find_member(const struct mdarray *array, const char *word,
		      const struct mdarray_member **out);

/*
 * Is the file on @fd attached to any array right now (device and inode
 * against GET_BITMAP_FILE of each, or mdstat without privilege)?
 * 1 and *name the array; 0 no; -errno, -ESTALE if the file of the array *name is
 * not at its path: deleted, or of another mount namespace.
 */
int mdarray_uses_file(int fd, char name[64]);

/* The same of @path, which may be opened to read only: true, or not known. */
bool mdarray_uses_path(const char *path, char name[64]);

#endif

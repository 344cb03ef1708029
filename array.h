/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A running array, as the ioctls, sysfs and its members' superblocks
 * describe it, gathered once.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "ioctl.h"
#include "member.h"

struct array_member {
	mdu_disk_info_t info;
	char name[64];			/* kernel name, "vdb" */
	char path[80];			/* /dev/vdb */
};

struct array {
	char node[128];			/* as the user wrote it */
	char name[64];			/* kernel name */
	int fd;
	mdu_array_info_t info;
	bool persistent;
	char metadata[32];		/* sysfs metadata_version: "1.2", "none" */
	uint64_t component_sectors;	/* used of each member */
	uint64_t sync_sectors;		/* what a bitmap covers */
	char state[32];			/* sysfs array_state */
	struct array_member *members;
	size_t member_count;
	struct member_super *super;	/* of the freshest readable member; NULL
					 * without metadata or privilege */
	bool internal_bitmap;		/* live, internal */
	char *bitmap_path;		/* file: GET_BITMAP_FILE or mdstat; NULL none */
};

/* Gather. 0 or -errno after fail(): -ENODEV not an array or not configured. */
int array_open(const char *node, int open_flags, struct array **out);
void array_close(struct array *array);

/* Member by path, kernel name or dev_t. -ENXIO after fail() if it is none. */
int array_find_member(const struct array *array, const char *word,
		      const struct array_member **out);

/*
 * Is the file on @fd attached to any array right now (device and inode
 * against GET_BITMAP_FILE of each, or mdstat without privilege)?
 * 1 and *name the array; 0 no; -errno.
 */
int array_uses_file(int fd, char name[64]);

/* The same of @path, which may be opened to read only: true, or not known. */
bool array_uses_path(const char *path, char name[64]);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device, or an image of one, as a member of an array.
 */
#ifndef MEMBER_H
#define MEMBER_H

#include <stdint.h>
#include <sys/types.h>
#include "module/core/member_super.h"

struct member {
	char *path;
	dev_t rdev;			/* 0 for an image file */
	uint64_t device_sectors;
	struct member_super super;
	uint8_t raw[MEMBER_SUPER_BYTES]; /* the superblock as read */
};

/*
 * Read the superblock of an open device or image. Of several valid ones (a
 * device that changed its format) the one with the latest ctime counts.
 * 0; 1 no superblock here (nothing recorded with fail()); -errno after
 * fail(). Reads only; O_DIRECT descriptors are fine.
 */
int member_read(int fd, const char *path, struct member *member);

/* Open @path (O_RDONLY), member_read(), close. 1 becomes -EMEDIUMTYPE here. */
int member_open(const char *path, struct member **member);
void member_free(struct member *member);

/* "1.2", "0.90": mdadm's word for the format. */
const char *member_format_text(const struct member_super *ms);

/* The array's UUID as mdadm prints it for this format (0.90: words swapped). */
const char *member_uuid_text(const struct member_super *ms);

/*
 * Does @wanted, as the user or mdadm writes it, name this array? For 0.90
 * the order of bytes within each word differs from the raw bytes.
 */
bool member_uuid_is(const struct member_super *ms, const uint8_t wanted[UUID_BYTES]);

#endif

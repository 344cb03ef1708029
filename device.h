/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A block device as the place of a bitmap, which arrays of mdbitmap.ko take:
 * may one be written there, and what was there before.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include "module/core/bitmap_super.h"

bool device_is_one(const char *path);

/*
 * May the device @path become the bitmap of @sb, if need be of the array or
 * member @for_dev (NULL: not known)? Exclusively ours on return: *fd, O_RDWR.
 * Without @force nothing may be on it; *content is malloc'ed, what there is,
 * or NULL. -errno after fail(): -EBUSY in use, -EEXIST something is there,
 * -ENOSPC too small, -ELOOP it is a part of @for_dev or of that array.
 */
int device_claim(const char *path, const char *for_dev, const struct bitmap_super *sb,
		 bool force, int *fd, char **content);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which devices are to be looked at as members: those named, those of an
 * array UUID, those of the array that a bitmap file says it belongs to.
 */
#ifndef MUSTER_H
#define MUSTER_H

#include <stddef.h>
#include <stdint.h>
#include "choose.h"

struct muster {			/* zero it first */
	struct candidate *list;	/* their members are owned by it */
	size_t count;
};

/*
 * All return 0 or -errno after fail(), and leave what they have found in @m
 * in either case.
 *
 * The devices or tags (UUID=, PARTLABEL=, ...) in @words. @uuid, if not NULL,
 * must be the array's of each, as mdadm prints it: else -ESTALE.
 */
int muster_named(struct muster *m, char **words, size_t count,
		 const uint8_t uuid[UUID_BYTES]);

/*
 * All block devices whose array UUID is @uuid, as mdadm prints it; or is that
 * in the superblock of the bitmap file @path. -ENODEV if there are none.
 */
int muster_by_uuid(struct muster *m, const uint8_t uuid[UUID_BYTES]);
int muster_by_bitmap(struct muster *m, const char *path);

void muster_free(struct muster *m);

#endif

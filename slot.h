/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A slot of an array without metadata: the device for it, or none.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct slot {
	char *path;			/* malloc'ed; NULL: missing */
	dev_t rdev;			/* 0: an image file */
	uint64_t sectors;
	bool write_mostly;
};

/*
 * Fill slots[i] from @word, a path or a tag. -EEXIST after fail() if one
 * before it is the same device, or if the device has metadata of an array and
 * not @force; other -errno if it cannot be read. Changes nothing on it.
 */
int slot_read(struct slot *slots, unsigned int i, const char *word, bool force);

#endif

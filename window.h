/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between image.c, which opens and judges, and window.c, which reads and
 * edits. Nobody else needs it.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include "image.h"

static inline bool image_is_lockless(const struct image *image)
{
	return image->sb.version == BITMAP_V6_LOCKLESS;
}

/* The 256 bytes at @place of the file. 0; 1 fewer are there; -errno after fail(). */
int window_read_head(const struct image *image, uint64_t place,
		     struct bitmap_super_disk *raw);

void window_free(struct image_buffer *buffer);	/* NULL is fine */

#endif

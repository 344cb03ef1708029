/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bits of an image as they would be if its chunks had another size: a
 * larger chunk is dirty if any part of it is, of a dirty chunk all smaller
 * ones are. Window by window, in constant memory.
 */
#ifndef RECHUNK_H
#define RECHUNK_H

#include "image.h"

struct rechunk {
	struct image *image;		/* the caller's */
	uint64_t bits;			/* chunks of the new size */
	uint64_t step;			/* bits: windows begin at multiples of it */
	int shift;			/* new chunks are 2^shift old ones, or < 0 */
	u8 *scratch;			/* step bits */
};

/* @chunk_bytes a power of two, 512 bytes to 2 GiB. 0 or -ENOMEM after fail(). */
int rechunk_start(struct image *image, uint64_t chunk_bytes, struct rechunk *r);
void rechunk_end(struct rechunk *r);

/*
 * @bits |= the @count chunks of the new size from @first on, which is a
 * multiple of a step; nothing past the end. 0 or -errno after fail().
 */
int rechunk_or(struct rechunk *r, uint64_t first, uint64_t count, u8 *bits);

#endif

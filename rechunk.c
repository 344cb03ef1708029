// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include "rechunk.h"
#include "report.h"

#define STEP_MIN_BITS (8ULL * IMAGE_WINDOW_BYTES)

enum {
	PIECE_BITS = 8 * 4096,		/* often all alike, which is cheap */
};

int rechunk_start(struct image *image, uint64_t chunk_bytes, struct rechunk *r)
{
	int from = __builtin_ctzll(image->sb.chunk_bytes);
	int to = __builtin_ctzll(chunk_bytes);
	unsigned int shift = to > from ? to - from : from - to;

	r->image = image;
	r->shift = to - from;
	r->bits = bitmap_bits(image->sb.sync_sectors, chunk_bytes);
	/* On either side of a step, whole bytes. At most 4 MiB (512 B, 2 GiB). */
	r->step = STEP_MIN_BITS >> shift >= 8 ? STEP_MIN_BITS : 8ULL << shift;
	r->scratch = malloc(r->step / 8);
	return r->scratch ? 0 : fail(-ENOMEM, "out of memory");
}

void rechunk_end(struct rechunk *r)
{
	free(r->scratch);
	r->scratch = NULL;
}

/* True if that was all there is to do: @n old chunks are alike, and so are @more new ones. */
static bool or_uniform(const u8 *old, uint64_t n, u8 *bits, uint64_t more)
{
	if (bits_next_set(old, 0, n) == n)
		return true;
	if (bits_next_clear(old, 0, n) < n)
		return false;
	bits_set(bits, 0, more);
	return true;
}

static int or_coarser(struct rechunk *r, uint64_t first, uint64_t count, u8 *bits)
{
	uint64_t most = PIECE_BITS >> r->shift > 8 ? PIECE_BITS >> r->shift : 8;
	uint64_t done = 0, n, from, old;
	int err = 0;

	for (; !err && done < count; done += n) {
		n = most < count - done ? most : count - done;
		from = (first + done) << r->shift;
		old = n << r->shift;
		if (old > r->image->bits - from)
			old = r->image->bits - from;
		err = image_read_bits(r->image, from, old, r->scratch);
		if (err || or_uniform(r->scratch, old, bits + done / 8, n))
			continue;
		bits_coarsen(r->scratch, r->scratch, old, r->shift);
		bits_or(bits + done / 8, r->scratch, n);
	}
	return err;
}

/* @n old chunks become @more new ones, which may be fewer than 2^shift of the last. */
static void or_piece(struct rechunk *r, const u8 *old, uint64_t n, u8 *bits, uint64_t more)
{
	if (or_uniform(old, n, bits, more))
		return;
	bits_refine(r->scratch, old, n, -r->shift);
	bits_or(bits, r->scratch, more);
}

static int or_finer(struct rechunk *r, uint64_t first, uint64_t count, u8 *bits)
{
	unsigned int shift = -r->shift;
	uint64_t most = r->step >> shift < PIECE_BITS ? r->step >> shift : PIECE_BITS;
	uint64_t from = first >> shift, done = 0, start, n, more;
	const u8 *view;
	int err;

	for (; done < count; done += more, from += n) {
		err = image_view(r->image, from, &view, &start, &n);
		if (err || !n)
			return err;
		n -= from - start;
		if (n > most)
			n = most;
		more = n << shift;
		if (more > count - done) {
			more = count - done;
			n = ((more - 1) >> shift) + 1;
		}
		or_piece(r, view + (from - start) / 8, n, bits + done / 8, more);
	}
	return 0;
}

static int or_alike(struct rechunk *r, uint64_t first, uint64_t count, u8 *bits)
{
	uint64_t done = 0, start, n;
	const u8 *view;
	int err;

	for (; done < count; done += n) {
		err = image_view(r->image, first + done, &view, &start, &n);
		if (err || !n)
			return err;
		n -= first + done - start;
		if (n > count - done)
			n = count - done;
		bits_or(bits + done / 8, view + (first + done - start) / 8, n);
	}
	return 0;
}

int rechunk_or(struct rechunk *r, uint64_t first, uint64_t count, u8 *bits)
{
	if (first >= r->bits)
		return 0;
	if (count > r->bits - first)
		count = r->bits - first;
	if (!r->shift)
		return or_alike(r, first, count, bits);
	return r->shift > 0 ? or_coarser(r, first, count, bits) :
			      or_finer(r, first, count, bits);
}

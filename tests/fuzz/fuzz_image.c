// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a bitmap file, or as the image of a member with one inside:
 * the chunks that image.h shows are those that the bytes say, read one by one
 * as the format's description has it; an edit changes the chunks it is about
 * and no other byte.
 *
 * Input: how to open, what to edit; then the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "image.h"
#include "report.h"

/* Bits of one file that are looked at one by one. */
enum { LOOK_MAX = 1 << 16 };

struct given {
	enum image_byte_order order;
	int slot;
	u64 edit_start, edit_end;
	bool dirty;
	unsigned int flags;
	u8 *file;
	size_t size;
};

static unsigned int word_of(const struct image *image)
{
	if (image->sb.version != BITMAP_V3_HOST_ENDIAN)
		return 1;
	return image->order == IMAGE_BIG_ENDIAN_32 ? 4 :
	       image->order == IMAGE_BIG_ENDIAN_64 ? 8 : 1;
}

/* Of chunk @i, in the slot that starts at byte @start of the file. */
static bool bit_at(const struct given *g, u64 start, u64 i, unsigned int word)
{
	u64 byte = i / 8;

	byte = byte / word * word + (word - 1 - byte % word);
	byte += start + BITMAP_SUPER_BYTES;
	must(byte < g->size);
	return g->file[byte] >> i % 8 & 1;
}

static bool is_dirty(const struct given *g, const struct image *image, u64 i)
{
	u64 step = bitmap_slot_bytes(&image->sb);
	u32 slot;

	if (image->sb.version == BITMAP_V6_LOCKLESS) {
		u8 state = g->file[image->base + BITMAP_LOCKLESS_HEAD_BYTES + i];

		return state != 0 && state != 1 && state != 7;
	}
	if (image->slot >= 0)
		return bit_at(g, image->base + image->slot * step, i, 1);
	for (slot = 1; slot < image->sb.nodes; slot++)
		if (bit_at(g, image->base + slot * step, i, 1))
			return true;
	return bit_at(g, image->base, i, word_of(image));
}

/* All bits through image_view(), from the first to the last. */
static int walk(struct image *image, const struct given *g, u64 *dirty)
{
	u64 at = 0, first, count, i;
	const u8 *bits;
	int err;

	*dirty = 0;
	for (;;) {
		err = image_view(image, at, &bits, &first, &count);
		if (err || !count)
			break;
		must(first <= at && first % 8 == 0 && first + count > at);
		must(first + count <= image->bits_present);
		for (i = at; i < first + count; i++) {
			must(bits_test(bits, i - first) == is_dirty(g, image, i));
			*dirty += bits_test(bits, i - first);
		}
		at = first + count;
	}
	must(err || at == image->bits_present);
	return err;
}

/* Ranges are in order, apart, and as long in sum as there are dirty chunks. */
static void check_ranges(struct image *image, u64 dirty)
{
	u64 start = 0, end = 0, last = 0, sum = 0, counted;
	int more;

	must(!image_count_dirty(image, &counted) && counted == dirty);
	while ((more = image_next_range(image, &start, &end)) == 1) {
		must(start < end && end <= image->bits_present);
		must(!last || start > last);
		sum += end - start;
		start = last = end;
	}
	must(!more && sum == dirty);
}

static void check_reading(struct image *image, const struct given *g)
{
	u64 first = g->edit_start / 8 * 8, i;
	u8 out[32];

	must(!image_read_bits(image, first, sizeof(out) * 8, out));
	for (i = 0; i < sizeof(out) * 8; i++)
		must(bits_test(out, i) == (first + i < image->bits_present &&
					   is_dirty(g, image, first + i)));
}

static void check_states(struct image *image)
{
	u64 counts[BITMAP_STATES], sum = 0;
	int i;

	if (image->sb.version != BITMAP_V6_LOCKLESS)
		return;
	must(!image_count_states(image, counts));
	for (i = 0; i < BITMAP_STATES; i++)
		sum += counts[i];
	must(sum == image->bits_present);
}

static void check_open(struct image *image, const struct given *g)
{
	u64 dirty;
	int err;

	must(image->room_bytes <= g->size && image->base <= g->size);
	must(!memcmp(&image->raw, g->file + image->base, sizeof(image->raw)));
	if (image->check_error) {
		must(g->flags & IMAGE_FAULTY_OK);
		must(image_count_dirty(image, &dirty) == image->check_error);
		return;
	}
	must(image->bits_present <= image->bits && image->bits <= 1ULL << 31);
	must(image->bits_present == image->bits || g->flags & IMAGE_SHORT_OK);
	image->order = g->order;
	if (image->sb.version == BITMAP_V5_CLUSTERED && g->slot < (int)image->sb.nodes)
		image->slot = g->slot;
	if (image->bits_present > LOOK_MAX)
		return;
	err = walk(image, g, &dirty);
	if (err) {		/* cut within a word, or a slot is not all there */
		must(err == -EUCLEAN);
		return;
	}
	check_ranges(image, dirty);
	check_reading(image, g);
	check_states(image);
}

/* The model of an edit is made on the bytes in memory. */
static void edit_model(struct given *g, const struct image *image)
{
	unsigned int word = word_of(image);
	u64 i, byte;

	for (i = g->edit_start; i < g->edit_end && i < image->bits; i++) {
		byte = i / 8;
		byte = 256 + byte / word * word + (word - 1 - byte % word);
		g->file[byte] &= ~(1 << i % 8);
		g->file[byte] |= g->dirty << i % 8;
	}
}

static void check_edit(struct given *g)
{
	struct image *image;
	int err = image_open(fuzz_path("file"), IMAGE_EDIT, &image);

	if (err) {
		fuzz_check_line();
		return;
	}
	must(image->sb.version == 3 || image->sb.version == 4);
	image->order = g->order;
	err = image_set_chunks(image, g->edit_start, g->edit_end, g->dirty);
	must(!err || err == -EUCLEAN);
	if (!err)
		edit_model(g, image);
	image_close(image);
	must(err || fuzz_same("file", g->file, g->size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	u8 how = fuzz_number(&in, 1);
	struct given g = { .order = how % 3, .slot = (int)(how >> 2 & 7) - 1,
			   .dirty = how >> 5 & 1 };
	struct image *image;
	int err;

	g.flags = (how & 64 ? IMAGE_SHORT_OK | IMAGE_FAULTY_OK : 0) |
		  (how & 128 ? IMAGE_FILE : 0);
	g.edit_start = fuzz_number(&in, 2);
	g.edit_end = g.edit_start + fuzz_number(&in, 2);
	g.size = in.left;
	g.file = malloc(g.size + 1);
	must(g.file);
	memcpy(g.file, in.data, g.size);
	fuzz_write("file", g.file, g.size);
	err = image_open(fuzz_path("file"), g.flags, &image);
	if (err) {
		must(err < 0);
		fuzz_check_line();
	} else {
		check_open(image, &g);
		image_close(image);
	}
	must(fuzz_same("file", g.file, g.size));
	check_edit(&g);
	free(g.file);
	return 0;
}

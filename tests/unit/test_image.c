// SPDX-License-Identifier: GPL-2.0-only
/*
 * image.c: whatever the version and the order of its bits, readers see the
 * chunks of the array. The files are made here from the format's description.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "image.h"
#include "make_super.h"
#include "report.h"

enum {
	CHUNK_BYTES = 4096,
	WINDOW_BITS = IMAGE_WINDOW_BYTES * 8,
	NODES = 3,
};

static char directory[] = "/tmp/test_image.XXXXXX";
static const char *const file = "bitmap";
static u64 seed = 0x696d616765;

static u64 below(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* How a bitmap is kept. */
struct kind {
	const char *name;
	u32 version;
	enum image_byte_order order;
	unsigned int word;		/* bytes */
};

static const struct kind kinds[] = {
	{ "version 3", 3, IMAGE_LITTLE_ENDIAN, 1 },
	{ "version 3 of a 32-bit big-endian host", 3, IMAGE_BIG_ENDIAN_32, 4 },
	{ "version 3 of a 64-bit big-endian host", 3, IMAGE_BIG_ENDIAN_64, 8 },
	{ "version 4", 4, IMAGE_LITTLE_ENDIAN, 1 },
	{ "version 5", 5, IMAGE_LITTLE_ENDIAN, 1 },
	{ "version 6", 6, IMAGE_LITTLE_ENDIAN, 1 },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), CLUSTERED = 4, LOCKLESS = 5 };

/* One byte for each chunk: 1 dirty; version 5: bit k, dirty for node k. */
static u8 *random_chunks(u64 count)
{
	u8 *chunks = calloc(count, 1);
	u64 i, j, n;

	for (n = below(40); n; n--) {
		i = below(count);
		for (j = below(3) ? 1 : 1 + below(count / 4 + 1); j && i < count; j--)
			chunks[i++] = 1 + below(7);
	}
	/* Where windows meet, and at both ends. */
	for (i = 0; i < count; i += WINDOW_BITS / 16) {
		chunks[i] = below(8);
		if (i >= 2048 + 8)
			for (j = i - 2048 - 4; j < i - 2048 + 4; j++)
				chunks[j] = below(8);
	}
	chunks[count - 1] = below(8);
	return chunks;
}

static bool clean(u8 state)
{
	return state == 0 || state == 1 || state == 7;
}

/* Does @chunks, kept as @kind, say that chunk @i is dirty? @slot as in image. */
static bool is_dirty(const struct kind *kind, const u8 *chunks, u64 i, int slot)
{
	if (kind->version == 6)
		return !clean(chunks[i]);
	if (kind->version == 5)
		return slot < 0 ? chunks[i] : chunks[i] >> slot & 1;
	return chunks[i] & 1;
}

static void put_super(u8 *raw, u32 version, u64 chunks)
{
	put32(raw, 0, 0x6d746962);
	put32(raw, 4, version);
	memset(raw + 8, 0x5a, 16);
	put64(raw, 24, 7);
	put64(raw, 40, (chunks - 1) * (CHUNK_BYTES / 512) + 1);
	put32(raw, 52, version == 6 ? CHUNK_BYTES / 512 : CHUNK_BYTES);
	put32(raw, 56, 5);
	put32(raw, 68, version == 5 ? NODES : 0);
}

/* Byte of the bit string that holds chunk @i: md-abi.md 4.2 */
static u64 byte_of(const struct kind *kind, u64 i)
{
	u64 bits = kind->word * 8;

	return kind->word == 1 ? i / 8 : i / bits * kind->word + kind->word - 1 - i % bits / 8;
}

static u64 slot_bytes(u64 chunks)
{
	return (256 + (chunks + 7) / 8 + 4095) / 4096 * 4096;
}

/* The bitmap as on disk; *bytes of it. */
static u8 *make_bitmap(const struct kind *kind, const u8 *chunks, u64 count, u64 *bytes)
{
	u64 step = slot_bytes(count), i;
	unsigned int slot, slots = kind->version == 5 ? NODES : 1;
	u8 *raw;

	*bytes = kind->version == 6 ? 1024 + count :
		 (slots - 1) * step + 256 + (count + kind->word * 8 - 1) /
		 (kind->word * 8) * kind->word;
	raw = calloc(*bytes, 1);
	if (kind->version == 6) {
		put_super(raw, 6, count);
		memcpy(raw + 1024, chunks, count);
		return raw;
	}
	for (slot = 0; slot < slots; slot++) {
		put_super(raw + slot * step, kind->version, count);
		for (i = 0; i < count; i++)
			if (is_dirty(kind, chunks, i, slot))
				raw[slot * step + 256 + byte_of(kind, i)] |= 1 << i % 8;
	}
	return raw;
}

/* @bytes at @at of the file, which ends behind them. */
static void write_at(const u8 *bytes, u64 count, u64 at)
{
	int fd = open(file, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, count, at), count);
	assert_int_equal(ftruncate(fd, at + count), 0);
	close(fd);
}

static void make_file(const struct kind *kind, const u8 *chunks, u64 count)
{
	u64 bytes;
	u8 *raw = make_bitmap(kind, chunks, count, &bytes);

	write_at(raw, bytes, 0);
	free(raw);
}

static struct image *open_image(const struct kind *kind, unsigned int flags)
{
	struct image *image;

	assert_int_equal(image_open(file, flags, &image), 0);
	image->order = kind->order;
	return image;
}

/* Sizes that end within a byte, within a word, at and around a window. */
static u64 random_size(bool large)
{
	static const u64 window = WINDOW_BITS - 2048;

	if (!large)
		return 1 + below(below(2) ? 200 : 50000);
	return window * (1 + below(2)) - 70 + below(140);
}

static void expect_all(struct image *image, const struct kind *kind, const u8 *chunks,
		       u64 count, int slot)
{
	u64 dirty = 0, seen = 0, start, end, i, at = 0;

	image->slot = slot;
	assert_int_equal(image_count_dirty(image, &seen), 0);
	for (i = 0; i < count; i++)
		dirty += is_dirty(kind, chunks, i, slot);
	assert_int_equal(seen, dirty);
	for (start = 0; image_next_range(image, &start, &end) == 1; start = at = end) {
		assert_true(start < end && end <= count);
		for (i = at; i < end; i++)
			assert_int_equal(is_dirty(kind, chunks, i, slot), i >= start);
	}
	for (i = at; i < count; i++)
		assert_false(is_dirty(kind, chunks, i, slot));
}

static void expect_random_reads(struct image *image, const struct kind *kind,
				const u8 *chunks, u64 count)
{
	u64 from, n, first, seen, i;
	const u8 *view;
	u8 bits[512];
	int round;

	for (round = 0; round < 60; round++) {
		from = below(count + 100) / 8 * 8;
		n = 1 + below(sizeof(bits) * 8);
		assert_int_equal(image_read_bits(image, from, n, bits), 0);
		for (i = 0; i < n; i++)
			assert_int_equal(bits_test(bits, i), from + i < count &&
					 is_dirty(kind, chunks, from + i, image->slot));
		from = below(count + 100);
		assert_int_equal(image_view(image, from, &view, &first, &seen), 0);
		assert_int_equal(first % 8, 0);
		assert_int_equal(seen > 0, from < count);
		if (!seen)
			continue;
		assert_true(first <= from && from < first + seen && first + seen <= count);
		assert_int_equal(bits_test(view, from - first),
				 is_dirty(kind, chunks, from, image->slot));
	}
}

static void check_kind(const struct kind *kind, u64 count)
{
	u8 *chunks = random_chunks(count);
	struct image *image;

	make_file(kind, chunks, count);
	image = open_image(kind, IMAGE_READ);
	assert_int_equal(image->bits, count);
	assert_int_equal(image->bits_present, count);
	expect_random_reads(image, kind, chunks, count);
	expect_all(image, kind, chunks, count, -1);
	image_close(image);
	free(chunks);
}

static void every_version_and_order_reads_as_the_chunks_of_the_array(void **state)
{
	int round, k;

	for (k = 0; k < KINDS; k++)
		for (round = 0; round < 12; round++)
			check_kind(&kinds[k], random_size(false));
}

static void windows_join_without_a_seam(void **state)
{
	int k;

	for (k = 0; k < KINDS; k++)
		check_kind(&kinds[k], kinds[k].version == 6 ?
				      2 * IMAGE_WINDOW_BYTES + below(100) :
				      random_size(true));
}

static void nodes_are_read_together_or_one_by_one_in_any_order(void **state)
{
	const struct kind *kind = &kinds[CLUSTERED];
	static const int slots[] = { -1, 2, 0, -1, 1, 2, -1, 0 };
	u64 count, i;
	int round;

	for (round = 0; round < 3; round++) {
		struct image *image;
		u8 *chunks;

		count = random_size(round == 2);
		chunks = random_chunks(count);
		make_file(kind, chunks, count);
		image = open_image(kind, IMAGE_READ);
		for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
			image->slot = slots[i];
			expect_random_reads(image, kind, chunks, count);
			expect_all(image, kind, chunks, count, slots[i]);
		}
		image_close(image);
		free(chunks);
	}
}

static void a_node_whose_superblock_is_another_s_is_refused(void **state)
{
	u64 count = 5000, bytes, step = slot_bytes(count);
	u8 *chunks = random_chunks(count), *raw;
	struct bitmap_super sb;
	struct image *image;

	raw = make_bitmap(&kinds[CLUSTERED], chunks, count, &bytes);
	put32(raw + 2 * step, 52, 8192);
	write_at(raw, bytes, 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EUCLEAN);
	image = open_image(&kinds[CLUSTERED], IMAGE_FAULTY_OK);
	assert_int_equal(image_slot_super(image, 1, &sb), 0);
	assert_int_equal(image_slot_super(image, 2, &sb), -EUCLEAN);
	image_close(image);
	put32(raw + step, 0, 0);
	write_at(raw, bytes, 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EUCLEAN);
	/* And a file that ends before the last node. */
	raw[step] = 0x62;
	write_at(raw, 2 * step, 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EUCLEAN);
	free(raw);
	free(chunks);
}

static void lockless_states_are_counted_unknown_ones_as_owing_a_sync(void **state)
{
	u64 count = 2 * IMAGE_WINDOW_BYTES + 77, want[BITMAP_STATES] = { 0 };
	u64 seen[BITMAP_STATES], i;
	u8 *chunks = malloc(count);
	struct image *image;

	for (i = 0; i < count; i++) {
		chunks[i] = below(1000) ? below(9) : below(256);
		want[chunks[i] < BITMAP_STATES ? chunks[i] : BITMAP_STATE_NEED_SYNC]++;
	}
	make_file(&kinds[LOCKLESS], chunks, count);
	image = open_image(&kinds[LOCKLESS], IMAGE_READ);
	assert_int_equal(image_count_states(image, seen), 0);
	assert_memory_equal(seen, want, sizeof(want));
	expect_all(image, &kinds[LOCKLESS], chunks, count, -1);
	image_close(image);
	free(chunks);
}

static void a_short_file_has_the_bits_it_has(void **state)
{
	u64 count = 16384, bytes, dirty, first, n;
	struct image *image;
	const u8 *view;
	u8 *chunks = calloc(count, 1), *raw, bits[64];

	memset(chunks, 1, count);
	raw = make_bitmap(&kinds[3], chunks, count, &bytes);
	for (; bytes > 256; bytes -= 200 < bytes - 256 ? 200 : bytes - 256) {
		u64 present = (bytes - 256) * 8;

		write_at(raw, bytes, 0);
		if (present < count)
			assert_int_equal(image_open(file, IMAGE_READ, &image), -EUCLEAN);
		image = open_image(&kinds[3], IMAGE_SHORT_OK);
		assert_int_equal(image->bits, count);
		assert_int_equal(image->bits_present, present);
		assert_int_equal(image_count_dirty(image, &dirty), 0);
		assert_int_equal(dirty, present);
		assert_int_equal(image_view(image, present, &view, &first, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(image_read_bits(image, present - 8, 512, bits), 0);
		assert_int_equal(bits_count(bits, 512), 8);
		image_close(image);
	}
	free(raw);
	free(chunks);
}

static void raw_shows_every_byte_of_the_file_as_it_is(void **state)
{
	u64 bytes = 2 * IMAGE_WINDOW_BYTES + 12345, at, n, dirty;
	u8 *raw = malloc(bytes);
	struct image *image;
	const u8 *view;
	int round;

	for (at = 0; at < bytes; at++)
		raw[at] = below(256);
	memset(raw, 0, 256);
	put_super(raw, 3, 100);
	write_at(raw, bytes, 0);
	image = open_image(&kinds[2], IMAGE_READ);
	for (at = 0; !image_raw(image, at, &view, &n) && n; at += n)
		assert_memory_equal(view, raw + at, n);
	assert_int_equal(at, bytes);
	for (round = 0; round < 50; round++) {
		at = below(bytes);
		assert_int_equal(image_raw(image, at, &view, &n), 0);
		assert_true(n && at + n <= bytes);
		assert_memory_equal(view, raw + at, n);
		/* The window it displaced is read again. */
		assert_int_equal(image_count_dirty(image, &dirty), 0);
	}
	image_close(image);
	free(raw);
}

/* Members by index as in make_super.h (1.0 first); bitmaps 512 bytes off a block's start. */
static void internal_bitmaps_are_found_wherever_the_member_says(void **state)
{
	static const s64 offsets[4] = { -17, 9, 10, 8 };
	const struct kind *kind = &kinds[3];
	u64 count = 3000, bytes, at;
	unsigned int which;
	u8 super[SUPER_BYTES];

	for (which = 0; which < 4; which++) {
		u8 *chunks = random_chunks(count);
		u8 *raw = make_bitmap(kind, chunks, count, &bytes);
		u8 *device = calloc(DEVICE_SECTORS, 512);
		struct image *image;

		make_super(super, which, DEVICE_SECTORS);
		at = super_sector(which, DEVICE_SECTORS);
		if (which == 3) {
			put32(super, 132, 1 | 1 << 8);
		} else {
			put32(super, 8, 1);
			put32(super, 96, offsets[which]);
		}
		seal_super(super, which);
		memcpy(device + at * 512, super, SUPER_BYTES);
		at += offsets[which];
		memcpy(device + at * 512, raw, bytes);
		write_at(device, DEVICE_SECTORS * 512, 0);
		image = open_image(kind, IMAGE_READ);
		assert_non_null(image->member);
		assert_int_equal(image->base, at * 512);
		expect_random_reads(image, kind, chunks, count);
		expect_all(image, kind, chunks, count, -1);
		image_close(image);
		assert_int_equal(image_open(file, IMAGE_FILE, &image), -EMEDIUMTYPE);
		free(device);
		free(raw);
		free(chunks);
	}
}

static void edit(struct image *image, u8 *chunks, u64 count)
{
	u64 from = below(count), to = from + 1 + below(below(2) ? 20 : count);
	bool dirty = below(2);

	assert_int_equal(image_set_chunks(image, from, to, dirty), 0);
	for (; from < to && from < count; from++)
		chunks[from] = dirty;
}

static void edits_change_their_chunks_and_no_other_bit_of_the_file(void **state)
{
	int round, k, n;

	for (k = 0; k < CLUSTERED; k++)
		for (round = 0; round < 6; round++) {
			u64 count = random_size(round == 5), bytes, now, i;
			u8 *chunks = random_chunks(count), *want;
			struct image *image;
			const u8 *view;

			for (i = 0; i < count; i++)
				chunks[i] &= 1;
			make_file(&kinds[k], chunks, count);
			image = open_image(&kinds[k], IMAGE_EDIT);
			for (n = 0; n < 20; n++)
				edit(image, chunks, count);
			assert_int_equal(image_sync(image), 0);
			image_close(image);
			want = make_bitmap(&kinds[k], chunks, count, &bytes);
			image = open_image(&kinds[k], IMAGE_READ);
			assert_int_equal(image->st.st_size, bytes);
			for (i = 0; !image_raw(image, i, &view, &now) && now; i += now)
				assert_memory_equal(view, want + i, now);
			image_close(image);
			free(want);
			free(chunks);
		}
}

static void a_damaged_superblock_opens_only_for_who_says_so(void **state)
{
	u64 bytes, first, n;
	u8 chunks[100] = { 0 }, *raw = make_bitmap(&kinds[3], chunks, 100, &bytes);
	struct image *image;
	const u8 *view;

	put32(raw, 52, 3000);
	write_at(raw, bytes, 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EUCLEAN);
	assert_non_null(strstr(fail_text(), "chunksize is 3000"));
	image = open_image(&kinds[3], IMAGE_FAULTY_OK);
	assert_int_equal(image->check_error, -EUCLEAN);
	assert_int_equal(image_view(image, 0, &view, &first, &n), -EUCLEAN);
	assert_int_equal(image_raw(image, 0, &view, &n), 0);
	assert_int_equal(n, bytes);
	image_close(image);
	free(raw);
}

static void a_file_that_shrinks_under_the_reader_is_an_error(void **state)
{
	u64 count = 3 * WINDOW_BITS, dirty;
	u8 *chunks = calloc(count, 1);
	struct image *image;

	make_file(&kinds[3], chunks, count);
	image = open_image(&kinds[3], IMAGE_READ);
	assert_int_equal(truncate(file, IMAGE_WINDOW_BYTES + 4096), 0);
	assert_int_equal(image_count_dirty(image, &dirty), -EUCLEAN);
	image_close(image);
	free(chunks);
}

static void what_is_no_bitmap_file_is_told_apart(void **state)
{
	u8 zeros[8192] = { 0 };
	struct image *image;

	write_at(zeros, sizeof(zeros), 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EMEDIUMTYPE);
	write_at(zeros, 100, 0);
	assert_int_equal(image_open(file, IMAGE_READ, &image), -EMEDIUMTYPE);
	assert_int_equal(image_open(".", IMAGE_READ, &image), -EMEDIUMTYPE);
	assert_int_equal(image_open("absent", IMAGE_READ, &image), -ENOENT);
	/* Nobody writes into it: opening must not wait for one. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(image_open("fifo", IMAGE_READ, &image), -EMEDIUMTYPE);
	unlink("fifo");
	make_file(&kinds[3], zeros, 100);
	assert_int_equal(symlink(file, "link"), 0);
	assert_int_equal(image_open("link", IMAGE_FILE, &image), -ELOOP);
	assert_int_equal(image_open("link", IMAGE_READ, &image), 0);
	image_close(image);
	unlink("link");
}

static void a_node_is_only_chosen_where_there_are_nodes(void **state)
{
	u8 chunks[100] = { 0 };
	struct image *image;

	make_file(&kinds[CLUSTERED], chunks, 100);
	image = open_image(&kinds[CLUSTERED], IMAGE_READ);
	assert_int_equal(image_select(image, NULL, "2"), 0);
	assert_int_equal(image->slot, 2);
	assert_int_equal(image_select(image, NULL, "3"), -EINVAL);
	assert_int_equal(image_select(image, "big16", NULL), -EINVAL);
	image_close(image);
	make_file(&kinds[3], chunks, 100);
	image = open_image(&kinds[3], IMAGE_READ);
	assert_int_equal(image_select(image, NULL, "0"), -EINVAL);
	assert_int_equal(image_select(image, "big32", NULL), 0);
	assert_int_equal(image->order, IMAGE_BIG_ENDIAN_32);
	image_close(image);
}

static void the_last_chunk_counts_as_far_as_the_array_goes(void **state)
{
	u8 chunks[100] = { 0 };
	struct image *image;

	/* 99 chunks and one sector: put_super() */
	make_file(&kinds[3], chunks, 100);
	image = open_image(&kinds[3], IMAGE_READ);
	assert_int_equal(image_chunk_range_bytes(image, 98, 99), CHUNK_BYTES);
	assert_int_equal(image_chunk_range_bytes(image, 98, 100), CHUNK_BYTES + 512);
	assert_int_equal(image_chunk_range_bytes(image, 99, 1000), 512);
	assert_int_equal(image_chunk_range_bytes(image, 100, 1000), 0);
	image_close(image);
}

static int make_directory(void **state)
{
	style.quiet = true;
	return !mkdtemp(directory) || chdir(directory);
}

static int remove_directory(void **state)
{
	unlink(file);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_and_order_reads_as_the_chunks_of_the_array),
		cmocka_unit_test(windows_join_without_a_seam),
		cmocka_unit_test(nodes_are_read_together_or_one_by_one_in_any_order),
		cmocka_unit_test(a_node_whose_superblock_is_another_s_is_refused),
		cmocka_unit_test(lockless_states_are_counted_unknown_ones_as_owing_a_sync),
		cmocka_unit_test(a_short_file_has_the_bits_it_has),
		cmocka_unit_test(raw_shows_every_byte_of_the_file_as_it_is),
		cmocka_unit_test(internal_bitmaps_are_found_wherever_the_member_says),
		cmocka_unit_test(edits_change_their_chunks_and_no_other_bit_of_the_file),
		cmocka_unit_test(a_damaged_superblock_opens_only_for_who_says_so),
		cmocka_unit_test(a_file_that_shrinks_under_the_reader_is_an_error),
		cmocka_unit_test(what_is_no_bitmap_file_is_told_apart),
		cmocka_unit_test(a_node_is_only_chosen_where_there_are_nodes),
		cmocka_unit_test(the_last_chunk_counts_as_far_as_the_array_goes),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

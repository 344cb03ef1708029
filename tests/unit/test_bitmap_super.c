// SPDX-License-Identifier: GPL-2.0-only
/* core/bitmap_super.c: the superblock and its geometry, md-abi.md section 4. */
#include <stdlib.h>
#include "unit.h"
#include "module/core/bitmap_super.h"
#include "module/core/member_super.h"

/* The example of md-abi.md 4.1: 1 GiB, 64 KiB, events 7, cleared 5. */
static const u8 example[64] = {
	0x62, 0x69, 0x74, 0x6d, 4, 0, 0, 0,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
	5, 0, 0, 0, 0, 0, 0, 0,
};

static void load_example(struct bitmap_super *sb)
{
	struct bitmap_super_disk disk = { 0 };

	memcpy(&disk, example, sizeof(example));
	bitmap_super_decode(sb, &disk);
}

static void the_documented_example_decodes_to_its_values(void **state)
{
	struct bitmap_super sb;
	int i;

	load_example(&sb);
	assert_int_equal(sb.magic, BITMAP_MAGIC);
	assert_int_equal(sb.version, 4);
	for (i = 0; i < UUID_BYTES; i++)
		assert_int_equal(sb.uuid[i], i);
	assert_int_equal(sb.events, 7);
	assert_int_equal(sb.events_cleared, 5);
	assert_int_equal(sb.sync_sectors, 2097152);
	assert_int_equal(sb.chunk_bytes, 65536);
	assert_int_equal(sb.delay_s, 5);
	assert_int_equal(bitmap_super_check(&sb, NULL), 0);
}

static void any_256_bytes_survive_decode_and_encode(void **state)
{
	u8 in[BITMAP_SUPER_BYTES], out[BITMAP_SUPER_BYTES];
	struct bitmap_super sb;
	int round, i;

	srandom(1);
	for (round = 0; round < 20000; round++) {
		for (i = 0; i < BITMAP_SUPER_BYTES; i++)
			in[i] = random();
		if (round % 2) {
			memcpy(in, example, 4);
			in[4] = round % 8;
			memset(in + 5, 0, 3);
		}
		bitmap_super_decode(&sb, (struct bitmap_super_disk *)in);
		bitmap_super_encode((struct bitmap_super_disk *)out, &sb);
		assert_memory_equal(in, out, sizeof(in));
		if (!bitmap_super_check(&sb, NULL))
			assert_true(bitmap_bytes(&sb) >= bitmap_head_bytes(&sb));
	}
}

static void the_chunk_of_version_6_is_stored_in_sectors(void **state)
{
	struct bitmap_super_disk disk = { .magic = cpu_to_le32(BITMAP_MAGIC),
					  .version = cpu_to_le32(6),
					  .chunksize = cpu_to_le32(128),
					  .sync_size = cpu_to_le64(2097152) };
	struct bitmap_super sb;

	bitmap_super_decode(&sb, &disk);
	assert_int_equal(sb.chunk_bytes, 65536);
	assert_int_equal(bitmap_bytes(&sb), 1024 + 16384);
}

struct wrong {
	const char *field;
	int err;
	void (*spoil)(struct bitmap_super *sb);
};

static void magic(struct bitmap_super *sb) { sb->magic++; }
static void version2(struct bitmap_super *sb) { sb->version = 2; }
static void version7(struct bitmap_super *sb) { sb->version = 7; }
static void chunk0(struct bitmap_super *sb) { sb->chunk_bytes = 0; }
static void chunk_odd(struct bitmap_super *sb) { sb->chunk_bytes = 65537; }
static void chunk256(struct bitmap_super *sb) { sb->chunk_bytes = 256; }
static void huge(struct bitmap_super *sb) { sb->sync_sectors = UINT64_MAX; }
static void many(struct bitmap_super *sb) { sb->sync_sectors = 1ULL << 40; }
static void delay0(struct bitmap_super *sb) { sb->delay_s = 0; }
static void delay_huge(struct bitmap_super *sb) { sb->delay_s = UINT32_MAX; }
static void behind(struct bitmap_super *sb) { sb->write_behind = 16384; }
static void nodes(struct bitmap_super *sb) { sb->nodes = 1; }

static void every_bad_field_is_refused_by_its_name(void **state)
{
	static const struct wrong wrong[] = {
		{ "magic", -EMEDIUMTYPE, magic },
		{ "version", -EPROTONOSUPPORT, version2 },
		{ "version", -EPROTONOSUPPORT, version7 },
		{ "chunksize", -EUCLEAN, chunk0 },
		{ "chunksize", -EUCLEAN, chunk_odd },
		{ "chunksize", -EUCLEAN, chunk256 },
		{ "sync_size", -EUCLEAN, huge },
		{ "sync_size", -EUCLEAN, many },
		{ "daemon_sleep", -EUCLEAN, delay0 },
		{ "daemon_sleep", -EUCLEAN, delay_huge },
		{ "write_behind", -EUCLEAN, behind },
		{ "nodes", -EUCLEAN, nodes },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bitmap_super sb;
		struct fault fault;

		load_example(&sb);
		wrong[i].spoil(&sb);
		assert_int_equal(bitmap_super_check(&sb, &fault), wrong[i].err);
		assert_string_equal(fault.field, wrong[i].field);
	}
}

static void a_new_bitmap_has_a_chunk_from_4_kib_to_the_array_size(void **state)
{
	static const struct {
		u64 sectors, chunk;
		int err;
	} cases[] = {
		{ 2097152, 4096, 0 },	     { 2097152, 2048, -EINVAL },
		{ 2097152, 1ULL << 30, 0 },  { 2097152, 1ULL << 31, -EINVAL },
		{ 2097153, 1ULL << 31, 0 },  { 2097152, 0, -EINVAL },
		{ 2097152, 12288, -EINVAL }, { 0, 4096, -EINVAL },
		{ 1ULL << 34, 4096, 0 },     { (1ULL << 34) + 1, 4096, -EINVAL },
		{ 1ULL << 40, 1ULL << 32, -EINVAL }, { 1, 4096, 0 },
	};
	struct bitmap_super sb;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bitmap_super_init(&sb);
		sb.sync_sectors = cases[i].sectors;
		sb.chunk_bytes = cases[i].chunk;
		assert_int_equal(bitmap_super_check_new(&sb, NULL), cases[i].err);
	}
}

/* The table of md-abi.md 4.2, whose values were verified with mdadm. */
static void bits_and_file_sizes_are_the_documented_ones(void **state)
{
	static const struct {
		u64 sectors, chunk, bits, bytes;
	} cases[] = {
		{ 2097152, 65536, 16384, 2304 },
		{ 2097153, 8192, 131073, 16641 },
		{ 65408, 65536, 511, 320 },
		{ 2147483648, 1048576, 1048576, 131328 },
	};
	struct bitmap_super sb;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bitmap_super_init(&sb);
		sb.sync_sectors = cases[i].sectors;
		sb.chunk_bytes = cases[i].chunk;
		assert_int_equal(bitmap_bits(cases[i].sectors, cases[i].chunk),
				 cases[i].bits);
		assert_int_equal(bitmap_bytes(&sb), cases[i].bytes);
	}
}

static void the_default_chunk_needs_at_most_a_million_bits_if_it_can(void **state)
{
	assert_int_equal(bitmap_default_chunk_bytes(1), 4096);
	assert_int_equal(bitmap_default_chunk_bytes(8ULL << 20), 4096);
	assert_int_equal(bitmap_default_chunk_bytes((8ULL << 20) + 1), 8192);
	assert_int_equal(bitmap_default_chunk_bytes(2147483648), 1048576);
	/* the largest there is, even so: above 2 PiB */
	assert_int_equal(bitmap_default_chunk_bytes((1ULL << 42) + 1), BITMAP_CHUNK_MAX_BYTES);
	assert_int_equal(bitmap_default_chunk_bytes(1ULL << 60), BITMAP_CHUNK_MAX_BYTES);
}

static void an_update_that_was_noted_is_told_from_any_other(void **state)
{
	const u64 now = member_time(1700000000, 5), before = member_time(1699999999, 7);
	const u64 other = member_time(1700000000, 6), stock = member_time(1700000000, 0);
	struct bitmap_super sb;

	load_example(&sb);
	/* nobody knows: the events decide */
	assert_true(bitmap_super_is_of(&sb, 7, other));
	bitmap_super_note_update(&sb, now, before);
	assert_true(bitmap_super_is_of(&sb, 7, now));
	assert_false(bitmap_super_is_of(&sb, 7, other));
	/* the members were one behind */
	assert_true(bitmap_super_is_of(&sb, 6, before));
	assert_false(bitmap_super_is_of(&sb, 6, now));
	assert_false(bitmap_super_is_of(&sb, 6, other));
	/* stock md wrote to the members, or to the file */
	assert_true(bitmap_super_is_of(&sb, 7, stock));
	sb.events = 8;
	assert_true(bitmap_super_is_of(&sb, 8, other));
}

static void what_was_noted_before_an_update_is_kept_if_nobody_knows_better(void **state)
{
	const u64 now = member_time(1700000000, 5), before = member_time(1699999999, 7);
	const u64 other = member_time(1700000000, 6);
	struct bitmap_super sb;

	load_example(&sb);
	bitmap_super_note_update(&sb, now, before);
	bitmap_super_note_update(&sb, now, 0);
	assert_false(bitmap_super_is_of(&sb, 6, other));
	/* another update, though: what was before it is not known */
	bitmap_super_note_update(&sb, other, 0);
	assert_false(bitmap_super_is_of(&sb, 6, before));
	assert_false(bitmap_super_is_of(&sb, 6, now));
	assert_false(bitmap_super_is_of(&sb, 7, now));
}

/* The format's offsets: 232, 240, 248. */
static void it_is_noted_in_the_last_bytes_of_the_pad(void **state)
{
	struct bitmap_super_disk disk = { 0 };
	struct bitmap_super sb;
	u8 raw[BITMAP_SUPER_BYTES];
	size_t i;

	load_example(&sb);
	bitmap_super_note_update(&sb, 0x0102030405060708, 0x1112131415161718);
	bitmap_super_encode(&disk, &sb);
	memcpy(raw, &disk, sizeof(raw));
	for (i = 64; i < 232; i++)
		assert_int_equal(raw[i], 0);
	assert_int_equal(raw[232], 7);
	for (i = 0; i < 8; i++) {
		assert_int_equal(raw[240 + i], 8 - i);
		assert_int_equal(raw[248 + i], 0x18 - i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_example_decodes_to_its_values),
		cmocka_unit_test(any_256_bytes_survive_decode_and_encode),
		cmocka_unit_test(the_chunk_of_version_6_is_stored_in_sectors),
		cmocka_unit_test(every_bad_field_is_refused_by_its_name),
		cmocka_unit_test(a_new_bitmap_has_a_chunk_from_4_kib_to_the_array_size),
		cmocka_unit_test(bits_and_file_sizes_are_the_documented_ones),
		cmocka_unit_test(an_update_that_was_noted_is_told_from_any_other),
		cmocka_unit_test(what_was_noted_before_an_update_is_kept_if_nobody_knows_better),
		cmocka_unit_test(it_is_noted_in_the_last_bytes_of_the_pad),
		cmocka_unit_test(the_default_chunk_needs_at_most_a_million_bits_if_it_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

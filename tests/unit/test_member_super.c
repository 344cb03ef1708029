// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "make_super.h"
#include "module/core/member_super.h"

static const enum member_format formats[] = {
	MEMBER_1_0, MEMBER_1_1, MEMBER_1_2, MEMBER_0_90,
};

static struct member_super ms;
static struct fault fault;
static uint8_t raw[SUPER_BYTES];

static int decode(unsigned int which)
{
	memset(&fault, 0, sizeof(fault));
	return member_super_decode(&ms, formats[which], raw, DEVICE_SECTORS, &fault);
}

static int seal_and_decode(unsigned int which)
{
	seal_super(raw, which);
	return decode(which);
}

static void superblocks_are_looked_for_where_md_puts_them(void **state)
{
	uint64_t sector;

	assert_int_equal(member_super_location(MEMBER_1_1, 24, &sector), 0);
	assert_int_equal(sector, 0);
	assert_int_equal(member_super_location(MEMBER_1_2, 24, &sector), 0);
	assert_int_equal(sector, 8);
	assert_int_equal(member_super_location(MEMBER_1_0, 32767, &sector), 0);
	assert_int_equal(sector, 32744);
	assert_int_equal(member_super_location(MEMBER_0_90, 32767, &sector), 0);
	assert_int_equal(sector, 32512);
	assert_int_equal(member_super_location(MEMBER_0_90, UINT64_MAX, &sector), 0);
	assert_true(sector <= UINT64_MAX - 8);
}

static void devices_too_small_have_no_superblock(void **state)
{
	uint64_t sector;

	assert_int_equal(member_super_location(MEMBER_1_0, 23, &sector), -ENOSPC);
	assert_int_equal(member_super_location(MEMBER_1_1, 0, &sector), -ENOSPC);
	assert_int_equal(member_super_location(MEMBER_1_2, 23, &sector), -ENOSPC);
	assert_int_equal(member_super_location(MEMBER_0_90, 255, &sector), -ENOSPC);
	make_v1(raw, 2, DEVICE_SECTORS);
	seal_v1(raw);
	assert_int_equal(member_super_decode(&ms, MEMBER_1_2, raw, 23, &fault), 1);
}

static void check_v1(unsigned int minor)
{
	make_v1(raw, minor, DEVICE_SECTORS);
	assert_int_equal(seal_and_decode(minor), 0);
	assert_int_equal(ms.format, formats[minor]);
	assert_int_equal(ms.major_version, 1);
	assert_int_equal(ms.minor_version, minor);
	assert_memory_equal(ms.uuid, raw + 16, 16);
	assert_memory_equal(ms.device_uuid, raw + 168, 16);
	assert_string_equal(ms.name, "host:home");
	assert_int_equal(ms.ctime_s, 1700000000);
	assert_int_equal(ms.utime, 1700000100);
	assert_int_equal(ms.level, 1);
	assert_int_equal(ms.raid_disks, 2);
	assert_int_equal(ms.size_sectors, SIZE_SECTORS);
	assert_int_equal(ms.super_sector, super_sector_v1(minor, DEVICE_SECTORS));
	assert_int_equal(ms.data_sector, minor ? DATA_SECTOR : 0);
	assert_int_equal(ms.events, 42);
	assert_true(ms.resync_sector == MEMBER_IN_SYNC);
	assert_int_equal(ms.number, 0);
	assert_int_equal(ms.role, 0);
	assert_int_equal(ms.max_devices, MAX_DEV);
	assert_int_equal(ms.roles[1], 1);
	assert_int_equal(ms.roles[2], MEMBER_ROLE_SPARE);
	assert_false(ms.has_bitmap);
	assert_int_equal(member_super_sync_sectors(&ms), SIZE_SECTORS);
}

static void every_field_of_1_x_is_read(void **state)
{
	check_v1(0);
	check_v1(1);
	check_v1(2);
}

static void a_name_without_end_is_ended(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	memset(raw + 32, 'x', 32);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(strlen(ms.name), 32);
}

static void every_field_of_0_90_is_read(void **state)
{
	static const uint8_t uuid[16] = {
		4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13,
	};

	make_v0(raw);
	put32(raw, 160, 7);
	put32(raw, 512 + 16, 6 | 1 << 9 | 1 << 10);
	assert_int_equal(seal_and_decode(3), 0);
	assert_int_equal(ms.major_version, 0);
	assert_int_equal(ms.minor_version, 90);
	assert_memory_equal(ms.uuid, uuid, 16);
	assert_int_equal(ms.ctime_s, 1600000000);
	assert_int_equal(ms.level, 1);
	assert_int_equal(ms.size_sectors, SIZE_SECTORS);
	assert_int_equal(ms.data_sector, 0);
	assert_int_equal(ms.super_sector, 32640);
	assert_int_equal(ms.data_sectors, 32640);
	assert_true(ms.events == (7ULL << 32 | 42));
	assert_true(ms.resync_sector == MEMBER_IN_SYNC);
	assert_int_equal(ms.role, 0);
	assert_int_equal(ms.max_devices, 27);
	assert_int_equal(ms.roles[1], 1);
	assert_int_equal(ms.roles[2], MEMBER_ROLE_SPARE);
	assert_int_equal(ms.devflags, MEMBER_WRITE_MOSTLY | MEMBER_FAILFAST);
}

static void a_dirty_0_90_array_resumes_only_at_a_current_checkpoint(void **state)
{
	make_v0(raw);
	put32(raw, 132, 0);
	put32(raw, 172, 1000);
	put32(raw, 164, 41);
	assert_int_equal(seal_and_decode(3), 0);
	assert_int_equal(ms.resync_sector, 0);
	put32(raw, 164, 42);
	assert_int_equal(seal_and_decode(3), 0);
	assert_int_equal(ms.resync_sector, 1000);
}

static void descriptors_of_0_90_become_roles(void **state)
{
	make_v0(raw);
	put_disk_v0(raw, 512 + 128, 1, 1, 9);		/* removed, faulty */
	put_disk_v0(raw, 512 + 2 * 128, 2, 2, 0);	/* spare */
	put_disk_v0(raw, 512 + 3 * 128, 3, 1, 2);	/* active, not in sync */
	put_disk_v0(raw, 512 + 4 * 128, 4, 99, 6);	/* no such slot */
	assert_int_equal(seal_and_decode(3), 0);
	assert_int_equal(ms.roles[1], MEMBER_ROLE_FAULTY);
	assert_int_equal(ms.roles[2], MEMBER_ROLE_SPARE);
	assert_int_equal(ms.roles[3], MEMBER_ROLE_SPARE);
	assert_int_equal(ms.roles[4], MEMBER_ROLE_SPARE);
	put32(raw, 8, 91);
	assert_int_equal(seal_and_decode(3), 0);
	assert_int_equal(ms.roles[3], 1);
	assert_true(ms.features & MEMBER_FEATURE_RESHAPE);
}

static void what_lacks_magic_or_version_is_no_superblock(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		make_super(raw, i, DEVICE_SECTORS);
		put32(raw, 0, 0xa92b4efd);
		assert_int_equal(seal_and_decode(i), 1);
		assert_string_equal(fault.field, "magic");
		make_super(raw, i, DEVICE_SECTORS);
		put32(raw, 4, 2);
		assert_int_equal(seal_and_decode(i), 1);
		assert_string_equal(fault.field, "major_version");
	}
	make_v0(raw);
	put32(raw, 8, 92);
	assert_int_equal(seal_and_decode(3), 1);
}

static void a_wrong_checksum_is_refused(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		make_super(raw, i, DEVICE_SECTORS);
		seal_super(raw, i);
		raw[i == 3 ? 156 : 200] ^= 1;
		assert_int_equal(decode(i), -EBADMSG);
		assert_string_equal(fault.field, "sb_csum");
	}
}

static void an_odd_number_of_roles_is_summed_right(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 220, 3);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.max_devices, 3);
	put32(raw, 220, 1920);
	assert_int_equal(seal_and_decode(2), 0);
	put32(raw, 220, 0);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
}

static void formats_of_1_x_are_never_mistaken_for_each_other(void **state)
{
	unsigned int made, asked;

	for (made = 0; made < 3; made++)
		for (asked = 0; asked < 3; asked++) {
			make_v1(raw, made, DEVICE_SECTORS);
			assert_int_equal(seal_and_decode(asked), made != asked);
			if (made != asked)
				assert_string_equal(fault.field, "super_offset");
		}
}

struct wrong {
	unsigned int which;
	unsigned int at, bytes;
	uint64_t value;
	int err;
	const char *field;
};

static const struct wrong wrongs[] = {
	{ 2, 8, 4, 0x2000, -EPROTONOSUPPORT, "feature_map" },
	{ 2, 8, 4, 0x80000000, -EPROTONOSUPPORT, "feature_map" },
	{ 2, 8, 4, 1024 | 1, -EUCLEAN, "feature_map" },
	{ 2, 8, 4, 2048 | 512, -EUCLEAN, "feature_map" },
	{ 2, 12, 4, 1, -EUCLEAN, "pad0" },
	{ 2, 80, 8, 30721, -EUCLEAN, "size" },
	{ 2, 80, 8, UINT64_MAX, -EUCLEAN, "size" },
	{ 2, 200, 8, 1ULL << 63, -EUCLEAN, "events" },
	{ 2, 200, 8, UINT64_MAX, -EUCLEAN, "events" },
	{ 2, 92, 4, 0, -EUCLEAN, "raid_disks" },
	{ 2, 92, 4, 1921, -EUCLEAN, "raid_disks" },
	{ 2, 92, 4, 0xffffffff, -EUCLEAN, "raid_disks" },
	{ 2, 128, 8, 8, -EUCLEAN, "data_offset" },
	{ 1, 128, 8, 0, -EUCLEAN, "data_offset" },
	{ 2, 128, 8, 2049, -EUCLEAN, "data_size" },
	{ 2, 128, 8, UINT64_MAX, -EUCLEAN, "data_offset" },
	{ 2, 136, 8, 9, -EUCLEAN, "data_size" },
	{ 2, 136, 8, UINT64_MAX, -EUCLEAN, "data_size" },
	{ 0, 136, 8, 32753, -EUCLEAN, "data_size" },
	{ 2, 220, 4, 1921, -EUCLEAN, "max_dev" },
	{ 2, 220, 4, 0xffffffff, -EUCLEAN, "max_dev" },
	{ 2, 224, 4, 256, -EUCLEAN, "logical_block_size" },
	{ 2, 224, 4, 4097, -EUCLEAN, "logical_block_size" },
	{ 2, 224, 4, 131072, -EUCLEAN, "logical_block_size" },
	{ 2, 228, 4, 1, -EUCLEAN, "pad3" },
	{ 2, 255, 1, 1, -EUCLEAN, "pad3" },
	{ 3, 40, 4, 0, -EUCLEAN, "raid_disks" },
	{ 3, 40, 4, 28, -EUCLEAN, "raid_disks" },
	{ 3, 3968, 4, 27, -EUCLEAN, "this_disk.number" },
	{ 3, 3968, 4, 0xffffffff, -EUCLEAN, "this_disk.number" },
	{ 3, 32, 4, 16321, -EUCLEAN, "size" },
};

static void impossible_fields_are_refused_by_name(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];

		make_super(raw, w->which, DEVICE_SECTORS);
		if (w->bytes == 8)
			put64(raw, w->at, w->value);
		else if (w->bytes == 4)
			put32(raw, w->at, (uint32_t)w->value);
		else
			raw[w->at] = (uint8_t)w->value;
		assert_int_equal(seal_and_decode(w->which), w->err);
		assert_string_equal(fault.field, w->field);
		assert_non_null(fault.expected);
	}
}

struct right {
	unsigned int which;
	unsigned int at, bytes;
	uint64_t value;
};

static const struct right rights[] = {
	{ 2, 92, 4, 1 },
	{ 2, 92, 4, 1920 },
	{ 2, 80, 8, DEVICE_SECTORS - DATA_SECTOR },	/* size = data_size */
	{ 0, 80, 8, 32728 },
	{ 2, 128, 8, 9 },				/* right behind the superblock */
	{ 1, 128, 8, 1 },
	{ 2, 160, 4, 127 },
	{ 2, 72, 4, (uint32_t)-1 },
	{ 3, 40, 4, 27 },
	{ 3, 32, 4, 32640 / 2 },
	{ 3, 3968, 4, 26 },
};

static void the_last_possible_values_are_accepted(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		const struct right *r = &rights[i];

		make_super(raw, r->which, DEVICE_SECTORS);
		if (r->at == 128)	/* max_dev 128: 512 bytes in all */
			put64(raw, 136, DEVICE_SECTORS - r->value);
		if (r->bytes == 8)
			put64(raw, r->at, r->value);
		else
			put32(raw, r->at, (uint32_t)r->value);
		assert_int_equal(seal_and_decode(r->which), 0);
	}
}

static void the_smallest_data_area_is_ten_sectors(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put64(raw, 80, 10);
	put64(raw, 136, 10);
	assert_int_equal(seal_and_decode(2), 0);
}

static void levels_without_redundancy_tell_no_size(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 72, 0);
	put64(raw, 80, 1ULL << 40);
	assert_int_equal(seal_and_decode(2), 0);
	make_v0(raw);
	put32(raw, 28, 0);
	put32(raw, 32, 1U << 30);
	assert_int_equal(seal_and_decode(3), 0);
}

static void a_0_90_member_uses_at_most_4_tib(void **state)
{
	const uint64_t sectors = 3ULL << 32;

	make_v0(raw);
	seal_v0(raw);
	assert_int_equal(member_super_decode(&ms, MEMBER_0_90, raw, sectors, &fault), 0);
	assert_true(ms.data_sectors == (2ULL << 32) - 2);
	assert_true(ms.super_sector == sectors - 128);
	put32(raw, 28, 0);
	seal_v0(raw);
	assert_int_equal(member_super_decode(&ms, MEMBER_0_90, raw, sectors, &fault), 0);
	assert_true(ms.data_sectors == sectors - 128);
}

static void a_logical_block_size_of_newer_kernels_is_accepted(void **state)
{
	uint32_t size;

	for (size = 512; size <= 65536; size *= 2) {
		make_v1(raw, 2, DEVICE_SECTORS);
		put32(raw, 224, size);
		assert_int_equal(seal_and_decode(2), 0);
	}
}

static void a_bad_block_log_must_lie_on_the_device(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 8, MEMBER_FEATURE_BAD_BLOCKS);
	raw[185] = 20;
	put16(raw, 186, 8);
	put32(raw, 188, 8);
	assert_int_equal(seal_and_decode(2), 0);
	put32(raw, 188, DEVICE_SECTORS - 15);
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	put32(raw, 188, (uint32_t)-9);
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	assert_string_equal(fault.field, "bblog_offset");
	put32(raw, 188, 8);
	put16(raw, 186, 9);
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	assert_string_equal(fault.field, "bblog_size");
	put16(raw, 186, 8);
	raw[185] = 21;
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	assert_string_equal(fault.field, "bblog_shift");
}

static void roles_md_would_not_honour_are_spares(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put16(raw, 256, 2);
	put16(raw, 258, 0xfffc);
	put16(raw, 260, 0xfffe);
	put16(raw, 262, 0xfffd);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
	assert_int_equal(ms.roles[1], MEMBER_ROLE_SPARE);
	assert_int_equal(ms.roles[2], MEMBER_ROLE_FAULTY);
	assert_int_equal(ms.roles[3], MEMBER_ROLE_JOURNAL);
}

static void a_number_outside_the_role_table_is_a_spare(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 160, MAX_DEV);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
	put32(raw, 160, 0xffffffff);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
}

static void a_journal_may_be_smaller_than_the_members(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put16(raw, 256, 0xfffd);
	put64(raw, 136, 1000);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.role, MEMBER_ROLE_JOURNAL);
}

static void recovery_ends_at_the_size(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put64(raw, 152, 1234);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.recovery_sector, 0);
	put32(raw, 8, MEMBER_FEATURE_RECOVERY_OFFSET);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.recovery_sector, 1234);
	put64(raw, 152, UINT64_MAX);
	assert_int_equal(seal_and_decode(2), 0);
	assert_int_equal(ms.recovery_sector, SIZE_SECTORS);
}

static int bitmap_at(unsigned int which, int32_t offset)
{
	make_v1(raw, which, DEVICE_SECTORS);
	put32(raw, 8, MEMBER_FEATURE_BITMAP);
	put32(raw, 96, (uint32_t)offset);
	return seal_and_decode(which);
}

static void the_internal_bitmap_is_found(void **state)
{
	assert_int_equal(bitmap_at(2, 8), 0);
	assert_true(ms.has_bitmap);
	assert_int_equal(ms.bitmap_sector, 16);
	assert_int_equal(bitmap_at(1, 8), 0);
	assert_int_equal(ms.bitmap_sector, 8);
	assert_int_equal(bitmap_at(1, 2), 0);
	assert_int_equal(bitmap_at(0, -16), 0);
	assert_int_equal(ms.bitmap_sector, 32752 - 16);
	make_v0(raw);
	put32(raw, 132, 1 | 1 << 8);
	assert_int_equal(seal_and_decode(3), 0);
	assert_true(ms.has_bitmap);
	assert_int_equal(ms.bitmap_sector, 32640 + 8);
}

static void a_bitmap_in_an_impossible_place_is_refused(void **state)
{
	assert_int_equal(bitmap_at(2, 0), -EUCLEAN);
	assert_int_equal(bitmap_at(2, -9), -EUCLEAN);
	assert_int_equal(bitmap_at(2, INT32_MIN), -EUCLEAN);
	assert_int_equal(bitmap_at(2, INT32_MAX), -EUCLEAN);
	assert_int_equal(bitmap_at(2, DEVICE_SECTORS - 8), -EUCLEAN);
	assert_int_equal(bitmap_at(2, DATA_SECTOR), -EUCLEAN);
	assert_int_equal(bitmap_at(0, 16), -EUCLEAN);
	assert_int_equal(bitmap_at(0, -32752), -EUCLEAN);
	assert_string_equal(fault.field, "bitmap_offset");
}

static void a_ppl_is_not_taken_for_a_bitmap(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 8, MEMBER_FEATURE_PPL);
	put32(raw, 96, 8 | 8 << 16);
	assert_int_equal(seal_and_decode(2), 0);
	assert_false(ms.has_bitmap);
}

static uint64_t raid10(uint64_t size, uint32_t disks, uint32_t layout,
		       uint32_t chunk_sectors)
{
	memset(&ms, 0, sizeof(ms));
	ms.level = 10;
	ms.size_sectors = size;
	ms.raid_disks = disks;
	ms.layout = layout;
	ms.chunk_bytes = (uint64_t)chunk_sectors * 512;
	return member_super_sync_sectors(&ms);
}

static void raid10_covers_the_array_not_the_member(void **state)
{
	assert_int_equal(raid10(1024000, 4, 0x102, 1024), 2048000);
	assert_int_equal(raid10(1024000, 4, 0x201, 1024), 2048000);
	assert_int_equal(raid10(1024000, 4, 0x10201, 1024), 2048000);
	assert_int_equal(raid10(1024000, 2, 0x102, 1024), 1024000);
	assert_int_equal(raid10(1024000, 4, 0x202, 1024), 1024000);
	/* 1001 chunks on three devices, two copies: 1501 whole chunks. */
	assert_int_equal(raid10(1001 * 8 + 7, 3, 0x102, 8), 1501 * 8);
}

static void raid10_without_copies_divides_by_nothing(void **state)
{
	assert_int_equal(raid10(1000, 4, 0, 8), 1000);
	assert_int_equal(raid10(1000, 4, 0x100, 8), 1000);
	assert_int_equal(raid10(1000, 4, 0x002, 8), 1000);
	assert_int_equal(raid10(1000, 4, 0x102, 0), 2000);
	raid10(UINT64_MAX, 0xffffffff, 0x101, 0xffffffff);
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 72, 10);
	put32(raw, 76, 0x002);
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	assert_string_equal(fault.field, "layout");
	put32(raw, 76, 0x103);
	assert_int_equal(seal_and_decode(2), -EUCLEAN);
	put32(raw, 76, 0x102);
	assert_int_equal(seal_and_decode(2), 0);
}

/* ---- hostile input ----------------------------------------------------- */

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Values that sit on the edges of checks, more often than chance would. */
static uint64_t edgy(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 8, 0x7f, 0xff, 0x7fff, 0xfffe, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffffff0, 0xffffffffffffffff, DEVICE_SECTORS,
		DEVICE_SECTORS - 8, SIZE_SECTORS, 1920, 1921, 27, 28,
	};
	uint64_t r = rnd();

	if (r % 4 == 0)
		return rnd();
	return edges[r / 4 % (sizeof(edges) / sizeof(edges[0]))] + r / 4096 % 3 - 1;
}

static void mutate(uint8_t *block, unsigned int which)
{
	unsigned int n = 1 + (unsigned int)(rnd() % 4);
	size_t limit = which == 3 ? SUPER_BYTES : 272;

	while (n--) {
		size_t at = rnd() % limit & ~(size_t)3;

		if (rnd() % 3 == 0)
			block[rnd() % limit] = (uint8_t)rnd();
		else if (rnd() % 2 && at + 8 <= limit)
			put64(block, at, edgy());
		else
			put32(block, at, (uint32_t)edgy());
	}
}

static void assert_bounded(const struct member_super *m, uint64_t device_sectors)
{
	uint32_t i;

	assert_in_range(m->raid_disks, 1, MEMBER_MAX_SLOTS);
	assert_in_range(m->max_devices, 0, MEMBER_MAX_SLOTS);
	assert_true(m->role < m->raid_disks || m->role >= MEMBER_ROLE_JOURNAL);
	for (i = 0; i < m->max_devices; i++)
		assert_true(m->roles[i] < m->raid_disks ||
			    m->roles[i] >= MEMBER_ROLE_JOURNAL);
	assert_true(m->data_sector <= device_sectors);
	assert_true(m->data_sectors <= device_sectors - m->data_sector);
	assert_true(m->super_sector <= device_sectors - 8);
	if (m->level > 0 && m->role != MEMBER_ROLE_JOURNAL)
		assert_true(m->size_sectors <= m->data_sectors);
	if (m->has_bitmap) {
		assert_true(m->bitmap_sector >= 0);
		assert_true((uint64_t)m->bitmap_sector < device_sectors);
	}
	assert_int_equal(m->name[MEMBER_NAME_BYTES], 0);
	member_super_sync_sectors(m);
}

static void mutated_superblocks_are_bounded_or_refused(void **state)
{
	uint8_t *block = malloc(SUPER_BYTES);	/* its end is watched */
	unsigned int which, n, good = 0;

	seed = 20;
	for (n = 0; n < 120000; n++) {
		uint64_t sectors = n % 8 ? DEVICE_SECTORS : edgy();
		int err;

		which = n % 4;
		make_super(block, which, DEVICE_SECTORS);
		mutate(block, which);
		if (rnd() % 16)
			seal_super(block, which);
		memset(&fault, 0, sizeof(fault));
		err = member_super_decode(&ms, formats[which], block, sectors, &fault);
		if (!err) {
			good++;
			assert_bounded(&ms, sectors);
		} else {
			assert_true(err == 1 || err == -EUCLEAN || err == -EBADMSG ||
				    err == -EPROTONOSUPPORT);
			assert_non_null(fault.field);
		}
	}
	/* Too few survivors would test the first checks only. */
	assert_true(good > 10000);
	free(block);
}

static void any_single_byte_changed_is_noticed(void **state)
{
	unsigned int which;
	size_t at, end;

	for (which = 0; which < 4; which++) {
		make_super(raw, which, DEVICE_SECTORS);
		seal_super(raw, which);
		end = which == 3 ? SUPER_BYTES : 256 + 2 * MAX_DEV;
		for (at = 0; at < end; at++) {
			raw[at] ^= 0x10;
			assert_int_not_equal(decode(which), 0);
			raw[at] ^= 0x10;
		}
		assert_int_equal(decode(which), 0);
	}
}

/* ---- spares ------------------------------------------------------------ */

static const uint8_t new_uuid[16] = { 0xab, 0xcd, 0xef };

static int make_spare(unsigned int minor, uint64_t sectors, uint32_t number)
{
	return member_super_make_spare(raw, formats[minor], sectors, number, new_uuid);
}

static void a_spare_differs_from_its_model_where_it_must(void **state)
{
	unsigned int minor;
	uint64_t sectors = 40000;

	for (minor = 0; minor < 3; minor++) {
		make_v1(raw, minor, DEVICE_SECTORS);
		put32(raw, 8, 2 | 8 | 16 | 128);
		put64(raw, 152, 77);
		put32(raw, 164, 5);
		raw[184] = 3;
		seal_v1(raw);
		assert_int_equal(make_spare(minor, sectors, 2), 0);
		assert_int_equal(member_super_decode(&ms, formats[minor], raw, sectors,
						     &fault), 0);
		assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
		assert_int_equal(ms.number, 2);
		assert_int_equal(ms.roles[0], 0);
		assert_int_equal(ms.roles[1], 1);
		assert_memory_equal(ms.device_uuid, new_uuid, 16);
		assert_memory_equal(ms.uuid, raw + 16, 16);
		assert_int_equal(ms.features, 0);
		assert_int_equal(ms.devflags, 0);
		assert_int_equal(ms.events, 42);
		assert_int_equal(get32(raw, 164), 0);
		assert_int_equal(ms.super_sector, super_sector_v1(minor, sectors));
		assert_int_equal(ms.data_sectors, minor ? sectors - DATA_SECTOR :
				 super_sector_v1(0, sectors) - 24);
	}
}

static void a_spare_keeps_the_room_of_the_internal_bitmap(void **state)
{
	make_v1(raw, 0, DEVICE_SECTORS);
	put32(raw, 8, MEMBER_FEATURE_BITMAP);
	put32(raw, 96, (uint32_t)-16);
	seal_v1(raw);
	assert_int_equal(make_spare(0, 33000, 2), 0);
	assert_int_equal(member_super_decode(&ms, MEMBER_1_0, raw, 33000, &fault), 0);
	assert_true(ms.has_bitmap);
	assert_int_equal(ms.bitmap_sector, super_sector_v1(0, 33000) - 16);
	assert_true(ms.data_sectors <= (uint64_t)ms.bitmap_sector);
}

static void a_spare_too_small_for_the_data_is_refused(void **state)
{
	unsigned int minor;

	for (minor = 0; minor < 3; minor++) {
		uint64_t need = minor ? DATA_SECTOR + SIZE_SECTORS :
					SIZE_SECTORS + 24 + 16;

		make_v1(raw, minor, DEVICE_SECTORS);
		seal_v1(raw);
		assert_int_equal(make_spare(minor, need - 1, 2), -ENOSPC);
		assert_int_equal(make_spare(minor, 10, 2), -ENOSPC);
		assert_int_equal(make_spare(minor, need, 2), 0);
	}
}

static void the_role_table_grows_for_a_high_number(void **state)
{
	make_v1(raw, 2, DEVICE_SECTORS);
	memset(raw + 256 + 2 * MAX_DEV, 0x5a, 100);	/* what lies behind it */
	seal_v1(raw);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, MAX_DEV + 7), 0);
	assert_int_equal(decode(2), 0);
	assert_int_equal(ms.max_devices, MAX_DEV + 8);
	assert_int_equal(ms.roles[MAX_DEV], MEMBER_ROLE_SPARE);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 8, MEMBER_FEATURE_BITMAP);
	put32(raw, 96, 1);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, MAX_DEV), -ENOSPC);
	put32(raw, 96, 2);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, MAX_DEV), 0);
}

static void no_spare_is_made_where_it_cannot_be_right(void **state)
{
	make_v0(raw);
	seal_v0(raw);
	assert_int_equal(make_spare(3, DEVICE_SECTORS, 2), -EINVAL);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, 2), -EINVAL);
	make_v1(raw, 2, DEVICE_SECTORS);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, 1920), -EINVAL);
	put32(raw, 8, MEMBER_FEATURE_RESHAPE);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, 2), -EOPNOTSUPP);
	put32(raw, 8, MEMBER_FEATURE_PPL);
	assert_int_equal(make_spare(2, DEVICE_SECTORS, 2), -EOPNOTSUPP);
}

static void a_spare_of_any_valid_model_is_valid(void **state)
{
	uint8_t *block = malloc(SUPER_BYTES);
	unsigned int n, minor, made = 0;

	seed = 4711;
	for (n = 0; n < 40000; n++) {
		uint64_t sectors = rnd() % 4 ? DEVICE_SECTORS + rnd() % 1000 : edgy();
		uint32_t number = (uint32_t)(rnd() % 4 ? rnd() % 200 : edgy());
		bool valid;

		minor = n % 3;
		make_v1(block, minor, DEVICE_SECTORS);
		mutate(block, minor);
		seal_v1(block);
		valid = !member_super_decode(&ms, formats[minor], block,
					     DEVICE_SECTORS, NULL);
		if (member_super_make_spare(block, formats[minor], sectors, number,
					    new_uuid) || !valid)
			continue;
		assert_int_equal(member_super_decode(&ms, formats[minor], block,
						     sectors, &fault), 0);
		assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
		made++;
	}
	assert_true(made > 2000);
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superblocks_are_looked_for_where_md_puts_them),
		cmocka_unit_test(devices_too_small_have_no_superblock),
		cmocka_unit_test(every_field_of_1_x_is_read),
		cmocka_unit_test(a_name_without_end_is_ended),
		cmocka_unit_test(every_field_of_0_90_is_read),
		cmocka_unit_test(a_dirty_0_90_array_resumes_only_at_a_current_checkpoint),
		cmocka_unit_test(descriptors_of_0_90_become_roles),
		cmocka_unit_test(what_lacks_magic_or_version_is_no_superblock),
		cmocka_unit_test(a_wrong_checksum_is_refused),
		cmocka_unit_test(an_odd_number_of_roles_is_summed_right),
		cmocka_unit_test(formats_of_1_x_are_never_mistaken_for_each_other),
		cmocka_unit_test(impossible_fields_are_refused_by_name),
		cmocka_unit_test(the_last_possible_values_are_accepted),
		cmocka_unit_test(the_smallest_data_area_is_ten_sectors),
		cmocka_unit_test(levels_without_redundancy_tell_no_size),
		cmocka_unit_test(a_0_90_member_uses_at_most_4_tib),
		cmocka_unit_test(a_logical_block_size_of_newer_kernels_is_accepted),
		cmocka_unit_test(a_bad_block_log_must_lie_on_the_device),
		cmocka_unit_test(roles_md_would_not_honour_are_spares),
		cmocka_unit_test(a_number_outside_the_role_table_is_a_spare),
		cmocka_unit_test(a_journal_may_be_smaller_than_the_members),
		cmocka_unit_test(recovery_ends_at_the_size),
		cmocka_unit_test(the_internal_bitmap_is_found),
		cmocka_unit_test(a_bitmap_in_an_impossible_place_is_refused),
		cmocka_unit_test(a_ppl_is_not_taken_for_a_bitmap),
		cmocka_unit_test(raid10_covers_the_array_not_the_member),
		cmocka_unit_test(raid10_without_copies_divides_by_nothing),
		cmocka_unit_test(mutated_superblocks_are_bounded_or_refused),
		cmocka_unit_test(any_single_byte_changed_is_noticed),
		cmocka_unit_test(a_spare_differs_from_its_model_where_it_must),
		cmocka_unit_test(a_spare_keeps_the_room_of_the_internal_bitmap),
		cmocka_unit_test(a_spare_too_small_for_the_data_is_refused),
		cmocka_unit_test(the_role_table_grows_for_a_high_number),
		cmocka_unit_test(no_spare_is_made_where_it_cannot_be_right),
		cmocka_unit_test(a_spare_of_any_valid_model_is_valid),
	};

	return cmocka_run_group_tests_name("member_super", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Superblocks written anew: what was put in is there, and nothing else moved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit.h"
#include "make_super.h"
#include "module/core/member_super_update.h"

enum { V0 = 3 };

static const enum member_format formats[] = {
	MEMBER_1_0, MEMBER_1_1, MEMBER_1_2, MEMBER_0_90,
};

static uint8_t raw[SUPER_BYTES], before[SUPER_BYTES];
static struct member_super ms;
static struct fault fault;

/* Slots 0 and 1 in sync, 2 being rebuilt, a spare, a faulty one. */
static struct member_update_disk disks[5];
static struct member_update update;

static void set_up(void)
{
	static const struct member_update_disk fresh[5] = {
		{ 0, 0, 0, false, MEMBER_IN_SYNC, 3, 253, 10 },
		{ 1, 1, MEMBER_WRITE_MOSTLY, false, MEMBER_IN_SYNC, 0, 253, 11 },
		{ 5, 2, MEMBER_FAILFAST, false, 4096, 0, 253, 12 },
		{ 3, MEMBER_ROLE_SPARE, 0, false, MEMBER_IN_SYNC, 0, 253, 13 },
		{ 4, MEMBER_ROLE_FAULTY, 0, false, MEMBER_IN_SYNC, 0, 253, 14 },
	};

	memcpy(disks, fresh, sizeof(disks));
	update = (struct member_update){
		.events = 0x123456789aULL,
		.utime = member_time(1700009999, 4711),
		.resync_sector = MEMBER_IN_SYNC,
		.level = 1,
		.raid_disks = 4,
		.size_sectors = SIZE_SECTORS - 128,
		.disks = disks,
		.ndisks = 5,
	};
}

static void start_with(unsigned int which)
{
	set_up();
	make_super(raw, which, DEVICE_SECTORS);
	seal_super(raw, which);
	memcpy(before, raw, sizeof(raw));
	if (which == V0)
		assert_int_equal(member_update_number_v0(disks, 5, 4), 0);
}

static int change(unsigned int which, u32 self)
{
	return member_super_update(raw, formats[which], &update, self);
}

static void change_and_decode(unsigned int which, u32 self)
{
	assert_int_equal(change(which, self), 0);
	memset(&fault, 0, sizeof(fault));
	assert_int_equal(member_super_decode(&ms, formats[which], raw,
					     DEVICE_SECTORS, &fault), 0);
}

static void what_is_put_in_is_read_back(void **state)
{
	unsigned int which;

	for (which = 0; which < 4; which++) {
		start_with(which);
		change_and_decode(which, 1);
		assert_true(ms.events == 0x123456789aULL);
		assert_int_equal(member_seconds(ms.utime), 1700009999);
		assert_int_equal(member_microseconds(ms.utime),
				 formats[which] == MEMBER_0_90 ? 0 : 4711);
		assert_true(ms.resync_sector == MEMBER_IN_SYNC);
		assert_int_equal(ms.level, 1);
		assert_int_equal(ms.layout, 0);
		assert_int_equal(ms.raid_disks, 4);
		assert_int_equal(ms.size_sectors, SIZE_SECTORS - 128);
		assert_int_equal(ms.number, 1);
		assert_int_equal(ms.role, 1);
		assert_int_equal(ms.devflags, MEMBER_WRITE_MOSTLY);
		assert_false(ms.has_bitmap);
		assert_int_equal(ms.features & ~MEMBER_FEATURE_BITMAP, 0);
	}
}

/* An identity that is not the update's business stays. */
static void identity_and_places_stay(void **state)
{
	struct member_super old;
	unsigned int which;

	for (which = 0; which < 4; which++) {
		start_with(which);
		assert_int_equal(member_super_decode(&old, formats[which], raw,
						     DEVICE_SECTORS, NULL), 0);
		change_and_decode(which, 0);
		assert_memory_equal(ms.uuid, old.uuid, UUID_BYTES);
		assert_memory_equal(ms.device_uuid, old.device_uuid, UUID_BYTES);
		assert_string_equal(ms.name, old.name);
		assert_true(ms.ctime_s == old.ctime_s);
		assert_true(ms.super_sector == old.super_sector);
		assert_true(ms.data_sector == old.data_sector);
		assert_true(ms.data_sectors == old.data_sectors);
	}
}

struct range {
	unsigned int from, to;
};

/* Bytes that an update owns, by the format's description. */
static const struct range owned_v1[] = {
	{ 8, 12 },	/* feature_map */
	{ 72, 96 },	/* level, layout, size, chunksize, raid_disks */
	{ 152, 168 },	/* recovery_offset, dev_number, cnt_corrected_read */
	{ 184, 185 },	/* devflags */
	{ 192, 224 },	/* utime, events, resync_offset, csum, max_dev */
	{ 256, 256 + 2 * MAX_DEV },
	{ 0, 0 },
};

static const struct range owned_v0[] = {
	{ 28, 44 },	/* level, size, nr_disks, raid_disks */
	{ 128, 176 },	/* utime ... recovery_cp */
	{ 256, 264 },	/* layout, chunk */
	{ 512, 4096 },	/* descriptors, this_disk */
	{ 0, 0 },
};

static bool owned(const struct range *r, unsigned int at)
{
	for (; r->to; r++)
		if (at >= r->from && at < r->to)
			return true;
	return false;
}

static void all_other_bytes_are_untouched(void **state)
{
	unsigned int which, i;

	for (which = 0; which < 4; which++) {
		const struct range *r = which == V0 ? owned_v0 : owned_v1;
		unsigned int magic_end = which == V0 ? 12 : 8;

		start_with(which);
		for (i = magic_end; i < SUPER_BYTES; i++)
			if (!owned(r, i))
				raw[i] = before[i] = (uint8_t)(i * 37 + 11);
		assert_int_equal(change(which, 0), 0);
		for (i = 0; i < SUPER_BYTES; i++)
			if (!owned(r, i))
				assert_int_equal(raw[i], before[i]);
	}
}

static void unknown_bits_of_shared_fields_stay(void **state)
{
	start_with(2);
	put32(raw, 8, MEMBER_FEATURE_BITMAP | MEMBER_FEATURE_BAD_BLOCKS | 1U << 31);
	put32(raw, 96, 8);
	raw[184] = 0xf0 | MEMBER_FAILFAST;
	assert_int_equal(change(2, 1), 0);
	assert_int_equal(get32(raw, 8), MEMBER_FEATURE_BAD_BLOCKS | 1U << 31);
	assert_int_equal(raw[184], 0xf0 | MEMBER_WRITE_MOSTLY);

	start_with(V0);
	put32(raw, 132, 1 | 2 | 1 << 8 | 1 << 20);
	update.resync_sector = 0;
	assert_int_equal(change(V0, 1), 0);
	assert_int_equal(get32(raw, 132), 2 | 1 << 20);
}

static void the_internal_bitmap_is_announced_no_more(void **state)
{
	start_with(2);
	put32(raw, 8, MEMBER_FEATURE_BITMAP);
	put32(raw, 96, 8);
	change_and_decode(2, 0);
	assert_false(ms.has_bitmap);
	start_with(V0);
	put32(raw, 132, 1 | 1 << 8);
	change_and_decode(V0, 0);
	assert_false(ms.has_bitmap);
}

static void a_dirty_array_and_its_checkpoint_are_recorded(void **state)
{
	static const u64 checkpoints[] = { 0, 8192 };
	unsigned int which, i;

	for (which = 0; which < 4; which++)
		for (i = 0; i < 2; i++) {
			start_with(which);
			update.resync_sector = checkpoints[i];
			change_and_decode(which, 0);
			assert_true(ms.resync_sector == checkpoints[i]);
		}
}

/* 0.90 has 32 bits for it: never one that claims more than is true. */
static void a_checkpoint_too_large_for_0_90_becomes_a_lower_one(void **state)
{
	start_with(V0);
	update.resync_sector = (1ULL << 32) + 5;
	change_and_decode(V0, 0);
	assert_true(ms.resync_sector == 0xffffffffU);
}

static void roles_of_all_descriptors_are_written(void **state)
{
	unsigned int minor, i;

	for (minor = 0; minor < 3; minor++) {
		start_with(minor);
		put16(raw, 256 + 2 * 7, 3);	/* left over: removed since */
		change_and_decode(minor, 3);
		assert_int_equal(ms.max_devices, MAX_DEV);
		assert_int_equal(ms.roles[0], 0);
		assert_int_equal(ms.roles[1], 1);
		assert_int_equal(ms.roles[2], MEMBER_ROLE_SPARE);
		assert_int_equal(ms.roles[3], MEMBER_ROLE_SPARE);
		assert_int_equal(ms.roles[4], MEMBER_ROLE_FAULTY);
		assert_int_equal(ms.roles[5], 2);
		for (i = 6; i < MAX_DEV; i++)
			assert_int_equal(ms.roles[i], MEMBER_ROLE_SPARE);
		assert_int_equal(ms.number, 3);
		assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
	}
}

static void a_member_being_rebuilt_says_how_far_it_is(void **state)
{
	start_with(2);
	change_and_decode(2, 2);
	assert_int_equal(ms.role, 2);
	assert_int_equal(ms.features, MEMBER_FEATURE_RECOVERY_OFFSET);
	assert_int_equal(ms.recovery_sector, 4096);
	disks[2].recovery_by_bitmap = true;
	disks[2].recovery_sector = 0;
	change_and_decode(2, 2);
	assert_int_equal(ms.features, MEMBER_FEATURE_RECOVERY_OFFSET |
				      MEMBER_FEATURE_RECOVERY_BITMAP);
	assert_int_equal(ms.recovery_sector, 0);
	disks[2].recovery_sector = MEMBER_IN_SYNC;
	change_and_decode(2, 2);
	assert_int_equal(ms.features, 0);
}

/* 0.90 cannot say how far: until it is done it is a spare. */
static void a_member_being_rebuilt_is_a_spare_to_0_90(void **state)
{
	start_with(V0);
	change_and_decode(V0, 2);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
	assert_int_equal(ms.number, 4);
	assert_int_equal(get32(raw, 3968 + 12), 2);
	assert_int_equal(get32(raw, 3968 + 16), 1 << 10);
}

static void every_descriptor_of_0_90_is_written(void **state)
{
	static const uint32_t expected[8][5] = {
		/* number, major, minor, raid_disk, state */
		{ 0, 253, 10, 0, 6 },
		{ 1, 253, 11, 1, 6 | 1 << 9 },
		{ 2, 0, 0, 2, 9 },
		{ 3, 0, 0, 3, 9 },
		{ 4, 253, 12, 2, 1 << 10 },
		{ 5, 253, 13, 5, 0 },
		{ 6, 253, 14, 6, 1 },
		{ 0, 0, 0, 0, 0 },
	};
	unsigned int i, w;

	start_with(V0);
	memset(raw + 512, 0xee, SUPER_BYTES - 512);
	assert_int_equal(change(V0, 1), 0);
	for (i = 0; i < 27; i++)
		for (w = 0; w < 32; w++)
			assert_int_equal(get32(raw, 512 + i * 128 + 4 * w),
					 w < 5 ? expected[i < 7 ? i : 7][w] : 0);
	assert_memory_equal(raw + 3968, raw + 512 + 128, 128);
	assert_int_equal(get32(raw, 36), 5);	/* nr_disks */
	assert_int_equal(get32(raw, 136), 2);	/* active */
	assert_int_equal(get32(raw, 140), 4);	/* working */
	assert_int_equal(get32(raw, 144), 3);	/* failed: one, and two slots */
	assert_int_equal(get32(raw, 148), 2);	/* spare: one, and the rebuilt one */
}

static void members_of_0_90_are_numbered_by_slot(void **state)
{
	set_up();
	disks[0].role = 3;
	assert_int_equal(member_update_number_v0(disks, 5, 4), 0);
	assert_int_equal(disks[0].number, 3);
	assert_int_equal(disks[1].number, 1);
	assert_int_equal(disks[2].number, 4);
	assert_int_equal(disks[3].number, 5);
	assert_int_equal(disks[4].number, 6);
	assert_int_equal(member_update_number_v0(disks, 5, 24), 0);
	disks[0].number = 99;
	assert_int_equal(member_update_number_v0(disks, 5, 25), -ENOSPC);
	assert_int_equal(disks[0].number, 99);
}

static void refuse(unsigned int which, int err)
{
	uint8_t old[SUPER_BYTES];

	memcpy(old, raw, sizeof(raw));
	assert_int_equal(change(which, 0), err);
	assert_memory_equal(raw, old, sizeof(raw));
}

static void more_members_than_the_format_has_room_for_are_refused(void **state)
{
	start_with(V0);
	disks[3].number = 27;
	refuse(V0, -ENOSPC);
	start_with(V0);
	update.raid_disks = 28;
	refuse(V0, -ENOSPC);
	start_with(2);
	disks[4].number = 1920;
	refuse(2, -ENOSPC);
}

static void the_role_table_grows_for_who_needs_an_entry(void **state)
{
	start_with(2);
	memset(raw + 256 + 2 * MAX_DEV, 0xee, SUPER_BYTES - 256 - 2 * MAX_DEV);
	disks[2].number = 200;
	disks[3].number = 300;	/* a spare does not */
	change_and_decode(2, 2);
	assert_int_equal(ms.max_devices, 201);
	assert_int_equal(ms.role, 2);
	assert_int_equal(ms.roles[199], MEMBER_ROLE_SPARE);
	assert_int_equal(raw[256 + 2 * 201], 0xee);
	assert_int_equal(member_super_bytes(raw, MEMBER_1_2), 1024);
	change_and_decode(2, 3);
	assert_int_equal(ms.number, 300);
	assert_int_equal(ms.role, MEMBER_ROLE_SPARE);
}

static void the_role_table_never_grows_into_data(void **state)
{
	start_with(1);
	put64(raw, 128, 1);		/* data right behind one sector */
	disks[4].number = MAX_DEV;
	refuse(1, -ENOSPC);
	put64(raw, 128, 2);
	assert_int_equal(change(1, 0), 0);
	start_with(2);
	put64(raw, 128, 9);
	disks[4].number = MAX_DEV;
	refuse(2, -ENOSPC);
	start_with(0);			/* 1.0: data lie in front */
	disks[4].number = 1919;
	assert_int_equal(change(0, 0), 0);
}

static void the_role_table_never_grows_into_bitmap_or_bad_blocks(void **state)
{
	unsigned int minor;

	for (minor = 0; minor < 3; minor++) {
		start_with(minor);
		put32(raw, 8, MEMBER_FEATURE_BITMAP);
		put32(raw, 96, 1);
		disks[4].number = MAX_DEV;
		refuse(minor, -ENOSPC);
		put32(raw, 96, (uint32_t)-8);
		assert_int_equal(change(minor, 0), 0);

		start_with(minor);
		put32(raw, 8, MEMBER_FEATURE_BAD_BLOCKS);
		put32(raw, 188, 1);
		disks[4].number = MAX_DEV;
		refuse(minor, -ENOSPC);
		put32(raw, 188, 2);
		assert_int_equal(change(minor, 0), 0);
	}
}

static void no_byte_behind_the_table_is_written_back(void **state)
{
	start_with(1);
	assert_int_equal(member_super_bytes(raw, MEMBER_1_1), 512);
	assert_int_equal(member_super_bytes(raw, MEMBER_0_90), 4096);
	put32(raw, 220, 1920);
	assert_int_equal(member_super_bytes(raw, MEMBER_1_1), 4096);
	put32(raw, 220, UINT32_MAX);
	assert_int_equal(member_super_bytes(raw, MEMBER_1_1), 4096);
}

static void what_is_no_superblock_is_refused(void **state)
{
	unsigned int which;

	for (which = 0; which < 4; which++) {
		start_with(which);
		put32(raw, 0, 0);
		refuse(which, -EINVAL);
		start_with(which);
		put32(raw, 4, 2);
		refuse(which, -EINVAL);
		start_with(which);
		update.ndisks = 0;
		refuse(which, -EINVAL);
	}
	start_with(2);
	put32(raw, 220, 1921);
	refuse(2, -EINVAL);
}

static const uint8_t uuid[16] = {
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x10,
};

static void make_new_v0(u32 self)
{
	start_with(V0);
	memset(raw, 0xee, sizeof(raw));
	assert_int_equal(member_super_make_v0(raw, &update, self, uuid,
					      1700000000, 7), 0);
}

static void a_new_superblock_of_0_90_is_whole(void **state)
{
	make_new_v0(0);
	assert_int_equal(member_super_decode(&ms, MEMBER_0_90, raw,
					     DEVICE_SECTORS, &fault), 0);
	assert_memory_equal(ms.uuid, uuid, 16);
	assert_int_equal(ms.ctime_s, 1700000000);
	assert_int_equal(ms.raid_disks, 4);
	assert_int_equal(ms.role, 0);
	assert_int_equal(get32(raw, 44), 7);
	assert_int_equal(get32(raw, 48), 0);
	assert_int_equal(raw[300], 0);
	disks[3].number = 27;
	assert_int_equal(member_super_make_v0(raw, &update, 0, uuid, 1, 0), -ENOSPC);
}

/* ---- what mdadm says ------------------------------------------------------ */

static char said[16384];

static void ask_mdadm(unsigned int which)
{
	char path[] = "/tmp/member-XXXXXX", command[128];
	int fd = mkstemp(path);
	FILE *pipe;
	size_t n;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DEVICE_SECTORS * 512LL), 0);
	assert_int_equal(pwrite(fd, raw, sizeof(raw),
				(off_t)super_sector(which, DEVICE_SECTORS) * 512),
			 sizeof(raw));
	snprintf(command, sizeof(command), "mdadm --examine %s 2>&1", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	n = fread(said, 1, sizeof(said) - 1, pipe);
	said[n] = '\0';
	pclose(pipe);
	close(fd);
	unlink(path);
}

static void assert_said(const char *text)
{
	if (!strstr(said, text))
		print_error("not found: %s\nin: %s\n", text, said);
	assert_non_null(strstr(said, text));
}

static void mdadm_reads_the_same_from_1_x(void **state)
{
	unsigned int minor;

	if (system("mdadm --version >/dev/null 2>&1"))
		skip();
	for (minor = 0; minor < 3; minor++) {
		start_with(minor);
		assert_int_equal(change(minor, 1), 0);
		ask_mdadm(minor);
		assert_said("State : clean\n");
		assert_said("- correct\n");
		assert_said("Events : 78187493530\n");
		assert_said("Device Role : Active device 1\n");
		assert_said("Array State : AAA. ");
		assert_said("Flags : write-mostly\n");
	}
}

static void mdadm_reads_the_same_from_0_90(void **state)
{
	if (system("mdadm --version >/dev/null 2>&1"))
		skip();
	make_new_v0(1);
	ask_mdadm(V0);
	assert_said("State : clean\n");
	assert_said("- correct\n");
	assert_said("UUID : 44332211:88776655:ccbbaa99:10ffeedd\n");
	assert_said("Preferred Minor : 7\n");
	assert_said("Raid Devices : 4\n");
	assert_said("Total Devices : 5\n");
	assert_said("Active Devices : 2\n");
	assert_said("Working Devices : 4\n");
	assert_said("Failed Devices : 3\n");
	assert_said("Spare Devices : 2\n");
	assert_said("this     1     253       11        1      active sync");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_is_read_back),
		cmocka_unit_test(identity_and_places_stay),
		cmocka_unit_test(all_other_bytes_are_untouched),
		cmocka_unit_test(unknown_bits_of_shared_fields_stay),
		cmocka_unit_test(the_internal_bitmap_is_announced_no_more),
		cmocka_unit_test(a_dirty_array_and_its_checkpoint_are_recorded),
		cmocka_unit_test(a_checkpoint_too_large_for_0_90_becomes_a_lower_one),
		cmocka_unit_test(roles_of_all_descriptors_are_written),
		cmocka_unit_test(a_member_being_rebuilt_says_how_far_it_is),
		cmocka_unit_test(a_member_being_rebuilt_is_a_spare_to_0_90),
		cmocka_unit_test(every_descriptor_of_0_90_is_written),
		cmocka_unit_test(members_of_0_90_are_numbered_by_slot),
		cmocka_unit_test(more_members_than_the_format_has_room_for_are_refused),
		cmocka_unit_test(the_role_table_grows_for_who_needs_an_entry),
		cmocka_unit_test(the_role_table_never_grows_into_data),
		cmocka_unit_test(the_role_table_never_grows_into_bitmap_or_bad_blocks),
		cmocka_unit_test(no_byte_behind_the_table_is_written_back),
		cmocka_unit_test(what_is_no_superblock_is_refused),
		cmocka_unit_test(a_new_superblock_of_0_90_is_whole),
		cmocka_unit_test(mdadm_reads_the_same_from_1_x),
		cmocka_unit_test(mdadm_reads_the_same_from_0_90),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

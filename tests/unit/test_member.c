// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members as image files; `mdadm -E` is the judge of what is valid, where
 * it is installed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka makes a macro of fail(): the real one first. */
#include "report.h"
#include <cmocka.h>
#include "make_super.h"
#include "member.h"

static const char *const names[] = { "1.0", "1.1", "1.2", "0.90" };

static char dir[] = "/tmp/test_member.XXXXXX";
static char path[64];
static uint8_t raw[SUPER_BYTES];

static void new_image(uint64_t sectors)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(sectors * 512)), 0);
	close(fd);
}

static void put_block(const uint8_t *block, uint64_t sector)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, block, SUPER_BYTES, (off_t)(sector * 512)),
			 SUPER_BYTES);
	close(fd);
}

static void put_super(unsigned int which)
{
	seal_super(raw, which);
	put_block(raw, super_sector(which, DEVICE_SECTORS));
}

static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/image", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void a_member_of_every_format_is_read(void **state)
{
	struct member *m;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		new_image(DEVICE_SECTORS);
		make_super(raw, i, DEVICE_SECTORS);
		put_super(i);
		assert_int_equal(member_open(path, &m), 0);
		assert_string_equal(m->path, path);
		assert_int_equal(m->rdev, 0);
		assert_int_equal(m->device_sectors, DEVICE_SECTORS);
		assert_string_equal(member_format_text(&m->super), names[i]);
		assert_int_equal(m->super.events, 42);
		assert_memory_equal(m->raw, raw, SUPER_BYTES);
		member_free(m);
	}
}

static void a_direct_descriptor_is_read_too(void **state)
{
	struct member m;
	unsigned int i;
	int fd;

	for (i = 0; i < 4; i++) {
		new_image(DEVICE_SECTORS);
		make_super(raw, i, DEVICE_SECTORS);
		put_super(i);
		fd = open(path, O_RDONLY | O_DIRECT);
		if (fd < 0)
			skip();
		assert_int_equal(member_read(fd, path, &m), 0);
		assert_int_equal(m.super.events, 42);
		close(fd);
	}
}

static void of_several_superblocks_the_youngest_counts(void **state)
{
	struct member *m;

	new_image(DEVICE_SECTORS);
	make_v0(raw);
	put_super(3);
	make_v1(raw, 0, DEVICE_SECTORS);
	put64(raw, 64, 1650000000);
	put_super(0);
	assert_int_equal(member_open(path, &m), 0);
	assert_string_equal(member_format_text(&m->super), "1.0");
	member_free(m);
	make_v0(raw);
	put32(raw, 24, 1660000000);
	put_super(3);
	assert_int_equal(member_open(path, &m), 0);
	assert_string_equal(member_format_text(&m->super), "0.90");
	assert_int_equal(m->super.ctime_s, 1660000000);
	member_free(m);
}

static int read_error(struct member *m)
{
	int fd = open(path, O_RDONLY), err;

	fail_clear();
	err = member_read(fd, path, m);
	close(fd);
	return err;
}

static void nothing_is_recorded_where_no_superblock_is(void **state)
{
	static struct member m;

	new_image(DEVICE_SECTORS);
	assert_int_equal(read_error(&m), 1);
	assert_string_equal(fail_text(), "");
	new_image(0);
	assert_int_equal(read_error(&m), 1);
	assert_string_equal(fail_text(), "");
}

static void a_damaged_superblock_is_named(void **state)
{
	static struct member m;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		new_image(DEVICE_SECTORS);
		make_super(raw, i, DEVICE_SECTORS);
		seal_super(raw, i);
		raw[i == 3 ? 156 : 200] ^= 1;
		put_block(raw, super_sector(i, DEVICE_SECTORS));
		assert_int_equal(read_error(&m), -EBADMSG);
		assert_int_equal(exit_code_of(-EBADMSG), EXIT_CORRUPT);
		assert_non_null(strstr(fail_text(), path));
		assert_non_null(strstr(fail_text(), names[i]));
		assert_non_null(strstr(fail_text(), "sb_csum"));
	}
}

static void an_impossible_field_is_corruption(void **state)
{
	static struct member m;

	new_image(DEVICE_SECTORS);
	make_v1(raw, 2, DEVICE_SECTORS);
	put64(raw, 128, 1ULL << 60);
	put_super(2);
	assert_int_equal(read_error(&m), -EUCLEAN);
	assert_non_null(strstr(fail_text(), "damaged 1.2"));
	assert_non_null(strstr(fail_text(), "1152921504606846976"));
}

static void unknown_features_are_unsupported(void **state)
{
	static struct member m;

	new_image(DEVICE_SECTORS);
	make_v1(raw, 2, DEVICE_SECTORS);
	put32(raw, 8, 0x2000);
	put_super(2);
	assert_int_equal(read_error(&m), -EPROTONOSUPPORT);
	assert_non_null(strstr(fail_text(), "unsupported"));
}

static void a_damaged_superblock_beside_a_valid_one_does_no_harm(void **state)
{
	static struct member m;

	new_image(DEVICE_SECTORS);
	make_v1(raw, 1, DEVICE_SECTORS);
	seal_v1(raw);
	raw[200] ^= 1;
	put_block(raw, 0);
	make_v1(raw, 2, DEVICE_SECTORS);
	put_super(2);
	assert_int_equal(read_error(&m), 0);
	assert_string_equal(member_format_text(&m.super), "1.2");
}

static void a_partition_s_superblock_is_not_the_disk_s(void **state)
{
	struct member *m;

	/* A 1.0 member of half the size ends where the disk ends. */
	new_image(DEVICE_SECTORS);
	make_v1(raw, 0, DEVICE_SECTORS);
	put64(raw, 144, super_sector_v1(0, DEVICE_SECTORS / 2));
	put64(raw, 136, 10000);
	put64(raw, 80, 10000);
	put_super(0);
	assert_int_equal(member_open(path, &m), -EMEDIUMTYPE);
	assert_non_null(strstr(fail_text(), "partition"));
}

static void what_is_no_member_says_so(void **state)
{
	struct member *m;

	new_image(DEVICE_SECTORS);
	assert_int_equal(member_open(path, &m), -EMEDIUMTYPE);
	assert_non_null(strstr(fail_text(), path));
	assert_int_equal(member_open(dir, &m), -EMEDIUMTYPE);
	assert_int_equal(member_open("/dev/null", &m), -EMEDIUMTYPE);
	assert_int_equal(member_open("/nowhere/at all", &m), -ENOENT);
}

static void a_fifo_does_not_hang(void **state)
{
	struct member *m;

	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(member_open(path, &m), -EMEDIUMTYPE);
	unlink(path);
}

static void a_device_in_use_can_be_examined(void **state)
{
	struct member *m;
	int fd;

	new_image(DEVICE_SECTORS);
	make_v1(raw, 2, DEVICE_SECTORS);
	put_super(2);
	fd = open(path, O_RDWR | O_EXCL);
	assert_int_equal(member_open(path, &m), 0);
	member_free(m);
	close(fd);
}

static void uuids_are_shown_and_matched_as_mdadm_does(void **state)
{
	static const uint8_t plain[16] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	};
	struct member *m;
	unsigned int i;

	for (i = 2; i < 4; i++) {
		new_image(DEVICE_SECTORS);
		make_super(raw, i, DEVICE_SECTORS);
		put_super(i);
		assert_int_equal(member_open(path, &m), 0);
		assert_string_equal(member_uuid_text(&m->super),
				    "01020304:05060708:090a0b0c:0d0e0f10");
		assert_true(member_uuid_is(&m->super, plain));
		/* As the bitmap carries it: for 0.90 another order. */
		assert_int_equal(!memcmp(m->super.uuid, plain, 16), i == 2);
		assert_int_equal(member_uuid_is(&m->super, m->super.uuid), i == 2);
		member_free(m);
	}
}

/* ---- mdadm's word ------------------------------------------------------ */

static char said[16384];

static void ask_mdadm(void)
{
	char command[128];
	size_t n;
	FILE *f;

	if (access("/sbin/mdadm", X_OK) && access("/usr/sbin/mdadm", X_OK)) {
		print_message("# requires mdadm: it is not installed\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "PATH=/sbin:/usr/sbin:$PATH mdadm -E %s 2>&1", path);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = 0;
	pclose(f);
}

static void assert_said(const char *line)
{
	if (!strstr(said, line))
		print_error("no \"%s\" in:\n%s", line, said);
	assert_non_null(strstr(said, line));
}

static void mdadm_reads_these_superblocks_as_we_do(void **state)
{
	struct member *m;
	unsigned int i;
	char line[64];

	for (i = 0; i < 4; i++) {
		new_image(DEVICE_SECTORS);
		make_super(raw, i, DEVICE_SECTORS);
		put_super(i);
		ask_mdadm();
		assert_int_equal(member_open(path, &m), 0);
		snprintf(line, sizeof(line), "UUID : %s", member_uuid_text(&m->super));
		assert_said(line);
		assert_said("Events : 42");
		assert_said("- correct");
		assert_said("Raid Devices : 2");
		member_free(m);
	}
}

static void mdadm_accepts_the_spares_we_make(void **state)
{
	static const enum member_format format[] = { MEMBER_1_0, MEMBER_1_1, MEMBER_1_2 };
	static const uint8_t uuid[16] = { 0xca, 0xfe, 0xba, 0xbe, 1 };
	const uint64_t sectors = DEVICE_SECTORS + 4099;
	struct member *m;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		make_v1(raw, i, DEVICE_SECTORS);
		seal_v1(raw);
		assert_int_equal(member_super_make_spare(raw, format[i], sectors,
							 MAX_DEV + i, uuid), 0);
		new_image(sectors);
		put_block(raw, super_sector_v1(i, sectors));
		assert_int_equal(member_open(path, &m), 0);
		assert_int_equal(m->super.role, MEMBER_ROLE_SPARE);
		member_free(m);
		ask_mdadm();
		assert_said("- correct");
		assert_said("Device Role : spare");
		assert_said("Device UUID : cafebabe:01");
		assert_said("Array UUID : 01020304:05060708:090a0b0c:0d0e0f10");
		assert_said("Array State : AA");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_of_every_format_is_read),
		cmocka_unit_test(a_direct_descriptor_is_read_too),
		cmocka_unit_test(of_several_superblocks_the_youngest_counts),
		cmocka_unit_test(nothing_is_recorded_where_no_superblock_is),
		cmocka_unit_test(a_damaged_superblock_is_named),
		cmocka_unit_test(an_impossible_field_is_corruption),
		cmocka_unit_test(unknown_features_are_unsupported),
		cmocka_unit_test(a_damaged_superblock_beside_a_valid_one_does_no_harm),
		cmocka_unit_test(a_partition_s_superblock_is_not_the_disk_s),
		cmocka_unit_test(what_is_no_member_says_so),
		cmocka_unit_test(a_fifo_does_not_hang),
		cmocka_unit_test(a_device_in_use_can_be_examined),
		cmocka_unit_test(uuids_are_shown_and_matched_as_mdadm_does),
		cmocka_unit_test(mdadm_reads_these_superblocks_as_we_do),
		cmocka_unit_test(mdadm_accepts_the_spares_we_make),
	};

	return cmocka_run_group_tests_name("member", tests, setup, teardown);
}

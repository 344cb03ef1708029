// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
/* cmocka makes a macro of fail(): the real one first. */
#include "report.h"
#include <cmocka.h>
#include "make_super.h"
#include "probe.h"

static char dir[] = "/tmp/test_probe.XXXXXX";
static char path[64];
static uint8_t raw[SUPER_BYTES];

/* The UUID of make_super.h as mdadm and the user write it, every format. */
static const uint8_t uuid[16] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
};

static int setup(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/image", dir);
	style.quiet = true;	/* devices of this machine that may not be read */
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void put_bytes(const void *data, size_t bytes, uint64_t offset)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, bytes, (off_t)offset), bytes);
	close(fd);
}

static void new_image(void)
{
	int fd;

	unlink(path);		/* a loop device may still hold the old one */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DEVICE_SECTORS * 512), 0);
	close(fd);
}

static void put_super(unsigned int which)
{
	seal_super(raw, which);
	put_bytes(raw, SUPER_BYTES, super_sector(which, DEVICE_SECTORS) * 512);
}

static void new_member(unsigned int which)
{
	new_image();
	make_super(raw, which, DEVICE_SECTORS);
	put_super(which);
}

/* One DOS partition from sector 2048 to the end. */
static void put_partition_table(void)
{
	uint8_t entry[16] = { 0, 0, 2, 0, 0xfd, 0, 3, 0 };

	put32(entry, 8, 2048);
	put32(entry, 12, DEVICE_SECTORS - 2048);
	put_bytes(entry, sizeof(entry), 446);
	put_bytes("\x55\xaa", 2, 510);
}

static void put_swap(void)
{
	uint8_t head[32] = { 0 };

	put32(head, 0, 1);
	put32(head, 4, DEVICE_SECTORS / 8 - 1);
	put_bytes(head, sizeof(head), 1024);
	put_bytes("SWAPSPACE2", 10, 4086);
}

static char *content(void)
{
	char *type = NULL;

	fail_clear();
	assert_int_equal(probe_content(path, &type), 0);
	return type;
}

static void assert_content(const char *expected)
{
	char *type = content();

	assert_non_null(type);
	assert_string_equal(type, expected);
	free(type);
}

static void members_of_every_format_are_seen(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		new_member(i);
		assert_content("linux_raid_member");
	}
}

static void a_damaged_member_is_still_one(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		new_member(i);
		raw[i == 3 ? 156 : 200] ^= 1;
		put_bytes(raw, SUPER_BYTES, super_sector(i, DEVICE_SECTORS) * 512);
		assert_content("linux_raid_member");
	}
}

static void an_empty_device_holds_nothing(void **state)
{
	new_image();
	assert_null(content());
}

static void other_contents_are_named(void **state)
{
	new_image();
	put_swap();
	assert_content("swap");
	new_image();
	put_partition_table();
	assert_content("dos");
}

static void rival_contents_are_all_named(void **state)
{
	char *type;

	new_image();
	put_swap();
	put_bytes("-rom1fs-", 8, 0);
	type = content();
	assert_non_null(type);
	assert_non_null(strstr(type, "swap"));
	assert_non_null(strstr(type, "romfs"));
	free(type);
}

static void a_disk_is_no_member_because_its_last_partition_is(void **state)
{
	new_member(3);
	put_partition_table();
	assert_content("dos");
}

static void a_missing_device_is_an_error(void **state)
{
	char *type;

	assert_int_equal(probe_content("/nowhere/at all", &type), -ENOENT);
	assert_non_null(strstr(fail_text(), "/nowhere/at all"));
}

static void plain_words_are_no_tags(void **state)
{
	char *resolved;

	assert_int_equal(probe_resolve("/dev/null", &resolved), 0);
	assert_string_equal(resolved, "/dev/null");
	free(resolved);
	assert_int_equal(probe_resolve("LABELS=x", &resolved), 0);
	assert_string_equal(resolved, "LABELS=x");
	free(resolved);
}

static void a_tag_nobody_has_is_an_error(void **state)
{
	char *resolved;

	assert_int_equal(probe_resolve("LABEL=no device has this", &resolved), -ENOENT);
	assert_non_null(strstr(fail_text(), "LABEL=no device has this"));
	assert_int_equal(probe_resolve("UUID=", &resolved), -ENOENT);
}

/* ---- with loop devices ------------------------------------------------- */

struct loop {
	char node[32];
	int fd;			/* closing it gives the device back */
};

static void attach(struct loop *loop)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	int control, number, backing, tries;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	for (tries = 0; control >= 0 && tries < 16; tries++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		snprintf(loop->node, sizeof(loop->node), "/dev/loop%d", number);
		loop->fd = open(loop->node, O_RDWR | O_CLOEXEC);
		backing = open(path, O_RDWR | O_CLOEXEC);
		if (loop->fd >= 0 && !ioctl(loop->fd, LOOP_SET_FD, backing) &&
		    !ioctl(loop->fd, LOOP_SET_STATUS64, &info)) {
			close(backing);
			close(control);
			return;
		}
		close(backing);
		close(loop->fd);
		if (errno != EBUSY)	/* else somebody else was faster */
			break;
	}
	close(control);
	print_message("# requires root and loop devices\n");
	skip();
}

static bool scan_finds(const uint8_t *wanted, const struct loop *loop)
{
	char **paths;
	size_t count, i;
	bool found = false;

	assert_int_equal(probe_scan(wanted, &paths, &count), 0);
	for (i = 0; i < count; i++)
		found |= !strcmp(paths[i], loop->node);
	probe_free(paths, count);
	return found;
}

static void a_scan_finds_members_by_the_uuid_mdadm_shows(void **state)
{
	static const uint8_t other[16] = { 9 };
	/* 0.90 as a bitmap carries it. */
	static const uint8_t swapped[16] = {
		4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13,
	};
	struct loop loop;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		new_member(i);
		attach(&loop);
		assert_true(scan_finds(uuid, &loop));
		assert_true(scan_finds(NULL, &loop));
		assert_false(scan_finds(other, &loop));
		assert_false(scan_finds(swapped, &loop));
		close(loop.fd);
	}
}

static void a_scan_passes_over_what_is_no_member(void **state)
{
	struct loop loop;

	new_image();
	put_swap();
	attach(&loop);
	assert_false(scan_finds(NULL, &loop));
	close(loop.fd);
	new_member(3);
	put_partition_table();
	attach(&loop);
	assert_false(scan_finds(NULL, &loop));
	close(loop.fd);
}

static void a_scan_lists_each_member_once_in_order(void **state)
{
	struct loop loops[2];
	size_t count, i, hits = 0;
	char **paths;

	new_member(2);
	attach(&loops[0]);
	attach(&loops[1]);
	assert_int_equal(probe_scan(uuid, &paths, &count), 0);
	for (i = 0; i < count; i++) {
		hits += !strcmp(paths[i], loops[0].node) ||
			!strcmp(paths[i], loops[1].node);
		if (i)
			assert_true(strverscmp(paths[i - 1], paths[i]) < 0);
	}
	assert_int_equal(hits, 2);
	probe_free(paths, count);
	close(loops[0].fd);
	close(loops[1].fd);
}

static void an_array_s_uuid_names_no_single_device(void **state)
{
	struct loop loop;
	char *resolved = NULL;

	new_member(2);
	attach(&loop);
	assert_int_equal(probe_resolve("UUID=01020304-0506-0708-090a-0b0c0d0e0f10",
				       &resolved), -EINVAL);
	assert_null(resolved);
	close(loop.fd);
}

static void a_file_system_s_uuid_names_its_device(void **state)
{
	static const uint8_t swap_uuid[16] = { 0x5a, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct loop loop;
	char *resolved = NULL;

	new_image();
	put_swap();
	put_bytes(swap_uuid, sizeof(swap_uuid), 1036);
	attach(&loop);
	assert_int_equal(probe_resolve("UUID=5a010203-0405-0607-0800-000000000000",
				       &resolved), 0);
	assert_string_equal(resolved, loop.node);
	free(resolved);
	close(loop.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_every_format_are_seen),
		cmocka_unit_test(a_damaged_member_is_still_one),
		cmocka_unit_test(an_empty_device_holds_nothing),
		cmocka_unit_test(other_contents_are_named),
		cmocka_unit_test(rival_contents_are_all_named),
		cmocka_unit_test(a_disk_is_no_member_because_its_last_partition_is),
		cmocka_unit_test(a_missing_device_is_an_error),
		cmocka_unit_test(plain_words_are_no_tags),
		cmocka_unit_test(a_tag_nobody_has_is_an_error),
		cmocka_unit_test(a_scan_finds_members_by_the_uuid_mdadm_shows),
		cmocka_unit_test(a_scan_passes_over_what_is_no_member),
		cmocka_unit_test(a_scan_lists_each_member_once_in_order),
		cmocka_unit_test(an_array_s_uuid_names_no_single_device),
		cmocka_unit_test(a_file_system_s_uuid_names_its_device),
	};

	return cmocka_run_group_tests_name("probe", tests, setup, teardown);
}

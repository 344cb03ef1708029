// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions about an array that need no array.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "mdarray.h"
#include "report.h"
#include "sysfs.h"
#include <cmocka.h>	/* last: its fail() is a macro */

static struct mdarray_member members[] = {
	{ .info = { .number = 0, .major = 4000, .minor = 16, .raid_disk = 0 },
	  .name = "xvb", .path = "/dev/xvb" },
	{ .info = { .number = 3, .major = 4000, .minor = 33, .raid_disk = 1 },
	  .name = "xvc1", .path = "/dev/xvc1" },
};

static const struct mdarray array = {
	.node = "/dev/md0",
	.members = members,
	.member_count = 2,
};

static void names(const char *word, int number)
{
	const struct mdarray_member *m;

	assert_int_equal(mdarray_find_member(&array, word, &m), 0);
	assert_int_equal(m->info.number, number);
}

static void names_none(const char *word)
{
	const struct mdarray_member *m;

	assert_int_equal(mdarray_find_member(&array, word, &m), -ENXIO);
	assert_non_null(strstr(fail_text(), "/dev/md0"));
}

static void a_member_is_found_by_its_number(void **state)
{
	names("4000:16", 0);
	names("4000:33", 3);
	names_none("4000:34");
	names_none("4000:16x");
}

static void a_member_whose_node_is_gone_is_found_by_its_name(void **state)
{
	names("xvb", 0);
	names("/dev/xvc1", 3);
	names_none("xv");
	names_none("/dev/xvc");
	names_none("");
}

static void a_member_is_found_through_any_node_of_its_device(void **state)
{
	char dir[] = "/tmp/test_array.XXXXXX", node[64];
	int err;

	assert_non_null(mkdtemp(dir));
	snprintf(node, sizeof(node), "%s/xvb", dir);
	err = mknod(node, S_IFBLK | 0600, makedev(4000, 33));
	if (!err)
		names(node, 3);
	unlink(node);
	rmdir(dir);
	if (err)
		skip();
}

static void without_md_no_array_uses_a_file(void **state)
{
	char dir[] = "/tmp/test_array.XXXXXX", name[64];

	assert_non_null(mkdtemp(dir));
	sysfs_set_root(dir);
	assert_int_equal(mdarray_uses_file(0, name), 0);
	sysfs_set_root("");
	rmdir(dir);
}

/* As in a chroot. */
static void without_sysfs_the_status_file_says_whether_there_are_arrays(void **state)
{
	char dir[] = "/tmp/test_array.XXXXXX", name[64], path[64];
	FILE *out;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/proc", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/proc/mdstat", dir);
	sysfs_set_root(dir);
	out = fopen(path, "w");
	fputs("Personalities : [raid1]\nunused devices: <none>\n", out);
	fclose(out);
	assert_int_equal(mdarray_uses_file(0, name), 0);
	out = fopen(path, "w");
	fputs("Personalities : [raid1]\nmd7 : active raid1 sdb[1] sda[0]\n"
	      "      1024 blocks [2/2] [UU]\n\nunused devices: <none>\n", out);
	fclose(out);
	assert_int_equal(mdarray_uses_file(0, name), -ESTALE);
	assert_string_equal(name, "md7");
	sysfs_set_root("");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_is_found_by_its_number),
		cmocka_unit_test(a_member_whose_node_is_gone_is_found_by_its_name),
		cmocka_unit_test(a_member_is_found_through_any_node_of_its_device),
		cmocka_unit_test(without_md_no_array_uses_a_file),
		cmocka_unit_test(without_sysfs_the_status_file_says_whether_there_are_arrays),
	};

	return cmocka_run_group_tests_name("mdarray", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which driver serves an array, by the spelling of its name and what a /sys
 * and a /proc of our own say.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "unit.h"
#include "driver.h"
#include "proc.h"
#include "sysfs.h"

static char root[] = "/tmp/test_driver.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256], *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int make_root(void **state)
{
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	if (!mkdtemp(root))
		return -1;
	sysfs_set_root(root);
	return 0;
}

static int drop(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(name);
}

static int drop_root(void **state)
{
	sysfs_set_root("");
	return nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void served(const char *word, const char *module, int major,
		   const char *status, bool ours)
{
	const struct driver *driver = driver_of_word(word);

	assert_non_null(driver);
	assert_string_equal(driver->module, module);
	assert_int_equal(driver->major, major);
	assert_string_equal(driver->status, status);
	assert_int_equal(driver->ours, ours);
}

static void nodes_named_md_are_stock_mds(void **state)
{
	served("/dev/md0", "md_mod", 9, "/proc/mdstat", false);
	served("md_home", "md_mod", 9, "/proc/mdstat", false);
	served("/dev/md/home", "md_mod", 9, "/proc/mdstat", false);
}

static void nodes_named_mdb_are_ours(void **state)
{
	served("/dev/mdb0", "mdbitmap", 0, "/proc/mdbstat", true);
	served("mdb_home", "mdbitmap", 0, "/proc/mdbstat", true);
	served("/dev/mdb/home", "mdbitmap", 0, "/proc/mdbstat", true);
}

static void an_array_of_stock_md_may_be_named_b(void **state)
{
	served("/dev/md_b0", "md_mod", 9, "/proc/mdstat", false);
	served("/dev/md/b0", "md_mod", 9, "/proc/mdstat", false);
}

static void other_names_are_nobodys(void **state)
{
	assert_null(driver_of_word("/dev/sda"));
	assert_null(driver_of_word("/dev/mdx0"));
	assert_null(driver_of_word("/dev/mdbx"));
	assert_null(driver_of_word("mdb"));
	assert_null(driver_of_word(""));
}

static void with_takeover_nodes_named_md_are_ours(void **state)
{
	put("/sys/module/mdbitmap/parameters/takeover", "Y\n");
	served("/dev/md0", "mdbitmap", 9, "/proc/mdstat", true);
	assert_true(driver_has_taken_over());
}

static void loaded_without_takeover_it_leaves_md_to_stock_md(void **state)
{
	put("/sys/module/mdbitmap/parameters/takeover", "N\n");
	served("/dev/md0", "md_mod", 9, "/proc/mdstat", false);
	assert_false(driver_has_taken_over());
}

static void the_status_of_an_array_is_in_the_file_of_its_driver(void **state)
{
	struct mdstat m;

	put("/proc/mdstat", "md0 : active raid1 sda[0]\n      8 blocks\n");
	put("/proc/mdbstat", "mdb0 : active raid1 sdb[0]\n      16 blocks\n");
	assert_int_equal(mdstat_read(driver_status("mdb0"), "mdb0", &m), 0);
	assert_true(m.found);
	assert_int_equal(m.blocks_kib, 16);
	assert_int_equal(mdstat_read(driver_status("md0"), "md0", &m), 0);
	assert_int_equal(m.blocks_kib, 8);
	assert_int_equal(mdstat_read(driver_status("md0"), "mdb0", &m), 0);
	assert_false(m.found);
}

static void a_number_belongs_to_an_array_by_its_major(void **state)
{
	put("/proc/devices", "Character devices:\n251 mdbitmap\n  1 mem\n\n"
	    "Block devices:\n  9 md\n250 mdbitmap\n254 mdp\n");
	assert_int_equal(proc_block_major("mdbitmap"), 250);
	assert_int_equal(proc_block_major("mdb"), -ENOENT);
	assert_true(driver_has_number(makedev(250, 3)));
	assert_true(driver_has_number(makedev(9, 3)));
	assert_false(driver_has_number(makedev(251, 3)));
}

static void a_major_that_is_no_number_is_none(void **state)
{
	put("/proc/devices", "Block devices:\n 99999999999999999999 mdbitmap\n");
	assert_int_equal(proc_block_major("mdbitmap"), -ENOENT);
	put("/proc/devices", "Block devices:\n -5 mdbitmap\n");
	assert_int_equal(proc_block_major("mdbitmap"), -ENOENT);
	put("/proc/devices", "Block devices:\n x mdbitmap\n");
	assert_int_equal(proc_block_major("mdbitmap"), -ENOENT);
}

static void without_its_major_a_number_is_no_arrays(void **state)
{
	put("/proc/devices", "Block devices:\n  9 md\n");
	assert_int_equal(proc_block_major("mdbitmap"), -ENOENT);
	assert_false(driver_has_number(makedev(250, 3)));
}

static void becomes(const char *word, const char *ours)
{
	char text[64];

	assert_true(driver_our_word(word, text, sizeof(text)));
	assert_string_equal(text, ours);
}

static void every_name_of_stock_md_has_its_like_with_ours(void **state)
{
	char text[64];

	becomes("/dev/md0", "/dev/mdb0");
	becomes("md127", "mdb127");
	becomes("/dev/md/home", "/dev/mdb/home");
	becomes("/dev/md_home", "/dev/mdb_home");
	assert_false(driver_our_word("/dev/mdb0", text, sizeof(text)));
	assert_false(driver_our_word("/dev/sda", text, sizeof(text)));
	assert_false(driver_our_word("/dev/md0", text, 9));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, drop_root)
	const struct CMUnitTest tests[] = {
		TEST(nodes_named_md_are_stock_mds),
		TEST(nodes_named_mdb_are_ours),
		TEST(an_array_of_stock_md_may_be_named_b),
		TEST(other_names_are_nobodys),
		TEST(with_takeover_nodes_named_md_are_ours),
		TEST(loaded_without_takeover_it_leaves_md_to_stock_md),
		TEST(the_status_of_an_array_is_in_the_file_of_its_driver),
		TEST(a_number_belongs_to_an_array_by_its_major),
		TEST(a_major_that_is_no_number_is_none),
		TEST(without_its_major_a_number_is_no_arrays),
		TEST(every_name_of_stock_md_has_its_like_with_ours),
	};

	return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}

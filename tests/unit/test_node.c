// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words for arrays, by their spelling alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "node.h"
#include "report.h"
#include <cmocka.h>	/* last: its fail() is a macro */

static void means(const char *word, const char *kernel, const char *path,
		  const char *link)
{
	struct node_name name;

	assert_int_equal(node_split(word, &name), 0);
	assert_string_equal(name.kernel, kernel);
	assert_string_equal(name.path, path);
	assert_string_equal(name.link, link);
	assert_string_equal(name.driver->module, "md_mod");
	assert_int_equal(name.driver->major, 9);
}

static void means_with_ours(const char *word, const char *kernel, const char *path,
			    const char *link)
{
	struct node_name name;

	assert_int_equal(node_split(word, &name), 0);
	assert_string_equal(name.kernel, kernel);
	assert_string_equal(name.path, path);
	assert_string_equal(name.link, link);
	assert_string_equal(name.driver->module, "mdbitmap");
}

static void means_nothing(const char *word)
{
	struct node_name name;

	if (node_split(word, &name) != -EINVAL)
		fail_msg("\"%s\" was taken for %s", word, name.kernel);
}

static void a_number_names_an_array_with_and_without_dev(void **state)
{
	means("/dev/md0", "md0", "/dev/md0", "");
	means("md127", "md127", "/dev/md127", "");
	means("/dev/md1048575", "md1048575", "/dev/md1048575", "");
}

static void a_name_becomes_md_underscore_name(void **state)
{
	means("/dev/md_home", "md_home", "/dev/md_home", "");
	means("md_home", "md_home", "/dev/md_home", "");
	means("/dev/md/home", "md_home", "/dev/md_home", "/dev/md/home");
	means("/dev/md/a.b-c_d", "md_a.b-c_d", "/dev/md_a.b-c_d", "/dev/md/a.b-c_d");
}

static void a_number_in_dev_md_is_that_number(void **state)
{
	means("/dev/md/3", "md3", "/dev/md3", "/dev/md/3");
}

static void a_number_the_kernel_would_spell_otherwise_is_refused(void **state)
{
	means_nothing("/dev/md007");
	means_nothing("/dev/md/00");
	means_nothing("/dev/md1048576");
	means_nothing("/dev/md99999999999999999999");
	means_nothing("/dev/md0p1");
	means_nothing("/dev/md-1");
	means_nothing("/dev/md 1");
}

static void a_name_as_long_as_a_disk_name_may_be_is_the_longest(void **state)
{
	means("/dev/md/abcdefghijklmnopqrstuvwxyz01",
	      "md_abcdefghijklmnopqrstuvwxyz01",
	      "/dev/md_abcdefghijklmnopqrstuvwxyz01",
	      "/dev/md/abcdefghijklmnopqrstuvwxyz01");
	means_nothing("/dev/md/abcdefghijklmnopqrstuvwxyz012");
	means_nothing("/dev/md_abcdefghijklmnopqrstuvwxyz012");
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	means_nothing("/dev/md/");
	means_nothing("/dev/md_");
	means_nothing("/dev/md");
	means_nothing("/dev/md/..");
	means_nothing("/dev/md/.hidden");
	means_nothing("/dev/md/../sda");
	means_nothing("/dev/md/a/b");
	means_nothing("/dev/md/-f");
	means_nothing("/dev/md/a b");
	means_nothing("/dev/md/a\nb");
	means_nothing("/dev/md/h\303\266me");
	means_nothing("/dev/md_a/b");
	means_nothing("md/home");
	means_nothing("./md0");
	means_nothing("home");
	means_nothing("/dev/sda");
	means_nothing("/dev/mdx");
	means_nothing("");
}

static void the_same_words_with_mdb_mean_arrays_of_our_driver(void **state)
{
	means_with_ours("/dev/mdb0", "mdb0", "/dev/mdb0", "");
	means_with_ours("mdb127", "mdb127", "/dev/mdb127", "");
	means_with_ours("/dev/mdb_home", "mdb_home", "/dev/mdb_home", "");
	means_with_ours("/dev/mdb/home", "mdb_home", "/dev/mdb_home", "/dev/mdb/home");
	means_with_ours("/dev/mdb/3", "mdb3", "/dev/mdb3", "/dev/mdb/3");
	means_with_ours("/dev/mdb/abcdefghijklmnopqrstuvwxyz0",
			"mdb_abcdefghijklmnopqrstuvwxyz0",
			"/dev/mdb_abcdefghijklmnopqrstuvwxyz0",
			"/dev/mdb/abcdefghijklmnopqrstuvwxyz0");
	means_nothing("/dev/mdb/abcdefghijklmnopqrstuvwxyz01");
	means_nothing("/dev/mdb");
	means_nothing("/dev/mdb007");
	means_nothing("/dev/mdb/../sda");
	means_nothing("mdb/home");
}

static void opening_what_is_no_array_says_what_it_is(void **state)
{
	char name[64];
	int fd;

	assert_int_equal(node_open("/dev/null", 0, &fd, name), -ENODEV);
	assert_string_equal(fail_text(), "/dev/null: not an md array");
	assert_int_equal(node_open("no-such-array-here", 0, &fd, name), -ENOENT);
	assert_string_equal(fail_text(), "/dev/no-such-array-here: no such array");
}

static void creating_under_a_name_that_is_none_says_what_is_accepted(void **state)
{
	char *path;
	int fd;

	assert_int_equal(node_create("home", &path, &fd), -EINVAL);
	assert_non_null(strstr(fail_text(), "/dev/md/NAME"));
}

static void a_module_that_secure_boot_refuses_says_so(void **state)
{
	assert_int_equal(node_module_failed("md_mod", -EKEYREJECTED), -EKEYREJECTED);
	assert_non_null(strstr(fail_text(), "Secure Boot"));
	assert_int_equal(node_module_failed("md_mod", -EPERM), -EPERM);
	assert_non_null(strstr(fail_text(), "root"));
}

static void our_module_comes_with_dkms_and_is_signed_with_its_key(void **state)
{
	assert_int_equal(exit_code_of(node_module_failed("mdbitmap", -ENOENT)),
			 EXIT_UNSUPPORTED);
	assert_non_null(strstr(fail_text(), "mdbitmap-dkms"));
	assert_non_null(strstr(fail_text(), "linux-headers-"));
	node_module_failed("mdbitmap", -EKEYREJECTED);
	assert_non_null(strstr(fail_text(), "mokutil --import /var/lib/dkms/mok.pub"));
	node_module_failed("mdbitmap", -EPERM);
	assert_non_null(strstr(fail_text(), "Secure Boot"));
	node_module_failed("mdbitmap", -EBUSY);
	assert_non_null(strstr(fail_text(), "takeover"));
}

static void a_module_that_is_missing_means_unsupported(void **state)
{
	assert_int_equal(exit_code_of(node_module_failed("md_mod", -ENOENT)),
			 EXIT_UNSUPPORTED);
	assert_int_equal(exit_code_of(node_module_failed("md_mod", -ENOSYS)),
			 EXIT_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_names_an_array_with_and_without_dev),
		cmocka_unit_test(a_name_becomes_md_underscore_name),
		cmocka_unit_test(a_number_in_dev_md_is_that_number),
		cmocka_unit_test(a_number_the_kernel_would_spell_otherwise_is_refused),
		cmocka_unit_test(a_name_as_long_as_a_disk_name_may_be_is_the_longest),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
		cmocka_unit_test(the_same_words_with_mdb_mean_arrays_of_our_driver),
		cmocka_unit_test(opening_what_is_no_array_says_what_it_is),
		cmocka_unit_test(creating_under_a_name_that_is_none_says_what_is_accepted),
		cmocka_unit_test(a_module_that_secure_boot_refuses_says_so),
		cmocka_unit_test(our_module_comes_with_dkms_and_is_signed_with_its_key),
		cmocka_unit_test(a_module_that_is_missing_means_unsupported),
	};

	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}

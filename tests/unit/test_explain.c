// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's refusals of a bitmap file mean, driver by driver. Nothing
 * here depends on the kernel that runs: our driver refuses on none.
 */
#include <errno.h>
#include <string.h>
#include "unit.h"
#include "driver.h"
#include "explain.h"
#include "report.h"

static void says(int err, const char *node, const char *file, bool running, int code,
		 const char *words)
{
	err = explain_set_bitmap(err, node, file, running);
	assert_int_equal(exit_code_of(err), code);
	if (!strstr(fail_text(), words))
		print_error("\"%s\" does not say \"%s\"\n", fail_text(), words);
	assert_non_null(strstr(fail_text(), words));
}

static void our_driver_refuses_bitmap_files_on_no_kernel(void **state)
{
	const char *release;

	assert_false(explain_driver_refuses(driver_of_word("/dev/mdb0"), &release));
	assert_true(*release);
}

static void our_drivers_einval_is_about_the_file(void **state)
{
	says(-EINVAL, "/dev/mdb0", "/b", false, EXIT_CORRUPT, "or with holes");
	says(-EINVAL, "/dev/mdb0", "/b", true, EXIT_CORRUPT, "or with holes");
}

static void a_file_open_elsewhere_is_named(void **state)
{
	says(-ETXTBSY, "/dev/mdb0", "/b", true, EXIT_EXISTS,
	     "/b is open for writing elsewhere");
}

static void a_file_on_the_array_itself_is_to_go_elsewhere(void **state)
{
	says(-ELOOP, "/dev/mdb0", "/b", true, EXIT_FAILED, "lies on the array itself");
}

static void our_driver_wants_a_file_that_is_roots_alone(void **state)
{
	says(-EPERM, "/dev/mdb0", "/b", true, EXIT_FAILED, "writable by nobody else");
	says(-EPERM, "/dev/md0", "/b", true, EXIT_FAILED, "takes root");
	says(-EACCES, "/dev/mdb0", "/b", true, EXIT_FAILED, "takes root");
}

static void our_driver_takes_block_devices_too(void **state)
{
	says(-EBADF, "/dev/mdb0", "/b", true, EXIT_NOTHING, "or a block device");
	says(-EBADF, "/dev/md0", "/b", true, EXIT_NOTHING, "only a regular file");
}

static void read_only_arrays_get_the_command_that_works_for_them(void **state)
{
	says(-EROFS, "/dev/md0", "/b", true, EXIT_FAILED, "mdadm --readwrite /dev/md0");
	says(-EROFS, "/dev/mdb/home", "/b", true, EXIT_FAILED,
	     "echo active >/sys/block/mdb_home/md/array_state");
}

/* Of kernels that stock md takes files on nothing can be seen here. */
static void where_stock_md_refuses_the_command_that_works_is_given(void **state)
{
	static char *argv[] = { "mdbitmap", "--assemble", "/dev/md/home",
				"--bitmap=/a b", "/dev/vdb", "md_x" };
	const char *release;

	if (!explain_driver_refuses(NULL, &release))
		skip();
	explain_command(6, argv);
	says(-EINVAL, "/dev/md_home", "/a b", false, EXIT_UNSUPPORTED,
	     ": mdbitmap --assemble /dev/mdb/home '--bitmap=/a b' /dev/vdb md_x");
	explain_command(0, NULL);
	says(-EINVAL, "/dev/md0", "/b", false, EXIT_UNSUPPORTED,
	     ": the same command with /dev/mdb0");
	says(-EINVAL, "/dev/md0", "/b", true, EXIT_UNSUPPORTED,
	     ": mdbitmap --stop /dev/md0, then mdbitmap --assemble --scan /dev/mdb0 --bitmap=/b");
	says(-EINVAL, "/dev/md_abcdefghijklmnopqrstuvwxyz01", "/b", false,
	     EXIT_UNSUPPORTED, "a node named /dev/mdbN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_driver_refuses_bitmap_files_on_no_kernel),
		cmocka_unit_test(our_drivers_einval_is_about_the_file),
		cmocka_unit_test(a_file_open_elsewhere_is_named),
		cmocka_unit_test(a_file_on_the_array_itself_is_to_go_elsewhere),
		cmocka_unit_test(our_driver_wants_a_file_that_is_roots_alone),
		cmocka_unit_test(our_driver_takes_block_devices_too),
		cmocka_unit_test(where_stock_md_refuses_the_command_that_works_is_given),
		cmocka_unit_test(read_only_arrays_get_the_command_that_works_for_them),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}

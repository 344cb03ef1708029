// SPDX-License-Identifier: GPL-2.0-only
/* report.c: exit codes, and values as people read them. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "unit.h"
#include "report.h"

static void every_errno_has_its_documented_exit_code(void **state)
{
	static const struct {
		int err;
		enum exit_code code;
	} cases[] = {
		{ 0, 0 },	 { -EIO, 1 },	      { -ENOSPC, 1 },
		{ -EACCES, 1 },	 { -EINVAL, 2 },      { -ENOENT, 4 },
		{ -ENODEV, 4 },	 { -EMEDIUMTYPE, 4 }, { -EEXIST, 5 },
		{ -EBUSY, 5 },	 { -ETXTBSY, 5 },     { -EUCLEAN, 6 },
		{ -ESTALE, 6 },	 { -EBADMSG, 6 },     { -EOPNOTSUPP, 7 },
		{ -ENOTTY, 7 },	 { -ELOOP, 1 },	      { -EINTR, 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(exit_code_of(cases[i].err), cases[i].code);
}

static void a_later_error_may_quote_an_earlier_one(void **state)
{
	fail(-EIO, "disk broke");
	assert_int_equal(fail(-EBUSY, "cannot stop: %s", fail_text()), -EBUSY);
	assert_string_equal(fail_text(), "cannot stop: disk broke");
}

static void control_characters_and_broken_utf8_are_shown_as_octal(void **state)
{
	assert_string_equal(safe("plain"), "plain");
	assert_string_equal(safe("tab\there"), "tab\\011here");
	assert_string_equal(safe("\033[31mred"), "\\033[31mred");
	assert_string_equal(safe("caf\303\251"), "caf\303\251");
	assert_string_equal(safe("\303("), "\\303(");
	assert_string_equal(safe("\302\233x"), "\\302\\233x");	/* C1 CSI */
	assert_string_equal(safe("\355\240\200"), "\\355\\240\\200"); /* surrogate */
	assert_string_equal(safe("\300\200"), "\\300\\200");	/* overlong */
	assert_string_equal(safe("\177"), "\\177");
}

static void sizes_read_well_and_exactly_with_bytes(void **state)
{
	style.bytes = false;
	assert_string_equal(human(0), "0 B");
	assert_string_equal(human(65536), "64 KiB");
	assert_string_equal(human(1536), "1.50 KiB");
	assert_string_equal(human(1ULL << 40), "1 TiB");
	style.bytes = true;
	assert_string_equal(human(65536), "65536 B");
	style.bytes = false;
}

static void eight_values_fit_into_one_line(void **state)
{
	const char *v[8];
	int i;

	for (i = 0; i < 8; i++)
		v[i] = plural(i, "chunk");
	assert_string_equal(v[0], "0 chunks");
	assert_string_equal(v[1], "1 chunk");
	assert_string_equal(v[7], "7 chunks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_errno_has_its_documented_exit_code),
		cmocka_unit_test(a_later_error_may_quote_an_earlier_one),
		cmocka_unit_test(control_characters_and_broken_utf8_are_shown_as_octal),
		cmocka_unit_test(sizes_read_well_and_exactly_with_bytes),
		cmocka_unit_test(eight_values_fit_into_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

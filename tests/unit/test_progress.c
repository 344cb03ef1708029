// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "report.h"
#include <cmocka.h>
#include "progress.h"

enum { MIB = 1 << 20 };

static struct progress half(void)
{
	return (struct progress){
		.what = "md0 resync",
		.done_bytes = 32 * MIB,
		.total_bytes = 64 * MIB,
		.speed_bytes_s = 8 * MIB,
	};
}

static void bar(const struct progress *p, unsigned int width, char *out)
{
	progress_bar(p, width, out);
	assert_int_equal(strlen(out), width);
}

static void test_a_bar_fills_every_width_exactly(void **state)
{
	struct progress p = half();
	char out[PROGRESS_LINE_BYTES];
	unsigned int width;

	for (width = 0; width <= 300; width++)
		bar(&p, width, out);
}

static void test_a_bar_shows_all_where_there_is_room(void **state)
{
	struct progress p = half();
	char out[PROGRESS_LINE_BYTES];

	bar(&p, 100, out);
	assert_non_null(strstr(out, "md0 resync  50.0% [====="));
	assert_non_null(strstr(out, "]   32 MiB / 64 MiB,    8 MiB/s, 0:04 left"));
}

static void test_a_narrow_bar_gives_up_the_amounts_first(void **state)
{
	struct progress p = half();
	char out[PROGRESS_LINE_BYTES];

	bar(&p, 60, out);
	assert_null(strstr(out, "64 MiB"));
	assert_non_null(strstr(out, "0:04 left"));
	bar(&p, 36, out);
	assert_null(strstr(out, "left"));
	assert_non_null(strchr(out, '['));
	bar(&p, 20, out);
	assert_null(strchr(out, '['));
	assert_non_null(strstr(out, "50.0%"));
}

static void test_the_bar_does_not_move_as_numbers_change(void **state)
{
	struct progress p = half();
	char out[PROGRESS_LINE_BYTES], *end;
	ptrdiff_t at;

	bar(&p, 90, out);
	at = strchr(out, ']') - out;
	p.done_bytes = 33 * MIB + MIB / 3;
	p.speed_bytes_s = 9 * MIB + 12345;
	bar(&p, 90, out);
	end = strchr(out, ']');
	assert_int_equal(end - out, at);
}

static void test_colours_do_not_count_as_columns(void **state)
{
	struct progress p = half();
	char plain[PROGRESS_LINE_BYTES], painted[PROGRESS_LINE_BYTES];

	progress_bar(&p, 80, plain);
	style.colour = true;
	progress_bar(&p, 80, painted);
	style.colour = false;
	assert_int_equal(strlen(painted) - strlen(plain), strlen("\033[32m\033[0m"));
}

static void test_nothing_to_do_and_too_much_done_are_no_surprise(void **state)
{
	struct progress p = { .what = "md0 check" };
	char out[PROGRESS_LINE_BYTES];

	assert_true(progress_percent(&p) == 0);
	bar(&p, 80, out);
	p.done_bytes = 3;
	p.total_bytes = 2;
	assert_true(progress_percent(&p) == 100);
	bar(&p, 80, out);
}

static void test_a_long_name_is_cut_and_not_the_line(void **state)
{
	char name[300], out[PROGRESS_LINE_BYTES];
	struct progress p = half();

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	p.what = name;
	bar(&p, 80, out);
	bar(&p, 250, out);
}

static void test_plain_text_tells_time_left_in_hours(void **state)
{
	struct progress p = half();
	char out[PROGRESS_LINE_BYTES];

	progress_plain(&p, out);
	assert_string_equal(out, "md0 resync 50 %, 32 MiB of 64 MiB, 8 MiB/s, 0:04 left");
	p.speed_bytes_s = 4096;
	progress_plain(&p, out);
	assert_non_null(strstr(out, "2:16:32 left"));
	p.speed_bytes_s = 0;
	progress_plain(&p, out);
	assert_string_equal(out, "md0 resync 50 %, 32 MiB of 64 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bar_fills_every_width_exactly),
		cmocka_unit_test(test_a_bar_shows_all_where_there_is_room),
		cmocka_unit_test(test_a_narrow_bar_gives_up_the_amounts_first),
		cmocka_unit_test(test_the_bar_does_not_move_as_numbers_change),
		cmocka_unit_test(test_colours_do_not_count_as_columns),
		cmocka_unit_test(test_nothing_to_do_and_too_much_done_are_no_surprise),
		cmocka_unit_test(test_a_long_name_is_cut_and_not_the_line),
		cmocka_unit_test(test_plain_text_tells_time_left_in_hours),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}

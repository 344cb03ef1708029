// SPDX-License-Identifier: GPL-2.0-only
/* parse.c: what the command line accepts, and that it accepts no more. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include "unit.h"
#include "parse.h"
#include "report.h"

static void sizes_take_binary_units_and_sectors(void **state)
{
	static const struct {
		const char *word;
		uint64_t unit, bytes;
	} good[] = {
		{ "0", 1024, 0 },      { "64", 1024, 65536 },  { "64", 1, 64 },
		{ "64K", 1, 65536 },   { "64k", 1, 65536 },    { "1M", 7, 1 << 20 },
		{ "1MiB", 7, 1 << 20 }, { "3G", 1, 3ULL << 30 }, { "2T", 1, 2ULL << 40 },
		{ "1P", 1, 1ULL << 50 }, { "8s", 1024, 4096 },  { "8B", 1024, 8 },
		{ "18446744073709551615", 1, UINT64_MAX },
	};
	size_t i;
	uint64_t bytes;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_size("x", good[i].word, good[i].unit, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
}

static void sizes_with_anything_odd_are_refused(void **state)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "-1", "+1", "0x10", "1.5G", "K", "1KK", "1Kib",
		"1E", "1c", "ten", "18446744073709551616", "16384P", "1KB",
	};
	size_t i;
	uint64_t bytes;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_size("x", bad[i], 1, &bytes), -EINVAL);
	assert_int_equal(parse_size("x", "010", 1, &bytes), 0);
	assert_int_equal(bytes, 10);	/* not octal */
}

static void numbers_are_bounded_on_both_sides(void **state)
{
	uint64_t n;

	assert_int_equal(parse_number("x", "1", 1, 5, &n), 0);
	assert_int_equal(parse_number("x", "5", 1, 5, &n), 0);
	assert_int_equal(parse_number("x", "0", 1, 5, &n), -EINVAL);
	assert_int_equal(parse_number("x", "6", 1, 5, &n), -EINVAL);
	assert_int_equal(parse_number("x", "5 ", 1, 5, &n), -EINVAL);
	assert_int_equal(parse_number("x", "", 0, 5, &n), -EINVAL);
}

static void a_uuid_is_read_in_the_form_of_mdadm_and_of_libuuid(void **state)
{
	static const uint8_t want[16] = { 0x00, 0x01, 0x02, 0x03, 0xa4, 0xb5,
					  0xc6, 0xd7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const char *const good[] = {
		"00010203:a4b5c6d7:08090a0b:0c0d0e0f",
		"00010203-A4B5-C6D7-0809-0a0b0c0d0e0f",
		"00010203a4b5c6d708090a0b0c0d0e0f",
	};
	static const char *const bad[] = {
		"", "00010203", "00010203:a4b5c6d7:08090a0b:0c0d0e0f0",
		"00010203:a4b5c6d7:08090a0b:0c0d0e0g",
		":00010203:a4b5c6d7:08090a0b:0c0d0e0f",
		"00010203:a4b5c6d7:08090a0b:0c0d0e0f:",
	};
	uint8_t uuid[16];
	size_t i;

	for (i = 0; i < 3; i++) {
		memset(uuid, 0xee, 16);
		assert_int_equal(parse_uuid(good[i], uuid), 0);
		assert_memory_equal(uuid, want, 16);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_uuid(bad[i], uuid), -EINVAL);
}

static void ranges_are_half_open_and_never_empty(void **state)
{
	static const struct {
		const char *word;
		uint64_t start, end;
	} good[] = {
		{ "0..1", 0, 1 },	      { "64K..128K", 65536, 131072 },
		{ "1M+64K", 1 << 20, (1 << 20) + 65536 },
		{ "2c..3c", 8192, 12288 },    { "8s+8s", 4096, 8192 },
		{ "4096..", 4096, UINT64_MAX }, { "all", 0, UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "5", "5..5", "6..5", "5+0", "..5", "5...6", "5-6", "1..2..3",
		"18446744073709551615+1", "all ", "5..x",
	};
	struct byte_range r;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse_range(good[i].word, 1, 4096, &r), 0);
		assert_true(r.start == good[i].start && r.end == good[i].end);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_range(bad[i], 1, 4096, &r), -EINVAL);
	assert_int_equal(parse_range("1..2", 512, 4096, &r), 0);
	assert_int_equal(r.start, 512);
	assert_int_equal(r.end, 1024);
}

static void an_error_names_the_word_with_its_control_characters_shown(void **state)
{
	uint64_t n;

	parse_size("--size", "7\033[2J", 1, &n);
	assert_non_null(strstr(fail_text(), "--size"));
	assert_non_null(strstr(fail_text(), "7\\033[2J"));
	assert_null(strchr(fail_text(), '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_take_binary_units_and_sectors),
		cmocka_unit_test(sizes_with_anything_odd_are_refused),
		cmocka_unit_test(numbers_are_bounded_on_both_sides),
		cmocka_unit_test(a_uuid_is_read_in_the_form_of_mdadm_and_of_libuuid),
		cmocka_unit_test(ranges_are_half_open_and_never_empty),
		cmocka_unit_test(an_error_names_the_word_with_its_control_characters_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

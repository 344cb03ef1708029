// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver counts: as its files have it, what follows, in which words.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit.h"
#include "counters.h"
#include "report.h"
#include "sysfs.h"

static char root[] = "/tmp/test_counters.XXXXXX";
static char said[4096];

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

static int remove_root(void **state)
{
	sysfs_set_root("");
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_root(void **state)
{
	static const char *const dirs[] = {
		"sys", "sys/block", "sys/block/mdb0", "sys/block/mdb0/md",
		"sys/block/mdb0/md/bitmap", "sys/block/mdb0/md/bitmap/stats",
	};
	char path[PATH_MAX];
	size_t i;

	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	if (!mkdtemp(root))
		return -1;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		if (mkdir(path, 0755))
			return -1;
	}
	sysfs_set_root(root);
	said[0] = '\0';
	return 0;
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/block/mdb0/md/bitmap/stats/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* An array after some writes, all that the driver of 0.1 has. */
static void put_all(void)
{
	put("writes_hot", "990\n");
	put("writes_cold", "10\n");
	put("commits", "10\n");
	put("commit_blocks", "12\n");
	put("commit_bits", "25\n");
	put("super_writes", "3\n");
	put("bits_per_commit", "4 3 2 1 0 0 0 0 0 0 0 0 0 0 0 0\n");
	put("commit_us", "0 0 0 0 0 0 0 5 4 0 1 0 0 0 0 0\n");
	put("sweeps", "7\n");
	put("cleared", "1\n");
	put("flushes", "2\n");
	put("flushes_saved", "1\n");
	put("waits_full", "0\n");
	put("waits_memory", "0\n");
	put("dirty_bytes", "131072\n");
	put("memory_bytes", "20480\n");
}

static void row(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void row(const char *label, const char *format, ...)
{
	size_t used = strlen(said);
	va_list args;

	used += (size_t)snprintf(said + used, sizeof(said) - used, "%s: ", label);
	va_start(args, format);
	used += (size_t)vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
	snprintf(said + used, sizeof(said) - used, "\n");
}

static const char *summary(void)
{
	struct counters c;

	counters_read("mdb0", &c);
	counters_summary(&c, row);
	return said;
}

/* ---- one file ---- */

static void numbers_are_read_whole_or_not_at_all(void **state)
{
	static const char *const none[] = {
		"", " ", "x", "-1", "+1", "1 ", " 1", "1  2", "1,2", "0x10", "1 x", "7\n",
		"18446744073709551616", "1 18446744073709551616",
	};
	struct counter c;
	size_t i;

	assert_true(counter_parse("18446744073709551615", &c));
	assert_int_equal(c.count, 1);
	assert_true(c.n[0] == UINT64_MAX);
	assert_true(counter_parse("3 0 20", &c));
	assert_int_equal(c.count, 3);
	assert_true(c.n[0] == 3 && c.n[1] == 0 && c.n[2] == 20);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(counter_parse(none[i], &c));
		assert_int_equal(c.count, 0);
	}
}

static void more_buckets_than_there_is_room_for_are_refused(void **state)
{
	char text[2 * COUNTER_BUCKETS_MAX + 2] = "";
	struct counter c;
	size_t i;

	for (i = 0; i < COUNTER_BUCKETS_MAX; i++)
		strcat(text, i ? " 1" : "1");
	assert_true(counter_parse(text, &c));
	assert_int_equal(c.count, COUNTER_BUCKETS_MAX);
	strcat(text, " 1");
	assert_false(counter_parse(text, &c));
}

/* ---- arithmetic ---- */

static int bound_of(const char *text, unsigned int percent, uint64_t *bound)
{
	struct counter c;

	*bound = 0;
	assert_true(counter_parse(text, &c));
	return counter_bound(&c, percent, bound);
}

static void assert_bound(const char *text, unsigned int percent, uint64_t expected)
{
	uint64_t bound;

	assert_int_equal(bound_of(text, percent, &bound), 0);
	assert_int_equal(bound, expected);
}

static void a_bound_is_the_end_of_the_bucket_that_holds_the_rank(void **state)
{
	assert_bound("1 0 0 0", 50, 2);
	assert_bound("0 1 0 0", 1, 4);
	assert_bound("5 5 0 0", 50, 2);
	assert_bound("5 6 0 0", 50, 4);
	assert_bound("99 0 1 0", 99, 2);
	assert_bound("98 0 2 0", 99, 8);
	assert_bound("100 1 0 0", 99, 2);
	assert_bound("99 2 0 0", 99, 4);
	assert_bound("9 1 0 0", 99, 4);
	assert_bound("9 1 0 0", 100, 4);
	assert_bound("0 0 0 0 0 0 0 5 4 0 1 0 0 0 0 0", 50, 256);
	assert_bound("0 0 0 0 0 0 0 5 4 0 1 0 0 0 0 0", 99, 2048);
}

static void what_reaches_the_last_bucket_has_no_bound(void **state)
{
	uint64_t bound;

	assert_int_equal(bound_of("0 0 1 1", 99, &bound), -ERANGE);
	assert_int_equal(bound, 8);
	assert_bound("0 0 1 1", 50, 8);
	assert_int_equal(bound_of("3", 50, &bound), -ERANGE);
	assert_int_equal(bound, 1);
}

static void nothing_counted_has_no_bound(void **state)
{
	struct counter none = { 0 };
	uint64_t bound;

	assert_int_equal(bound_of("0 0 0 0", 50, &bound), -ENODATA);
	assert_int_equal(counter_bound(&none, 50, &bound), -ENODATA);
}

/* 99% of the most that 64 bits hold is 18262276632972456099, rounded up. */
static void counts_up_to_64_bits_are_added_right(void **state)
{
	uint64_t bound;

	assert_bound("9223372036854775808 9223372036854775807 0", 50, 2);
	assert_bound("9223372036854775807 9223372036854775808 0", 50, 4);
	assert_bound("184467440737095516 18262276632972456099 0", 99, 4);
	assert_bound("18262276632972456099 184467440737095516 0", 99, 2);
	assert_bound("18262276632972456098 184467440737095517 0", 99, 4);
	assert_int_equal(bound_of("18446744073709551615 1 0", 50, &bound), -ENODATA);
}

/* ---- text ---- */

static void the_summary_says_what_explains_the_speed(void **state)
{
	put_all();
	assert_string_equal(summary(),
		"Bitmap Writes: 990 needed no commit (99.0%), 10 waited for one\n"
		"Bitmap Commits: 10 (3 of the superblock), 2.5 bits each on average\n"
		"Commit Latency: median < 256 us, 99th percentile < 2048 us\n"
		"Bitmap Cleared: 1 bit in 7 sweeps, bits of 128 KiB are set now\n"
		"Member Flushes: 2 for clearing, 1 saved\n"
		"Bitmap Memory: 20 KiB\n");
}

static void bits_ahead_and_waits_are_told_if_there_were_any(void **state)
{
	put_all();
	put("ahead", "8\n");
	put("waits_full", "3\n");
	put("waits_memory", "1\n");
	summary();
	assert_non_null(strstr(said, "average, 8 bits set ahead of streams\n"));
	assert_non_null(strstr(said, "Bitmap Waits: 3 for a full counter\n: 1 for memory\n"));
	put("waits_full", "0\n");
	put("ahead", "0\n");
	said[0] = '\0';
	summary();
	assert_non_null(strstr(said, "Bitmap Waits: 1 for memory\n"));
	assert_null(strstr(said, "ahead"));
}

static void an_array_that_nothing_was_written_to_has_no_averages(void **state)
{
	put_all();
	put("writes_hot", "0\n");
	put("writes_cold", "0\n");
	put("commits", "0\n");
	put("commit_bits", "0\n");
	put("super_writes", "0\n");
	put("commit_us", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
	summary();
	assert_non_null(strstr(said, "Bitmap Writes: none yet\nBitmap Commits: 0\nBitmap Cleared"));
}

static void a_commit_slower_than_the_histogram_reaches_is_told_so(void **state)
{
	put_all();
	put("commit_us", "0 0 0 0 0 0 0 5 4 0 0 0 0 0 0 1\n");
	assert_non_null(strstr(summary(), "median < 256 us, 99th percentile >= 32768 us\n"));
}

static void what_is_missing_or_no_number_is_left_out(void **state)
{
	put_all();
	put("writes_cold", "many\n");
	put("commit_bits", "1 2\n");
	put("commit_us", "7\n");
	put("cleared", "\n");
	put("flushes", "99999999999999999999\n");
	put("dirty_bytes", "-1\n");
	assert_string_equal(summary(), "Bitmap Commits: 10 (3 of the superblock)\nBitmap Memory: 20 KiB\n");
}

static void without_the_files_nothing_is_said(void **state)
{
	struct json_object *o = json_object_new_object();
	struct counters c;

	assert_string_equal(summary(), "");
	counters_read("mdb0", &c);
	counters_list(&c, row);
	assert_string_equal(said, "");
	counters_json(&c, o, "statistics");
	assert_int_equal(json_object_object_length(o), 0);
	json_object_put(o);
}

static void the_list_has_all_that_is_known_by_the_drivers_names(void **state)
{
	struct counters c;

	put("commits", "10\n");
	put("bits_per_commit", "4 3 2 1\n");
	counters_read("mdb0", &c);
	counters_list(&c, row);
	assert_string_equal(said, "Bitmap Statistics: commits 10\n: bits_per_commit 4 3 2 1\n");
}

/* ---- JSON ---- */

static void assert_member(struct json_object *o, const char *key, const char *text)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(o, key, &value));
	assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN),
			    text);
}

static struct json_object *json_statistics(struct json_object **o)
{
	struct json_object *statistics;
	struct counters c;

	*o = json_object_new_object();
	counters_read("mdb0", &c);
	counters_json(&c, *o, "statistics");
	assert_true(json_object_object_get_ex(*o, "statistics", &statistics));
	return statistics;
}

static void json_has_each_counter_with_its_unit_and_what_follows(void **state)
{
	struct json_object *o, *s;

	put_all();
	put("ahead", "8\n");
	s = json_statistics(&o);
	assert_int_equal(json_object_object_length(s), COUNTERS + 4);
	assert_member(s, "writes_hot", "990");
	assert_member(s, "ahead_bits", "8");
	assert_member(s, "cleared_bits", "1");
	assert_member(s, "memory_bytes", "20480");
	assert_member(s, "commits_by_bits", "[4,3,2,1,0,0,0,0,0,0,0,0,0,0,0,0]");
	assert_member(s, "commits_by_microseconds", "[0,0,0,0,0,0,0,5,4,0,1,0,0,0,0,0]");
	assert_member(s, "writes_hot_percent", "99.000");
	assert_member(s, "average_bits_per_commit", "2.500");
	assert_member(s, "median_commit_below_microseconds", "256");
	assert_member(s, "p99_commit_below_microseconds", "2048");
	json_object_put(o);
}

static void in_json_what_does_not_follow_is_null_what_is_not_known_absent(void **state)
{
	struct json_object *o, *s;

	put("commits", "0\n");
	put("commit_us", "0 0 0 1\n");
	s = json_statistics(&o);
	assert_int_equal(json_object_object_length(s), 2 + 4);
	assert_member(s, "writes_hot_percent", "null");
	assert_member(s, "average_bits_per_commit", "null");
	assert_member(s, "p99_commit_below_microseconds", "null");
	json_object_put(o);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
		cmocka_unit_test(more_buckets_than_there_is_room_for_are_refused),
		cmocka_unit_test(a_bound_is_the_end_of_the_bucket_that_holds_the_rank),
		cmocka_unit_test(what_reaches_the_last_bucket_has_no_bound),
		cmocka_unit_test(nothing_counted_has_no_bound),
		cmocka_unit_test(counts_up_to_64_bits_are_added_right),
		IN_ROOT(the_summary_says_what_explains_the_speed),
		IN_ROOT(bits_ahead_and_waits_are_told_if_there_were_any),
		IN_ROOT(an_array_that_nothing_was_written_to_has_no_averages),
		IN_ROOT(a_commit_slower_than_the_histogram_reaches_is_told_so),
		IN_ROOT(what_is_missing_or_no_number_is_left_out),
		IN_ROOT(without_the_files_nothing_is_said),
		IN_ROOT(the_list_has_all_that_is_known_by_the_drivers_names),
		IN_ROOT(json_has_each_counter_with_its_unit_and_what_follows),
		IN_ROOT(in_json_what_does_not_follow_is_null_what_is_not_known_absent),
	};

	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* core/summary.c against an array of flags, and where no array would fit. */
#include <stdlib.h>
#include "unit.h"
#include "module/core/summary.h"

enum { ROUNDS = 20000 };

static u64 seed = 0x6d746962;

static u64 below(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* Heap memory of the exact size, so that the sanitizer sees every overrun. */
static struct summary make(u64 bound)
{
	struct summary s;
	u64 *words = calloc(summary_words(bound), sizeof(*words));

	assert_non_null(words);
	summary_init(&s, bound, words);
	return s;
}

static u64 model_next(const bool *model, u64 bound, u64 from)
{
	while (from < bound && !model[from])
		from++;
	return from < bound ? from : bound;
}

static void change(struct summary *s, bool *model, u64 n)
{
	model[n] = below(2);
	if (model[n])
		summary_add(s, n);
	else
		summary_remove(s, n);
}

static void compare(u64 bound)
{
	struct summary s = make(bound);
	bool *model = calloc(bound, sizeof(*model));
	int round;

	assert_true(summary_empty(&s));
	for (round = 0; round < ROUNDS; round++) {
		u64 n = below(bound), from = below(bound + 2);

		change(&s, model, n);
		assert_int_equal(summary_has(&s, n), model[n]);
		assert_int_equal(summary_next(&s, from),
				 model_next(model, bound, from));
		assert_int_equal(summary_empty(&s),
				 model_next(model, bound, 0) == bound);
		/* Mostly empty now and then, or high levels never change. */
		if (!below(500))
			for (n = 0; n < bound; n++) {
				summary_remove(&s, n);
				model[n] = false;
			}
	}
	free(s.level[0]);
	free(model);
}

static void it_is_the_set_that_was_put_in(void **state)
{
	static const u64 bounds[] = { 1, 2, 63, 64, 65, 127, 4095, 4096, 4097 };
	size_t i;

	for (i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		compare(bounds[i]);
}

static void every_member_is_met_once_and_in_order(void **state)
{
	struct summary s = make(70000);
	u64 n, expected = 0;

	for (n = 0; n < 70000; n += 7)
		summary_add(&s, n);
	for (n = summary_next(&s, 0); n < 70000; n = summary_next(&s, n + 1)) {
		assert_int_equal(n, expected);
		expected += 7;
	}
	assert_int_equal(expected, 70000);
	free(s.level[0]);
}

static void adding_twice_and_removing_twice_is_once(void **state)
{
	struct summary s = make(5000);

	summary_add(&s, 4999);
	summary_add(&s, 4999);
	summary_remove(&s, 4999);
	assert_true(summary_empty(&s));
	summary_remove(&s, 4999);
	assert_true(summary_empty(&s));
	summary_add(&s, 4999);
	assert_int_equal(summary_next(&s, 0), 4999);
	free(s.level[0]);
}

/* calloc() gives pages of zero that take no memory until they are touched. */
static void a_bitmap_of_the_largest_size_is_no_work(void **state)
{
	const u64 bound = 1ULL << 31;
	struct summary s = make(bound);

	assert_int_equal(s.levels, 6);
	assert_int_equal(summary_next(&s, 0), bound);
	summary_add(&s, bound - 1);
	summary_add(&s, 12345);
	assert_int_equal(summary_next(&s, 0), 12345);
	assert_int_equal(summary_next(&s, 12346), bound - 1);
	assert_int_equal(summary_next(&s, bound), bound);
	assert_int_equal(summary_next(&s, UINT64_MAX), bound);
	summary_remove(&s, 12345);
	assert_int_equal(summary_next(&s, 0), bound - 1);
	summary_remove(&s, bound - 1);
	assert_true(summary_empty(&s));
	free(s.level[0]);
}

static void what_does_not_fit_the_levels_is_refused(void **state)
{
	assert_int_equal(summary_words(1), 1);
	assert_int_equal(summary_words(64), 1);
	assert_int_equal(summary_words(65), 3);
	assert_int_equal(summary_words(4097), 65 + 2 + 1);
	assert_true(summary_words(1ULL << 36) > 0);
	assert_int_equal(summary_words((1ULL << 36) + 1), 0);
	assert_int_equal(summary_words(UINT64_MAX), 0);
}

static void a_set_of_nothing_has_no_member(void **state)
{
	struct summary s = make(0);

	assert_true(summary_empty(&s));
	assert_int_equal(summary_next(&s, 5), 0);
	free(s.level[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_set_that_was_put_in),
		cmocka_unit_test(every_member_is_met_once_and_in_order),
		cmocka_unit_test(adding_twice_and_removing_twice_is_once),
		cmocka_unit_test(a_bitmap_of_the_largest_size_is_no_work),
		cmocka_unit_test(what_does_not_fit_the_levels_is_refused),
		cmocka_unit_test(a_set_of_nothing_has_no_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

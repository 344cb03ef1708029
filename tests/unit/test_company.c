// SPDX-License-Identifier: GPL-2.0-only
/* When a commit begins. */
#include "unit.h"
#include "module/core/company.h"

enum { MS = 1000000 };

static void queue(struct company *p, unsigned int n, u64 now)
{
	while (n--)
		company_queue(p, now);
}

/* One that took a millisecond, and let @n go at @end. */
static void commit(struct company *p, unsigned int n, u64 end)
{
	queue(p, n, end - MS);
	company_begin(p);
	company_end(p, end, MS);
}

/* All have gone round once, in a millisecond: the next ones were let go at 3 MS. */
static struct company experienced(unsigned int n)
{
	struct company p = { 0 };

	commit(&p, n, MS);
	commit(&p, n, 3 * MS);
	assert_int_equal(p.back_ns, MS);
	return p;
}

static void the_first_commit_waits_for_nobody(void **state)
{
	struct company p = { 0 };

	queue(&p, 1, 0);
	assert_int_equal(company_until(&p, 0), 0);
}

static void a_lone_writer_waits_for_nobody(void **state)
{
	struct company p = experienced(1);

	queue(&p, 1, 4 * MS);
	assert_int_equal(company_until(&p, 4 * MS), 0);
}

static void the_first_of_many_to_return_waits_for_the_others(void **state)
{
	struct company p = experienced(32);
	u64 until;

	queue(&p, 1, 4 * MS);
	until = company_until(&p, 4 * MS);
	assert_true(until > 4 * MS && until <= 4 * MS + MS / 4);
	queue(&p, 14, 4 * MS + MS / 20);
	assert_int_not_equal(company_until(&p, 4 * MS + MS / 20), 0);
	queue(&p, 17, 4 * MS + MS / 10);
	assert_int_equal(company_until(&p, 4 * MS + MS / 10), 0);
}

static void half_of_many_do_not_wait_for_the_others(void **state)
{
	struct company p = experienced(32);

	queue(&p, 16, 4 * MS);
	assert_int_equal(company_until(&p, 4 * MS), 0);
}

static void half_of_few_wait_for_the_others(void **state)
{
	struct company p = experienced(14);

	queue(&p, 7, 4 * MS);
	assert_int_not_equal(company_until(&p, 4 * MS), 0);
}

static void where_members_are_fast_half_wait_for_the_others(void **state)
{
	struct company p = experienced(32);

	p.back_ns = MS - 1;
	queue(&p, 16, 4 * MS - 1);
	assert_int_not_equal(company_until(&p, 4 * MS - 1), 0);
	queue(&p, 16, 4 * MS - 1);
	assert_int_equal(company_until(&p, 4 * MS - 1), 0);
}

static void who_does_not_return_is_not_waited_for_any_longer(void **state)
{
	struct company p = experienced(32);
	u64 until;

	queue(&p, 10, 4 * MS);
	until = company_until(&p, 4 * MS);
	assert_int_not_equal(until, 0);
	assert_int_equal(company_until(&p, until), 0);
}

static void many_do_not_wait_for_one(void **state)
{
	struct company p = experienced(32);

	queue(&p, 31, 4 * MS - MS / 2);
	assert_int_equal(company_until(&p, 4 * MS - MS / 2), 0);
}

static void two_halves_take_turns(void **state)
{
	struct company p = experienced(16);

	/* The other half is there when the first is let go: it does not wait for it. */
	queue(&p, 16, 3 * MS);
	p.gone[1].out = 16;
	p.gone[1].since = 3 * MS;
	p.back_ns = MS + MS / 5;
	assert_int_equal(company_until(&p, 3 * MS), 0);
	company_begin(&p);
	company_end(&p, 4 * MS, MS);
	/* Some of the first half are back: for the others it waits. */
	queue(&p, 6, 4 * MS);
	assert_int_not_equal(company_until(&p, 4 * MS), 0);
	queue(&p, 10, 4 * MS + MS / 5);
	assert_int_equal(company_until(&p, 4 * MS + MS / 5), 0);
}

static void slow_members_are_not_waited_for(void **state)
{
	struct company p = { 0 };

	/* A fast store: writes return after ten commits. */
	commit(&p, 8, MS);
	queue(&p, 8, 11 * MS);
	assert_int_equal(p.back_ns, 4 * MS);
	company_begin(&p);
	company_end(&p, 12 * MS, MS);
	queue(&p, 1, 13 * MS);
	assert_int_equal(company_until(&p, 13 * MS), 0);
}

static void a_stalled_store_does_not_make_it_wait_for_long(void **state)
{
	struct company p = { 0 };
	u64 end = 5000ull * MS;

	queue(&p, 32, 0);
	company_begin(&p);
	company_end(&p, end, end);
	queue(&p, 32, 2 * end);
	company_begin(&p);
	company_end(&p, 2 * end + MS, MS);
	queue(&p, 1, 2 * end + MS);
	assert_true(company_until(&p, 2 * end + MS) <= 2 * end + MS + 2 * COMPANY_COMMIT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_commit_waits_for_nobody),
		cmocka_unit_test(a_lone_writer_waits_for_nobody),
		cmocka_unit_test(the_first_of_many_to_return_waits_for_the_others),
		cmocka_unit_test(half_of_many_do_not_wait_for_the_others),
		cmocka_unit_test(half_of_few_wait_for_the_others),
		cmocka_unit_test(where_members_are_fast_half_wait_for_the_others),
		cmocka_unit_test(who_does_not_return_is_not_waited_for_any_longer),
		cmocka_unit_test(many_do_not_wait_for_one),
		cmocka_unit_test(two_halves_take_turns),
		cmocka_unit_test(slow_members_are_not_waited_for),
		cmocka_unit_test(a_stalled_store_does_not_make_it_wait_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

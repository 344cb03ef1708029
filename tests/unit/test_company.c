// SPDX-License-Identifier: GPL-2.0-only
/* When a commit begins, and how far bits are set ahead. */
#include "unit.h"
#include "module/core/company.h"
#include "module/core/streams.h"

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
	queue(&p, 28, 4 * MS + MS / 20);
	assert_int_not_equal(company_until(&p, 4 * MS + MS / 20), 0);
	queue(&p, 3, 4 * MS + MS / 10);
	assert_int_equal(company_until(&p, 4 * MS + MS / 10), 0);
}

static void who_does_not_return_is_not_waited_for_any_longer(void **state)
{
	struct company p = experienced(32);
	u64 until;

	queue(&p, 20, 4 * MS);
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

static void what_goes_on_where_another_ended_is_a_stream(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(streams_ahead(&s, 100, 116, 1000), 0);
	assert_int_equal(streams_ahead(&s, 116, 132, 1000), 0);
	assert_int_equal(streams_ahead(&s, 132, 148, 1000), 32);
	/* 180 is the first without its bit: as long again as it has come. */
	assert_int_equal(streams_ahead(&s, 180, 181, 1000), 80);
}

static void a_stream_may_go_on_in_the_middle_of_a_chunk(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(streams_ahead(&s, 0, 9, 1000), 0);
	assert_int_equal(streams_ahead(&s, 8, 17, 1000), 0);
	assert_int_equal(streams_ahead(&s, 16, 25, 1000), 16);
	assert_int_equal(streams_ahead(&s, 42, 50, 1000), 0);
}

static void ahead_is_no_more_than_there_is_room_for(void **state)
{
	struct streams s = { 0 };

	streams_ahead(&s, 0, 400, 1000);
	streams_ahead(&s, 400, 500, 1000);
	assert_int_equal(streams_ahead(&s, 500, 501, 7), 7);
	assert_int_equal(streams_ahead(&s, 508, 509, 0), 0);
	assert_int_equal(streams_ahead(&s, 509, 510, 1000), 509);
}

static void writes_at_random_set_nothing_ahead(void **state)
{
	struct streams s = { 0 };
	u64 at = 1;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		at = (at * 6364136223846793005u + 1442695040888963407u) % (1 << 30);
		assert_int_equal(streams_ahead(&s, at, at + 1, 1000), 0);
	}
}

static void streams_do_not_disturb_each_other(void **state)
{
	struct streams s = { 0 };
	u64 next[STREAMS];
	unsigned int i;

	for (i = 0; i < STREAMS; i++) {
		streams_ahead(&s, i * 10000, i * 10000 + 1, 1000);
		next[i] = i * 10000 + 1;
	}
	for (i = 0; i < STREAMS; i++)
		assert_int_equal(streams_ahead(&s, next[i], next[i] + 1, 1000), 0);
	for (i = 0; i < STREAMS; i++)
		assert_int_equal(streams_ahead(&s, next[i] + 1, next[i] + 2, 1000), 2);
}

static void the_first_chunk_of_all_is_nobodys_continuation(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(streams_ahead(&s, 0, 1, 1000), 0);
	assert_int_equal(streams_ahead(&s, 1, 2, 1000), 0);
	assert_int_equal(streams_ahead(&s, 2, 3, 1000), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_commit_waits_for_nobody),
		cmocka_unit_test(a_lone_writer_waits_for_nobody),
		cmocka_unit_test(the_first_of_many_to_return_waits_for_the_others),
		cmocka_unit_test(who_does_not_return_is_not_waited_for_any_longer),
		cmocka_unit_test(many_do_not_wait_for_one),
		cmocka_unit_test(two_halves_take_turns),
		cmocka_unit_test(slow_members_are_not_waited_for),
		cmocka_unit_test(a_stalled_store_does_not_make_it_wait_for_long),
		cmocka_unit_test(what_goes_on_where_another_ended_is_a_stream),
		cmocka_unit_test(a_stream_may_go_on_in_the_middle_of_a_chunk),
		cmocka_unit_test(ahead_is_no_more_than_there_is_room_for),
		cmocka_unit_test(writes_at_random_set_nothing_ahead),
		cmocka_unit_test(streams_do_not_disturb_each_other),
		cmocka_unit_test(the_first_chunk_of_all_is_nobodys_continuation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

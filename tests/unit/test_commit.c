// SPDX-License-Identifier: GPL-2.0-only
/* The order of commits and of flushes, as promises to who holds a ticket. */
#include "unit.h"
#include "module/core/commit.h"

static void a_bit_set_before_a_commit_begins_is_in_it(void **state)
{
	struct commit c;
	u64 ticket;

	commit_init(&c);
	ticket = commit_ticket(&c);
	assert_false(commit_done(&c, ticket));
	assert_int_equal(commit_begin(&c), ticket);
	assert_false(commit_done(&c, ticket));
	commit_end(&c, true);
	assert_true(commit_done(&c, ticket));
	assert_false(c.wanted);
}

static void a_bit_set_after_a_commit_began_needs_the_next_one(void **state)
{
	struct commit c;
	u64 ticket;

	commit_init(&c);
	commit_begin(&c);
	ticket = commit_ticket(&c);
	commit_end(&c, true);
	assert_false(commit_done(&c, ticket));
	assert_true(c.wanted);
	commit_begin(&c);
	assert_false(commit_done(&c, ticket));
	commit_end(&c, true);
	assert_true(commit_done(&c, ticket));
}

static void a_commit_that_fails_makes_nothing_durable_and_is_wanted_again(void **state)
{
	struct commit c;
	u64 first, second;

	commit_init(&c);
	first = commit_ticket(&c);
	commit_begin(&c);
	second = commit_ticket(&c);
	commit_end(&c, false);
	assert_false(commit_done(&c, first));
	assert_false(commit_done(&c, second));
	assert_true(c.wanted);
	commit_begin(&c);
	commit_end(&c, false);
	assert_false(commit_done(&c, first));
	assert_true(c.wanted);
	commit_begin(&c);
	commit_end(&c, true);
	assert_true(commit_done(&c, first));
	assert_true(commit_done(&c, second));
	assert_false(c.wanted);
}

static void a_failed_commit_that_nobody_waited_for_is_wanted_too(void **state)
{
	struct commit c;

	commit_init(&c);
	commit_begin(&c);
	assert_true(c.busy);
	commit_end(&c, false);
	assert_false(c.busy);
	assert_true(c.wanted);
}

static void a_fresh_engine_has_nothing_durable_and_nothing_wanted(void **state)
{
	struct commit c;

	commit_init(&c);
	assert_false(c.busy);
	assert_false(c.wanted);
	assert_false(commit_done(&c, c.open));
}

static void a_flush_covers_the_sweeps_that_ended_before_it(void **state)
{
	struct epoch e;
	u64 seen, stamp;

	epoch_init(&e);
	seen = epoch_sweep(&e);
	assert_int_equal(seen, 1);
	assert_false(epoch_covers(&e, seen));
	stamp = epoch_stamp(&e);
	assert_false(epoch_covers(&e, seen));
	epoch_flushed(&e, stamp);
	assert_true(epoch_covers(&e, seen));
	assert_false(epoch_covers(&e, epoch_sweep(&e)));
}

static void a_flush_stamped_before_a_sweep_ended_never_covers_it(void **state)
{
	struct epoch e;
	u64 seen, stamp;

	epoch_init(&e);
	epoch_sweep(&e);
	stamp = epoch_stamp(&e);
	seen = epoch_sweep(&e);
	epoch_flushed(&e, stamp);
	assert_true(epoch_covers(&e, seen - 1));
	assert_false(epoch_covers(&e, seen));
}

static void flushes_that_complete_out_of_order_lose_nothing(void **state)
{
	struct epoch e;
	u64 old, new;

	epoch_init(&e);
	old = epoch_stamp(&e);
	epoch_sweep(&e);
	new = epoch_stamp(&e);
	epoch_flushed(&e, new);
	epoch_flushed(&e, old);
	assert_true(epoch_covers(&e, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bit_set_before_a_commit_begins_is_in_it),
		cmocka_unit_test(a_bit_set_after_a_commit_began_needs_the_next_one),
		cmocka_unit_test(a_commit_that_fails_makes_nothing_durable_and_is_wanted_again),
		cmocka_unit_test(a_failed_commit_that_nobody_waited_for_is_wanted_too),
		cmocka_unit_test(a_fresh_engine_has_nothing_durable_and_nothing_wanted),
		cmocka_unit_test(a_flush_covers_the_sweeps_that_ended_before_it),
		cmocka_unit_test(a_flush_stamped_before_a_sweep_ended_never_covers_it),
		cmocka_unit_test(flushes_that_complete_out_of_order_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

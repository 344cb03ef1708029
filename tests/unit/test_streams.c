// SPDX-License-Identifier: GPL-2.0-only
/* How far bits are set ahead of writes that go on where others ended. */
#include "unit.h"
#include "module/core/streams.h"

enum { BUDGET = 16384, CHUNKS = 1 << 24 };

/* A write that finds its last chunk without a bit, and bits set at once: how many. */
static u64 writes(struct streams *s, u64 from, u64 to)
{
	struct streams_ahead ahead;

	if (!streams_ahead(s, from, to, true, BUDGET, CHUNKS, &ahead))
		return 0;
	assert_true(ahead.from >= to && ahead.to > ahead.from);
	assert_true(ahead.look >= ahead.from && ahead.look < ahead.to);
	streams_done(s, ahead.stream);
	return ahead.to - to;
}

struct run {
	u64 at;
	u64 waits, commits;	/* bits that were missing; bits set ahead */
	u64 most;		/* bits ahead at any time */
};

/* Chunks one after the other up to @to, each written when the one before is. */
static void stream(struct streams *s, struct run *run, u64 *end, u64 *look, u64 to)
{
	struct streams_ahead ahead;

	for (; run->at < to; run->at++) {
		bool set = run->at >= *end;

		if (!set && run->at != *look)
			continue;
		run->waits += set;
		if (!streams_ahead(s, run->at, run->at + 1, set, BUDGET, CHUNKS, &ahead))
			continue;
		*end = ahead.to;
		*look = ahead.look;
		run->commits++;
		if (*end - run->at - 1 > run->most)
			run->most = *end - run->at - 1;
		streams_done(s, ahead.stream);
	}
}

static void from_the_third_write_on_bits_are_set_ahead(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(writes(&s, 100, 116), 0);
	assert_int_equal(writes(&s, 116, 132), 0);
	assert_int_equal(writes(&s, 132, 148), 48);
	assert_int_equal(writes(&s, 196, 212), 112);
}

static void a_stream_may_go_on_in_the_middle_of_a_chunk(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(writes(&s, 0, 9), 0);
	assert_int_equal(writes(&s, 8, 17), 0);
	assert_int_equal(writes(&s, 16, 25), 25);
	assert_int_equal(writes(&s, 49, 50), 50);
}

static void the_first_chunk_of_all_is_nobodys_continuation(void **state)
{
	struct streams s = { 0 };

	assert_int_equal(writes(&s, 0, 1), 0);
	assert_int_equal(writes(&s, 1, 2), 0);
	assert_int_equal(writes(&s, 2, 3), 3);
}

static void a_long_stream_waits_for_its_first_writes_only(void **state)
{
	struct streams s = { 0 };
	struct run run = { 0 };
	u64 end = 0, look = ~0ull;

	stream(&s, &run, &end, &look, CHUNKS);
	assert_int_equal(run.waits, 3);
}

static void a_long_stream_has_few_commits(void **state)
{
	struct streams s = { 0 };
	struct run run = { 0 };
	u64 end = 0, look = ~0ull, before;

	stream(&s, &run, &end, &look, 20 * BUDGET);
	before = run.commits;
	stream(&s, &run, &end, &look, 30 * BUDGET);
	assert_true(run.commits - before <= 20);
}

static void ahead_is_little_beside_what_was_written_or_the_budget(void **state)
{
	struct streams s = { 0 };
	struct run run = { 0 };
	u64 end = 0, look = ~0ull, to;

	for (to = 1000; to < 10 * BUDGET; to += 1000) {
		run.most = 0;
		stream(&s, &run, &end, &look, to);
		assert_true(run.most <= BUDGET / 32 || run.most <= to / 20);
	}
}

static void it_ends_where_the_array_does(void **state)
{
	struct streams s = { 0 };
	struct streams_ahead ahead;

	writes(&s, CHUNKS - 10, CHUNKS - 8);
	writes(&s, CHUNKS - 8, CHUNKS - 6);
	assert_int_equal(writes(&s, CHUNKS - 6, CHUNKS - 4), 4);
	assert_false(streams_ahead(&s, CHUNKS - 1, CHUNKS, false, BUDGET, CHUNKS, &ahead));
	writes(&s, 0, 2);
	writes(&s, 2, 4);
	assert_false(streams_ahead(&s, 4, 6, true, 0, CHUNKS, &ahead));
}

static void writes_at_random_set_nothing_ahead(void **state)
{
	struct streams s = { 0 };
	u64 at = 1;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		at = (at * 6364136223846793005u + 1442695040888963407u) % (1 << 20);
		assert_int_equal(writes(&s, at * 16, at * 16 + 1), 0);
	}
}

static void streams_at_once_share_the_budget(void **state)
{
	struct streams s = { 0 };
	struct run run[STREAMS] = { 0 };
	u64 end[STREAMS] = { 0 }, look[STREAMS], from[STREAMS], all = 0;
	unsigned int i, round;

	for (i = 0; i < STREAMS; i++) {
		look[i] = ~0ull;
		from[i] = run[i].at = (u64)i * 100 * BUDGET;
	}
	for (round = 1; round < 30 * BUDGET / 256; round++) {
		for (i = 0; i < STREAMS; i++) {
			if (round == 25 * BUDGET / 256)
				run[i].most = 0;
			stream(&s, &run[i], &end[i], &look[i], from[i] + round * 256);
		}
	}
	for (i = 0; i < STREAMS; i++) {
		assert_int_equal(run[i].waits, 3);
		all += run[i].most;
	}
	assert_true(all <= BUDGET);
}

static void one_that_is_alone_again_has_the_budget_of_all(void **state)
{
	struct streams s = { 0 };
	struct run one = { .at = 1 << 22 }, other = { 0 };
	u64 end[2] = { 0 }, look[2] = { ~0ull, ~0ull };

	stream(&s, &other, &end[0], &look[0], 15 * BUDGET);
	stream(&s, &one, &end[1], &look[1], one.at + 40 * BUDGET);
	assert_int_equal(one.most, BUDGET / 8 * 5);
}

/* Faster than a commit: it overtakes what is set ahead, and is not lost of sight. */
static void a_stream_may_overtake_its_commit(void **state)
{
	struct streams s = { 0 };
	struct streams_ahead ahead;
	u64 at;

	writes(&s, 0, 16);
	writes(&s, 16, 32);
	assert_true(streams_ahead(&s, 32, 48, true, BUDGET, CHUNKS, &ahead));
	for (at = ahead.to; at < 1600; at += 16)
		assert_false(streams_ahead(&s, at, at + 16, true, BUDGET, CHUNKS, &ahead));
	streams_done(&s, ahead.stream);
	assert_int_equal(writes(&s, 1600, 1616), BUDGET / 32);
}

static void while_bits_are_being_set_no_more_are(void **state)
{
	struct streams s = { 0 };
	struct streams_ahead ahead;
	unsigned int i;

	writes(&s, 0, 16);
	writes(&s, 16, 32);
	assert_true(streams_ahead(&s, 32, 48, true, BUDGET, CHUNKS, &ahead));
	assert_false(streams_ahead(&s, 48, 96, false, BUDGET, CHUNKS, &ahead));
	/* Nor is it forgotten for others. */
	for (i = 1; i < 2 * STREAMS; i++)
		writes(&s, i * 1000, i * 1000 + 1);
	streams_done(&s, ahead.stream);
	assert_true(streams_ahead(&s, 80, 97, false, BUDGET, CHUNKS, &ahead));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_third_write_on_bits_are_set_ahead),
		cmocka_unit_test(a_stream_may_go_on_in_the_middle_of_a_chunk),
		cmocka_unit_test(the_first_chunk_of_all_is_nobodys_continuation),
		cmocka_unit_test(a_long_stream_waits_for_its_first_writes_only),
		cmocka_unit_test(a_long_stream_has_few_commits),
		cmocka_unit_test(ahead_is_little_beside_what_was_written_or_the_budget),
		cmocka_unit_test(it_ends_where_the_array_does),
		cmocka_unit_test(writes_at_random_set_nothing_ahead),
		cmocka_unit_test(streams_at_once_share_the_budget),
		cmocka_unit_test(one_that_is_alone_again_has_the_budget_of_all),
		cmocka_unit_test(a_stream_may_overtake_its_commit),
		cmocka_unit_test(while_bits_are_being_set_no_more_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* core/bits.c against a model that works bit by bit. */
#include <stdlib.h>
#include "unit.h"
#include "module/core/bits.h"

enum { MAX_BITS = 5000, ROUNDS = 3000 };

static u64 seed = 0x6d746962;

static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static u64 below(u64 n)
{
	return next_random() % n;
}

/* A heap block of the exact size, so that the sanitizer sees every overrun. */
static u8 *random_bits(u64 nbits)
{
	u64 bytes = bits_bytes(nbits), i;
	unsigned int kind = below(4);
	u8 *bits = malloc(bytes ? bytes : 1);

	for (i = 0; i < bytes; i++)
		bits[i] = kind == 0 ? 0 : kind == 1 ? 0xff :
			  kind == 2 ? next_random() :
				      (below(50) ? 0 : 1u << below(8));
	return bits;
}

static void count_equals_the_sum_of_single_bits(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = below(MAX_BITS), i, sum = 0, from, to;
		u8 *bits = random_bits(n);

		for (i = 0; i < n; i++)
			sum += bits_test(bits, i);
		assert_int_equal(bits_count(bits, n), sum);
		from = below(n + 1);
		to = below(n + 1);
		for (sum = 0, i = from; i < to; i++)
			sum += bits_test(bits, i);
		assert_int_equal(bits_count_range(bits, from, to), sum);
		free(bits);
	}
}

static u64 model_next(const u8 *bits, u64 from, u64 n, bool set)
{
	while (from < n && bits_test(bits, from) != set)
		from++;
	return from < n ? from : n;
}

static void next_set_and_next_clear_find_the_first_one(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = below(MAX_BITS), from = below(n + 2);
		u8 *bits = random_bits(n);

		assert_int_equal(bits_next_set(bits, from, n),
				 model_next(bits, from, n, true));
		assert_int_equal(bits_next_clear(bits, from, n),
				 model_next(bits, from, n, false));
		free(bits);
	}
}

static void set_and_clear_touch_their_range_and_nothing_else(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = 1 + below(MAX_BITS), from = below(n + 1), to = below(n + 1), i;
		u8 *bits = random_bits(n), *old = malloc(bits_bytes(n));
		bool set = below(2);

		memcpy(old, bits, bits_bytes(n));
		if (set)
			bits_set(bits, from, to);
		else
			bits_clear(bits, from, to);
		for (i = 0; i < bits_bytes(n) * 8; i++)
			assert_int_equal(bits_test(bits, i),
					 i >= from && i < to ? set : bits_test(old, i));
		free(bits);
		free(old);
	}
}

static void or_keeps_what_lies_past_the_end(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = 1 + below(MAX_BITS), i;
		u8 *a = random_bits(n), *b = random_bits(n), *old = malloc(bits_bytes(n));

		memcpy(old, a, bits_bytes(n));
		bits_or(a, b, n);
		for (i = 0; i < bits_bytes(n) * 8; i++)
			assert_int_equal(bits_test(a, i), bits_test(old, i) |
					 (i < n && bits_test(b, i)));
		free(a);
		free(b);
		free(old);
	}
}

static void a_coarse_bit_is_set_if_any_of_its_parts_is(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = 1 + below(MAX_BITS), i;
		unsigned int shift = below(14);
		u64 out = (n + (1ULL << shift) - 1) >> shift;
		u8 *src = random_bits(n), *model = calloc(1, bits_bytes(out));
		u8 *dst = malloc(bits_bytes(shift ? (n + 1) / 2 : n));

		for (i = 0; i < n; i++)
			if (bits_test(src, i))
				bits_set(model, i >> shift, (i >> shift) + 1);
		bits_coarsen(dst, src, n, shift);
		assert_memory_equal(dst, model, bits_bytes(out));
		bits_coarsen(src, src, n, shift);
		assert_memory_equal(src, model, bits_bytes(out));
		free(src);
		free(dst);
		free(model);
	}
}

static void every_fine_bit_equals_the_coarse_one_it_came_from(void **state)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		u64 n = 1 + below(MAX_BITS / 8), i;
		unsigned int shift = below(8);
		u8 *src = random_bits(n), *dst = malloc(bits_bytes(n << shift));

		bits_refine(dst, src, n, shift);
		for (i = 0; i < bits_bytes(n << shift) * 8; i++)
			assert_int_equal(bits_test(dst, i), i < n << shift &&
					 bits_test(src, i >> shift));
		free(src);
		free(dst);
	}
}

static void big_endian_words_are_read_as_md_abi_says(void **state)
{
	/* 64-bit: bit n is in byte 8 * (n / 64) + 7 - (n % 64) / 8. */
	u64 n;
	unsigned int word;

	for (word = 4; word <= 8; word += 4)
		for (n = 0; n < 256; n++) {
			u8 disk[32] = { 0 };
			unsigned int w = word * 8;

			disk[word * (n / w) + word - 1 - n % w / 8] = 1 << (n & 7);
			bits_from_big_endian(disk, sizeof(disk), word);
			assert_int_equal(bits_next_set(disk, 0, 256), n);
			assert_int_equal(bits_count(disk, 256), 1);
		}
}

static void a_lockless_chunk_is_dirty_unless_its_state_is_a_clean_one(void **state)
{
	u8 states[256], bits[32];
	int i;

	for (i = 0; i < 256; i++)
		states[i] = i;
	bits_from_states(bits, states, 256);
	for (i = 0; i < 256; i++)
		assert_int_equal(bits_test(bits, i), i != BITMAP_STATE_UNWRITTEN &&
				 i != BITMAP_STATE_CLEAN &&
				 i != BITMAP_STATE_CLEAN_UNWRITTEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_equals_the_sum_of_single_bits),
		cmocka_unit_test(next_set_and_next_clear_find_the_first_one),
		cmocka_unit_test(set_and_clear_touch_their_range_and_nothing_else),
		cmocka_unit_test(or_keeps_what_lies_past_the_end),
		cmocka_unit_test(a_coarse_bit_is_set_if_any_of_its_parts_is),
		cmocka_unit_test(every_fine_bit_equals_the_coarse_one_it_came_from),
		cmocka_unit_test(big_endian_words_are_read_as_md_abi_says),
		cmocka_unit_test(a_lockless_chunk_is_dirty_unless_its_state_is_a_clean_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every function of bits.h on any bits and any range, against one bit after
 * the other. Buffers have their exact size: one byte too far is seen.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "module/core/bits.h"

enum { BITS_MAX = 6000, SHIFT_MAX = 5 };

struct given {
	u8 *bits, *other;		/* of bits_bytes(nbits) */
	u64 nbits, bytes, from, to;
	unsigned int shift;
};

static bool at(const u8 *bits, u64 bit)
{
	return (bits[bit >> 3] & (1 << (bit & 7))) != 0;
}

static u8 *copy(const u8 *bytes, u64 count)
{
	u8 *to = malloc(count ? count : 1);

	must(to);
	memcpy(to, bytes, count);
	return to;
}

static u64 next(const struct given *g, bool set)
{
	u64 bit = g->from;

	while (bit < g->nbits && at(g->bits, bit) != set)
		bit++;
	return bit < g->nbits ? bit : g->nbits;
}

static void check_reading(const struct given *g)
{
	u64 count = 0, within = 0, bit;

	for (bit = 0; bit < g->nbits; bit++) {
		must(bits_test(g->bits, bit) == at(g->bits, bit));
		count += at(g->bits, bit);
		within += bit >= g->from && bit < g->to && at(g->bits, bit);
	}
	must(bits_count(g->bits, g->nbits) == count);
	must(bits_count_range(g->bits, g->from, g->to) == within);
	must(bits_next_set(g->bits, g->from, g->nbits) == next(g, true));
	must(bits_next_clear(g->bits, g->from, g->nbits) == next(g, false));
}

static void check_filling(const struct given *g, bool set)
{
	u8 *bits = copy(g->bits, g->bytes);
	u64 bit;

	(set ? bits_set : bits_clear)(bits, g->from, g->to);
	for (bit = 0; bit < g->bytes * 8; bit++)
		must(at(bits, bit) == (bit >= g->from && bit < g->to ? set :
								       at(g->bits, bit)));
	free(bits);
}

static void check_or(const struct given *g)
{
	u8 *bits = copy(g->bits, g->bytes);
	u64 bit;

	bits_or(bits, g->other, g->nbits);
	for (bit = 0; bit < g->bytes * 8; bit++)
		must(at(bits, bit) == (at(g->bits, bit) ||
				       (bit < g->nbits && at(g->other, bit))));
	free(bits);
}

static bool any(const struct given *g, u64 from, u64 to)
{
	for (; from < to && from < g->nbits; from++)
		if (at(g->bits, from))
			return true;
	return false;
}

static void check_coarsen(const struct given *g)
{
	u64 nbits = (g->nbits + (1ULL << g->shift) - 1) >> g->shift, bit;
	u64 room = bits_bytes(g->shift ? (g->nbits + 1) / 2 : g->nbits);
	u8 *made = malloc(room ? room : 1), *in_place = copy(g->bits, g->bytes);

	must(made);
	bits_coarsen(made, g->bits, g->nbits, g->shift);
	bits_coarsen(in_place, in_place, g->nbits, g->shift);
	for (bit = 0; bit < bits_bytes(nbits) * 8; bit++) {
		must(at(made, bit) == any(g, bit << g->shift, (bit + 1) << g->shift));
		must(at(in_place, bit) == at(made, bit));
	}
	free(made);
	free(in_place);
}

static void check_refine(const struct given *g)
{
	u64 nbits = g->nbits << g->shift, bytes = bits_bytes(nbits), bit;
	u8 *made = malloc(bytes ? bytes : 1);

	must(made);
	bits_refine(made, g->bits, g->nbits, g->shift);
	for (bit = 0; bit < bytes * 8; bit++)
		must(at(made, bit) == (bit < nbits && at(g->bits, bit >> g->shift)));
	free(made);
}

static void check_order(const struct given *g, unsigned int word)
{
	u64 bytes = g->bytes / word * word, i;
	u8 *bits = copy(g->bits, bytes);

	bits_from_big_endian(bits, bytes, word);
	for (i = 0; i < bytes; i++)
		must(bits[i] == g->bits[i / word * word + (word - 1 - i % word)]);
	free(bits);
}

/* The bytes as states of version 6: three of them are clean. */
static void check_states(const struct given *g)
{
	u8 *bits = malloc(bits_bytes(g->bytes) + 1);
	u64 i;

	must(bits);
	bits_from_states(bits, g->bits, g->bytes);
	for (i = 0; i < g->bytes; i++)
		must(at(bits, i) == (g->bits[i] != 0 && g->bits[i] != 1 && g->bits[i] != 7));
	free(bits);
}

/* What the input does not fill is filled with the input over again. */
static u8 *tile(const struct fuzz_in *in, u64 bytes, u64 shift)
{
	u8 *to = calloc(bytes ? bytes : 1, 1);
	u64 i;

	must(to);
	for (i = 0; in->left && i < bytes; i++)
		to[i] = in->data[(i + shift) % in->left];
	return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct given g;

	g.nbits = fuzz_below(&in, BITS_MAX);
	g.bytes = bits_bytes(g.nbits);
	g.from = fuzz_below(&in, g.nbits + 1);
	g.to = fuzz_below(&in, g.nbits + 1);
	g.shift = fuzz_below(&in, SHIFT_MAX);
	must(g.bytes * 8 >= g.nbits && g.bytes * 8 < g.nbits + 8);
	g.other = tile(&in, g.bytes, 3);
	g.bits = tile(&in, g.bytes, 0);
	check_reading(&g);
	check_filling(&g, true);
	check_filling(&g, false);
	check_or(&g);
	check_coarsen(&g);
	check_refine(&g);
	check_order(&g, 4);
	check_order(&g, 8);
	check_states(&g);
	free(g.bits);
	free(g.other);
	return 0;
}

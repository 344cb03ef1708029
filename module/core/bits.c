// SPDX-License-Identifier: GPL-2.0-only
#include "bits.h"

/* Unaligned loads and stores of 64 bits, the lowest bit first in memory. */
static inline u64 load64(const u8 *p)
{
	__le64 v;

	memcpy(&v, p, sizeof(v));
	return le64_to_cpu(v);
}

static inline void store64(u8 *p, u64 v)
{
	__le64 le = cpu_to_le64(v);

	memcpy(p, &le, sizeof(le));
}

static inline void store32(u8 *p, u32 v)
{
	__le32 le = cpu_to_le32(v);

	memcpy(p, &le, sizeof(le));
}

/* Bits [0, n) of a byte, n <= 8. */
static inline u8 low_mask(unsigned int n)
{
	return (1u << n) - 1;
}

static inline unsigned int popcount64(u64 x)
{
	x -= x >> 1 & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return x * 0x0101010101010101ULL >> 56;
}

/*
 * The unit of counting: a vector register where the compiler may use them,
 * which it may not in a kernel. Only ^ & | are applied to it.
 */
#if defined(__SSE2__) || defined(__ARM_NEON)
typedef u64 column __attribute__((vector_size(16)));
#else
typedef u64 column;
#endif

static inline column load_column(const u8 *p)
{
	column v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline unsigned int popcount_column(column x)
{
	u64 words[sizeof(x) / sizeof(u64)];
	unsigned int n = 0, i;

	memcpy(words, &x, sizeof(x));
	for (i = 0; i < sizeof(x) / sizeof(u64); i++)
		n += popcount64(words[i]);
	return n;
}

/*
 * Adds three bits of equal weight at each place: sum in the result, carry,
 * which weighs twice as much, in *carry.
 */
static inline column add3(column *carry, column a, column b, column c)
{
	column u = a ^ b;

	*carry = (a & b) | (u & c);
	return u ^ c;
}

enum {
	BLOCK_COLUMNS = 16,
	BLOCK_BYTES = BLOCK_COLUMNS * sizeof(column),
};

/*
 * Harley and Seal: a tree of carry-save adders takes 16 columns, so that
 * only one in 16 needs a population count of its own.
 */
static u64 count_blocks(const u8 *p, u64 blocks)
{
	column ones = { 0 }, twos = { 0 }, fours = { 0 }, eights = { 0 };
	u64 total = 0;

	for (; blocks; blocks--, p += BLOCK_BYTES) {
		column a2, b2, a4, b4, a8, b8, c16;

#define W(i) load_column(p + (i) * sizeof(column))
		ones = add3(&a2, ones, W(0), W(1));
		ones = add3(&b2, ones, W(2), W(3));
		twos = add3(&a4, twos, a2, b2);
		ones = add3(&a2, ones, W(4), W(5));
		ones = add3(&b2, ones, W(6), W(7));
		twos = add3(&b4, twos, a2, b2);
		fours = add3(&a8, fours, a4, b4);
		ones = add3(&a2, ones, W(8), W(9));
		ones = add3(&b2, ones, W(10), W(11));
		twos = add3(&a4, twos, a2, b2);
		ones = add3(&a2, ones, W(12), W(13));
		ones = add3(&b2, ones, W(14), W(15));
		twos = add3(&b4, twos, a2, b2);
		fours = add3(&b8, fours, a4, b4);
		eights = add3(&c16, eights, a8, b8);
#undef W
		total += popcount_column(c16);
	}
	return 16 * total + 8 * popcount_column(eights) +
	       4 * popcount_column(fours) + 2 * popcount_column(twos) +
	       popcount_column(ones);
}

u64 bits_count(const u8 *bits, u64 nbits)
{
	u64 bytes = nbits / 8, done = bytes / BLOCK_BYTES * BLOCK_BYTES;
	u64 n = count_blocks(bits, bytes / BLOCK_BYTES);

	for (; bytes - done >= 8; done += 8)
		n += popcount64(load64(bits + done));
	for (; done < bytes; done++)
		n += popcount64(bits[done]);
	if (nbits % 8)
		n += popcount64(bits[done] & low_mask(nbits % 8));
	return n;
}

u64 bits_count_range(const u8 *bits, u64 from, u64 to)
{
	if (from >= to)
		return 0;
	bits += from / 8;
	to -= from / 8 * 8;
	from %= 8;
	return bits_count(bits, to) - bits_count(bits, from);
}

/* First bit in [from, nbits) that is set after xor with @flip. */
static u64 next_bit(const u8 *bits, u64 from, u64 nbits, u8 flip)
{
	u64 end = bits_bytes(nbits), i = from / 8;
	u64 wide = flip ? ~0ULL : 0;
	u8 byte;

	if (from >= nbits)
		return nbits;
	byte = (bits[i] ^ flip) & ~low_mask(from % 8);
	if (!byte) {
		for (i++; end - i >= 8 && load64(bits + i) == wide; )
			i += 8;
		while (i < end && bits[i] == flip)
			i++;
		if (i == end)
			return nbits;
		byte = bits[i] ^ flip;
	}
	from = i * 8 + (unsigned int)__builtin_ctz(byte);
	return from < nbits ? from : nbits;
}

u64 bits_next_set(const u8 *bits, u64 from, u64 nbits)
{
	return next_bit(bits, from, nbits, 0);
}

u64 bits_next_clear(const u8 *bits, u64 from, u64 nbits)
{
	return next_bit(bits, from, nbits, 0xff);
}

static inline void apply(u8 *byte, u8 mask, bool set)
{
	*byte = set ? *byte | mask : *byte & ~mask;
}

static void fill(u8 *bits, u64 from, u64 to, bool set)
{
	u64 first = from / 8, last = to / 8;

	if (from >= to)
		return;
	if (first == last) {
		apply(bits + first, low_mask(to % 8) & ~low_mask(from % 8), set);
		return;
	}
	apply(bits + first, ~low_mask(from % 8), set);
	memset(bits + first + 1, set ? 0xff : 0, last - first - 1);
	if (to % 8)
		apply(bits + last, low_mask(to % 8), set);
}

void bits_set(u8 *bits, u64 from, u64 to)
{
	fill(bits, from, to, true);
}

void bits_clear(u8 *bits, u64 from, u64 to)
{
	fill(bits, from, to, false);
}

void bits_or(u8 *dst, const u8 *src, u64 nbits)
{
	u64 bytes = nbits / 8, i = 0;

	for (; bytes - i >= 8; i += 8)
		store64(dst + i, load64(dst + i) | load64(src + i));
	for (; i < bytes; i++)
		dst[i] |= src[i];
	if (nbits % 8)
		dst[i] |= src[i] & low_mask(nbits % 8);
}

/* The even bits of x, moved together into its lower half. */
static inline u64 squeeze(u64 x)
{
	x &= 0x5555555555555555ULL;
	x = (x | x >> 1) & 0x3333333333333333ULL;
	x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0fULL;
	x = (x | x >> 4) & 0x00ff00ff00ff00ffULL;
	x = (x | x >> 8) & 0x0000ffff0000ffffULL;
	return (x | x >> 16) & 0x00000000ffffffffULL;
}

/* The inverse, each bit doubled: the lower 32 bits of x become 64. */
static inline u64 stretch(u64 x)
{
	x &= 0xffffffffULL;
	x = (x | x << 16) & 0x0000ffff0000ffffULL;
	x = (x | x << 8) & 0x00ff00ff00ff00ffULL;
	x = (x | x << 4) & 0x0f0f0f0f0f0f0f0fULL;
	x = (x | x << 2) & 0x3333333333333333ULL;
	x = (x | x << 1) & 0x5555555555555555ULL;
	return x | x << 1;
}

/* Up to 64 bits from byte @i on; bits at and past @nbits read as 0. */
static u64 load_upto(const u8 *bits, u64 i, u64 nbits)
{
	u64 left = nbits - i * 8;
	__le64 v = 0;

	if (left >= 64)
		return load64(bits + i);
	memcpy(&v, bits + i, bits_bytes(left));
	return le64_to_cpu(v) & ((1ULL << left) - 1);
}

static void store_upto(u8 *bits, u64 i, u64 bytes, u64 v)
{
	__le64 le = cpu_to_le64(v);

	memcpy(bits + i, &le, bytes < 8 ? bytes : 8);
}

/* Two bits into one. 64 bits in, 32 out at a time. */
static void halve(u8 *dst, const u8 *src, u64 nbits)
{
	u64 in = 0, whole = nbits / 64 * 8, bytes = bits_bytes(nbits), v;

	for (; in < whole; in += 8) {
		v = load64(src + in);
		store32(dst + in / 2, squeeze(v | v >> 1));
	}
	if (in < bytes) {
		v = load_upto(src, in, nbits);
		store_upto(dst, in / 2, (bytes - in + 1) / 2, squeeze(v | v >> 1));
	}
}

void bits_coarsen(u8 *dst, const u8 *src, u64 nbits, unsigned int shift)
{
	if (!shift) {
		u64 bytes = bits_bytes(nbits);

		memmove(dst, src, bytes);
		if (nbits % 8)
			dst[bytes - 1] &= low_mask(nbits % 8);
		return;
	}
	for (; shift && nbits; shift--) {
		halve(dst, src, nbits);
		nbits = nbits / 2 + nbits % 2;
		src = dst;
	}
}

/* One bit into two, from the end down so that it may be done in place. */
static void twice(u8 *buf, u64 nbits)
{
	u64 out_bytes = bits_bytes(nbits * 2);
	u64 in = (bits_bytes(nbits) + 3) / 4 * 4;

	while (in) {
		u64 v, left;

		in -= 4;
		left = nbits - in * 8;
		v = load_upto(buf, in, left < 32 ? nbits : in * 8 + 32);
		store_upto(buf, in * 2, out_bytes - in * 2, stretch(v));
	}
}

void bits_refine(u8 *dst, const u8 *src, u64 nbits, unsigned int shift)
{
	u64 bytes = bits_bytes(nbits);

	if (!nbits)
		return;
	memcpy(dst, src, bytes);
	if (nbits % 8)
		dst[bytes - 1] &= low_mask(nbits % 8);
	for (; shift; shift--, nbits *= 2)
		twice(dst, nbits);
}

void bits_from_big_endian(u8 *bits, u64 bytes, unsigned int word_bytes)
{
	u64 i;
	unsigned int j;

	for (i = 0; i + word_bytes <= bytes; i += word_bytes) {
		for (j = 0; j < word_bytes / 2; j++) {
			u8 t = bits[i + j];

			bits[i + j] = bits[i + word_bytes - 1 - j];
			bits[i + word_bytes - 1 - j] = t;
		}
	}
}

/* Members agree, or the chunk never held data: nothing to copy. */
static bool state_is_clean(u8 state)
{
	return state == BITMAP_STATE_UNWRITTEN || state == BITMAP_STATE_CLEAN ||
	       state == BITMAP_STATE_CLEAN_UNWRITTEN;
}

void bits_from_states(u8 *dst, const u8 *state, u64 nchunks)
{
	u64 i;

	memset(dst, 0, bits_bytes(nchunks));
	for (i = 0; i < nchunks; i++)
		if (!state_is_clean(state[i]))
			dst[i / 8] |= 1 << (i % 8);
}

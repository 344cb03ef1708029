/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bit strings as bitmap version 4 stores them: bit n is byte n / 8, mask
 * 1 << (n % 8), on every host. All positions and lengths are in bits and
 * relative to the buffer; ranges are half-open. No alignment is required
 * of a buffer. Nothing here allocates, sleeps or fails.
 */
#ifndef CORE_BITS_H
#define CORE_BITS_H

#include "port.h"

static inline u64 bits_bytes(u64 nbits)
{
	return nbits / 8 + (nbits % 8 != 0);
}

static inline bool bits_test(const u8 *bits, u64 bit)
{
	return bits[bit / 8] >> (bit % 8) & 1;
}

/* Number of set bits in [0, nbits). Less than one instruction per byte. */
u64 bits_count(const u8 *bits, u64 nbits);

/* Number of set bits in [from, to). */
u64 bits_count_range(const u8 *bits, u64 from, u64 to);

/* First set (clear) bit in [from, nbits), or nbits if there is none. */
u64 bits_next_set(const u8 *bits, u64 from, u64 nbits);
u64 bits_next_clear(const u8 *bits, u64 from, u64 nbits);

/* Set or clear every bit in [from, to). */
void bits_set(u8 *bits, u64 from, u64 to);
void bits_clear(u8 *bits, u64 from, u64 to);

/* dst |= src over @nbits; bits of dst past nbits stay as they are. */
void bits_or(u8 *dst, const u8 *src, u64 nbits);

/*
 * One bit of @dst for each 1 << shift bits of @src, set if any of them is.
 * @dst gets ceil(nbits / 2^shift) bits; unused bits of its last byte are 0.
 * It needs room for half of the source, ceil(nbits / 2) bits, on the way;
 * dst may equal src.
 */
void bits_coarsen(u8 *dst, const u8 *src, u64 nbits, unsigned int shift);

/*
 * 1 << shift bits of @dst for each of the @nbits bits of @src, all equal to
 * it. Unused bits of dst's last byte are 0. The buffers must not overlap.
 */
void bits_refine(u8 *dst, const u8 *src, u64 nbits, unsigned int shift);

/*
 * Bits held in big-endian words of @word_bytes (4 or 8) bytes, as a
 * version 3 bitmap of a big-endian host holds them, turned into the order
 * above. In place; @bytes is a multiple of word_bytes.
 */
void bits_from_big_endian(u8 *bits, u64 bytes, unsigned int word_bytes);

/*
 * Version 6 keeps one byte of state per chunk (md-abi.md 4.11). Sets bit n
 * of @dst when state[n] says that the chunk's members may differ.
 */
void bits_from_states(u8 *dst, const u8 *state, u64 nchunks);

/* One state of version 6; any other byte counts as BITMAP_STATE_NEED_SYNC. */
enum bitmap_chunk_state {
	BITMAP_STATE_UNWRITTEN,
	BITMAP_STATE_CLEAN,
	BITMAP_STATE_DIRTY,
	BITMAP_STATE_NEED_SYNC,
	BITMAP_STATE_SYNCING,
	BITMAP_STATE_NEED_SYNC_UNWRITTEN,
	BITMAP_STATE_SYNCING_UNWRITTEN,
	BITMAP_STATE_CLEAN_UNWRITTEN,
	BITMAP_STATES,
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stamper writes to an array and to its witness, and the bundle in which
 * cuts hands to aftermath what each power cut left. Native byte order: written
 * and read on one machine.
 */
#ifndef CUTS_FILE_H
#define CUTS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { SECTOR = 512, BLOCK = 4096, BLOCK_SECTORS = BLOCK / SECTOR };

/* --- the array ------------------------------------------------------------ */

#define STAMP_MAGIC 0x706d617473626d64ull

/*
 * A sector of a block of the array. Writes are numbered from 1; never written
 * is all zeros, and number 0.
 */
struct stamp {
	uint64_t magic;
	uint32_t number, block, sector, seed;
	uint64_t filler[61];
};

_Static_assert(sizeof(struct stamp) == SECTOR, "a sector is torn as a whole");

static inline uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline void stamp_fill(struct stamp *s, uint32_t number, uint32_t block,
			      uint32_t sector, uint32_t seed)
{
	uint64_t x = scramble((uint64_t)number << 32 | block) ^ sector ^ (uint64_t)seed << 8;

	*s = (struct stamp){
		.magic = STAMP_MAGIC, .number = number, .block = block,
		.sector = sector, .seed = seed,
	};
	for (unsigned int i = 0; i < sizeof(s->filler) / sizeof(s->filler[0]); i++)
		s->filler[i] = x += 0x9e3779b97f4a7c15ull;
}

/* The number of a sector that is whole and belongs there, or -1. */
static inline int64_t stamp_number(const struct stamp *s, uint32_t block, uint32_t sector)
{
	static const struct stamp never;
	struct stamp want;

	if (!memcmp(s, &never, sizeof(never)))
		return 0;
	stamp_fill(&want, s->number, block, sector, s->seed);
	return memcmp(s, &want, sizeof(want)) ? -1 : (int64_t)s->number;
}

/* --- the witness ---------------------------------------------------------- */

#define WITNESS_MAGIC 0x7373656e74697762ull

enum {
	WITNESS_ACKS = 62,

	/* What the scenario did, from this record on. */
	MAY_BE_STALE = 1,	/* the bitmap file: it was detached */
	MAY_BE_AWAY = 2,	/* a member: it was failed */
};

struct ack {
	uint32_t number, block;
};

/* Written after these writes were acknowledged, and a flush after them, if need be. */
struct witness {
	uint64_t magic;
	uint32_t flags, count;
	struct ack acks[WITNESS_ACKS];
};

_Static_assert(sizeof(struct witness) == SECTOR, "it arrives as a whole");

/* --- the bundle ----------------------------------------------------------- */

#define BUNDLE_MAGIC "mdbcuts"
#define CUT_MAGIC 0x747563626d64ull

enum { BUNDLE_DEVICES = 4 };

/*
 * One sector. The devices are the store and then the members, zeroed; the
 * cuts follow, each of whole sectors, in the order of their events.
 */
struct bundle {
	char magic[8];
	uint64_t seed, cuts, devices;
	uint64_t bytes[BUNDLE_DEVICES];
	char pad[SECTOR - 64];
};

_Static_assert(sizeof(struct bundle) == SECTOR, "one sector");

/*
 * One sector; after it, each padded to whole sectors, the acks that had come
 * since the cut before, the places that hold something else than at the cut
 * before, and what they hold.
 */
struct cut {
	uint64_t magic, number, event, flags;
	uint64_t acks, places;
	char how[SECTOR - 48];	/* what became of the devices' caches, in words */
};

_Static_assert(sizeof(struct cut) == SECTOR, "one sector");

struct place {
	uint32_t device, sector;
};

#endif

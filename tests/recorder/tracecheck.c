// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracecheck [OPTION...] TRACE CHUNK STORE MEMBER MEMBER...
 *
 * Was there an instant in a recorded trace at which a power cut could have
 * left members that differ in a chunk whose bit is clear? Every instant and
 * every set of surviving writes is judged at once: what a sector may hold after
 * a cut is what it held durably, or any write that has arrived since and was
 * not flushed. Members may differ in a sector unless all may hold one thing
 * only, and the same; a bit is sure if it is set in all that its sector may
 * hold. Then, at each event:
 *
 *	I1a	a member's write arrives: the bits of its chunks are sure
 *	I1b	a write to the store arrives: the bits that it clears are of
 *		chunks in which members cannot differ, and none of whose writes
 *		is under way
 *
 * Writes to one sector of a member that are under way at once have no order, and
 * members may differ for ever after two of them: the writer's fault, which is
 * counted as overlaps, so that a violation is not taken for the driver's.
 *
 * CHUNK: bytes. STORE: the device of the bitmap, which begins there at
 * --store-offset; MEMBER: a device whose data begin at --data-offset (both 0).
 * The bitmap may be on a member, as one that is internal is. With --caches-last
 * nothing that was done is lost, flushed or not.
 * Exit status: 0 no violation, 1 some, 2 the trace says nothing.
 */
#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

enum {
	SUPER_BYTES = 256,
	SECTOR_BITS = TRACE_SECTOR * 8,
	SHOWN = 10,		/* violations printed in full */
};

/* What a device is to us; it may be both. */
struct role {
	bool store, member;
};

static struct role roles[TRACE_DEVICES];
static struct device *store, *members[TRACE_DEVICES];
static unsigned int member_count;

static uint64_t store_offset, data_offset, chunk_bytes, chunks;
static uint8_t *durable;	/* the bitmap file */
static uint64_t durable_bytes;
static uint32_t *clearing;	/* per chunk: unsettled store writes without its bit */
static uint32_t *differing;	/* per chunk: sectors in which members may differ */
static uint32_t *under_way;	/* per chunk: member writes not answered */
static uint8_t *differs;	/* per sector of the array */

static uint64_t violations;
static struct {
	uint64_t member_writes, store_writes, set, cleared, overlaps;
} count;

static struct role *role_of(struct device *d)
{
	return d->own = &roles[replay_number(d)];
}

static bool is_store(struct device *d) { return role_of(d)->store; }
static bool is_member(struct device *d) { return role_of(d)->member; }

/* --- bits ----------------------------------------------------------------- */

static uint64_t bit_byte(uint64_t chunk) { return SUPER_BYTES + chunk / 8; }

static bool bit_in(const uint8_t *bytes, uint64_t from, uint64_t chunk)
{
	return bytes[bit_byte(chunk) - from] >> (chunk % 8) & 1;
}

static bool bit_sure(uint64_t chunk)
{
	return !clearing[chunk] && bit_in(durable, 0, chunk);
}

/* The chunks whose bits are in the sector of the file: [first, end). */
static void sector_chunks(uint64_t sector, uint64_t *first, uint64_t *end)
{
	uint64_t byte = sector * TRACE_SECTOR;

	*first = byte < SUPER_BYTES ? 0 : (byte - SUPER_BYTES) * 8;
	*end = (byte + TRACE_SECTOR - SUPER_BYTES) * 8;
	if (*first > chunks)
		*first = chunks;
	if (*end > chunks)
		*end = chunks;
}

static void violation(const char *what, uint64_t chunk, const struct write *w)
{
	if (violations++ < SHOWN)
		printf("%s: chunk %llu, by write %llu of %u sectors at sector %llu, event %llu\n",
		       what, (unsigned long long)chunk,
		       (unsigned long long)w->id, w->sectors,
		       (unsigned long long)w->sector,
		       (unsigned long long)replay_events);
}

/* --- what a sector may hold ----------------------------------------------- */

/* The store's sector @at may hold @w, or no longer as such. */
static void count_clearing(const struct write *w, uint64_t at, int add)
{
	uint64_t sector = at - store_offset / TRACE_SECTOR, c, end;

	sector_chunks(sector, &c, &end);
	for (; c < end; c++)
		if (!bit_in(payload(w, at), sector * TRACE_SECTOR, c))
			clearing[c] += add;
}

static bool in_file(uint64_t at)
{
	return at >= store_offset / TRACE_SECTOR &&
	       at < (store_offset + durable_bytes) / TRACE_SECTOR;
}

static void held(struct device *d, uint64_t at, const struct write *w)
{
	if (is_store(d) && in_file(at))
		count_clearing(w, at, 1);
}

static void dropped(struct device *d, uint64_t at, const struct write *w)
{
	if (is_store(d) && in_file(at))
		count_clearing(w, at, -1);
}

static void settled(struct device *d, uint64_t at, const struct write *w)
{
	uint64_t sector = at - store_offset / TRACE_SECTOR, c, end;
	uint8_t *to = durable + sector * TRACE_SECTOR;

	if (!is_store(d) || !in_file(at))
		return;
	sector_chunks(sector, &c, &end);
	for (; c < end; c++) {
		bool was = bit_in(durable, 0, c);
		bool is = bit_in(payload(w, at), sector * TRACE_SECTOR, c);

		count.set += is && !was;
		count.cleared += was && !is;
	}
	memcpy(to, payload(w, at), TRACE_SECTOR);
}

/* --- members -------------------------------------------------------------- */

static bool may_differ(uint64_t sector)
{
	uint64_t at = sector + data_offset / TRACE_SECTOR;

	for (unsigned int i = 0; i < member_count; i++) {
		const struct sector *s = &members[i]->sectors[at];

		if (s->hash != members[0]->sectors[at].hash)
			return true;
		for (const struct maybe *m = s->maybe; m; m = m->next)
			if (m->write->hash[at - m->write->sector] != s->hash)
				return true;
	}
	return false;
}

static uint64_t chunk_of(uint64_t sector)
{
	return sector * TRACE_SECTOR / chunk_bytes;
}

/* Count anew after the members' sectors under @w have changed. */
static void judge_members(const struct write *w)
{
	for (uint32_t i = 0; i < w->sectors; i++) {
		uint64_t sector = w->sector + i - data_offset / TRACE_SECTOR;
		bool now;

		if (w->sector + i < data_offset / TRACE_SECTOR ||
		    chunk_of(sector) >= chunks)
			continue;
		now = may_differ(sector);
		differing[chunk_of(sector)] += now - differs[sector];
		differs[sector] = now;
	}
}

/* Call @each for the chunks that the member's write @w touches. */
static void for_chunks(const struct write *w,
		       void (*each)(uint64_t chunk, const struct write *w))
{
	uint64_t skip = data_offset / TRACE_SECTOR, c, end;
	uint64_t from = w->sector > skip ? w->sector - skip : 0;

	if (w->sector + w->sectors <= skip)
		return;
	end = chunk_of(w->sector + w->sectors - skip - 1) + 1;
	for (c = chunk_of(from); c < end && c < chunks; c++)
		each(c, w);
}

static void must_be_sure(uint64_t chunk, const struct write *w)
{
	under_way[chunk]++;
	if (!bit_sure(chunk))
		violation("I1a: a member is written before the bit is durable",
			  chunk, w);
}

static void is_over(uint64_t chunk, const struct write *w)
{
	under_way[chunk]--;
}

/* What the members may hold in the first sector of the chunk in which they differ. */
static void explain(uint64_t chunk)
{
	uint64_t sector = chunk * (chunk_bytes / TRACE_SECTOR), at;

	while (!differs[sector])
		sector++;
	at = sector + data_offset / TRACE_SECTOR;
	for (unsigned int i = 0; i < member_count; i++) {
		const struct sector *s = &members[i]->sectors[at];

		printf("  %s, sector %llu: %016llx for sure", members[i]->info.name,
		       (unsigned long long)at, (unsigned long long)s->hash);
		for (const struct maybe *m = s->maybe; m; m = m->next)
			printf(", or %016llx (write %llu, events %llu to %llu)",
			       (unsigned long long)m->write->hash[at - m->write->sector],
			       (unsigned long long)m->write->id,
			       (unsigned long long)m->write->arrived,
			       (unsigned long long)m->write->done);
		putchar('\n');
	}
}

/* --- the store ------------------------------------------------------------ */

static void judge_clearing(const struct write *w, uint64_t at)
{
	uint64_t sector = at - store_offset / TRACE_SECTOR, c, end;

	sector_chunks(sector, &c, &end);
	for (; c < end; c++) {
		if (bit_in(payload(w, at), sector * TRACE_SECTOR, c))
			continue;
		if (under_way[c])
			violation("I1b: cleared while a write is under way", c, w);
		else if (differing[c]) {
			violation("I1b: cleared while members may differ", c, w);
			if (violations <= SHOWN)
				explain(c);
		}
	}
}

/* --- events --------------------------------------------------------------- */

static void arrives(struct device *d, const struct write *w)
{
	for (uint64_t at = w->sector; at < w->sector + w->sectors; at++) {
		const struct maybe *other = d->sectors[at].maybe;

		count.overlaps += is_member(d) && other && !other->write->done;
		if (is_store(d) && in_file(at))
			judge_clearing(w, at);
	}
	count.store_writes += is_store(d);
	count.member_writes += is_member(d);
}

static void arrived(struct device *d, const struct write *w)
{
	if (!is_member(d))
		return;
	judge_members(w);
	for_chunks(w, must_be_sure);
}

static void done(struct device *d, const struct write *w)
{
	if (is_member(d))
		for_chunks(w, is_over);
}

static void is_durable(struct device *d, const struct write *w)
{
	if (is_member(d))
		judge_members(w);
}

static const struct replay_ops ops = {
	.arrives = arrives,
	.held = held,
	.dropped = dropped,
	.settled = settled,
	.arrived = arrived,
	.done = done,
	.durable = is_durable,
};

/* --- start ---------------------------------------------------------------- */

static void set_up(char **names)
{
	uint64_t bytes = UINT64_MAX;

	store = replay_find(*names++);
	role_of(store)->store = true;
	if (!store->info.with_data)
		errx(2, "the trace has no data of %s", store->info.name);
	for (; *names && member_count < TRACE_DEVICES; names++) {
		struct device *m = replay_find(*names);

		role_of(m)->member = true;
		members[member_count++] = m;
		if (m->info.bytes - data_offset < bytes)
			bytes = m->info.bytes - data_offset;
	}
	chunks = (bytes + chunk_bytes - 1) / chunk_bytes;
	durable_bytes = (SUPER_BYTES + (chunks + 7) / 8 + TRACE_SECTOR - 1) /
			TRACE_SECTOR * TRACE_SECTOR;
	if (store_offset + durable_bytes > store->info.bytes)
		errx(2, "%s is too small for %llu chunks", store->info.name,
		     (unsigned long long)chunks);
	durable = replay_need(durable_bytes, 1);
	clearing = replay_need(chunks, sizeof(*clearing));
	differing = replay_need(chunks, sizeof(*differing));
	under_way = replay_need(chunks, sizeof(*under_way));
	differs = replay_need(bytes / TRACE_SECTOR + 1, 1);
}

static int report(void)
{
	printf("%llu events, %llu member writes, %llu store writes, %llu flushes, %llu bits set, %llu cleared, %llu sectors overlap, %llu violations\n",
	       (unsigned long long)replay_events,
	       (unsigned long long)count.member_writes,
	       (unsigned long long)count.store_writes,
	       (unsigned long long)replay_flushes,
	       (unsigned long long)count.set,
	       (unsigned long long)count.cleared,
	       (unsigned long long)count.overlaps,
	       (unsigned long long)violations);
	if (violations)
		return 1;
	return count.member_writes && count.set && count.cleared ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "store-offset", required_argument, NULL, 's' },
		{ "data-offset", required_argument, NULL, 'd' },
		{ "caches-last", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	FILE *f;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			store_offset = strtoull(optarg, NULL, 0);
		else if (c == 'd')
			data_offset = strtoull(optarg, NULL, 0);
		else if (c == 'l')
			replay_caches_last = true;
		else
			return 2;
	}
	if (argc - optind < 5)
		errx(2, "usage: tracecheck [OPTION...] TRACE CHUNK STORE MEMBER MEMBER...");
	chunk_bytes = strtoull(argv[optind + 1], NULL, 0);
	if (chunk_bytes < TRACE_SECTOR)
		errx(2, "chunk: %s", argv[optind + 1]);
	f = replay_open(argv[optind]);
	set_up(argv + optind + 2);
	replay(f, &ops);
	return report();
}

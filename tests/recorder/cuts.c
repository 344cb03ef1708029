// SPDX-License-Identifier: GPL-2.0-only
/*
 * cuts [--cuts=N] [--seed=S] [--caches-last] TRACE BUNDLE WITNESS STORE MEMBER...
 *
 * What N power cuts, at random events of a recorded trace, could have left on
 * STORE and the MEMBERs, written as a BUNDLE (cuts_file.h). The trace has the
 * data of all of them. What a sector may hold after a cut is what tracecheck
 * says it may: what it held durably, or any write that has arrived since and
 * was not flushed. Here one of these is drawn for each sector. With --caches-last
 * only what was under way may be lost.
 *
 * Half of the cuts are at any event after WITNESS was first written, half are
 * soon after a write to STORE arrived: a bit is set or cleared then, which is
 * where a promise may be broken, and such events are few.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuts_file.h"
#include "replay.h"

enum { SOON = 24 };	/* events */

/* One that is cut; the others have none. */
struct kept {
	struct device *device;
	uint8_t *durable, *left, *before;	/* by the cut, by the one before */
};

static struct kept kept[BUNDLE_DEVICES], witness;	/* of that, the device alone */
static unsigned int kept_count;

static uint64_t *cut_events, cut_count = 200, seed = 1, state;
static FILE *bundle;

static struct ack *acks;
static uint64_t ack_count, acks_room, flags;

static uint64_t draw(uint64_t below)
{
	return scramble(state++) % below;
}

/* --- the witness ---------------------------------------------------------- */

static void arrives(struct device *d, const struct write *w)
{
	const struct witness *r = (const void *)w->data;

	if (d != witness.device)
		return;
	if (r->magic != WITNESS_MAGIC || r->count > WITNESS_ACKS)
		errx(2, "event %llu is no record of a witness",
		     (unsigned long long)replay_events);
	flags = r->flags;
	if (ack_count + r->count > acks_room) {
		acks_room = 2 * acks_room + WITNESS_ACKS;
		acks = realloc(acks, acks_room * sizeof(*acks));
		if (!acks)
			err(2, "memory");
	}
	memcpy(acks + ack_count, r->acks, r->count * sizeof(*acks));
	ack_count += r->count;
}

/* --- one cut -------------------------------------------------------------- */

/* What becomes of a cache: of all, nothing, each write, each sector. */
enum fate { ALL, NONE, WRITES, SECTORS, FATES };

static const char *const fate_words[] = {
	"all written", "all lost", "some writes lost", "some sectors lost",
};

static const struct write *survivor(struct device *d, uint64_t at, enum fate fate,
				    uint64_t number)
{
	struct maybe *m = d->sectors[at].maybe;
	uint64_t n = 0, one;

	switch (fate) {
	case ALL:
		return m->write;
	case WRITES:
		for (; m; m = m->next) {
			struct write *w = m->write;

			if (w->mark != number) {
				w->mark = number;
				w->marked = draw(2);
			}
			if (w->marked) /* it survives */
				return w;
		}
		return NULL;
	case SECTORS:
		for (; m; m = m->next)
			n++;
		one = draw(n + 1);
		for (m = d->sectors[at].maybe; m && one; m = m->next)
			one--;
		return m ? m->write : NULL;
	default:
		return NULL;
	}
}

static void settled(struct device *d, uint64_t at, const struct write *w)
{
	struct kept *k = d->own;

	if (k != &witness)
		memcpy(k->durable + at * SECTOR, payload(w, at), SECTOR);
}

/* One of the states in which the power cut may leave @k. */
static void leave(struct kept *k, enum fate fate, uint64_t number)
{
	struct device *d = k->device;
	uint8_t *old = k->before;

	k->before = k->left;
	k->left = old;
	memcpy(k->left, k->durable, d->info.bytes);
	for (uint64_t at = 0; at < d->info.bytes / SECTOR; at++) {
		const struct write *w;

		if (!d->sectors[at].maybe)
			continue;
		w = survivor(d, at, fate, number);
		if (w)
			memcpy(k->left + at * SECTOR, payload(w, at), SECTOR);
	}
}

static void put(const void *data, size_t bytes)
{
	if (bytes && fwrite(data, bytes, 1, bundle) != 1)
		err(2, "bundle");
}

static void put_padded(const void *data, size_t bytes)
{
	static const char zeros[SECTOR];

	put(data, bytes);
	put(zeros, -bytes % SECTOR);
}

/* How many places differ from the cut before; and which, if @places. */
static uint64_t changed(struct place *places)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < kept_count; i++)
		for (uint64_t at = 0; at < kept[i].device->info.bytes / SECTOR; at++) {
			if (!memcmp(kept[i].left + at * SECTOR,
				    kept[i].before + at * SECTOR, SECTOR))
				continue;
			if (places)
				places[n] = (struct place){ i, at };
			n++;
		}
	return n;
}

static void cut(uint64_t number)
{
	struct cut c = {
		.magic = CUT_MAGIC, .number = number, .event = replay_events,
		.flags = flags, .acks = ack_count,
	};
	struct place *places;

	for (unsigned int i = 0; i < kept_count; i++) {
		enum fate fate = draw(FATES);
		size_t used = strlen(c.how);

		leave(&kept[i], fate, number);
		snprintf(c.how + used, sizeof(c.how) - used, "%s%s: %s",
			 i ? ", " : "", kept[i].device->info.name, fate_words[fate]);
	}
	c.places = changed(NULL);
	places = replay_need(c.places, sizeof(*places));
	changed(places);
	put(&c, sizeof(c));
	put_padded(acks, ack_count * sizeof(*acks));
	put_padded(places, c.places * sizeof(*places));
	for (uint64_t i = 0; i < c.places; i++)
		put(kept[places[i].device].left + (uint64_t)places[i].sector * SECTOR,
		    SECTOR);
	free(places);
	ack_count = 0;
}

static bool event_over(void)
{
	static uint64_t number;

	for (; number < cut_count && cut_events[number] == replay_events; number++)
		cut(number + 1);
	return number < cut_count;
}

static const struct replay_ops ops = {
	.arrives = arrives,
	.settled = settled,
	.event_over = event_over,
};

/* --- start ---------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Draw the events of the cuts. */
static void choose(FILE *f)
{
	uint64_t first = 0, *soon = NULL, soons = 0, room = 0, last;
	struct trace_event e;

	while (replay_next(f, &e)) {
		replay_skip(f, &e);
		if (e.what != TRACE_WRITE)
			continue;
		if (e.device == replay_number(witness.device) && !first)
			first = replay_events;
		if (e.device != replay_number(kept[0].device) || !first)
			continue;
		if (soons == room) {
			room = 2 * room + 64;
			soon = realloc(soon, room * sizeof(*soon));
			if (!soon)
				err(2, "memory");
		}
		soon[soons++] = replay_events;
	}
	if (!first || !soons)
		errx(2, "nothing was written to %s, or then to %s",
		     witness.device->info.name, kept[0].device->info.name);
	last = replay_events;
	cut_events = replay_need(cut_count, sizeof(*cut_events));
	for (uint64_t i = 0; i < cut_count; i++) {
		uint64_t at = i % 2 ? soon[draw(soons)] + draw(SOON) :
				      first + draw(last - first + 1);

		cut_events[i] = at < last ? at : last;
	}
	qsort(cut_events, cut_count, sizeof(*cut_events), by_number);
	free(soon);
	replay_rewind(f);
}

/* The trace must have all that is written to @name. */
static void use(struct kept *k, const char *name)
{
	k->device = replay_find(name);
	if (!k->device->info.with_data)
		errx(2, "the trace has no data of %s", name);
	k->device->own = k;
}

static void begin(const char *path, char **names)
{
	struct bundle b = { .magic = BUNDLE_MAGIC, .seed = seed, .cuts = cut_count };

	for (; *names && kept_count < BUNDLE_DEVICES; names++) {
		struct kept *k = &kept[kept_count];
		uint64_t bytes;

		use(k, *names);
		bytes = k->device->info.bytes;
		k->durable = replay_need(bytes, 1);
		k->left = replay_need(bytes, 1);
		k->before = replay_need(bytes, 1);
		b.bytes[kept_count++] = bytes;
	}
	b.devices = kept_count;
	bundle = fopen(path, "w");
	if (!bundle)
		err(2, "%s", path);
	put(&b, sizeof(b));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cuts", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "caches-last", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	FILE *f;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			cut_count = strtoull(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (c == 'l')
			replay_caches_last = true;
		else
			return 2;
	}
	if (argc - optind < 6 || !cut_count)
		errx(2, "usage: cuts [OPTION...] TRACE BUNDLE WITNESS STORE MEMBER MEMBER...");
	state = scramble(seed);
	f = replay_open(argv[optind]);
	use(&witness, argv[optind + 2]);
	begin(argv[optind + 1], argv + optind + 3);
	choose(f);
	replay(f, &ops);
	if (fclose(bundle))
		err(2, "bundle");
	printf("%llu cuts of %llu events, seed %llu\n", (unsigned long long)cut_count,
	       (unsigned long long)replay_events, (unsigned long long)seed);
	return 0;
}

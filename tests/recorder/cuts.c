// SPDX-License-Identifier: GPL-2.0-only
/*
 * cuts [--cuts=N] [--seed=S] TRACE BUNDLE WITNESS STORE MEMBER...
 *
 * What N power cuts, at random events of a recorded trace, could have left on
 * STORE and the MEMBERs, written as a BUNDLE (cuts_file.h). The trace has the
 * data of all of them. What a sector may hold after a cut is what tracecheck
 * says it may: what it held durably, or any write that has arrived since and
 * was not flushed. Here one of these is drawn for each sector.
 *
 * Half of the cuts are at any event after WITNESS was first written, half are
 * soon after a write to STORE arrived: a bit is set or cleared then, which is
 * where a promise may be broken, and such events are few.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cuts_file.h"
#include "trace_file.h"

enum { SOON = 24 };	/* events */

struct write {
	struct write *next;	/* of the device's, in order of completion */
	uint64_t id, arrived, done;	/* number of the event; done 0: not yet */
	uint64_t sector;
	uint32_t sectors;
	bool fua;
	unsigned int held;	/* sectors that may hold it, and one if listed */
	uint64_t drawn;		/* at this cut: does it survive? */
	bool survives;
	uint8_t *data;
};

/* One of the writes, other than the durable one, that a sector may hold. */
struct maybe {
	struct maybe *next;	/* that arrived before */
	struct write *write;
};

struct flush {
	struct flush *next;
	uint64_t id, arrived;
};

struct device {
	struct trace_device info;
	int kept;		/* number in the bundle, or -1 */
	uint8_t *durable, *left, *before;	/* by the cut, by the one before */
	struct maybe **maybe;	/* per sector */
	struct write *flying, *volatiles, **last_volatile;
	struct flush *flushes;
};

static struct device devices[TRACE_DEVICES];
static unsigned int device_count, kept_count;
static struct device *witness, *kept[BUNDLE_DEVICES];

static uint64_t *cut_events, cut_count = 200, seed = 1, state;
static uint64_t events;
static FILE *bundle;

static struct ack *acks;
static uint64_t ack_count, acks_room, flags;

static void *need(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		err(2, "memory");
	return p;
}

static uint64_t draw(uint64_t below)
{
	return scramble(state++) % below;
}

/* --- what a sector may hold ----------------------------------------------- */

static void release(struct write *w)
{
	if (--w->held)
		return;
	free(w->data);
	free(w);
}

static const uint8_t *payload(const struct write *w, uint64_t at)
{
	return w->data + (at - w->sector) * SECTOR;
}

static void hold(struct device *d, uint64_t at, struct write *w)
{
	struct maybe *m = need(1, sizeof(*m));

	m->write = w;
	m->next = d->maybe[at];
	d->maybe[at] = m;
	w->held++;
}

/* @w is durable: also gone are those that were over before it came. */
static void settle(struct device *d, uint64_t at, struct write *w)
{
	struct maybe **link = &d->maybe[at], *m;

	while ((m = *link)) {
		struct write *other = m->write;

		if (other != w && (!other->done || other->done >= w->arrived)) {
			link = &m->next;
			continue;
		}
		if (other == w)
			memcpy(d->durable + at * SECTOR, payload(w, at), SECTOR);
		*link = m->next;
		release(other);
		free(m);
	}
}

static void becomes_durable(struct device *d, struct write *w)
{
	for (uint32_t i = 0; i < w->sectors; i++)
		settle(d, w->sector + i, w);
	release(w);
}

/* --- the witness ---------------------------------------------------------- */

static void hear(const struct write *w)
{
	const struct witness *r = (const void *)w->data;

	if (r->magic != WITNESS_MAGIC || r->count > WITNESS_ACKS)
		errx(2, "event %llu is no record of a witness",
		     (unsigned long long)events);
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

/* --- events --------------------------------------------------------------- */

static void get(FILE *f, void *to, size_t bytes)
{
	if (bytes && fread(to, bytes, 1, f) != 1)
		errx(2, "the trace ends within an event");
}

static void write_arrives(FILE *f, struct device *d, const struct trace_event *e)
{
	struct write *w = need(1, sizeof(*w));

	w->id = e->id;
	w->arrived = events;
	w->sector = e->offset / SECTOR;
	w->sectors = e->bytes / SECTOR;
	w->fua = e->fua;
	w->held = 1;
	w->data = need(w->sectors, SECTOR);
	if (fseeko(f, w->sectors * sizeof(uint64_t), SEEK_CUR))
		err(2, "trace");
	get(f, w->data, e->bytes);
	w->next = d->flying;
	d->flying = w;
	for (uint32_t i = 0; i < w->sectors; i++)
		hold(d, w->sector + i, w);
	if (d == witness)
		hear(w);
}

static void write_done(struct device *d, struct write *w)
{
	w->done = events;
	if (w->fua) {
		becomes_durable(d, w);
		return;
	}
	w->next = NULL;
	*d->last_volatile = w;
	d->last_volatile = &w->next;
}

/* It covers what was done before it came. */
static void flush_done(struct device *d, const struct flush *flush)
{
	while (d->volatiles && d->volatiles->done < flush->arrived) {
		struct write *w = d->volatiles;

		d->volatiles = w->next;
		if (!d->volatiles)
			d->last_volatile = &d->volatiles;
		becomes_durable(d, w);
	}
}

static void flush_arrives(struct device *d, const struct trace_event *e)
{
	struct flush *f = need(1, sizeof(*f));

	f->id = e->id;
	f->arrived = events;
	f->next = d->flushes;
	d->flushes = f;
}

static void request_done(struct device *d, const struct trace_event *e)
{
	for (struct flush **f = &d->flushes; *f; f = &(*f)->next)
		if ((*f)->id == e->id) {
			struct flush *done = *f;

			*f = done->next;
			flush_done(d, done);
			free(done);
			return;
		}
	for (struct write **w = &d->flying; *w; w = &(*w)->next)
		if ((*w)->id == e->id) {
			struct write *done = *w;

			*w = done->next;
			write_done(d, done);
			return;
		}
	errx(2, "an answer to request %llu, which never came",
	     (unsigned long long)e->id);
}

static bool next_event(FILE *f, struct trace_event *e)
{
	if (fread(e, sizeof(*e), 1, f) != 1)
		return false;
	events++;
	if (e->device >= device_count ||
	    e->offset + e->bytes > devices[e->device].info.bytes)
		errx(2, "event %llu makes no sense", (unsigned long long)events);
	return true;
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
	struct maybe *m = d->maybe[at];
	uint64_t n = 0, one;

	switch (fate) {
	case ALL:
		return m->write;
	case WRITES:
		for (; m; m = m->next) {
			struct write *w = m->write;

			if (w->drawn != number) {
				w->drawn = number;
				w->survives = draw(2);
			}
			if (w->survives)
				return w;
		}
		return NULL;
	case SECTORS:
		for (; m; m = m->next)
			n++;
		one = draw(n + 1);
		for (m = d->maybe[at]; m && one; m = m->next)
			one--;
		return m ? m->write : NULL;
	default:
		return NULL;
	}
}

/* One of the states in which the power cut may leave @d. */
static void leave(struct device *d, enum fate fate, uint64_t number)
{
	uint8_t *old = d->before;

	d->before = d->left;
	d->left = old;
	memcpy(d->left, d->durable, d->info.bytes);
	for (uint64_t at = 0; at < d->info.bytes / SECTOR; at++) {
		const struct write *w;

		if (!d->maybe[at])
			continue;
		w = survivor(d, at, fate, number);
		if (w)
			memcpy(d->left + at * SECTOR, payload(w, at), SECTOR);
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
		for (uint64_t at = 0; at < kept[i]->info.bytes / SECTOR; at++) {
			if (!memcmp(kept[i]->left + at * SECTOR,
				    kept[i]->before + at * SECTOR, SECTOR))
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
		.magic = CUT_MAGIC, .number = number, .event = events,
		.flags = flags, .acks = ack_count,
	};
	struct place *places;

	for (unsigned int i = 0; i < kept_count; i++) {
		enum fate fate = draw(FATES);
		size_t used = strlen(c.how);

		leave(kept[i], fate, number);
		snprintf(c.how + used, sizeof(c.how) - used, "%s%s: %s",
			 i ? ", " : "", kept[i]->info.name, fate_words[fate]);
	}
	c.places = changed(NULL);
	places = need(c.places, sizeof(*places));
	changed(places);
	put(&c, sizeof(c));
	put_padded(acks, ack_count * sizeof(*acks));
	put_padded(places, c.places * sizeof(*places));
	for (uint64_t i = 0; i < c.places; i++)
		put(kept[places[i].device]->left + (uint64_t)places[i].sector * SECTOR,
		    SECTOR);
	free(places);
	ack_count = 0;
}

static void replay(FILE *f)
{
	struct trace_event e;
	uint64_t number = 0;

	while (number < cut_count && next_event(f, &e)) {
		struct device *d = &devices[e.device];

		if (e.what == TRACE_WRITE)
			write_arrives(f, d, &e);
		else if (e.what == TRACE_FLUSH)
			flush_arrives(d, &e);
		else
			request_done(d, &e);
		for (; number < cut_count && cut_events[number] == events; number++)
			cut(number + 1);
	}
}

/* --- start ---------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Draw the events of the cuts. */
static void choose(FILE *f)
{
	uint64_t first = 0, *soon = NULL, soons = 0, room = 0;
	const off_t start = ftello(f);
	struct trace_event e;

	while (next_event(f, &e)) {
		const struct device *d = &devices[e.device];

		if (e.what != TRACE_WRITE)
			continue;
		if (fseeko(f, e.bytes / SECTOR * sizeof(uint64_t) +
			   (d->info.with_data ? e.bytes : 0), SEEK_CUR))
			err(2, "trace");
		if (d == witness && !first)
			first = events;
		if (d != kept[0] || !first)
			continue;
		if (soons == room) {
			room = 2 * room + 64;
			soon = realloc(soon, room * sizeof(*soon));
			if (!soon)
				err(2, "memory");
		}
		soon[soons++] = events;
	}
	if (!first || !soons)
		errx(2, "nothing was written to %s, or then to %s",
		     witness->info.name, kept[0]->info.name);
	cut_events = need(cut_count, sizeof(*cut_events));
	for (uint64_t i = 0; i < cut_count; i++) {
		uint64_t at = i % 2 ? soon[draw(soons)] + draw(SOON) :
				      first + draw(events - first + 1);

		cut_events[i] = at < events ? at : events;
	}
	qsort(cut_events, cut_count, sizeof(*cut_events), by_number);
	free(soon);
	events = 0;
	if (fseeko(f, start, SEEK_SET))
		err(2, "trace");
}

static void read_header(FILE *f)
{
	struct trace_header h;

	get(f, &h, sizeof(h));
	if (memcmp(h.magic, TRACE_MAGIC, sizeof(h.magic)) || h.devices > TRACE_DEVICES)
		errx(2, "not a trace");
	device_count = h.devices;
	for (unsigned int i = 0; i < device_count; i++) {
		struct device *d = &devices[i];

		d->info = h.device[i];
		d->last_volatile = &d->volatiles;
		d->maybe = need(d->info.bytes / SECTOR, sizeof(*d->maybe));
		d->durable = need(d->info.bytes, 1);
		d->left = need(d->info.bytes, 1);
		d->before = need(d->info.bytes, 1);
	}
}

static struct device *find(const char *name)
{
	for (unsigned int i = 0; i < device_count; i++) {
		if (strcmp(devices[i].info.name, name))
			continue;
		if (!devices[i].info.with_data)
			errx(2, "the trace has no data of %s", name);
		return &devices[i];
	}
	errx(2, "no device %s in the trace", name);
}

static void begin(const char *path, char **names)
{
	struct bundle b = { .magic = BUNDLE_MAGIC, .seed = seed, .cuts = cut_count };

	for (; *names && kept_count < BUNDLE_DEVICES; names++) {
		b.bytes[kept_count] = find(*names)->info.bytes;
		kept[kept_count++] = find(*names);
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
		{ NULL, 0, NULL, 0 },
	};
	FILE *f;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			cut_count = strtoull(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (argc - optind < 6 || !cut_count)
		errx(2, "usage: cuts [--cuts=N] [--seed=S] TRACE BUNDLE WITNESS STORE MEMBER MEMBER...");
	state = scramble(seed);
	f = fopen(argv[optind], "r");
	if (!f)
		err(2, "%s", argv[optind]);
	read_header(f);
	witness = find(argv[optind + 2]);
	begin(argv[optind + 1], argv + optind + 3);
	choose(f);
	replay(f);
	if (fclose(bundle))
		err(2, "bundle");
	printf("%llu cuts of %llu events, seed %llu\n", (unsigned long long)cut_count,
	       (unsigned long long)events, (unsigned long long)seed);
	return 0;
}

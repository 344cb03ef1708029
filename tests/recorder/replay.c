// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

struct flush {
	struct flush *next;
	uint64_t id, arrived;
};

uint64_t replay_events, replay_flushes;
bool replay_caches_last;

static struct device devices[TRACE_DEVICES];
static unsigned int device_count;
static const struct replay_ops *ops;

/* Tell the program, of a device that it knows. */
#define TELL(op, d, ...) \
	do { \
		if (ops->op && (d)->own) \
			ops->op(d, __VA_ARGS__); \
	} while (0)

void *replay_need(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		err(2, "memory");
	return p;
}

/* --- what a sector may hold ----------------------------------------------- */

static void release(struct write *w)
{
	if (--w->held)
		return;
	free(w->hash);
	free(w->data);
	free(w);
}

static void hold(struct device *d, uint64_t at, struct write *w)
{
	struct sector *s = &d->sectors[at];
	struct maybe *m = replay_need(1, sizeof(*m));

	m->write = w;
	m->next = s->maybe;
	s->maybe = m;
	w->held++;
	TELL(held, d, at, w);
}

/* @w is durable: also gone are those that were over before it came. */
static void settle(struct device *d, uint64_t at, struct write *w)
{
	struct sector *s = &d->sectors[at];
	struct maybe **link = &s->maybe, *m;

	while ((m = *link)) {
		struct write *other = m->write;

		if (other != w && (!other->done || other->done >= w->arrived)) {
			link = &m->next;
			continue;
		}
		if (other == w) {
			s->hash = w->hash[at - w->sector];
			TELL(settled, d, at, w);
		}
		*link = m->next;
		TELL(dropped, d, at, other);
		release(other);
		free(m);
	}
}

static void becomes_durable(struct device *d, struct write *w)
{
	for (uint32_t i = 0; i < w->sectors; i++)
		settle(d, w->sector + i, w);
	TELL(durable, d, w);
	release(w);
}

/* --- events --------------------------------------------------------------- */

static void get(FILE *f, void *to, size_t bytes)
{
	if (bytes && fread(to, bytes, 1, f) != 1)
		errx(2, "the trace ends within an event");
}

static void write_arrives(FILE *f, struct device *d, const struct trace_event *e)
{
	struct write *w = replay_need(1, sizeof(*w));

	w->id = e->id;
	w->arrived = replay_events;
	w->sector = e->offset / TRACE_SECTOR;
	w->sectors = e->bytes / TRACE_SECTOR;
	w->fua = e->fua;
	w->held = 1;
	w->hash = replay_need(w->sectors, sizeof(*w->hash));
	get(f, w->hash, w->sectors * sizeof(*w->hash));
	if (d->info.with_data) {
		w->data = replay_need(w->sectors, TRACE_SECTOR);
		get(f, w->data, e->bytes);
	}
	w->next = d->flying;
	d->flying = w;
	TELL(arrives, d, w);
	for (uint32_t i = 0; i < w->sectors; i++)
		hold(d, w->sector + i, w);
	TELL(arrived, d, w);
}

static void write_done(struct device *d, struct write *w)
{
	w->done = replay_events;
	TELL(done, d, w);
	if (w->fua || replay_caches_last) {
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
	replay_flushes++;
}

static void flush_arrives(struct device *d, const struct trace_event *e)
{
	struct flush *f = replay_need(1, sizeof(*f));

	f->id = e->id;
	f->arrived = replay_events;
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

bool replay_next(FILE *f, struct trace_event *e)
{
	if (fread(e, sizeof(*e), 1, f) != 1)
		return false;
	replay_events++;
	if (e->device >= device_count ||
	    e->offset + e->bytes > devices[e->device].info.bytes)
		errx(2, "event %llu makes no sense", (unsigned long long)replay_events);
	return true;
}

void replay_skip(FILE *f, const struct trace_event *e)
{
	uint64_t bytes = e->bytes / TRACE_SECTOR * sizeof(uint64_t);

	if (devices[e->device].info.with_data)
		bytes += e->bytes;
	if (e->what == TRACE_WRITE && fseeko(f, bytes, SEEK_CUR))
		err(2, "trace");
}

void replay(FILE *f, const struct replay_ops *told)
{
	struct trace_event e;

	ops = told;
	while (replay_next(f, &e)) {
		struct device *d = &devices[e.device];

		if (e.what == TRACE_WRITE)
			write_arrives(f, d, &e);
		else if (e.what == TRACE_FLUSH)
			flush_arrives(d, &e);
		else
			request_done(d, &e);
		if (ops->event_over && !ops->event_over())
			return;
	}
}

void replay_rewind(FILE *f)
{
	replay_events = 0;
	if (fseeko(f, sizeof(struct trace_header), SEEK_SET))
		err(2, "trace");
}

/* --- start ---------------------------------------------------------------- */

FILE *replay_open(const char *path)
{
	struct trace_header h;
	FILE *f = fopen(path, "r");

	if (!f)
		err(2, "%s", path);
	get(f, &h, sizeof(h));
	if (memcmp(h.magic, TRACE_MAGIC, sizeof(h.magic)) || h.devices > TRACE_DEVICES)
		errx(2, "%s is not a trace", path);
	device_count = h.devices;
	for (unsigned int i = 0; i < device_count; i++) {
		struct device *d = &devices[i];

		d->info = h.device[i];
		d->last_volatile = &d->volatiles;
		d->sectors = replay_need(d->info.bytes / TRACE_SECTOR, sizeof(*d->sectors));
	}
	return f;
}

struct device *replay_find(const char *name)
{
	for (unsigned int i = 0; i < device_count; i++)
		if (!strcmp(devices[i].info.name, name))
			return &devices[i];
	errx(2, "no device %s in the trace", name);
}

unsigned int replay_number(const struct device *d)
{
	return d - devices;
}

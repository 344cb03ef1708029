/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace played again, event by event: what may each sector hold after a power
 * cut? What it held durably, or any write that has arrived since and was not
 * flushed. A write is durable when it is done, if it has FUA; otherwise when a
 * flush is done that arrived after it was done.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "trace_file.h"

struct write {
	struct write *next;	/* of the device's, in order of completion */
	uint64_t id, arrived, done;	/* number of the event; done 0: not yet */
	uint64_t sector;
	uint32_t sectors;
	bool fua;
	unsigned int held;	/* sectors that may hold it, and one if listed */
	uint64_t *hash;
	uint8_t *data;		/* of a device with_data only */
	uint64_t mark;		/* the program's own */
	bool marked;
};

/* One of the writes, other than the durable one, that a sector may hold. */
struct maybe {
	struct maybe *next;	/* that arrived before */
	struct write *write;
};

struct sector {
	uint64_t hash;		/* durable */
	struct maybe *maybe;
};

struct flush;

struct device {
	struct trace_device info;
	struct sector *sectors;
	struct write *flying, *volatiles, **last_volatile;
	struct flush *flushes;
	void *own;		/* the program's: NULL, a device that it does not know */
};

/* Called on devices with @own only. Any may be missing. */
struct replay_ops {
	void (*arrives)(struct device *d, const struct write *w);
	void (*held)(struct device *d, uint64_t at, const struct write *w);
	void (*dropped)(struct device *d, uint64_t at, const struct write *w);
	void (*settled)(struct device *d, uint64_t at, const struct write *w); /* durable */
	void (*arrived)(struct device *d, const struct write *w);	/* all is held */
	void (*done)(struct device *d, const struct write *w);
	void (*durable)(struct device *d, const struct write *w);	/* all is settled */
	bool (*event_over)(void);	/* go on? */
};

extern uint64_t replay_events, replay_flushes;	/* until now */
extern bool replay_caches_last;	/* what is in a cache survives: done is durable */

/* All of them exit with status 2 at what makes no sense. */
FILE *replay_open(const char *path);		/* and read its header */
struct device *replay_find(const char *name);
unsigned int replay_number(const struct device *d);	/* as events have it */
bool replay_next(FILE *trace, struct trace_event *e);
void replay_skip(FILE *trace, const struct trace_event *e);	/* a write's content */
void replay(FILE *trace, const struct replay_ops *ops);
void replay_rewind(FILE *trace);		/* to the first event, before any replay() */
void *replay_need(size_t n, size_t size);	/* zeroed */

static inline const uint8_t *payload(const struct write *w, uint64_t at)
{
	return w->data + (at - w->sector) * TRACE_SECTOR;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that is to join a running array, as a former member or as a new
 * one: what can be known before, and the calls that do it. md-abi.md 2.4,
 * 2.5, 5.9
 */
#ifndef JOIN_H
#define JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "image.h"
#include "mdarray.h"
#include "trust.h"

/* The array that is to be joined. */
struct team {
	struct mdarray *array;
	struct member *members;		/* superblocks of those in sync */
	size_t count;
	const struct member *sample;	/* the freshest; NULL without metadata */
	struct image *bitmap;		/* file or internal; NULL none */
	unsigned int free_slots;
	uint32_t next_number;		/* lowest that may be free for a new one */
	const struct joiner *joiners;	/* all that join now, whose numbers count */
	size_t joiner_count;
};

int team_open(const char *node, struct team *team);
void team_close(struct team *team);

struct joiner {
	char path[256];
	dev_t dev;
	uint64_t device_sectors;
	bool write_mostly;
	const struct mdarray_member *attached;	/* still there, as faulty */
	struct member member;		/* has_super: its superblock */
	bool has_super;			/* of this array */
	bool foreign_super;		/* of another one */
	bool diverged;			/* went on without the others */
	bool re_add;			/* as a former member */
	bool waits;			/* as a new one: no slot is free */
	struct forecast forecast;	/* of the re-add; full: why not */
	uint64_t chunks;		/* of the forecast, unless full */
	uint32_t number;		/* new 1.x spare */
};

/*
 * Look at the device @word (a path, or a name in /dev): whether it may join at all, which superblock
 * it has. -errno after fail(): in use, an active member, no block device.
 */
int joiner_open(struct joiner *j, const struct team *team, const char *word);

/*
 * May it come back with its old contents? 0 and the forecast, which is full
 * if the bitmap does not help; -errno after fail() if it must not.
 */
int joiner_forecast(struct joiner *j, struct team *team);

/* Does a device that is still there have its descriptor number? */
bool joiner_number_taken(const struct joiner *j, const struct team *team);

/* Before recovery is paused: wait until md took a failed member from its slot. */
void joiner_settle(const struct joiner *j, const struct team *team);

/* The calls. 0 or -errno after fail(). */
int joiner_re_add(struct joiner *j, struct team *team);
int joiner_add(struct joiner *j, struct team *team);

#endif

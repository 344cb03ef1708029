/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this bitmap be trusted, may it be handed to the kernel, and what will
 * then be copied? One list of findings serves --check, which prints it, and
 * --assemble, --build and --attach, which refuse on the first bad one.
 */
#ifndef TRUST_H
#define TRUST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "driver.h"
#include "image.h"
#include "mdarray.h"

enum finding_weight {
	FINDING_GOOD,		/* looked at, and well */
	FINDING_NOTICE,		/* worth a line, harmless */
	FINDING_ATTENTION,	/* usable, but costs a copy or is unwise: --check 3 */
	FINDING_BAD,		/* not to be used: --check 6 */
};

struct finding {
	enum finding_weight weight;
	int err;		/* FINDING_BAD: the -errno to refuse with */
	bool forcible;		/* BAD, but --force may go on */
	const char *topic;	/* "structure", "version", "length", "holes",
				 * "state", "uuid", "events", "events_cleared",
				 * "size", "place", "filesystem", "in use",
				 * "permissions" */
	char text[4096 + 512];	/* in words: what is, what that means, what to do */
};

enum { FINDINGS_MAX = 16 };

struct findings {
	struct finding list[FINDINGS_MAX];
	size_t count;
};

/* How much is judged: each adds to the one before. */
enum trust_use {
	TRUST_LOOK,		/* the bitmap */
	TRUST_PLAN,		/* what a start with it is refused for on any machine */
	TRUST_KERNEL,		/* its place, here and now: filesystem (FIBMAP), file on
				 * the array itself or on one of its members, owner */
};

/* What the bitmap is to be compared with. Zero what is not known. */
struct trust_target {
	const char *name;	/* for the messages: "/dev/md0", "/dev/vdb" */
	const struct driver *driver; /* that will use it; NULL: not known, and
				 * judged as for stock md, the stricter one */
	bool has_array;		/* the next six are valid */
	bool persistent;
	uint8_t uuid[UUID_BYTES];
	uint64_t events;
	uint64_t utime;		/* of the update with these events; see bitmap_super_is_of() */
	uint64_t sync_sectors;
	bool clean;		/* in sync everywhere: no resync is owed */
	bool degraded;
	bool mirror;		/* which is all that mdbitmap.ko drives */
	bool events_unknown;	/* no superblock could be read */
	bool running;		/* how it will be stopped is not known yet */
	bool active;		/* running: its superblocks say that it is written
				 * to, and events is one more for that */
	unsigned int in_sync;	/* members that are in sync; 0: not known */
	uint64_t resync_sector;	/* not clean: all below is in sync */
	dev_t array_dev;	/* 0: not known yet */
	const dev_t *member_devs;
	size_t member_count;
	enum trust_use use;
};

void trust_target_from_member(struct trust_target *t, const char *name,
			      const struct member_super *ms);
void trust_target_from_array(struct trust_target *t, const struct mdarray *array);

/*
 * Fill @out with every finding, in the order of the topics above. @image
 * was opened with IMAGE_FAULTY_OK | IMAGE_SHORT_OK. 0 or -errno after
 * fail() if the looking itself failed.
 */
int trust_judge(struct image *image, const struct trust_target *t,
		struct findings *out);

/* Another finding, at the end of @f; the caller may mark it forcible. */
struct finding *findings_add(struct findings *f, enum finding_weight weight,
			     int err, const char *topic, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The worst weight; and the first finding that @force does not excuse. */
enum finding_weight findings_worst(const struct findings *f);
const struct finding *findings_refusal(const struct findings *f, bool force);

/*
 * Is it for an array without metadata? --build then copies each set bit, whatever
 * came before.
 */
bool trust_is_bare(const struct image *image, const struct trust_target *t);

/* Is it mdbitmap.ko that will use the bitmap? */
bool trust_is_ours(const struct trust_target *t);

/*
 * Open @path to be handed to SET_BITMAP_FILE: a regular file and no symlink,
 * or a block device for mdbitmap.ko, judged with TRUST_KERNEL, not in use, opened O_RDWR exactly once. *fd is the
 * descriptor; *image a read-only view that the caller closes. -errno after
 * fail() with the first bad finding; findings that --force excused are
 * note()d. Without @fd all that is for a plan: TRUST_PLAN.
 */
int trust_open(const char *path, struct trust_target *t, bool force,
	       struct image **image, int *fd);

/*
 * Would its directory do for a file at @path that is to be made, by what can be told
 * without it: filesystem and devices? 0, or -errno after fail() with the first bad finding.
 */
int trust_judge_place(const char *path, struct trust_target *t);

/*
 * *fd is locked, so that nobody edits or replaces the file. To be called after
 * SET_BITMAP_FILE: the kernel would keep the lock, and "attached" look like
 * "edited".
 */
void trust_unlock(int fd);

/*
 * Is it, by events or state bit, out of date? md-abi.md 4.5. Stock md then
 * takes every chunk for dirty; mdbitmap.ko does if the array is not clean, and
 * also knows a file of another history by what it noted in it.
 */
bool trust_is_stale(const struct image *image, const struct trust_target *t);

/* What will be copied, and why. */
struct forecast {
	uint64_t bytes;
	bool full;		/* all of a member, the bitmap does not help */
	char why[320];
};

/*
 * What its driver copies when an array in the state of @t starts with this
 * bitmap. Stock md (md-abi.md 4.5, 4.6) asks the members whether they are in
 * sync; mdbitmap.ko copies each set bit of a current bitmap, whatever they say.
 */
int forecast_assembly(struct image *image, const struct trust_target *t,
		      struct forecast *out);

/*
 * Add what is copied to the member of @ms, if its recovery was cut short: all
 * from there on, or, by stock md and where the bitmap led it, the set bits.
 */
int forecast_recovery(struct image *image, const struct trust_target *t,
		      const struct member_super *ms, struct forecast *out);

/*
 * What a re-add of @joining copies to it. @bitmap: the array's bitmap, file
 * or internal, or NULL for none; @array: superblock of an in-sync member.
 * md-abi.md 5.9
 */
int forecast_re_add(struct image *bitmap, const struct member_super *array,
		    const struct member_super *joining, struct forecast *out);

#endif

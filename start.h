/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting an array together with its bitmap file: one place holds the order
 * of the ioctls (md-abi.md 2.5), and takes every step back if one fails.
 */
#ifndef START_H
#define START_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "image.h"
#include "ioctl.h"
#include "report.h"
#include "trust.h"
#include "udev.h"

struct start_member {
	const char *path;
	mdu_disk_info_t info;		/* for ADD_NEW_DISK */
};

struct start_plan {
	const char *word;		/* the array, as the user wrote it */
	mdu_array_info_t info;		/* for SET_ARRAY_INFO; md_minor is filled in */
	uint64_t size_kib;		/* used of a member, told through sysfs as
					 * info.size ends at 2 TiB; 0: not told */
	const struct start_member *members; /* added in this order */
	size_t member_count;
	const char *bitmap;		/* its name, for the messages */
	int bitmap_fd;
	bool readonly;
};

struct started {
	char *path;			/* the node's name in /dev */
	int fd;
	bool foreign;			/* somebody else began to assemble it: no
					 * business of ours to stop it */
	struct udev_wait *wait;
	sigset_t signals;		/* those blocked before */
};

/*
 * May an array of that name be made? Changes nothing. -EINVAL no such name,
 * -EBUSY one runs there or is half assembled; after fail().
 */
int start_check_name(const char *word);

/*
 * Is the block device free to become a member? -ENOTBLK for an image file,
 * -EBUSY if it is in use (names the holder), or why it cannot be opened;
 * after fail().
 */
int start_check_member(const char *path);

/*
 * trust_open(). With @plan_only, for images of members that are not block
 * devices, only what holds on every machine is judged, and *fd is -1.
 */
int start_open_bitmap(const char *path, struct trust_target *t, bool force,
		      bool plan_only, struct image **image, int *fd);

/*
 * The end of a --dry-run: what can be told of SET_BITMAP_FILE without trying
 * it. -EOPNOTSUPP after fail() if stock md serves @word and its series refuses
 * bitmap files, or if there is no driver; for images only a remark that they are
 * some.
 */
int start_check_plan(const char *word, const char *bitmap, bool plan_only);

/* "3 chunks (192 KiB) to copy", and the same for JSON. */
const char *start_copy_text(const struct forecast *f, uint64_t chunk_bytes);
void start_copy_json(struct json_object *o, const struct forecast *f,
		     uint64_t chunk_bytes);

/*
 * Make the node, hand over bitmap and members, run. 0 and *out, to be ended
 * by start_finish(); or -errno after fail(), and no array is left behind.
 * Signals are blocked from here to start_finish(); one that arrives before
 * the array runs takes everything back: -EINTR.
 */
int start_array(const struct start_plan *plan, struct started *out);

/* Close the node, let signals through, wait for udev. */
void start_finish(struct started *s);

#endif

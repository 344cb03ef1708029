// SPDX-License-Identifier: GPL-2.0-only
/*
 * --create: a new bitmap, in a file or on a block device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "device.h"
#include "driver.h"
#include "image.h"
#include "mdarray.h"
#include "member.h"
#include "options.h"
#include "outcome.h"
#include "parse.h"
#include "probe.h"
#include "report.h"
#include "trust.h"

static int read_array(const char *dev, struct trust_target *t)
{
	struct mdarray *array;
	int err = mdarray_open(dev, O_RDONLY, &array);

	if (err)
		return err;
	trust_target_from_array(t, array);
	if (t->persistent && t->events_unknown)
		err = fail(-EACCES, "%s: the superblocks of its members cannot be read (root may), so its UUID and events are not known",
			   safe(dev));
	mdarray_close(array);
	t->name = dev;
	return err;
}

static int read_member(const char *dev, struct trust_target *t)
{
	struct member *member;
	int err = member_open(dev, &member);

	if (err)
		return err;
	trust_target_from_member(t, dev, &member->super);
	member_free(member);
	return 0;
}

/* A running array, or a member: a file or a device that is no array's node. */
static int read_target(const char *dev, struct trust_target *t)
{
	struct stat st;
	bool there = !stat(dev, &st);
	int err;

	if (there && !S_ISBLK(st.st_mode))
		return read_member(dev, t);
	err = read_array(dev, t);
	if (!there || (err != -ENODEV && err != -ENOTTY) ||
	    driver_has_number(st.st_rdev))
		return err;
	fail_clear();
	return read_member(dev, t);
}

/*
 * The array must be in sync for all bits to be clear: then nothing is owed
 * that a bit would have to remember.
 */
static int check_clean(const struct trust_target *t, bool force)
{
	const char *why = !t->clean ? "a resync of it is owed or running" :
			  t->degraded ? "a member is missing or not rebuilt" : NULL;

	if (!why)
		return 0;
	if (!force)
		return fail(-ESTALE, "%s: --clean: %s, so its members may differ where no bit would say so; leave out --clean (or --force)",
			    safe(t->name), why);
	note("%s: %s, and yet the bitmap will say that its members agree", safe(t->name), why);
	return 0;
}

/*
 * With fewer events than the array's the file would be stale: md then sets all
 * bits itself, whatever they were (md-abi.md 4.5). A clean file of an array that
 * runs has to be that after a crash, as it has no bits of what is written until
 * it is attached. A clean stop takes the event back that writing added.
 *
 * Of what happened before now the file knows nothing, so no member that left
 * earlier may be rebuilt from it: that is what events_cleared says.
 */
static void take_events(const struct trust_target *t, bool clean, struct bitmap_super *sb)
{
	bool ahead = clean && t->running && t->active;

	sb->events = ahead && t->events ? t->events - 1 : t->events;
	sb->events_cleared = sb->events;
	if (clean && t->running && (!t->persistent || (ahead && !t->events)))
		sb->state |= BITMAP_STALE;
}

static int take_target(const struct request *rq, struct bitmap_super *sb)
{
	struct trust_target t;
	int err;

	if (rq->size || rq->uuid)
		return fail(-EINVAL, "--for says size and UUID: leave out %s",
			    rq->size ? "--size" : "--uuid");
	err = read_target(rq->for_dev, &t);
	if (!err && rq->clean)
		err = check_clean(&t, rq->force);
	if (err)
		return err;
	if (!t.sync_sectors)
		return fail(-EOPNOTSUPP, "%s: an array of a level that keeps no bitmap, or of size 0",
			    safe(t.name));
	memcpy(sb->uuid, t.uuid, UUID_BYTES);
	sb->sync_sectors = t.sync_sectors;
	take_events(&t, rq->clean, sb);
	return 0;
}

static int take_words(const struct request *rq, struct bitmap_super *sb)
{
	uint64_t bytes;
	int err;

	if (!rq->size)
		return fail(-EINVAL, "the size of the array is needed: --for=DEV of a running array or a member, or --size=SIZE");
	err = parse_size("--size", rq->size, 1024, &bytes);
	if (err)
		return err;
	if (!bytes || bytes % SECTOR_BYTES)
		return fail(-EINVAL, "--size=%s: must be a multiple of 512 bytes, and not zero",
			    safe(rq->size));
	sb->sync_sectors = bytes / SECTOR_BYTES;
	if (rq->uuid)
		return parse_uuid(rq->uuid, sb->uuid);
	return 0;
}

/* What is legal, but may not be what was meant. */
static void warn(const struct request *rq, const struct bitmap_super *sb)
{
	if (!rq->for_dev && !rq->uuid)
		note("%s: no UUID: only arrays without metadata (--build) take it; --for or --uuid give it one",
		     safe(rq->args[0]));
	else if (!rq->for_dev && rq->clean)
		note("%s: events are 0: an array that counts more takes it for stale, and all chunks for dirty; --for gives it the array's",
		     safe(rq->args[0]));
	else if (sb->state & BITMAP_STALE)
		note("%s: marked stale: %s has no metadata that would tell after a crash that it was not attached yet",
		     safe(rq->args[0]), safe(rq->for_dev));
}

static int take_options(const struct request *rq, struct bitmap_super *sb)
{
	uint64_t number;
	int err = 0;

	sb->chunk_bytes = bitmap_default_chunk_bytes(sb->sync_sectors);
	if (rq->bitmap_chunk)
		err = parse_size("--bitmap-chunk", rq->bitmap_chunk, 1024, &sb->chunk_bytes);
	if (!err && rq->delay) {
		err = parse_number("--delay", rq->delay, 1, INT32_MAX / 1000, &number);
		sb->delay_s = number;
	}
	if (!err && rq->write_behind) {
		err = parse_number("--write-behind", rq->write_behind, 0,
				   BITMAP_WRITE_BEHIND_MAX, &number);
		sb->write_behind = number;
	}
	return err ? err : image_check_new(sb);
}

static int fill(const struct request *rq, struct image_writer *w)
{
	int err = image_writer_fill(w, !rq->clean);

	if (!err)
		return image_writer_finish(w);
	image_writer_abort(w);
	return err;
}

static int make_file(const struct request *rq, const struct bitmap_super *sb)
{
	struct image *replace = NULL;
	struct image_writer *w;
	int err = image_replaceable(rq->args[0], rq->force, &replace);

	if (!err)
		warn(rq, sb);
	if (!err && !rq->dry_run) {
		err = image_writer_start(rq->args[0], replace, sb, &w);
		if (!err)
			err = fill(rq, w);
	}
	image_close(replace);
	return err;
}

static int write_device(const struct request *rq, int fd, bool wipe,
			const struct bitmap_super *sb)
{
	struct image_writer *w;
	int err = wipe ? probe_wipe(fd, rq->args[0]) : 0;

	if (err)
		close(fd);
	else
		err = image_writer_start_device(rq->args[0], fd, sb, &w);
	return err ? err : fill(rq, w);
}

static int make_on_device(const struct request *rq, const struct bitmap_super *sb)
{
	char *content;
	int fd, err = device_claim(rq->args[0], rq->for_dev, sb, rq->force, &fd, &content);

	if (err)
		return err;
	warn(rq, sb);
	if (content)
		note("%s: %s on it %s written over", safe(rq->args[0]), safe(content),
		     rq->dry_run ? "would be" : "is");
	if (rq->dry_run)
		close(fd);
	else
		err = write_device(rq, fd, content, sb);
	free(content);
	return err;
}

int mode_create(const struct request *rq)
{
	struct bitmap_super sb;
	struct outcome out = { .mode = "create", .verb = "create",
			       .path = rq->args[0], .sb = &sb };
	int err;

	bitmap_super_init(&sb);
	err = rq->for_dev ? take_target(rq, &sb) : take_words(rq, &sb);
	if (!err)
		err = take_options(rq, &sb);
	if (!err)
		err = device_is_one(rq->args[0]) ? make_on_device(rq, &sb) :
						   make_file(rq, &sb);
	if (err)
		return err;
	if (!rq->clean)
		out.dirty = bitmap_bits(sb.sync_sectors, sb.chunk_bytes);
	return outcome_print(&out, rq);
}

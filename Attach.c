// SPDX-License-Identifier: GPL-2.0-only
/*
 * --attach and --detach: the bitmap file of a running array. md-abi.md 3
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "explain.h"
#include "hold.h"
#include "image.h"
#include "mdarray.h"
#include "options.h"
#include "report.h"
#include "sysfs.h"
#include "trust.h"

enum {				/* EBUSY: md is about to sync, or syncs */
	RETRY_PAUSE_MS = 50,
	RETRY_LIMIT_MS = 10000,
};

struct attempt {
	const struct mdarray *array;
	int bitmap_fd;
	bool told;			/* that it may take a while */
	sigset_t signals;		/* held from a detach to the mark in the file */
};

/* With sync_action=frozen md refuses for ever: waiting helps nobody. */
static bool is_frozen(const struct mdarray *array)
{
	char action[32];

	return !sysfs_md_read(array->name, "sync_action", action, sizeof(action)) &&
	       !strcmp(action, "frozen");
}

/* -EALREADY: busy, but do not try again. */
static int set_bitmap(struct attempt *a, int fd)
{
	int err = md_set_bitmap(a->array->fd, fd);

	if (err != -EBUSY)
		return err;
	if (is_frozen(a->array))
		return -EALREADY;
	if (!a->told)
		chat("%s is busy: trying again for %d s", safe(a->array->node),
		     RETRY_LIMIT_MS / 1000);
	a->told = true;
	return err;
}

static int set_file(void *arg)
{
	struct attempt *a = arg;

	return set_bitmap(a, a->bitmap_fd);
}

/*
 * -1 takes an internal bitmap away as well, and leaves the superblocks
 * saying that there is one: so ask again each time what there is.
 */
static int remove_file(void *arg)
{
	struct attempt *a = arg;
	char path[4096];
	int err = md_bitmap_file(a->array->fd, path);

	if (!err && !*path)
		err = -ENOENT;
	if (err)
		return err;
	hold_start(&a->signals);
	err = set_bitmap(a, -1);
	if (err)
		hold_end(&a->signals);
	return err;
}

static int retry(int (*call)(void *), struct attempt *attempt)
{
	int err = md_retry_busy(call, attempt, RETRY_PAUSE_MS, RETRY_LIMIT_MS);

	return err == -EALREADY ? -EBUSY : err;
}

static bool is_running(const struct mdarray *array)
{
	return *array->state && strcmp(array->state, "inactive") &&
	       strcmp(array->state, "clear");
}

static int check_running(const struct mdarray *array)
{
	const char *node = safe(array->node);

	if (!is_running(array))
		return fail(-ENODEV, "%s does not run: --assemble starts it together "
			    "with its bitmap file", node);
	if (!strcmp(array->state, "readonly"))
		return explain_set_bitmap(-EROFS, array->node, NULL, true);
	return 0;
}

static bool is_degraded(const struct mdarray *array)
{
	uint64_t missing;

	return !sysfs_md_read_u64(array->name, "degraded", &missing) && missing;
}

/* ---- attach ---- */

static int check_no_bitmap(const struct mdarray *array)
{
	const char *node = safe(array->node);

	if (array->bitmap_path)
		return fail(-EEXIST, "%s has a bitmap file already: %s; mdbitmap --detach "
			    "%s takes it away", node, safe(array->bitmap_path), node);
	if (array->internal_bitmap)
		return fail(-EEXIST, "%s has an internal bitmap, which stays as it is; to "
			    "have a file instead, remove it first: mdadm --grow "
			    "--bitmap=none %s", node, node);
	if (array->info.level < 1)
		return fail(-EOPNOTSUPP, "%s has no redundancy: there is nothing that a "
			    "bitmap could keep track of", node);
	return 0;
}

static int open_bitmap(const struct request *rq, const struct mdarray *array,
		       struct image **image, int *fd)
{
	struct trust_target target;
	dev_t *members;
	size_t i;
	int err;

	if (access(rq->bitmap, F_OK) && errno == ENOENT)
		return fail(-ENOENT, "%s does not exist; make it first: mdbitmap --create "
			    "%s --for=%s", safe(rq->bitmap), safe(rq->bitmap),
			    safe(array->node));
	members = calloc(array->member_count + 1, sizeof(*members));
	if (!members)
		return fail(-ENOMEM, "out of memory");
	for (i = 0; i < array->member_count; i++)
		members[i] = makedev(array->members[i].info.major,
				     array->members[i].info.minor);
	trust_target_from_array(&target, array);
	target.member_devs = members;
	target.member_count = array->member_count;
	/* An older file is fine here: to a running array it is a new one. */
	target.events_unknown = true;
	err = trust_open(rq->bitmap, &target, rq->force, image, fd);
	free(members);
	return err;
}

/* Would md take it for current, by the rules of md-abi.md 4.5? */
static bool would_be_believed(const struct image *image, const struct mdarray *array)
{
	if (image->sb.state & BITMAP_STALE)
		return false;
	return !array->persistent || !array->super ||
	       image->sb.events >= array->super->events;
}

static int write_state(const struct image *image, int fd, uint32_t state)
{
	struct bitmap_super sb = image->sb;
	struct bitmap_super_disk disk;
	int err;

	sb.state = state;
	bitmap_super_encode(&disk, &sb);
	err = image_put_super(fd, &disk);
	return !err && fsync(fd) ? -errno : err;
}

/*
 * While degraded and without a bitmap, writes leave no trace, and they need
 * not advance the events either. A file that md believes would let the
 * missing member come back without them. Stale, it moves events_cleared up
 * to now, and md rebuilds that member in full.
 */
static int make_stale(const struct image *image, int fd)
{
	int err = write_state(image, fd, image->sb.state | BITMAP_STALE);

	return err ? fail_errno(err, "%s: cannot mark it stale", safe(image->path)) : 0;
}

/*
 * The array did not take it: the file is to be as it was found, unless that came when the
 * driver had written to it, bits perhaps, which are not what they were.
 */
static void take_back(const struct image *image, int fd, int err)
{
	bool written = err == -EIO || err == -ENOMEM || err == -ENOSPC;

	if (written || write_state(image, fd, image->sb.state))
		note("%s: is marked stale now, and that cannot be taken back", safe(image->path));
}

static int report_attach(const struct request *rq, const struct mdarray *array,
			 const struct image *image, bool stale, bool degraded)
{
	const struct driver *driver = driver_of_word(array->name);
	bool ours = driver && driver->ours;
	struct json_object *o;

	if (rq->json) {
		o = json_start("attach");
		json_flag(o, "dry_run", rq->dry_run);
		json_text(o, "array", array->node);
		json_text(o, "bitmap_file", rq->bitmap);
		json_u64(o, "chunk_bytes", image->sb.chunk_bytes);
		json_flag(o, "stale", stale);
		json_flag(o, "degraded", degraded);
		return json_finish(o);
	}
	if (rq->dry_run)
		printf("would attach %s to %s\n", safe(rq->bitmap), safe(array->node));
	else
		note("%s has the bitmap file %s now, %s a bit", safe(array->node),
		     safe(rq->bitmap), human(image->sb.chunk_bytes));
	if (stale && !degraded && ours)
		note("it was not current; the array is in sync, so that it start%s clear: "
		     "nothing is copied", rq->dry_run ? "s" : "ed");
	else if (stale && !degraded)
		note("it was not current, so md set%s every bit; the array is in sync: "
		     "they are cleared in a few delays, nothing is copied",
		     rq->dry_run ? "s" : "");
	if (degraded)
		note("%s is degraded: the bitmap cannot know what the missing member "
		     "lacks; use --add, it is rebuilt in full", safe(array->node));
	return 0;
}

/* What can be told of SET_BITMAP_FILE without trying it. */
static int check_plan(const struct request *rq, const struct mdarray *array)
{
	const char *release;

	if (!explain_driver_refuses(driver_of_word(array->name), &release))
		return 0;
	return explain_set_bitmap(-EINVAL, array->node, rq->bitmap, true);
}

static int hand_over(const struct request *rq, const struct mdarray *array,
		     const struct image *image, int fd, bool mark)
{
	struct attempt attempt = { .array = array, .bitmap_fd = fd };
	int err = mark ? make_stale(image, fd) : 0;

	if (!err) {
		err = retry(set_file, &attempt);
		if (err && mark)
			take_back(image, fd, err);
		err = explain_set_bitmap(err, array->node, rq->bitmap, true);
	}
	trust_unlock(fd);
	return err;
}

static int attach(const struct request *rq, const struct mdarray *array)
{
	const struct driver *driver = driver_of_word(array->name);
	bool degraded = is_degraded(array), believed, mark;
	struct image *image;
	int fd, err = open_bitmap(rq, array, &image, &fd);

	if (err)
		return err;
	believed = would_be_believed(image, array);
	/* Ours needs no word: to a running array no file is news. */
	mark = degraded && believed && !(driver && driver->ours);
	if (rq->dry_run)
		err = check_plan(rq, array);
	else
		err = hand_over(rq, array, image, fd, mark);
	if (!err)
		err = report_attach(rq, array, image, degraded || !believed, degraded);
	close(fd);
	image_close(image);
	return err;
}

int mode_attach(const struct request *rq)
{
	struct mdarray *array;
	int err;

	if (!rq->bitmap)
		return fail(-EINVAL, "--attach takes --bitmap=FILE");
	err = mdarray_open(rq->args[0], O_RDONLY, &array);
	if (err)
		return err;
	err = check_running(array);
	if (!err)
		err = check_no_bitmap(array);
	if (!err)
		err = attach(rq, array);
	mdarray_close(array);
	return err;
}

/* ---- detach ---- */

static int check_file(const struct mdarray *array)
{
	const char *node = safe(array->node);

	if (array->bitmap_path)
		return 0;
	if (array->internal_bitmap)
		return fail(-EBUSY, "%s has an internal bitmap, no file, and it stays; "
			    "mdadm --grow --bitmap=none %s would remove it", node, node);
	return fail(-ENOENT, "%s has no bitmap file", node);
}

/*
 * md leaves the file as it is, and need not advance the events at the next
 * write: assembled with it after a crash, the array would take a file for
 * current that knows nothing of the writes since. 0 if that is ruled out.
 */
static int mark_left(const char *path)
{
	struct bitmap_super sb;
	struct image *image;
	int err = image_open(path, IMAGE_EDIT | IMAGE_FORCE, &image);

	if (err)
		return err;
	sb = image->sb;
	sb.state |= BITMAP_STALE;
	err = image_write_super(image, &sb);
	if (!err)
		err = image_sync(image);
	image_close(image);
	return err;
}

static int report_detach(const struct request *rq, const struct mdarray *array,
			 bool stale)
{
	const char *path = array->bitmap_path;
	struct json_object *o;

	if (rq->json) {
		o = json_start("detach");
		json_flag(o, "dry_run", rq->dry_run);
		json_text(o, "array", array->node);
		json_text(o, "bitmap_file", path);
		json_flag(o, "marked_stale", stale);
		return json_finish(o);
	}
	if (rq->dry_run)
		printf("would detach %s from %s, and mark it stale\n", safe(path),
		       safe(array->node));
	else if (stale)
		note("%s has no bitmap any more; %s is behind from now on, and marked stale",
		     safe(array->node), safe(path));
	return 0;
}

static int detach(const struct request *rq, const struct mdarray *array)
{
	struct attempt attempt = { .array = array };
	bool stale = false;
	int err, left = 0;

	if (!rq->dry_run) {
		err = retry(remove_file, &attempt);
		if (err)
			return explain_set_bitmap(err, array->node, NULL, true);
		left = mark_left(array->bitmap_path);
		hold_end(&attempt.signals);
		stale = !left;
		if (left)
			left = fail(left, "%s is detached, but could not be marked stale, do not use it again: %s",
				    safe(array->bitmap_path), fail_text());
	}
	err = report_detach(rq, array, stale);
	return left ? left : err;
}

int mode_detach(const struct request *rq)
{
	struct mdarray *array;
	int err = mdarray_open(rq->args[0], O_RDONLY, &array);

	if (err)
		return err;
	err = check_file(array);
	if (!err)
		err = check_running(array);
	if (!err)
		err = detach(rq, array);
	mdarray_close(array);
	return err;
}

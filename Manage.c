// SPDX-License-Identifier: GPL-2.0-only
/*
 * --stop, --fail and --remove. md-abi.md 2.4, 2.5
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "each.h"
#include "holders.h"
#include "image.h"
#include "mdarray.h"
#include "node.h"
#include "options.h"
#include "patience.h"
#include "report.h"
#include "sysfs.h"

enum {
	STOP_PAUSE_MS = 100,
	STOP_LIMIT_MS = 5000,
	GONE_LIMIT_MS = 500,
	REMOVE_PAUSE_MS = 10,
	REMOVE_LIMIT_MS = 1000,
	REMOVE_FORCE_LIMIT_MS = 5000,
};

/* ---- stop ---- */

/* What is asked before the stop, since nobody can answer afterwards. */
struct last_words {
	char name[64];
	char bitmap[4096];
	bool degraded, syncing, read_only;
};

struct left {				/* in the bitmap file after the stop */
	bool known;
	uint64_t chunks, bytes;
	const char *why;
};

static void ask_last_words(int fd, struct last_words *w)
{
	char text[32];
	uint64_t missing;

	if (md_bitmap_file(fd, w->bitmap))
		*w->bitmap = '\0';
	w->degraded = !sysfs_md_read_u64(w->name, "degraded", &missing) && missing;
	w->syncing = !sysfs_md_read(w->name, "resync_start", text, sizeof(text)) &&
		     *text && strcmp(text, "none");
	w->read_only = !sysfs_md_read(w->name, "array_state", text, sizeof(text)) &&
		       (!strcmp(text, "readonly") || !strcmp(text, "read-auto"));
}

static const char *why_left(const struct last_words *w)
{
	return w->degraded ? "the array is degraded: they are what a missing member lacks" :
	       w->syncing ? "a resync was not finished: it goes on from them" :
	       w->read_only ? "the array was read-only: they stayed as they were" :
			      "md did not clear them: look at the kernel log";
}

static int look_at_left(const struct last_words *w, struct left *left)
{
	uint64_t start = 0, end;
	struct image *image;
	int ret = image_open(w->bitmap, IMAGE_FILE, &image);

	memset(left, 0, sizeof(*left));
	if (ret)
		return ret;
	while ((ret = image_next_range(image, &start, &end)) > 0) {
		left->chunks += end - start;
		left->bytes += image_chunk_range_bytes(image, start, end);
		start = end;
	}
	image_close(image);
	left->known = !ret;
	left->why = left->chunks ? why_left(w) : NULL;
	return ret;
}

static int call_stop(void *fd)
{
	return md_stop(*(int *)fd);
}

/*
 * Alone, as the kernel will ask for: O_EXCL fails while a filesystem, a
 * stacked device or swap has it. Others that open it (udev looks at every
 * change) are soon done: EBUSY is worth some patience unless somebody is
 * known to keep it.
 */
static int open_alone(const char *word, int *fd, char name[64])
{
	struct patience patience = patience_start(STOP_LIMIT_MS);
	char who[256];
	int err;

	do {
		err = node_open(word, O_RDONLY | O_EXCL, fd, name);
	} while (err == -EBUSY && !holders_find(name, who) &&
		 patience_wait(&patience));
	return err;
}

static int explain_stop(int err, const char *word, const char *name)
{
	char who[256];

	if (err != -EBUSY)
		return fail_errno(err, "%s: cannot be stopped", safe(word));
	if (holders_find(name, who))
		return fail(err, "%s is in use: %s; end that first", safe(word), who);
	return fail(err, "%s is in use: another program has it open (see fuser -v); end "
		    "that first", safe(word));
}

static int stop_open(const char *word, int fd, struct last_words *w)
{
	int err;

	close(fd);			/* the kernel stops for the last one only */
	err = open_alone(word, &fd, w->name);
	if (err)
		return explain_stop(err, word, w->name);
	ask_last_words(fd, w);
	err = md_retry_busy(call_stop, &fd, STOP_PAUSE_MS, STOP_LIMIT_MS);
	close(fd);
	if (err)
		return explain_stop(err, word, w->name);
	node_wait_gone(w->name, GONE_LIMIT_MS);
	return 0;
}

static void report_stop(const char *word, const struct last_words *w,
			const struct left *left, struct json_object *o)
{
	if (o) {
		json_flag(o, "stopped", true);
		json_text(o, "bitmap_file", *w->bitmap ? w->bitmap : NULL);
		if (left->known) {
			json_u64(o, "dirty_chunks", left->chunks);
			json_u64(o, "dirty_bytes", left->bytes);
			json_text(o, "why", left->why);
		}
		return;
	}
	note("%s is stopped", safe(word));
	if (left->chunks)
		note("%s keeps %s (%s): %s", safe(w->bitmap),
		     plural(left->chunks, "dirty chunk"), human(left->bytes), left->why);
	else if (left->known)
		note("%s is clean: no bit is set", safe(w->bitmap));
}

static int stop_dry(const char *word, struct last_words *w, struct json_object *o)
{
	int fd, err = open_alone(word, &fd, w->name);

	if (err)
		return explain_stop(err, word, w->name);
	close(fd);
	if (o)
		json_flag(o, "stopped", false);
	else
		printf("would stop %s\n", safe(word));
	return 0;
}

static int stop_one(const struct request *rq, const char *word, struct json_object *o)
{
	struct last_words w = { 0 };
	struct left left = { 0 };
	int fd, err = node_open(word, O_RDONLY, &fd, w.name);

	if (o)
		json_text(o, "array", word);
	if (err)
		return err;
	if (rq->dry_run) {
		close(fd);
		return stop_dry(word, &w, o);
	}
	err = stop_open(word, fd, &w);
	if (err)
		return err;
	if (*w.bitmap && look_at_left(&w, &left)) {
		note("%s", fail_text());	/* stopped it is, all the same */
		fail_clear();
	}
	report_stop(word, &w, &left, o);
	return 0;
}

int mode_stop(const struct request *rq)
{
	struct json_object *root = rq->json ? json_start("stop") : NULL;

	if (root)
		json_flag(root, "dry_run", rq->dry_run);
	return each_argument(rq, root, "arrays", stop_one);
}

/* ---- the members that words name ---- */

struct choice_of_members {
	const struct mdarray_member **list;
	size_t count;
};

static bool is_faulty(const struct mdarray_member *m)
{
	return m->info.state & 1 << MD_DISK_FAULTY;
}

static bool is_in_sync(const struct mdarray_member *m)
{
	return !is_faulty(m) && m->info.state & 1 << MD_DISK_SYNC;
}

static dev_t dev_of(const struct mdarray_member *m)
{
	return makedev(m->info.major, m->info.minor);
}

/* Pulled out: the kernel still has the member, but no such device. */
static bool is_detached(const struct mdarray_member *m)
{
	char name[64];

	return sysfs_name(dev_of(m), name) == -ENOENT;
}

static void choose_one(struct choice_of_members *c, const struct mdarray_member *m)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (c->list[i] == m)
			return;
	c->list[c->count++] = m;
}

/* "failed" and "detached" may name none: that is no error. */
static int choose_by_word(const struct mdarray *array, const char *word,
			  struct choice_of_members *c)
{
	bool (*is_meant)(const struct mdarray_member *) =
		!strcmp(word, "failed") || !strcmp(word, "faulty") ? is_faulty :
		!strcmp(word, "detached") ? is_detached : NULL;
	const struct mdarray_member *m;
	size_t i, before = c->count;
	int err;

	if (!is_meant) {
		err = mdarray_find_member(array, word, &m);
		if (!err)
			choose_one(c, m);
		return err;
	}
	for (i = 0; i < array->member_count; i++)
		if (is_meant(&array->members[i]))
			choose_one(c, &array->members[i]);
	if (c->count == before)
		note("%s has no %s member", safe(array->node), word);
	return 0;
}

static int choose(const struct request *rq, const struct mdarray *array,
		  struct choice_of_members *c)
{
	size_t i;
	int err = 0;

	c->count = 0;
	c->list = calloc(array->member_count + 1, sizeof(*c->list));
	if (!c->list)
		return fail(-ENOMEM, "out of memory");
	for (i = 1; !err && i < rq->arg_count; i++)
		err = choose_by_word(array, rq->args[i], c);
	return err;
}

/* ---- fail ---- */

static bool may_fail_last(const struct mdarray *array)
{
	uint64_t may;

	return !sysfs_md_read_u64(array->name, "fail_last_dev", &may) && may;
}

static int fail_last(const struct mdarray *array, const struct mdarray_member *m)
{
	return fail(-EBUSY, "%s is the last working member of %s: it stays; stop the "
		    "array instead", m->path, safe(array->node));
}

/*
 * The kernel keeps its last mirror too, but from then on fails every write
 * to the array: so it must not even be asked.
 */
static int check_not_last(const struct mdarray *array, const struct choice_of_members *c)
{
	const struct mdarray_member *last = NULL;
	int left = array->info.active_disks;
	size_t i;

	for (i = 0; i < c->count; i++)
		if (is_in_sync(c->list[i])) {
			left--;
			last = c->list[i];
		}
	if (array->info.level != 1 || !last || left > 0 || may_fail_last(array))
		return 0;
	return fail_last(array, last);
}

static int fail_one(const struct mdarray *array, const struct mdarray_member *m)
{
	int err = md_set_faulty(array->fd, dev_of(m));

	if (err == -EBUSY)
		return fail_last(array, m);
	if (err)
		return fail_errno(err, "%s: cannot declare %s faulty", safe(array->node),
				  m->path);
	return 0;
}

static int remove_one(const struct mdarray *array, const struct mdarray_member *m,
		      bool force);

static const char *done_word(const struct request *rq)
{
	return rq->mode == MODE_fail ? "faulty" : "removed";
}

static void report_member(const struct request *rq, const struct mdarray *array,
			  const struct mdarray_member *m, struct json_object *list)
{
	struct json_object *o;

	if (list) {
		o = json_object_new_object();
		json_text(o, "member", m->path);
		json_u64(o, "number", (uint64_t)m->info.number);
		json_object_array_add(list, o);
	} else if (rq->dry_run) {
		printf("would %s %s of %s\n",
		       rq->mode == MODE_fail ? "declare faulty" : "remove", m->path,
		       safe(array->node));
	} else {
		note("%s: %s is %s now", safe(array->node), m->path, done_word(rq));
	}
}

static int act(const struct request *rq, const struct mdarray *array,
	       const struct choice_of_members *c, struct json_object *list)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < c->count; i++) {
		if (!rq->dry_run)
			err = rq->mode == MODE_fail ?
				      fail_one(array, c->list[i]) :
				      remove_one(array, c->list[i], rq->force);
		if (!err)
			report_member(rq, array, c->list[i], list);
	}
	return err;
}

/* The members named are known, and may all be dealt with, before the first is. */
static int manage(const struct request *rq,
		  int (*check)(const struct mdarray *, const struct choice_of_members *))
{
	struct choice_of_members c = { 0 };
	struct json_object *o = NULL;
	struct mdarray *array;
	int err = mdarray_open(rq->args[0], O_RDONLY, &array);

	if (err)
		return err;
	err = choose(rq, array, &c);
	if (!err)
		err = check(array, &c);
	if (!err && rq->json) {
		o = json_start(rq->mode == MODE_fail ? "fail" : "remove");
		json_flag(o, "dry_run", rq->dry_run);
		json_text(o, "array", array->node);
	}
	if (!err)
		err = act(rq, array, &c, o ? json_list(o, "members") : NULL);
	if (o && json_finish(o) && !err)
		err = -EIO;
	free(c.list);
	mdarray_close(array);
	return err;
}

int mode_fail(const struct request *rq)
{
	return manage(rq, check_not_last);
}

/* ---- remove ---- */

static int check_not_active(const struct mdarray *array, const struct choice_of_members *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (is_in_sync(c->list[i]))
			return fail(-EBUSY, "%s is an active member of %s: mdbitmap "
				    "--fail %s %s first", c->list[i]->path,
				    safe(array->node), safe(array->node),
				    c->list[i]->path);
	return 0;
}

struct removal {
	int fd;
	dev_t dev;
};

static int call_remove(void *arg)
{
	const struct removal *r = arg;

	return md_hot_remove(r->fd, r->dev);
}

/*
 * A member that has just failed is busy until md took it from its slot and
 * its last I/O came back.
 */
static int remove_one(const struct mdarray *array, const struct mdarray_member *m,
		      bool force)
{
	struct removal r = { .fd = array->fd, .dev = dev_of(m) };
	char attribute[80];
	int err = md_retry_busy(call_remove, &r, REMOVE_PAUSE_MS,
				force ? REMOVE_FORCE_LIMIT_MS : REMOVE_LIMIT_MS);

	if (err == -EBUSY) {
		snprintf(attribute, sizeof(attribute), "dev-%s/state", m->name);
		err = sysfs_md_write(array->name, attribute, "remove");
	}
	if (err == -EBUSY)
		return fail(err, "%s: %s is still in use by the array: being rebuilt, or "
			    "with I/O in flight; mdbitmap --fail it first, or try "
			    "again", safe(array->node), m->path);
	if (err)
		return fail_errno(err, "%s: cannot remove %s", safe(array->node), m->path);
	return 0;
}

int mode_remove(const struct request *rq)
{
	return manage(rq, check_not_active);
}

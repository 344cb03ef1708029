// SPDX-License-Identifier: GPL-2.0-only
/*
 * --assemble: start an array whose members carry metadata, with its bitmap
 * file. Everything is judged before anything is made. md-abi.md 2.5, 4.5, 8.5
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "choose.h"
#include "image.h"
#include "muster.h"
#include "options.h"
#include "parse.h"
#include "report.h"
#include "start.h"
#include "trust.h"

/* A member that is added again once the array runs. */
struct latecomer {
	const struct candidate *who;
	struct forecast forecast;
	bool done;
	char why_not[400];
};

struct assembly {
	const struct request *rq;
	struct muster found;
	struct selection sel;
	const struct member_super *fresh;
	bool plan_only;			/* image files, and --dry-run */
	dev_t *devs;
	struct trust_target target;
	struct image *image;
	int bitmap_fd;
	struct forecast forecast;
	struct latecomer *late;
	size_t late_count;
};

static int out_of_memory(void)
{
	return fail(-ENOMEM, "out of memory");
}

/* ---- the members ---- */

static int check_usage(const struct request *rq)
{
	bool named = rq->arg_count > 1;

	if (!rq->bitmap)
		return fail(-EINVAL, "--assemble takes --bitmap=FILE; for an array without a bitmap file use mdadm");
	if (named && rq->scan)
		return fail(-EINVAL, "--scan looks for the members itself: name none, or leave it out");
	if (!named && !rq->scan && !rq->uuid)
		return fail(-EINVAL, "--assemble takes the members: name them, or use --uuid=UUID or --scan");
	return 0;
}

static int find_members(struct assembly *a)
{
	uint8_t uuid[UUID_BYTES];
	bool by_uuid = a->rq->uuid;
	int err = by_uuid ? parse_uuid(a->rq->uuid, uuid) : 0;

	if (err)
		return err;
	if (a->rq->arg_count > 1)
		return muster_named(&a->found, a->rq->args + 1, a->rq->arg_count - 1,
				    by_uuid ? uuid : NULL);
	if (by_uuid)
		return muster_by_uuid(&a->found, uuid);
	return muster_by_bitmap(&a->found, a->rq->bitmap);
}

/* ---- what becomes of each ---- */

static bool goes_in(const struct candidate *c)
{
	return c->choice == CHOICE_ACTIVE || c->choice == CHOICE_SPARE;
}

static const char *device(const struct candidate *c)
{
	return safe(c->member->path);
}

static void tell_left_out(const struct assembly *a)
{
	const struct member_super *ms;
	size_t i;

	for (i = 0; i < a->found.count; i++) {
		const struct candidate *c = &a->found.list[i];

		ms = &c->member->super;
		if (c->choice == CHOICE_FAULTY)
			note("%s left out: %s calls it faulty; --re-add it once the array runs",
			     device(c), device(&a->found.list[a->sel.freshest]));
		else if (c->choice == CHOICE_DUPLICATE)
			note("%s left out: another device has its place", device(c));
		else if (c->choice == CHOICE_DIVERGED)
			note("%s left out: it was written to without the others (events %llu, theirs %llu), its data went another way; --add rebuilds it in full",
			     device(c), (unsigned long long)ms->events,
			     (unsigned long long)a->fresh->events);
	}
}

static int check_ours(const struct candidate *c, const struct driver *driver)
{
	const char *what = member_super_unsupported(&c->member->super);

	if (!what)
		return 0;
	return fail(-EOPNOTSUPP, "%s: has %s, which the driver %s refuses; leave it out, or use stock md",
		    device(c), what, driver->module);
}

/* Whoever is the freshest. */
static int check_members(const struct assembly *a)
{
	const struct driver *driver = driver_of_word(a->rq->args[0]);
	size_t i;
	int err = 0;

	for (i = 0; !err && driver && driver->ours && i < a->found.count; i++)
		if (goes_in(&a->found.list[i]))
			err = check_ours(&a->found.list[i], driver);
	return err;
}

static int check_kind(const struct assembly *a)
{
	const struct driver *driver = driver_of_word(a->rq->args[0]);
	const struct member_super *ms = a->fresh;
	const char *path = device(&a->found.list[a->sel.freshest]);

	if (ms->level != 1 && ms->level != 4 && ms->level != 5 && ms->level != 6 &&
	    ms->level != 10)
		return fail(-EOPNOTSUPP, "%s: an array of level %d has no redundancy, and so no bitmap; use mdadm",
			    path, ms->level);
	if (driver && driver->ours && ms->level != 1)
		return fail(-EOPNOTSUPP, "%s: an array of level %d, and the driver %s runs mirrors (level 1) only",
			    path, ms->level, driver->module);
	if (ms->features & (MEMBER_FEATURE_JOURNAL | MEMBER_FEATURE_PPL |
			    MEMBER_FEATURE_MULTIPLE_PPLS))
		return fail(-EOPNOTSUPP, "%s: an array with a journal or a partial parity log takes no bitmap; use mdadm",
			    path);
	if (ms->features & MEMBER_FEATURE_RESHAPE)
		return fail(-EOPNOTSUPP, "%s: the array is being reshaped, which a bitmap file cannot follow; use mdadm until that is done",
			    path);
	if (ms->features & MEMBER_FEATURE_CLUSTERED)
		return fail(-EOPNOTSUPP, "%s: a clustered array takes no bitmap file; use mdadm",
			    path);
	if (ms->has_bitmap && !a->rq->force)
		return fail(-EEXIST, "%s: the array has an internal bitmap, which a file would replace; assemble it with mdadm, or use --force",
			    path);
	return 0;
}

static int check_count(const struct assembly *a)
{
	const struct selection *sel = &a->sel;

	if (!sel->active)
		return fail(-ENODEV, "no member with data of the array is present");
	if (sel->active >= sel->expected || a->rq->run)
		return 0;
	return fail(-ENODATA, "%s: %u of %s present; name the others too, or --run starts it degraded",
		    safe(a->rq->args[0]), sel->active, plural(sel->expected, "member"));
}

/* Images of members are good for a plan only. */
static void look_for_images(struct assembly *a)
{
	size_t i;

	for (i = 0; i < a->found.count; i++)
		if (goes_in(&a->found.list[i]) && !a->found.list[i].member->rdev)
			a->plan_only = a->rq->dry_run;
}

/* Last, as the least of reasons: a bitmap on a member keeps it busy, too. */
static int check_devices(const struct assembly *a)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < a->found.count; i++)
		if (goes_in(&a->found.list[i]) && !a->plan_only)
			err = start_check_member(a->found.list[i].member->path);
	return err;
}

static int choose(struct assembly *a)
{
	int err = choose_members(a->found.list, a->found.count, &a->sel);

	if (err)
		return err;
	a->fresh = &a->found.list[a->sel.freshest].member->super;
	err = check_kind(a);
	if (!err)
		err = check_members(a);
	if (!err)
		err = check_count(a);
	look_for_images(a);
	return err;
}

/* ---- the bitmap ---- */

/* The superblocks tell how it was; what counts is who is here now. */
static unsigned int count_in_sync(const struct assembly *a)
{
	unsigned int in_sync = 0;
	size_t i;

	for (i = 0; i < a->found.count; i++) {
		const struct candidate *c = &a->found.list[i];

		in_sync += c->choice == CHOICE_ACTIVE &&
			   !(c->member->super.features &
			     (MEMBER_FEATURE_RECOVERY_OFFSET |
			      MEMBER_FEATURE_REPLACEMENT));
	}
	return in_sync;
}

static int set_target(struct assembly *a)
{
	size_t i;

	a->devs = calloc(a->found.count, sizeof(*a->devs));
	if (!a->devs)
		return out_of_memory();
	for (i = 0; i < a->found.count; i++)
		a->devs[i] = a->found.list[i].member->rdev;
	trust_target_from_member(&a->target,
				 a->found.list[a->sel.freshest].member->path, a->fresh);
	a->target.driver = driver_of_word(a->rq->args[0]);
	a->target.in_sync = count_in_sync(a);
	a->target.degraded = a->target.in_sync < a->sel.slots;
	a->target.member_devs = a->devs;
	a->target.member_count = a->found.count;
	return 0;
}

static const struct candidate *holder_of(const struct assembly *a, unsigned int slot)
{
	size_t i;

	for (i = 0; i < a->found.count; i++)
		if (a->found.list[i].choice == CHOICE_ACTIVE &&
		    a->found.list[i].slot == slot)
			return &a->found.list[i];
	return NULL;
}

/* md gives empty places to spares as soon as it runs. */
static unsigned int places_for_spares(const struct assembly *a)
{
	unsigned int empty = a->sel.slots - a->sel.active, spares = 0;
	size_t i;

	for (i = 0; i < a->found.count; i++)
		spares += a->found.list[i].choice == CHOICE_SPARE;
	return spares < empty ? spares : empty;
}

/*
 * Beside what the bitmap says: a rebuild that was cut short goes on, and a
 * spare in an empty place is copied to from start to end.
 */
static int forecast_rebuilds(struct assembly *a)
{
	unsigned int spares = places_for_spares(a);
	size_t i;
	int err = 0;

	for (i = 0; !err && i < a->found.count; i++)
		if (a->found.list[i].choice == CHOICE_ACTIVE)
			err = forecast_recovery(a->image, &a->target,
						&a->found.list[i].member->super,
						&a->forecast);
	if (!spares)
		return err;
	a->forecast.bytes += spares * a->fresh->size_sectors * SECTOR_BYTES;
	a->forecast.full = true;
	snprintf(a->forecast.why, sizeof(a->forecast.why),
		 "a member is rebuilt, whatever the bitmap says");
	return err;
}

static void refuse_late(const struct assembly *a, struct latecomer *l)
{
	const struct candidate *holder = holder_of(a, l->who->slot);

	if (!holder && places_for_spares(a) == a->sel.slots - a->sel.active)
		snprintf(l->why_not, sizeof(l->why_not),
			 "a spare takes the empty place; --add makes it a spare");
	else if (holder)
		snprintf(l->why_not, sizeof(l->why_not),
			 "%s has its place; --add makes it a spare", device(holder));
	else if (l->forecast.full)
		snprintf(l->why_not, sizeof(l->why_not), "%s; --add rebuilds it in full",
			 l->forecast.why);
	else if (a->rq->readonly)
		snprintf(l->why_not, sizeof(l->why_not),
			 "the array is to be read-only; --re-add it when it no longer is");
}

static int forecast_late(struct assembly *a)
{
	/* A stale bitmap knows of nobody: its events_cleared becomes "now". */
	struct image *bitmap = trust_is_stale(a->image, &a->target) ? NULL : a->image;
	size_t i;
	int err;

	a->late = calloc(a->found.count, sizeof(*a->late));
	if (!a->late)
		return out_of_memory();
	for (i = 0; i < a->found.count; i++) {
		struct latecomer *l = &a->late[a->late_count];

		if (a->found.list[i].choice != CHOICE_BEHIND)
			continue;
		l->who = &a->found.list[i];
		a->late_count++;
		err = forecast_re_add(bitmap, a->fresh, &l->who->member->super,
				      &l->forecast);
		if (err)
			return err;
		refuse_late(a, l);
	}
	return 0;
}

static int judge(struct assembly *a)
{
	struct image *image;
	int err = set_target(a);

	if (!err)
		err = start_open_bitmap(a->rq->bitmap, &a->target, a->rq->force,
					a->plan_only, &image, &a->bitmap_fd);
	if (err)
		return err;
	a->image = image;
	err = forecast_assembly(image, &a->target, &a->forecast);
	if (err)
		return err;
	err = forecast_rebuilds(a);
	return err ? err : forecast_late(a);
}

/* ---- starting ---- */

/* The freshest last, as mdadm has it: it has the last word on the geometry. */
static size_t fill_members(const struct assembly *a, struct start_member *list)
{
	size_t i, n = 0;
	bool last;

	for (last = false;; last = true) {
		for (i = 0; i < a->found.count; i++) {
			const struct member *m = a->found.list[i].member;

			if (!goes_in(&a->found.list[i]) ||
			    (i == a->sel.freshest) != last)
				continue;
			list[n++] = (struct start_member) {
				.path = m->path,
				.info.major = (int)major(m->rdev),
				.info.minor = (int)minor(m->rdev),
			};
		}
		if (last)
			return n;
	}
}

static int start(struct assembly *a, struct started *out)
{
	struct start_member *list = calloc(a->found.count, sizeof(*list));
	struct start_plan plan = {
		.word = a->rq->args[0],
		.info.major_version = (int)a->fresh->major_version,
		.info.minor_version = (int)a->fresh->minor_version,
		.members = list,
		.bitmap = a->rq->bitmap,
		.bitmap_fd = a->bitmap_fd,
		.readonly = a->rq->readonly,
	};
	int err;

	if (!list)
		return out_of_memory();
	plan.member_count = fill_members(a, list);
	err = start_array(&plan, out);
	free(list);
	return err;
}

/* On a running array the flags of the superblock count for nothing. */
static int re_add_state(const struct member_super *ms)
{
	int state = 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC;

	if (ms->devflags & MEMBER_WRITE_MOSTLY)
		state |= 1 << MD_DISK_WRITEMOSTLY;
	if (ms->devflags & MEMBER_FAILFAST)
		state |= 1 << MD_DISK_FAILFAST;
	return state;
}

static void re_add(const struct assembly *a, struct latecomer *l, int fd)
{
	const struct member *m = l->who->member;
	mdu_disk_info_t info = {
		.number = (int)m->super.number,
		.major = (int)major(m->rdev),
		.minor = (int)minor(m->rdev),
		.raid_disk = (int)l->who->slot,
		.state = re_add_state(&m->super),
	};
	int err = md_add_disk(fd, &info);

	if (err == -EINVAL)
		snprintf(l->why_not, sizeof(l->why_not),
			 "the kernel finds it too old for the bitmap; --add rebuilds it in full");
	else if (err)
		snprintf(l->why_not, sizeof(l->why_not), "%s; --re-add it",
			 strerror(-err));
	l->done = !err;
}

static void re_add_all(struct assembly *a, int fd)
{
	size_t i;

	for (i = 0; i < a->late_count; i++)
		if (!*a->late[i].why_not)
			re_add(a, &a->late[i], fd);
}

/* ---- telling ---- */

static void print_members(const struct assembly *a)
{
	size_t i;

	for (i = 0; i < a->found.count; i++) {
		const struct candidate *c = &a->found.list[i];

		if (c->choice == CHOICE_ACTIVE)
			printf("  %s: slot %u\n", device(c), c->slot);
		else
			printf("  %s: %s\n", device(c), choice_text(c->choice));
	}
}

/* One line for each that comes late, whether it does or does not. */
static void print_late(const struct assembly *a, const char *node)
{
	size_t i;

	for (i = 0; i < a->late_count; i++) {
		const struct latecomer *l = &a->late[i];
		const char *path = device(l->who);

		if (*l->why_not)
			note("%s left out: %s", path, l->why_not);
		else
			printf("%s %s to %s, %s to copy to it: %s\n",
			       a->rq->dry_run ? "would re-add" : "re-added", path,
			       safe(node), human(l->forecast.bytes), l->forecast.why);
	}
}

static void print_text(const struct assembly *a, const char *node)
{
	const char *how = a->rq->readonly ? " read-only" : "";
	const struct selection *sel = &a->sel;

	if (a->rq->dry_run)
		printf("would start %s%s", safe(node), how);
	else
		printf("%s: started%s", safe(node), how);
	printf(" with %u of %s, bitmap %s, %s%s\n", sel->active,
	       plural(sel->slots, "member"), safe(a->rq->bitmap),
	       start_copy_text(&a->forecast, a->image->sb.chunk_bytes),
	       a->rq->readonly && a->forecast.bytes ? " once it is writable" : "");
	if (a->rq->dry_run || a->rq->verbose) {
		print_members(a);
		printf("  %s\n", a->forecast.why);
	}
	print_late(a, node);
}

static void json_members(const struct assembly *a, struct json_object *o)
{
	struct json_object *list = json_list(o, "members"), *item;
	size_t i;

	for (i = 0; i < a->found.count; i++) {
		const struct candidate *c = &a->found.list[i];

		item = json_object_new_object();
		json_text(item, "device", c->member->path);
		json_text(item, "choice", choice_text(c->choice));
		if (c->choice == CHOICE_ACTIVE)
			json_u64(item, "slot", c->slot);
		json_u64(item, "events", c->member->super.events);
		json_object_array_add(list, item);
	}
}

static void json_late(const struct assembly *a, struct json_object *o)
{
	struct json_object *list = json_list(o, "late_members"), *item;
	size_t i;

	for (i = 0; i < a->late_count; i++) {
		const struct latecomer *l = &a->late[i];

		item = json_object_new_object();
		json_text(item, "device", l->who->member->path);
		json_flag(item, "re_added", l->done);
		json_u64(item, "copy_bytes", l->forecast.bytes);
		json_text(item, "reason", *l->why_not ? l->why_not : l->forecast.why);
		json_object_array_add(list, item);
	}
}

static int print_json(const struct assembly *a, const char *node)
{
	struct json_object *o = json_start("assemble");

	json_flag(o, "dry_run", a->rq->dry_run);
	json_text(o, "array", node);
	json_flag(o, "read_only", a->rq->readonly);
	json_text(o, "bitmap_file", a->rq->bitmap);
	json_u64(o, "chunk_bytes", a->image->sb.chunk_bytes);
	json_u64(o, "slots", a->sel.slots);
	json_u64(o, "slots_active", a->sel.active);
	json_members(a, o);
	start_copy_json(o, &a->forecast, a->image->sb.chunk_bytes);
	json_late(a, o);
	return json_finish(o);
}

static int tell(const struct assembly *a, const char *node)
{
	tell_left_out(a);
	if (a->rq->json)
		return print_json(a, node);
	print_text(a, node);
	return 0;
}

/* ---- all of it ---- */

static int assemble(struct assembly *a)
{
	struct started started;
	int err = find_members(a);

	if (!err)
		err = choose(a);
	if (!err)
		err = judge(a);
	if (!err)
		err = check_devices(a);
	if (err)
		return err;
	if (a->rq->dry_run) {
		err = start_check_plan(a->rq->args[0], a->rq->bitmap, a->plan_only);
		return err ? err : tell(a, a->rq->args[0]);
	}
	err = start(a, &started);
	if (err)
		return err;
	re_add_all(a, started.fd);
	err = tell(a, started.path);
	start_finish(&started);
	return err;
}

int mode_assemble(const struct request *rq)
{
	struct assembly a = { .rq = rq, .bitmap_fd = -1 };
	int err = check_usage(rq);

	if (!err)
		err = start_check_name(rq->args[0]);
	if (!err)
		err = assemble(&a);
	image_close(a.image);
	if (a.bitmap_fd >= 0)
		close(a.bitmap_fd);
	muster_free(&a.found);
	free(a.devs);
	free(a.late);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * --build: start a mirror whose members carry no metadata, with its bitmap
 * file. Nothing but that file says what the members lack, and nothing at all
 * that it is theirs. md-abi.md 2.5, 4.6
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "hold.h"
#include "image.h"
#include "options.h"
#include "parse.h"
#include "report.h"
#include "slot.h"
#include "start.h"
#include "trust.h"

enum {
	SLOTS_MAX = 27,			/* MD_SB_DISKS: md knows no other format then */
	SECTORS_PER_KIB = 2,
};

struct building {
	const struct request *rq;
	struct slot slots[SLOTS_MAX];
	unsigned int count, present;
	dev_t devs[SLOTS_MAX];
	bool plan_only;			/* image files, and --dry-run */
	uint64_t size_kib;		/* used of each member */
	struct bitmap_super wanted;	/* what the options ask for */
	bool made;			/* the file is ours */
	bool edited;			/* its write_behind was this before: */
	u32 write_behind_before;
	struct trust_target target;
	struct image *image;		/* NULL: --dry-run, to be made */
	int bitmap_fd;
	struct forecast forecast;
};

/* ---- the command line ---- */

static const char *const other_levels[] = {
	"0", "4", "5", "6", "10", "raid0", "raid4", "raid5", "raid6", "raid10",
	"stripe", "linear", "multipath", "mp", "faulty", "container",
};

static int check_level(const char *word)
{
	size_t i;

	if (!word)
		return fail(-EINVAL, "--build takes --level=1");
	if (!strcasecmp(word, "1") || !strcasecmp(word, "raid1") ||
	    !strcasecmp(word, "mirror"))
		return 0;
	for (i = 0; i < sizeof(other_levels) / sizeof(other_levels[0]); i++)
		if (!strcasecmp(word, other_levels[i]))
			return fail(-EOPNOTSUPP, "--level=%s: md keeps a bitmap without metadata for mirrors only; use --level=1",
				    safe(word));
	return fail(-EINVAL, "--level=%s: no such level; --build takes 1, raid1 or mirror",
		    safe(word));
}

static int check_count(struct building *b)
{
	const struct request *rq = b->rq;
	uint64_t count;
	int err;

	if (!rq->raid_devices)
		return fail(-EINVAL, "--build takes --raid-devices=N");
	err = parse_number("--raid-devices", rq->raid_devices, 1, SLOTS_MAX, &count);
	if (err)
		return err;
	if (count == 1 && !rq->force)
		return fail(-EINVAL, "--raid-devices=1: a mirror of one device mirrors nothing; use 2 and the word missing, or --force");
	if (rq->arg_count - 1 != count)
		return fail(-EINVAL, "--raid-devices=%llu, but %s named; use the word missing for one that is not there",
			    (unsigned long long)count,
			    plural(rq->arg_count - 1, "member"));
	b->count = (unsigned int)count;
	return 0;
}

static int read_options(struct building *b)
{
	const struct request *rq = b->rq;
	uint64_t number;
	int err;

	if (!rq->bitmap)
		return fail(-EINVAL, "--build takes --bitmap=FILE; for an array without a bitmap use mdadm");
	err = check_level(rq->level);
	if (!err)
		err = check_count(b);
	bitmap_super_init(&b->wanted);
	if (!err && rq->bitmap_chunk)
		err = parse_size("--bitmap-chunk", rq->bitmap_chunk, 1024,
				 &b->wanted.chunk_bytes);
	if (!err && rq->delay) {
		err = parse_number("--delay", rq->delay, 1, INT32_MAX / 1000, &number);
		b->wanted.delay_s = (u32)number;
	}
	if (!err && rq->write_behind) {
		err = parse_number("--write-behind", rq->write_behind, 0,
				   BITMAP_WRITE_BEHIND_MAX, &number);
		b->wanted.write_behind = (u32)number;
	}
	return err;
}

/* ---- the members ---- */

static int read_slots(struct building *b)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < b->count; i++) {
		if (!strcmp(b->rq->args[i + 1], "missing"))
			continue;
		err = slot_read(b->slots, i, b->rq->args[i + 1], b->rq->force);
		b->slots[i].write_mostly = i + 1 >= b->rq->write_mostly_from;
		b->devs[b->present++] = b->slots[i].rdev;
	}
	if (!err && !b->present)
		err = fail(-EINVAL, "all members are missing: name one at least");
	return err;
}

/* Images of members are good for a plan only. */
static void look_for_images(struct building *b)
{
	unsigned int i;

	for (i = 0; i < b->count; i++)
		if (b->slots[i].path && !b->slots[i].rdev)
			b->plan_only = b->rq->dry_run;
}

/* Last, as the least of reasons: a bitmap on a member keeps it busy, too. */
static int check_devices(const struct building *b)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < b->count; i++)
		if (b->slots[i].path && !b->plan_only)
			err = start_check_member(b->slots[i].path);
	return err;
}

/* md counts in KiB here, as mdadm does; an odd last sector is not used. */
static int set_size(struct building *b)
{
	const struct slot *least = NULL;
	uint64_t bytes = 0;
	unsigned int i;
	int err;

	for (i = 0; i < b->count; i++)
		if (b->slots[i].path &&
		    (!least || b->slots[i].sectors < least->sectors))
			least = &b->slots[i];
	b->size_kib = least->sectors / SECTORS_PER_KIB;
	if (!b->rq->size)
		return b->size_kib ? 0 : fail(-ENOSPC, "%s: too small", safe(least->path));
	err = parse_size("--size", b->rq->size, 1024, &bytes);
	if (err)
		return err;
	if (!bytes || bytes % 1024)
		return fail(-EINVAL, "--size=%s: must be a multiple of 1 KiB, and not zero",
			    safe(b->rq->size));
	if (bytes / 1024 > b->size_kib)
		return fail(-EINVAL, "--size=%s: %s has only %s", safe(b->rq->size),
			    safe(least->path), human(b->size_kib * 1024));
	b->size_kib = bytes / 1024;
	return 0;
}

/* ---- the bitmap ---- */

static void set_target(struct building *b)
{
	b->target = (struct trust_target) {
		.name = b->rq->args[0],
		.driver = driver_of_word(b->rq->args[0]),
		.has_array = true,
		.sync_sectors = b->size_kib * SECTORS_PER_KIB,
		.clean = b->rq->assume_clean,
		.degraded = b->present < b->count,
		.in_sync = b->present,
		.member_devs = b->devs,
		.member_count = b->present,
	};
}

/* Of a file that is not there yet. */
static void forecast_new(struct building *b)
{
	struct forecast *f = &b->forecast;

	if (b->rq->assume_clean) {
		snprintf(f->why, sizeof(f->why),
			 "the members are taken for identical: the bitmap starts clear");
		return;
	}
	if (b->present == 1) {
		snprintf(f->why, sizeof(f->why),
			 "one member alone has nothing to copy to; its set bits wait for the others");
		return;
	}
	f->bytes = b->size_kib * 1024;
	f->full = true;
	snprintf(f->why, sizeof(f->why),
		 "the bitmap is new: every chunk is copied from the first member");
}

static int make_bitmap(struct building *b)
{
	struct image_writer *w;
	struct image *none;
	int err;

	b->wanted.sync_sectors = b->size_kib * SECTORS_PER_KIB;
	if (!b->rq->bitmap_chunk)
		b->wanted.chunk_bytes = bitmap_default_chunk_bytes(b->wanted.sync_sectors);
	err = image_check_new(&b->wanted);
	if (!err)
		err = image_replaceable(b->rq->bitmap, false, &none);
	if (err || b->rq->dry_run)
		return err;
	err = image_writer_start(b->rq->bitmap, NULL, &b->wanted, &w);
	if (err)
		return err;
	err = image_writer_fill(w, !b->rq->assume_clean);
	if (err)
		image_writer_abort(w);
	else
		err = image_writer_finish(w);
	b->made = !err;
	return err;
}

static int open_bitmap(struct building *b)
{
	struct image *image;
	int err;

	err = start_open_bitmap(b->rq->bitmap, &b->target, b->rq->force, b->plan_only,
				&image, &b->bitmap_fd);
	if (err)
		return err;
	b->image = image;
	return forecast_assembly(image, &b->target, &b->forecast);
}

static void close_bitmap(struct building *b)
{
	image_close(b->image);
	b->image = NULL;
	if (b->bitmap_fd >= 0)
		close(b->bitmap_fd);
	b->bitmap_fd = -1;
}

/* What is asked for has to be what the file has. */
static int check_existing(const struct building *b)
{
	const struct bitmap_super *sb = &b->image->sb;
	const char *path = safe(b->rq->bitmap);

	if (b->rq->bitmap_chunk && b->wanted.chunk_bytes != sb->chunk_bytes)
		return fail(-EINVAL, "--bitmap-chunk=%s: %s exists and has chunks of %s; leave the option out, or --rechunk it first",
			    safe(b->rq->bitmap_chunk), path, human(sb->chunk_bytes));
	if (b->rq->delay && b->wanted.delay_s != sb->delay_s)
		return fail(-EINVAL, "--delay=%s: %s exists and has %u s; leave the option out",
			    safe(b->rq->delay), path, sb->delay_s);
	return 0;
}

/* With assume-clean md takes no notice of set bits: what they say is lost. */
static int check_clean(const struct building *b)
{
	uint64_t dirty = 0;
	int err;

	if (!b->rq->assume_clean || b->rq->force)
		return 0;
	err = image_count_dirty(b->image, &dirty);
	if (err)
		return err;
	if (trust_is_stale(b->image, &b->target))
		return fail(-ESTALE, "%s is marked out of date: the members may differ anywhere; leave out --assume-clean, or use --force",
			    safe(b->rq->bitmap));
	if (!dirty)
		return 0;
	return fail(-ESTALE, "%s says that the members may differ in %s; leave out --assume-clean to have them copied, or use --force",
		    safe(b->rq->bitmap), plural(dirty, "chunk"));
}

static int write_write_behind(struct building *b, u32 value, u32 *before)
{
	struct bitmap_super sb;
	struct image *image;
	int err;

	err = image_open(b->rq->bitmap, IMAGE_EDIT | IMAGE_FORCE, &image);
	if (err)
		return err;
	sb = image->sb;
	*before = sb.write_behind;
	sb.write_behind = value;
	err = image_write_super(image, &sb);
	if (!err)
		err = image_sync(image);
	image_close(image);
	return err;
}

/* md reads the number from the file, and counts who has it open to write. */
static int edit_existing(struct building *b)
{
	int err;

	if (!b->rq->write_behind || b->rq->dry_run ||
	    b->wanted.write_behind == b->image->sb.write_behind)
		return 0;
	close_bitmap(b);
	err = write_write_behind(b, b->wanted.write_behind, &b->write_behind_before);
	b->edited = !err;
	return err ? err : open_bitmap(b);
}

static int use_existing(struct building *b)
{
	int err = open_bitmap(b);

	if (!err)
		err = check_existing(b);
	if (!err)
		err = check_clean(b);
	if (!err)
		err = edit_existing(b);
	return err;
}

static int prepare_bitmap(struct building *b)
{
	struct stat st;
	int err;

	set_target(b);
	if (!lstat(b->rq->bitmap, &st) || errno != ENOENT)
		return use_existing(b);
	err = make_bitmap(b);
	if (err)
		return err;
	if (!b->rq->dry_run)
		return open_bitmap(b);
	forecast_new(b);
	return b->plan_only ? 0 : trust_judge_place(b->rq->bitmap, &b->target);
}

/* The array did not start: the file is to be as it was found. */
static void restore_bitmap(struct building *b)
{
	char why[1024];
	u32 before;

	close_bitmap(b);
	snprintf(why, sizeof(why), "%s", fail_text());
	if (b->made && unlink(b->rq->bitmap))
		note("%s was made, and cannot be removed again: %s",
		     safe(b->rq->bitmap), strerror(errno));
	if (b->edited && write_write_behind(b, b->write_behind_before, &before))
		note("%s has a write-behind of %u now: %s", safe(b->rq->bitmap),
		     b->wanted.write_behind, fail_text());
	fail(-1, "%s", why);
}

/* ---- starting ---- */

static size_t fill_members(const struct building *b, struct start_member *list)
{
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < b->count; i++) {
		const struct slot *slot = &b->slots[i];
		int state = 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC;

		if (!slot->path)
			continue;
		if (slot->write_mostly)
			state |= 1 << MD_DISK_WRITEMOSTLY;
		list[n++] = (struct start_member) {
			.path = slot->path,
			.info = {
				.number = (int)i,
				.major = (int)major(slot->rdev),
				.minor = (int)minor(slot->rdev),
				.raid_disk = (int)i,
				.state = state,
			},
		};
	}
	return n;
}

static void fill_info(const struct building *b, mdu_array_info_t *info)
{
	memset(info, 0, sizeof(*info));
	info->major_version = 0;
	info->minor_version = 90;
	info->patch_version = 0;
	info->ctime = (unsigned int)time(NULL);
	info->level = 1;
	info->nr_disks = info->raid_disks = (int)b->count;
	info->not_persistent = 1;
	info->state = b->rq->assume_clean ? 1 << MD_SB_CLEAN : 0;
	info->active_disks = info->working_disks = (int)b->present;
	if (b->size_kib <= INT32_MAX)
		info->size = (int)b->size_kib;
}

static int start(struct building *b, struct started *out)
{
	struct start_member list[SLOTS_MAX];
	struct start_plan plan = {
		.word = b->rq->args[0],
		.members = list,
		.bitmap = b->rq->bitmap,
		.bitmap_fd = b->bitmap_fd,
	};

	fill_info(b, &plan.info);
	plan.size_kib = plan.info.size ? 0 : b->size_kib;
	plan.member_count = fill_members(b, list);
	return start_array(&plan, out);
}

/* ---- telling ---- */

static uint64_t chunk_bytes(const struct building *b)
{
	return b->image ? b->image->sb.chunk_bytes : b->wanted.chunk_bytes;
}

/* The file is made by us, or it would be. */
static bool is_new(const struct building *b)
{
	return b->made || !b->image;
}

static u32 write_behind(const struct building *b)
{
	return is_new(b) || b->rq->write_behind ? b->wanted.write_behind :
						  b->image->sb.write_behind;
}

static void tell_useless(const struct building *b)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < b->count; i++)
		any |= b->slots[i].path && b->slots[i].write_mostly;
	if (write_behind(b) && !any)
		note("write-behind does nothing without a member behind --write-mostly");
}

static void print_text(const struct building *b, const char *node)
{
	const struct forecast *f = &b->forecast;
	unsigned int i;

	if (b->rq->dry_run)
		printf("would build %s from", safe(node));
	else
		printf("%s: built from", safe(node));
	printf(" %u of %s, %s, %s bitmap %s, %s\n", b->present, plural(b->count, "member"),
	       human(b->size_kib * 1024), is_new(b) ? "new" : "existing",
	       safe(b->rq->bitmap), start_copy_text(f, chunk_bytes(b)));
	if (!b->rq->dry_run && !b->rq->verbose)
		return;
	for (i = 0; i < b->count; i++)
		printf("  slot %u: %s%s\n", i,
		       b->slots[i].path ? safe(b->slots[i].path) : "missing",
		       b->slots[i].path && b->slots[i].write_mostly ?
		       " (write-mostly)" : "");
	printf("  %s\n", f->why);
}

static void json_slots(const struct building *b, struct json_object *o)
{
	struct json_object *list = json_list(o, "members"), *item;
	unsigned int i;

	for (i = 0; i < b->count; i++) {
		item = json_object_new_object();
		json_u64(item, "slot", i);
		json_text(item, "device", b->slots[i].path);
		json_flag(item, "write_mostly", b->slots[i].write_mostly);
		json_object_array_add(list, item);
	}
}

static int print_json(const struct building *b, const char *node)
{
	struct json_object *o = json_start("build");

	json_flag(o, "dry_run", b->rq->dry_run);
	json_text(o, "array", node);
	json_u64(o, "size_bytes", b->size_kib * 1024);
	json_u64(o, "slots", b->count);
	json_u64(o, "slots_active", b->present);
	json_slots(b, o);
	json_text(o, "bitmap_file", b->rq->bitmap);
	json_flag(o, "bitmap_new", is_new(b));
	json_u64(o, "chunk_bytes", chunk_bytes(b));
	json_u64(o, "write_behind", write_behind(b));
	start_copy_json(o, &b->forecast, chunk_bytes(b));
	return json_finish(o);
}

static int tell(const struct building *b, const char *node)
{
	tell_useless(b);
	if (b->rq->json)
		return print_json(b, node);
	print_text(b, node);
	return 0;
}

/* ---- all of it ---- */

static int start_with_bitmap(struct building *b)
{
	struct started started;
	int err = prepare_bitmap(b);

	if (!err)
		err = check_devices(b);
	if (!err && b->rq->dry_run) {
		err = start_check_plan(b->rq->args[0], b->rq->bitmap, b->plan_only);
		return err ? err : tell(b, b->rq->args[0]);
	}
	if (!err)
		err = start(b, &started);
	if (err) {
		restore_bitmap(b);
		return err;
	}
	err = tell(b, started.path);
	start_finish(&started);
	return err;
}

/* A signal must not come between the file we make and its removal. */
static int build(struct building *b)
{
	sigset_t old;
	int err = read_slots(b);

	if (!err)
		err = set_size(b);
	if (err)
		return err;
	look_for_images(b);
	hold_start(&old);
	err = start_with_bitmap(b);
	hold_end(&old);
	return err;
}

int mode_build(const struct request *rq)
{
	struct building b = { .rq = rq, .bitmap_fd = -1 };
	int err = read_options(&b);

	if (!err)
		err = start_check_name(rq->args[0]);
	if (!err)
		err = build(&b);
	close_bitmap(&b);
	while (b.count)
		free(b.slots[--b.count].path);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "parse.h"
#include "place.h"
#include "report.h"
#include "sysfs.h"
#include "trust.h"

enum {
	SECTORS_PER_KIB = 2,
};

typedef unsigned long long ull;

/* ---- findings ---- */

struct finding *findings_add(struct findings *f, enum finding_weight weight,
			     int err, const char *topic, const char *format, ...)
{
	struct finding *new;
	va_list args;

	/* More than the topics can give: the last one is not worth a crash. */
	if (f->count == FINDINGS_MAX)
		f->count--;
	new = &f->list[f->count++];
	*new = (struct finding){
		.weight = weight,
		.err = weight == FINDING_BAD ? err : 0,
		.topic = topic,
	};
	va_start(args, format);
	vsnprintf(new->text, sizeof(new->text), format, args);
	va_end(args);
	return new;
}

enum finding_weight findings_worst(const struct findings *f)
{
	enum finding_weight worst = FINDING_GOOD;
	size_t i;

	for (i = 0; i < f->count; i++)
		if (f->list[i].weight > worst)
			worst = f->list[i].weight;
	return worst;
}

const struct finding *findings_refusal(const struct findings *f, bool force)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (f->list[i].weight == FINDING_BAD &&
		    !(force && f->list[i].forcible))
			return &f->list[i];
	return NULL;
}

/* ---- what it is compared with ---- */

static unsigned int slots_held(const struct member_super *ms)
{
	unsigned int slot, held = 0;
	u32 i;

	for (slot = 0; slot < ms->raid_disks; slot++) {
		for (i = 0; i < ms->max_devices && ms->roles[i] != slot; i++)
			;
		held += i < ms->max_devices;
	}
	return held;
}

void trust_target_from_member(struct trust_target *t, const char *name,
			      const struct member_super *ms)
{
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->has_array = true;
	t->persistent = true;
	memcpy(t->uuid, ms->uuid, UUID_BYTES);
	t->events = ms->events;
	t->utime = ms->utime;
	t->sync_sectors = member_super_sync_sectors(ms);
	t->mirror = ms->level == 1;
	t->clean = ms->resync_sector == MEMBER_IN_SYNC;
	t->resync_sector = t->clean ? 0 : ms->resync_sector;
	t->in_sync = slots_held(ms);
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET && t->in_sync)
		t->in_sync--;
	t->degraded = t->in_sync < ms->raid_disks;
}

bool trust_is_ours(const struct trust_target *t)
{
	return t->driver && t->driver->ours;
}

/* What every user may read, for those who may not read the members. */
static void target_from_sysfs(struct trust_target *t, const struct mdarray *array)
{
	char text[64];

	t->events_unknown = true;
	if (sysfs_md_read(array->name, "uuid", text, sizeof(text)) ||
	    parse_uuid(text, t->uuid)) {
		memset(t->uuid, 0, sizeof(t->uuid));
		fail_clear();
	}
}

void trust_target_from_array(struct trust_target *t, const struct mdarray *array)
{
	char text[64];

	memset(t, 0, sizeof(*t));
	t->name = array->node;
	t->driver = driver_of_word(array->name);
	t->has_array = true;
	t->persistent = array->persistent;
	t->sync_sectors = array->sync_sectors;
	t->running = true;
	t->in_sync = array->info.active_disks > 0 ? array->info.active_disks : 0;
	t->degraded = array->info.active_disks < array->info.raid_disks;
	if (sysfs_devt(array->name, &t->array_dev))
		t->array_dev = 0;
	if (array->super) {
		memcpy(t->uuid, array->super->uuid, UUID_BYTES);
		t->events = array->super->events;
		t->utime = array->super->utime;
		t->active = array->super->resync_sector != MEMBER_IN_SYNC;
	} else if (array->persistent) {
		target_from_sysfs(t, array);
	}
	/* Not the superblock: that says "dirty" during every write. */
	if (!sysfs_md_read(array->name, "resync_start", text, sizeof(text)))
		t->clean = !strcmp(text, "none");
	else
		t->clean = array->info.state & 1 << MD_SB_CLEAN;
	if (!t->clean && sysfs_md_read_u64(array->name, "resync_start",
					   &t->resync_sector))
		t->resync_sector = 0;
}

static bool uuid_known(const struct trust_target *t)
{
	static const uint8_t zero[UUID_BYTES];

	return memcmp(t->uuid, zero, UUID_BYTES);
}

/* ---- the bitmap by itself ---- */

static void judge_structure(const struct image *image, struct findings *out)
{
	const struct fault *f = &image->fault;

	if (image->check_error)
		findings_add(out, FINDING_BAD, image->check_error, "structure",
			     "%s is %llu, must be %s: no md writes that; make a new bitmap with --create",
			     f->field, (ull)f->found, f->expected);
	else
		findings_add(out, FINDING_GOOD, 0, "structure", "version %u, %s of %s",
			     image->sb.version, plural(image->bits, "chunk"),
			     human(image->sb.chunk_bytes));
}

static void judge_version(const struct image *image, const struct trust_target *t,
			  struct findings *out)
{
	u32 version = image->sb.version;

	if (version == BITMAP_V3_HOST_ENDIAN)
		findings_add(out, FINDING_NOTICE, 0, "version",
			     "3: its bits have the byte order of the host that wrote them, read as %s here; --byte-order says otherwise",
			     image->order == IMAGE_LITTLE_ENDIAN ? "little-endian" :
								   "big-endian");
	else if (version != BITMAP_V4 && !image->member)
		findings_add(out, t->use >= TRUST_PLAN ? FINDING_BAD : FINDING_ATTENTION,
			     -EPROTONOSUPPORT, "version",
			     "%u (%s) lives inside the members: md cannot use it from a file; make a version 4 bitmap with --create or --merge",
			     version, version == BITMAP_V5_CLUSTERED ? "clustered" :
								       "lockless");
}

static void judge_length(const struct image *image, struct findings *out)
{
	uint64_t need = bitmap_bytes(&image->sb);

	if (image->room_bytes < need)
		findings_add(out, FINDING_BAD, -EUCLEAN, "length",
			     "truncated: %llu bytes, its %s need %llu; the chunks behind the end count as dirty to nobody: make a new bitmap with --create",
			     (ull)image->room_bytes, plural(image->bits, "chunk"),
			     (ull)need);
	else if (image->member || !S_ISREG(image->st.st_mode))
		findings_add(out, FINDING_GOOD, 0, "length", "%llu bytes", (ull)need);
	else if (image->room_bytes > need)
		findings_add(out, FINDING_GOOD, 0, "length",
			     "%llu bytes, of which the first %llu are used",
			     (ull)image->room_bytes, (ull)need);
	else
		findings_add(out, FINDING_GOOD, 0, "length",
			     "%llu bytes, as its chunks need", (ull)need);
}

static void judge_state(struct image *image, struct findings *out)
{
	u32 state, known = BITMAP_STALE | BITMAP_WRITE_ERROR | BITMAP_HOST_ENDIAN;
	struct bitmap_super sb;
	int err = image_gather_super(image, &sb);

	if (err) {
		findings_add(out, FINDING_BAD, err, "state", "%s", fail_text());
		fail_clear();
		return;
	}
	state = sb.state;
	if (image->sb.version == BITMAP_V6_LOCKLESS)
		known |= BITMAP_FIRST_USE | BITMAP_INIT_CLEAN | BITMAP_DAEMON_BUSY;
	if (state & BITMAP_WRITE_ERROR)
		findings_add(out, FINDING_BAD, -EUCLEAN, "state",
			     "0x%x: a write to it failed, bits may be missing, and the kernel refuses it (EIO); look after the disk, then make a new one with --create: all dirty",
			     state);
	else if (image_why_all_dirty(image))
		findings_add(out, FINDING_ATTENTION, 0, "state",
			     "0x%x: %s, every chunk counts as dirty", state,
			     state & BITMAP_STALE ? "marked out of date" :
						    "not used yet (FIRST_USE)");
	else if (state & ~known)
		findings_add(out, FINDING_NOTICE, 0, "state",
			     "0x%x: bits that no version %u bitmap has; md ignores them",
			     state, image->sb.version);
	else
		findings_add(out, FINDING_GOOD, 0, "state", "0x%x: no error recorded",
			     state);
}

/* ---- the bitmap and the array ---- */

static bool has_uuid(const struct image *image)
{
	static const u8 none[UUID_BYTES];

	return memcmp(image->sb.uuid, none, UUID_BYTES);
}

bool trust_is_bare(const struct image *image, const struct trust_target *t)
{
	return t->has_array ? !t->persistent : !has_uuid(image);
}

/* Metadata 0.90 shows four numbers, a bitmap its bytes: to the same digits. */
static bool is_uuid_by_numbers(const u8 *bytes, const u8 *wanted)
{
	unsigned int i;

	for (i = 0; i < UUID_BYTES; i++)
		if (bytes[i] != wanted[i ^ 3])
			return false;
	return true;
}

/* md asks no array without metadata for its UUID: we are the last to look. */
static void judge_uuid(const struct image *image, const struct trust_target *t,
		       struct findings *out)
{
	if (!t->persistent && t->use >= TRUST_PLAN && has_uuid(image))
		findings_add(out, FINDING_BAD, -EBADMSG, "uuid",
			     "belongs to an array with metadata, UUID %s, and %s has none; give its own bitmap, or make one with --create",
			     uuid_text(image->sb.uuid), safe(t->name))->forcible = true;
	else if (!t->persistent)
		findings_add(out, FINDING_NOTICE, 0, "uuid",
			     "%s has no metadata: that the bitmap belongs to it is for you to know",
			     safe(t->name));
	else if (!uuid_known(t))
		findings_add(out, FINDING_NOTICE, 0, "uuid",
			     "not compared: that of %s could not be read; try as root",
			     safe(t->name));
	else if (is_uuid_by_numbers(image->sb.uuid, t->uuid) &&
		 memcmp(t->uuid, image->sb.uuid, UUID_BYTES))
		findings_add(out, FINDING_BAD, -EBADMSG, "uuid",
			     "made of what metadata 0.90 shows for %s, which has another order of bytes in it; make it with --create --for",
			     safe(t->name));
	else if (memcmp(t->uuid, image->sb.uuid, UUID_BYTES))
		findings_add(out, FINDING_BAD, -EBADMSG, "uuid",
			     "of another array: the bitmap says %s, %s is %s; give its own bitmap, or make one with --create",
			     uuid_text(image->sb.uuid), safe(t->name),
			     uuid_text(t->uuid));
	else
		findings_add(out, FINDING_GOOD, 0, "uuid", "that of %s: %s",
			     safe(t->name), uuid_text(t->uuid));
}

static bool knows_events(const struct trust_target *t)
{
	return t->has_array && t->persistent && !t->events_unknown;
}

/* As many events, or one more, as a power cut leaves it: but of an update of others. */
static bool went_its_own_way(const struct image *image, const struct trust_target *t)
{
	const struct bitmap_super *sb = &image->sb;

	return knows_events(t) && sb->events >= t->events && sb->events - t->events <= 1 &&
	       !bitmap_super_is_of(sb, t->events, t->utime);
}

/* Of members that have come further. What runs may have done so since it was read. */
static bool is_ahead(const struct image *image, const struct trust_target *t)
{
	return knows_events(t) && !t->running && image->sb.events > t->events &&
	       image->sb.events - t->events > 1;
}

bool trust_is_stale(const struct image *image, const struct trust_target *t)
{
	if (image_why_all_dirty(image))
		return true;
	/* Made for a smaller array: ours has no bits for the rest. */
	if (trust_is_ours(t) && image->sb.sync_sectors < t->sync_sectors)
		return true;
	if (image->sb.version == BITMAP_V5_CLUSTERED && image->sb.nodes)
		return false;
	return (knows_events(t) && image->sb.events < t->events) ||
	       (trust_is_ours(t) && (went_its_own_way(image, t) || is_ahead(image, t)));
}

static int is_all_dirty(struct image *image, bool *all)
{
	uint64_t start = 0, end;
	int ret = image_next_range(image, &start, &end);

	*all = ret == 1 && !start && end == image->bits_present;
	return ret < 0 ? ret : 0;
}

/* Never used by md: new, or made with --clean. */
static int judge_new(struct image *image, const struct trust_target *t,
		     struct findings *out)
{
	bool all;
	int err = is_all_dirty(image, &all);

	if (err)
		return err;
	if (all)
		findings_add(out, FINDING_NOTICE, 0, "events",
			     "0, %s is at %llu: new, everything counts as dirty",
			     safe(t->name), (ull)t->events);
	else
		findings_add(out, FINDING_ATTENTION, 0, "events",
			     "0, %s is at %llu: stale, so that md takes every chunk for dirty and not what the bits say",
			     safe(t->name), (ull)t->events);
	return 0;
}

/* Ours believes the members then, which makes an old bitmap harmless. */
static bool starts_clear(const struct trust_target *t)
{
	return trust_is_ours(t) && t->clean;
}

static void add_starts_clear(const struct image *image, const struct trust_target *t,
			     struct findings *out)
{
	findings_add(out, FINDING_NOTICE, 0, "events",
		     "stale: %llu, %s is at %llu; its members are in sync, so that the bitmap starts clear, whatever the bits say",
		     (ull)image->sb.events, safe(t->name), (ull)t->events);
}

/*
 * One behind is what a crash leaves while md goes idle (md-abi.md 4.7): no
 * reason to keep an array from starting by itself. md copies all either way.
 */
static int judge_older(struct image *image, const struct trust_target *t,
		       struct findings *out)
{
	bool crash = t->events - image->sb.events == 1;
	struct forecast forecast;
	struct finding *f;
	int err = forecast_assembly(image, t, &forecast);

	if (err)
		return err;
	f = findings_add(out, crash ? FINDING_ATTENTION : FINDING_BAD,
			 crash ? 0 : -ESTALE, "events",
			 "stale: %llu, %s is at %llu, so that %s; md then takes every chunk for dirty, and would copy %s",
			 (ull)image->sb.events, safe(t->name), (ull)t->events,
			 crash ? "the power failed while md went idle, or writes are missing here" :
				 "writes may be missing here",
			 human(forecast.bytes));
	f->forcible = !crash;
	return 0;
}

static void judge_own_way(const struct image *image, const struct trust_target *t,
			  struct findings *out)
{
	if (starts_clear(t))
		findings_add(out, FINDING_NOTICE, 0, "events",
			     "stale: %llu, %s is at %llu, but it came there without this bitmap; its members are in sync, so that the bitmap starts clear, whatever the bits say",
			     (ull)image->sb.events, safe(t->name), (ull)t->events);
	else
		findings_add(out, FINDING_BAD, -ESTALE, "events",
			     "stale: %llu, %s is at %llu, but it came there without this bitmap, where writes may be missing; %s",
			     (ull)image->sb.events, safe(t->name), (ull)t->events,
			     trust_is_ours(t) ? "every chunk is taken for dirty" :
						"stock md would not notice")
			->forcible = true;
}

static int judge_events(struct image *image, const struct trust_target *t,
			struct findings *out)
{
	uint64_t events = image->sb.events;
	bool ahead;

	if (!t->persistent)
		return 0;
	if (t->events_unknown) {
		findings_add(out, FINDING_NOTICE, 0, "events",
			     "%llu, not compared: those of %s could not be read; try as root",
			     (ull)events, safe(t->name));
		return 0;
	}
	if (events < t->events && starts_clear(t)) {
		add_starts_clear(image, t, out);
		return 0;
	}
	if (events < t->events)
		return events ? judge_older(image, t, out) : judge_new(image, t, out);
	if (went_its_own_way(image, t)) {
		judge_own_way(image, t, out);
		return 0;
	}
	ahead = events - t->events > 1;
	if (is_ahead(image, t) && t->use >= TRUST_PLAN)
		findings_add(out, FINDING_BAD, -ESTALE, "events",
			     "%llu, but the freshest member here, %s, is at %llu: a fresher one is missing, and this one's data are old; name that one too",
			     (ull)events, safe(t->name), (ull)t->events)->forcible = true;
	else if (is_ahead(image, t) && trust_is_ours(t))
		findings_add(out, FINDING_ATTENTION, 0, "events",
			     "%llu, ahead of %s (%llu): it was with members that have come further; mdbitmap.ko takes it for stale",
			     (ull)events, safe(t->name), (ull)t->events);
	else if (ahead)
		findings_add(out, FINDING_NOTICE, 0, "events",
			     "%llu, ahead of %s (%llu): md believes it; if that member was away, ask with --for a fresher one",
			     (ull)events, safe(t->name), (ull)t->events);
	else if (events > t->events)
		findings_add(out, FINDING_NOTICE, 0, "events",
			     "%llu, one ahead of %s: md writes the bitmap before the members, and believes it",
			     (ull)events, safe(t->name));
	else
		findings_add(out, FINDING_GOOD, 0, "events", "%llu, as %s", (ull)events,
			     safe(t->name));
	return 0;
}

static void judge_events_cleared(const struct image *image, struct findings *out)
{
	uint64_t cleared = image->sb.events_cleared;

	if (cleared == image->sb.events + 1)
		findings_add(out, FINDING_NOTICE, 0, "events_cleared",
			     "%llu, one more than its events: attached while a member was away, which is rebuilt in full",
			     (ull)cleared);
	else if (cleared > image->sb.events)
		findings_add(out, FINDING_BAD, -EUCLEAN, "events_cleared",
			     "%llu is later than its events, %llu: no md writes that; make a new bitmap with --create",
			     (ull)cleared, (ull)image->sb.events);
	else
		findings_add(out, FINDING_GOOD, 0, "events_cleared",
			     "%llu: a member that left before is rebuilt in full",
			     (ull)cleared);
}

/*
 * md takes the size from the array and overwrites the field. mdadm counts in
 * KiB: half a KiB between the two is no difference.
 */
static void judge_size(const struct image *image, const struct trust_target *t,
		       struct findings *out)
{
	struct bitmap_super of_array = image->sb;
	uint64_t need;
	struct finding *f;

	if (!t->sync_sectors)
		return;
	of_array.sync_sectors = t->sync_sectors;
	need = bitmap_bytes(&of_array);
	if (image->room_bytes < need) {
		findings_add(out, FINDING_BAD, -EUCLEAN, "size",
			     "%llu bytes, but %s with its %s needs %llu; use --resize",
			     (ull)image->room_bytes, safe(t->name),
			     human(t->sync_sectors * SECTOR_BYTES), (ull)need);
	} else if (image->sb.sync_sectors / SECTORS_PER_KIB !=
		   t->sync_sectors / SECTORS_PER_KIB) {
		f = findings_add(out, FINDING_BAD, -EBADMSG, "size",
				 "made for %llu sectors, %s has %llu; md would not notice, and take what lies behind the last bit for bits: use --resize",
				 (ull)image->sb.sync_sectors, safe(t->name),
				 (ull)t->sync_sectors);
		f->forcible = true;
	} else {
		findings_add(out, FINDING_GOOD, 0, "size", "%s, as %s",
			     human(t->sync_sectors * SECTOR_BYTES), safe(t->name));
	}
}

static int judge_array(struct image *image, const struct trust_target *t,
		       struct findings *out)
{
	int err;

	judge_uuid(image, t, out);
	/* The events of another array say nothing about this one. */
	err = out->list[out->count - 1].weight == FINDING_BAD ? 0 :
	      judge_events(image, t, out);
	if (err)
		return err;
	judge_events_cleared(image, out);
	judge_size(image, t, out);
	return 0;
}

int trust_judge(struct image *image, const struct trust_target *t,
		struct findings *out)
{
	int err = 0;

	out->count = 0;
	judge_structure(image, out);
	if (image->check_error)
		return 0;	/* nothing else of it can be read */
	judge_version(image, t, out);
	judge_length(image, out);
	err = place_judge_holes(image, t, out);
	if (err)
		return err;
	judge_state(image, out);
	if (t->has_array)
		err = judge_array(image, t, out);
	else
		judge_events_cleared(image, out);
	if (err)
		return err;
	place_judge_devices(image, t, out);
	place_judge_filesystem(image, t, out);
	place_judge_use(image, t, out);
	place_judge_permissions(image, t, out);
	return 0;
}

/* ---- opening for the kernel ---- */

/* Claimed here only to see that it can be: the kernel claims it by itself. */
static int check_free(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY ?
		       fail(-EBUSY, "%s: in use: mounted, or part of something else",
			    safe(path)) : fail_errno(-errno, "%s", safe(path));
	close(fd);
	return 0;
}

static int open_device(const struct image *image, int *out)
{
	const char *path = safe(image->path);
	struct stat st;
	int fd, err = check_free(image->path);

	if (err)
		return err;
	fd = open(image->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(-errno, "%s: cannot be opened for writing", path);
	if (fstat(fd, &st) || !S_ISBLK(st.st_mode) || st.st_rdev != image->st.st_rdev) {
		close(fd);
		return fail(-EBUSY, "%s: has become another device just now; try again",
			    path);
	}
	*out = fd;
	return 0;
}

/*
 * Writable once and no more: md counts (md-abi.md 3.1). An editor that is at
 * work now would make that count two, but the lock says so in plainer words; and
 * until the kernel has the file, it keeps others from replacing what was judged.
 */
static int open_writable(const struct image *image, int *out)
{
	const char *path = safe(image->path);
	char md[64];
	int fd, err;

	if (S_ISBLK(image->st.st_mode))
		return open_device(image, out);
	fd = open(image->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(-errno, "%s: cannot be opened for writing", path);
	err = image_lock(image, fd);
	/* Somebody may have given it to an array since it was judged. */
	if (!err && mdarray_uses_file(fd, md) == 1)
		err = fail(-EBUSY, "%s: is attached to %s; --detach it first", path, safe(md));
	if (err) {
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

/* Since it was judged; from now on it is locked. */
static int see_unchanged(const struct image *image, int fd)
{
	int err = image_see_unchanged(image);

	if (err)
		close(fd);
	return err;
}

void trust_unlock(int fd)
{
	flock(fd, LOCK_UN);
}

static int refuse(const char *path, const struct finding *f)
{
	return fail(f->err, "%s: %s: %s%s", safe(path), f->topic, f->text,
		    f->forcible ? "; --force goes on all the same" : "");
}

static void note_forced(const char *path, const struct findings *f)
{
	size_t i;

	for (i = 0; i < f->count; i++)
		if (f->list[i].weight == FINDING_BAD)
			note("%s: %s: %s; going on by --force", safe(path),
			     f->list[i].topic, f->list[i].text);
}

int trust_open(const char *path, struct trust_target *t, bool force,
	       struct image **image, int *fd)
{
	const struct finding *refusal;
	struct findings findings;
	struct image *view;
	int err;

	err = image_open(path, IMAGE_FILE | IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &view);
	if (err)
		return err;
	t->use = fd ? TRUST_KERNEL : TRUST_PLAN;
	err = trust_judge(view, t, &findings);
	refusal = err ? NULL : findings_refusal(&findings, force);
	if (refusal)
		err = refuse(path, refusal);
	if (!err && fd)
		err = open_writable(view, fd);
	if (!err && fd)
		err = see_unchanged(view, *fd);
	if (err) {
		image_close(view);
		return err;
	}
	note_forced(path, &findings);
	*image = view;
	return 0;
}

static int open_directory(const char *path)
{
	char *copy = strdup(path);
	int fd;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	free(copy);
	return fd;
}

int trust_judge_place(const char *path, struct trust_target *t)
{
	struct image there = { .fd = open_directory(path) };
	struct findings findings = { 0 };
	const struct finding *refusal;

	if (there.fd < 0)
		return fail_errno(there.fd, "%s: its directory", safe(path));
	t->use = TRUST_KERNEL;
	place_judge_devices(&there, t, &findings);
	place_judge_filesystem(&there, t, &findings);
	close(there.fd);
	refusal = findings_refusal(&findings, false);
	return refusal ? refuse(path, refusal) : 0;
}

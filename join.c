// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "choose.h"
#include "explain.h"
#include "holders.h"
#include "join.h"
#include "patience.h"
#include "report.h"
#include "spare.h"
#include "sysfs.h"

enum {
	OPEN_LIMIT_MS = 3000,		/* md lets go of a removed member late */
	BUSY_PAUSE_MS = 20,
	BUSY_LIMIT_MS = 3000,
	RE_ADD_STATE = 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC,
};

typedef unsigned long long ull;

/* ---- the array ---- */

static bool is_faulty(const struct mdarray_member *m)
{
	return m->info.state & 1 << MD_DISK_FAULTY;
}

/* A name may have come to mean another device; a number does not. */
static bool is_device(int fd, dev_t dev)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

/* Beside the page cache, which does not see what md writes to its members. */
static int read_beside(const struct mdarray_member *m, struct member *member)
{
	int fd = open(m->path, O_RDONLY | O_DIRECT | O_CLOEXEC), err = -ENODEV;

	if (fd < 0)
		return -errno;
	if (is_device(fd, makedev(m->info.major, m->info.minor)))
		err = member_read(fd, m->path, member);
	close(fd);
	return err;
}

static int read_members(struct team *team)
{
	const struct mdarray *array = team->array;
	const struct mdarray_member *m;
	struct member *into;
	size_t i;

	team->members = calloc(array->member_count + 1, sizeof(*team->members));
	if (!team->members)
		return fail(-ENOMEM, "out of memory");
	for (i = 0; array->persistent && i < array->member_count; i++) {
		m = &array->members[i];
		into = &team->members[team->count];
		if (is_faulty(m) || !(m->info.state & 1 << MD_DISK_SYNC))
			continue;
		if (read_beside(m, into)) {
			fail_clear();
			continue;
		}
		into->path = (char *)m->path;
		team->count++;
		if (!team->sample || into->super.events > team->sample->super.events)
			team->sample = into;
	}
	if (array->persistent && !team->sample)
		return fail(-EIO, "%s: no superblock of its members can be read",
			    safe(array->node));
	return 0;
}

static void count_slots(struct team *team)
{
	const struct mdarray *array = team->array;
	unsigned int slots = array->info.raid_disks, held = 0;
	size_t i;

	team->next_number = slots;
	for (i = 0; i < array->member_count; i++) {
		const mdu_disk_info_t *info = &array->members[i].info;

		held += info->raid_disk >= 0 && (unsigned int)info->raid_disk < slots &&
			!is_faulty(&array->members[i]);
	}
	team->free_slots = held < slots ? slots - held : 0;
}

/* mdbitmap.ko's bitmap could not be written: it takes nobody back by it. */
static bool has_failed(const struct mdarray *array)
{
	char state[32];

	return !sysfs_md_read(array->name, "bitmap/store_state", state, sizeof(state)) &&
	       strcmp(state, "ok");
}

static int open_bitmap(struct team *team)
{
	const struct mdarray *array = team->array;
	int err;

	if (has_failed(array))
		return 0;
	if (array->bitmap_path)
		err = image_open(array->bitmap_path, IMAGE_READ, &team->bitmap);
	else if (array->internal_bitmap && team->sample)
		err = image_open(team->sample->path, IMAGE_READ, &team->bitmap);
	else
		return 0;
	if (err)
		team->bitmap = NULL;
	return err;
}

static int check_state(const struct mdarray *array)
{
	const char *node = safe(array->node);

	if (!strcmp(array->state, "inactive") || !strcmp(array->state, "clear"))
		return fail(-ENODEV, "%s does not run: name the member at --assemble",
			    node);
	if (!strcmp(array->state, "readonly"))
		return fail(-EROFS, "%s is read-only; make it writable first: %s",
			    node, explain_writable(array->node));
	if (array->info.level < 1)
		return fail(-EOPNOTSUPP, "%s has no redundancy: no member can join it",
			    node);
	return 0;
}

int team_open(const char *node, struct team *team)
{
	int err;

	memset(team, 0, sizeof(*team));
	err = mdarray_open(node, O_RDONLY, &team->array);
	if (err)
		return err;
	err = check_state(team->array);
	if (!err)
		err = read_members(team);
	if (!err)
		err = open_bitmap(team);
	if (!err)
		count_slots(team);
	if (err)
		team_close(team);
	return err;
}

void team_close(struct team *team)
{
	if (team->bitmap)
		image_close(team->bitmap);
	free(team->members);
	mdarray_close(team->array);
	memset(team, 0, sizeof(*team));
}

/* ---- the device ---- */

static const struct mdarray_member *attached(const struct mdarray *array, dev_t dev)
{
	size_t i;

	for (i = 0; i < array->member_count; i++)
		if (makedev(array->members[i].info.major,
			    array->members[i].info.minor) == dev)
			return &array->members[i];
	return NULL;
}

static int explain_busy(const char *path, dev_t dev)
{
	char name[64], who[256];

	if (!sysfs_name(dev, name) && holders_find(name, who))
		return fail(-EBUSY, "%s is in use: %s", safe(path), who);
	return fail(-EBUSY, "%s is in use (see lsblk)", safe(path));
}

/* O_EXCL: nobody else has it, and nobody gets it while we look. */
static int open_alone(const struct joiner *j, int flags, int *fd)
{
	struct patience patience = patience_start(OPEN_LIMIT_MS);

	do {
		*fd = open(j->path, flags | O_EXCL | O_CLOEXEC);
	} while (*fd < 0 && errno == EBUSY && patience_wait(&patience));
	if (*fd >= 0 && is_device(*fd, j->dev))
		return 0;
	if (*fd >= 0) {
		close(*fd);
		return fail(-EBUSY, "%s: means another device than a moment ago; try again",
			    safe(j->path));
	}
	return errno == EBUSY ? explain_busy(j->path, j->dev) :
				fail_errno(-errno, "cannot open %s", safe(j->path));
}

static int read_joiner(struct joiner *j, const struct team *team, int fd)
{
	const struct member *sample = team->sample;
	uint64_t bytes;
	int ret;

	if (ioctl(fd, BLKGETSIZE64, &bytes))
		return fail_errno(-errno, "%s: cannot find its size", safe(j->path));
	j->device_sectors = bytes / SECTOR_BYTES;
	ret = member_read(fd, j->path, &j->member);
	j->member.path = j->path;
	if (ret < 0) {		/* damaged: then it is nobody's */
		chat("%s", fail_text());
		fail_clear();
	}
	j->has_super = !ret && sample && j->member.super.format == sample->super.format &&
		       !memcmp(j->member.super.uuid, sample->super.uuid, UUID_BYTES);
	j->foreign_super = ret <= 0 && !j->has_super;
	return 0;
}

static int number_of(struct joiner *j, const char *word)
{
	struct stat st;

	if (snprintf(j->path, sizeof(j->path), "%s%s", strchr(word, '/') ? "" : "/dev/",
		     word) >= (int)sizeof(j->path))
		return fail(-ENAMETOOLONG, "%s: a name this long is not taken", safe(word));
	if (stat(j->path, &st))
		return fail_errno(-errno, "%s", safe(j->path));
	if (!S_ISBLK(st.st_mode))
		return fail(-ENODEV, "%s is no block device", safe(j->path));
	j->dev = st.st_rdev;
	return 0;
}

int joiner_open(struct joiner *j, const struct team *team, const char *word)
{
	const char *path = j->path;
	int fd, err = number_of(j, word);

	if (err)
		return err;
	j->attached = attached(team->array, j->dev);
	if (j->attached && !is_faulty(j->attached))
		return fail(-EEXIST, "%s is a member of %s already", safe(path),
			    safe(team->array->node));
	if (j->attached) {
		fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		err = fd < 0 ? fail_errno(-errno, "cannot open %s", safe(path)) : 0;
	} else {
		err = open_alone(j, O_RDONLY | O_DIRECT, &fd);
	}
	if (err)
		return err;
	err = read_joiner(j, team, fd);
	close(fd);
	return err;
}

/* ---- the forecast ---- */

/*
 * md compares events only. A member that ran without the others has writes
 * of its own, of which the array's bitmap knows nothing.
 */
static int check_history(struct joiner *j, const struct team *team)
{
	struct candidate *c = calloc(team->count + 1, sizeof(*c));
	struct member *joining = (struct member *)&j->member;
	struct selection selection;
	enum choice choice;
	size_t i;
	int err;

	if (!c)
		return fail(-ENOMEM, "out of memory");
	for (i = 0; i < team->count; i++)
		c[i].member = &team->members[i];
	c[i].member = joining;
	joining->rdev = j->dev;
	err = choose_members(c, team->count + 1, &selection);
	choice = c[team->count].choice;
	free(c);
	if (err)
		return err;
	j->diverged = choice == CHOICE_DIVERGED || selection.freshest == team->count;
	if (j->diverged)
		return fail(-ESTALE, "%s went on without the other members of %s: what was "
			    "written to it then is in nobody's bitmap; use --add, it is "
			    "rebuilt in full", safe(j->path), safe(team->array->node));
	return 0;
}

static int check_former(struct joiner *j, const struct team *team)
{
	const char *path = safe(j->path), *node = safe(team->array->node);

	if (!j->has_super && j->foreign_super)
		return fail(-EBADMSG, "%s is no former member of %s: its superblock is of "
			    "another array; use --add to give it to this one", path, node);
	if (!j->has_super)
		return fail(-EMEDIUMTYPE, "%s is no former member of %s: it has no "
			    "superblock; use --add", path, node);
	return check_history(j, team);
}

/*
 * Without metadata the caller's word is all there is. md would take it
 * without a bitmap as well, and then copy nothing at all.
 */
static int forecast_bare(struct joiner *j, struct team *team)
{
	struct forecast *f = &j->forecast;
	uint64_t start = 0, end;
	int ret;

	memset(f, 0, sizeof(*f));
	if (!team->bitmap) {
		f->full = true;
		f->bytes = team->array->component_sectors * SECTOR_BYTES;
		snprintf(f->why, sizeof(f->why), "no bitmap recorded what it missed");
		return 0;
	}
	snprintf(f->why, sizeof(f->why), "%s has no metadata: that it is a former member "
		 "is your word; only dirty chunks are copied", safe(team->array->node));
	while ((ret = image_next_range(team->bitmap, &start, &end)) > 0) {
		f->bytes += image_chunk_range_bytes(team->bitmap, start, end);
		start = end;
	}
	return ret;
}

int joiner_forecast(struct joiner *j, struct team *team)
{
	int err;

	if (team->array->persistent) {
		err = check_former(j, team);
		if (!err)
			err = forecast_re_add(team->bitmap, &team->sample->super,
					      &j->member.super, &j->forecast);
	} else {
		err = forecast_bare(j, team);
	}
	if (!err && !j->forecast.full && j->forecast.bytes)
		err = image_count_dirty(team->bitmap, &j->chunks);
	return err;
}

/* ---- the calls ---- */

static int explain_join(int err, const struct joiner *j, const struct team *team)
{
	const char *path = safe(j->path), *node = safe(team->array->node);

	switch (err) {
	case -EINVAL:
		if (!j->re_add)
			return fail(-EIO, "%s: md does not take %s; the kernel log says "
				    "why", node, path);
		return fail(-ESTALE, "%s: md does not take %s back, it is too old: use "
			    "--add, it is rebuilt in full", node, path);
	case -EBUSY:
		return fail(err, "%s: md is busy%s: try again%s", node,
			    j->re_add ? ", or has another member of that number" : "",
			    j->re_add ? ", or use --add" : "");
	case -ENOSPC:
		return fail(err, "%s is too small for %s", path, node);
	case -EROFS:
		return fail(err, "%s: %s or the array is read-only", node, path);
	case -EACCES:
	case -EPERM:
		return fail(err, "%s: to add members takes root (CAP_SYS_ADMIN)", node);
	}
	return fail_errno(err, "%s: cannot add %s", node, path);
}

struct sysfs_re_add {
	const char *array;
	char attribute[80];
};

static int call_sysfs_re_add(void *arg)
{
	struct sysfs_re_add *r = arg;

	return sysfs_md_write(r->array, r->attribute, "re-add");
}

/* EBUSY until md took the failed member from its slot. */
static int re_add_attached(const struct joiner *j, const struct team *team)
{
	struct sysfs_re_add r = { .array = team->array->name };

	snprintf(r.attribute, sizeof(r.attribute), "dev-%s/state", j->attached->name);
	return md_retry_busy(call_sysfs_re_add, &r, BUSY_PAUSE_MS, BUSY_LIMIT_MS);
}

struct disk_call {
	int fd;
	mdu_disk_info_t info;
};

static int call_add_disk(void *arg)
{
	struct disk_call *call = arg;

	return md_add_disk(call->fd, &call->info);
}

static int add_disk(const struct joiner *j, const struct team *team, int number,
		    int slot, int state)
{
	struct disk_call call = {
		.fd = team->array->fd,
		.info = {
			.number = number,
			.major = (int)major(j->dev),
			.minor = (int)minor(j->dev),
			.raid_disk = slot,
			.state = state | (j->write_mostly ? 1 << MD_DISK_WRITEMOSTLY : 0),
		},
	};

	return md_retry_busy(call_add_disk, &call, BUSY_PAUSE_MS, BUSY_LIMIT_MS);
}

/* The lowest slot that no working member holds; without metadata. */
static int free_slot(const struct team *team)
{
	const struct mdarray *array = team->array;
	int slot;
	size_t i;

	for (slot = 0; slot < array->info.raid_disks; slot++) {
		for (i = 0; i < array->member_count; i++)
			if (array->members[i].info.raid_disk == slot &&
			    !is_faulty(&array->members[i]))
				break;
		if (i == array->member_count)
			return slot;
	}
	return -1;
}

/* On a running array md takes these from the argument, not from the superblock. */
static int flags_of(const struct member_super *ms)
{
	return (ms->devflags & MEMBER_WRITE_MOSTLY ? 1 << MD_DISK_WRITEMOSTLY : 0) |
	       (ms->devflags & MEMBER_FAILFAST ? 1 << MD_DISK_FAILFAST : 0);
}

int joiner_re_add(struct joiner *j, struct team *team)
{
	const struct member_super *ms = &j->member.super;
	int slot, err;

	if (j->attached) {
		err = re_add_attached(j, team);
	} else if (team->array->persistent) {
		err = add_disk(j, team, (int)ms->number, ms->role,
			       RE_ADD_STATE | flags_of(ms));
	} else {
		slot = free_slot(team);
		err = add_disk(j, team, slot, slot, RE_ADD_STATE);
	}
	return err ? explain_join(err, j, team) : 0;
}

static bool is_attached_number(const struct team *team, uint32_t number)
{
	size_t i;

	for (i = 0; i < team->array->member_count; i++)
		if ((uint32_t)team->array->members[i].info.number == number)
			return true;
	return false;
}

static bool is_taken(const struct team *team, uint32_t number)
{
	const struct joiner *j = team->joiners;
	size_t i;

	for (i = 0; i < team->joiner_count; i++)
		if (j[i].re_add && j[i].has_super && j[i].member.super.number == number)
			return true;
	return is_attached_number(team, number);
}

bool joiner_number_taken(const struct joiner *j, const struct team *team)
{
	return !j->attached && is_attached_number(team, j->member.super.number);
}

void joiner_settle(const struct joiner *j, const struct team *team)
{
	struct patience patience = patience_start(BUSY_LIMIT_MS);
	char attribute[80], slot[16];

	if (!j->attached)
		return;
	snprintf(attribute, sizeof(attribute), "dev-%s/slot", j->attached->name);
	while (!sysfs_md_read(team->array->name, attribute, slot, sizeof(slot)) &&
	       strcmp(slot, "none") && patience_wait(&patience))
		;
}

static int set_write_mostly(const struct joiner *j, const struct team *team)
{
	char attribute[80], name[64];
	int err = sysfs_name(j->dev, name);

	snprintf(attribute, sizeof(attribute), "dev-%s/state", name);
	return err ? err : sysfs_md_write(team->array->name, attribute, "writemostly");
}

struct hot_add {
	int fd;
	dev_t dev;
};

static int call_hot_add(void *arg)
{
	struct hot_add *call = arg;

	return md_hot_add(call->fd, call->dev);
}

/* 0.90 and no metadata: md does all of it; EINVAL is any failure to open. */
static int hot_add(const struct joiner *j, const struct team *team)
{
	struct hot_add call = { .fd = team->array->fd, .dev = j->dev };
	int err = md_retry_busy(call_hot_add, &call, BUSY_PAUSE_MS, BUSY_LIMIT_MS);

	if (!err && j->write_mostly)
		err = set_write_mostly(j, team);
	return err ? explain_join(err, j, team) : 0;
}

/*
 * The device has to be closed for md to open it; what was written is taken
 * away again if md refuses, so that it is not found as a member later.
 */
static int add_spare(struct joiner *j, struct team *team)
{
	int fd, err = open_alone(j, O_RDWR | O_DIRECT, &fd);

	if (err)
		return err;
	err = spare_write(fd, j->path, team->sample, j->device_sectors, j->number);
	close(fd);
	if (err)
		return err;
	err = add_disk(j, team, (int)j->number, -1, 0);
	if (!err)
		return 0;
	err = explain_join(err, j, team);
	fd = open(j->path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (fd >= 0) {
		spare_wipe(fd, j->device_sectors);
		close(fd);
	}
	return err;
}

int joiner_add(struct joiner *j, struct team *team)
{
	if (!team->sample || team->sample->super.format == MEMBER_0_90)
		return hot_add(j, team);
	while (is_taken(team, team->next_number))
		team->next_number++;
	j->number = team->next_number++;
	return add_spare(j, team);
}

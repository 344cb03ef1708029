// SPDX-License-Identifier: GPL-2.0-only
/*
 * A running array, gathered from ioctls, sysfs, the status file and the
 * superblocks of its members; each source may be missing or forbidden.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "driver.h"
#include "mdarray.h"
#include "node.h"
#include "proc.h"
#include "report.h"
#include "sysfs.h"

enum {
	NUMBERS_MAX = 2048,		/* descriptor numbers any format has */
	SECTORS_PER_KIB = 2,
};

/* ---- members ---- */

/* /dev name of a kernel name: "cciss!c0d0" is /dev/cciss/c0d0. */
static void dev_path(char *path, size_t size, const char *name)
{
	char *c;

	snprintf(path, size, "/dev/%s", name);
	for (c = path; *c; c++)
		if (*c == '!')
			*c = '/';
}

static void name_member(struct mdarray_member *m)
{
	dev_t dev = makedev(m->info.major, m->info.minor);

	if (sysfs_name(dev, m->name))
		snprintf(m->name, sizeof(m->name), "%d:%d", m->info.major,
			 m->info.minor);
	dev_path(m->path, sizeof(m->path), m->name);
}

static int add_member(struct mdarray *array, const mdu_disk_info_t *info)
{
	struct mdarray_member *more;

	more = reallocarray(array->members, array->member_count + 1, sizeof(*more));
	if (!more)
		return fail(-ENOMEM, "%s: out of memory", array->node);
	array->members = more;
	more += array->member_count++;
	memset(more, 0, sizeof(*more));
	more->info = *info;
	name_member(more);
	return 0;
}

/*
 * Numbers are the superblock's descriptor numbers, with gaps; one that is
 * not in use answers with device 0:0.
 */
static int gather_members(struct mdarray *array)
{
	mdu_disk_info_t info;
	int number, err = 0;

	for (number = 0; !err && number < NUMBERS_MAX &&
	     array->member_count < (size_t)array->info.nr_disks; number++) {
		err = md_disk_info(array->fd, number, &info);
		if (err)
			return fail_errno(err, "%s: cannot read its members",
					  safe(array->node));
		if (info.major || info.minor)
			err = add_member(array, &info);
	}
	return err;
}

static bool is_in_sync(const struct mdarray_member *m)
{
	return !(m->info.state & 1 << MD_DISK_FAULTY) &&
	       m->info.state & 1 << MD_DISK_SYNC;
}

/*
 * O_DIRECT, as md writes superblocks behind the page cache of its members.
 * The number is compared so that a stray node is not taken for the member.
 */
static int open_member(const struct mdarray_member *m)
{
	struct stat st;
	int fd = open(m->path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode) &&
	    st.st_rdev == makedev(m->info.major, m->info.minor))
		return fd;
	close(fd);
	return -ENODEV;
}

static int read_super(const struct mdarray_member *m, struct member *member)
{
	int fd = open_member(m), err;

	if (fd < 0)
		return fd;
	memset(member, 0, sizeof(*member));
	err = member_read(fd, m->path, member);
	if (err < 0)
		fail_clear();		/* the array runs without us knowing it */
	close(fd);
	return err;
}

static int gather_super(struct mdarray *array)
{
	struct member *member;
	size_t i;

	array->super = NULL;
	if (!array->persistent)
		return 0;
	member = malloc(sizeof(*member));
	for (i = 0; member && i < array->member_count; i++) {
		if (!is_in_sync(&array->members[i]) ||
		    read_super(&array->members[i], member))
			continue;
		if (!array->super)
			array->super = malloc(sizeof(*array->super));
		else if (member->super.events <= array->super->events)
			continue;
		if (array->super)
			*array->super = member->super;
	}
	free(member);
	return member ? 0 : fail(-ENOMEM, "%s: out of memory", array->node);
}

/* ---- sizes ---- */

/*
 * info.size is -1 from 2 TiB on, and both it and sysfs count whole KiB: an
 * odd number of sectors is known to the superblock alone.
 */
static void gather_sizes(struct mdarray *array)
{
	struct member_super like = {
		.format = MEMBER_1_2,
		.level = array->info.level,
		.layout = (u32)array->info.layout,
		.raid_disks = (u32)array->info.raid_disks,
		.chunk_bytes = (u64)(u32)array->info.chunk_size,
	};
	uint64_t kib;

	if (sysfs_md_read_u64(array->name, "component_size", &kib))
		kib = array->info.size > 0 ? (uint64_t)array->info.size : 0;
	array->component_sectors = kib * SECTORS_PER_KIB;
	if (array->super && array->super->size_sectors / SECTORS_PER_KIB == kib)
		array->component_sectors = array->super->size_sectors;
	like.size_sectors = array->component_sectors;
	array->sync_sectors = member_super_sync_sectors(&like);
}

/* ---- the bitmap ---- */

static bool has_internal_bitmap(const struct mdarray *array)
{
	char location[32], policy[32];

	if (array->info.state & 1 << MD_SB_BITMAP_PRESENT)
		return true;
	/*
	 * The offset alone may outlive the bitmap (md-abi.md 3.1), hence the
	 * second look.
	 */
	if (sysfs_md_read(array->name, "bitmap/location", location, sizeof(location)) ||
	    (*location != '+' && *location != '-'))
		return false;
	return !sysfs_md_read(array->name, "consistency_policy", policy,
			      sizeof(policy)) && !strcmp(policy, "bitmap");
}

/* "" if there is none, or none that we may know of. */
static int bitmap_path_of(int fd, const char *name, char path[PATH_MAX])
{
	struct mdstat m;
	int err = fd < 0 ? fd : md_bitmap_file(fd, path);

	if (err != -EACCES && err != -EPERM)
		return err;
	*path = '\0';
	err = mdstat_read(driver_status(name), name, &m);
	if (err)
		return err;
	if (m.bitmap_path)
		snprintf(path, PATH_MAX, "%s", m.bitmap_path);
	mdstat_clear(&m);
	return 0;
}

static int gather_bitmap(struct mdarray *array)
{
	char path[PATH_MAX];
	int err = bitmap_path_of(array->fd, array->name, path);

	if (err && err != -ENOENT)
		return fail_errno(err, "%s: cannot ask for its bitmap file",
				  safe(array->node));
	if (!err && *path) {
		array->bitmap_path = strdup(path);
		if (!array->bitmap_path)
			return fail(-ENOMEM, "%s: out of memory", array->node);
	}
	array->internal_bitmap = !array->bitmap_path && has_internal_bitmap(array);
	return 0;
}

/* ---- all of it ---- */

static int gather_info(struct mdarray *array)
{
	int err = md_array_info(array->fd, &array->info);

	if (sysfs_md_read(array->name, "array_state", array->state,
			  sizeof(array->state)))
		array->state[0] = '\0';
	if (err == -ENODEV)
		return fail(err, "%s: %s", safe(array->node),
			    strcmp(array->state, "inactive") ?
			    "no array is assembled there" :
			    "half assembled, not started; stop it, or add what it lacks");
	if (err)
		return fail_errno(err, "%s: cannot ask for its state",
				  safe(array->node));
	array->persistent = !array->info.not_persistent;
	if (sysfs_md_read(array->name, "metadata_version", array->metadata,
			  sizeof(array->metadata)))
		snprintf(array->metadata, sizeof(array->metadata), "%s",
			 array->persistent ? "" : "none");
	return 0;
}

int mdarray_open(const char *node, int open_flags, struct mdarray **out)
{
	struct mdarray *array = calloc(1, sizeof(*array));
	int err;

	if (!array)
		return fail(-ENOMEM, "%s: out of memory", safe(node));
	snprintf(array->node, sizeof(array->node), "%s", node);
	array->fd = -1;
	err = node_open(node, open_flags, &array->fd, array->name);
	if (!err)
		err = gather_info(array);
	if (!err)
		err = gather_members(array);
	if (!err)
		err = gather_super(array);
	if (!err)
		gather_sizes(array);
	if (!err)
		err = gather_bitmap(array);
	if (err) {
		mdarray_close(array);
		return err;
	}
	*out = array;
	return 0;
}

void mdarray_close(struct mdarray *array)
{
	if (!array)
		return;
	if (array->fd >= 0)
		close(array->fd);
	free(array->members);
	free(array->super);
	free(array->bitmap_path);
	free(array);
}

/* ---- questions ---- */

/* The number that @word names: a node, "8:16", or a kernel name. */
static bool number_of_word(const char *word, dev_t *dev)
{
	struct stat st;
	unsigned int ma, mi;
	int end = 0;

	if (strchr(word, '/')) {
		if (stat(word, &st) || !S_ISBLK(st.st_mode))
			return false;
		*dev = st.st_rdev;
		return true;
	}
	if (sscanf(word, "%u:%u%n", &ma, &mi, &end) == 2 && !word[end]) {
		*dev = makedev(ma, mi);
		return true;
	}
	return !sysfs_devt(word, dev);
}

int mdarray_find_member(const struct mdarray *array, const char *word,
		      const struct mdarray_member **out)
{
	const struct mdarray_member *m;
	bool known;
	dev_t dev;
	size_t i;

	known = number_of_word(word, &dev);
	for (i = 0; i < array->member_count; i++) {
		m = &array->members[i];
		/* By name too: the node of a failed device may be gone. */
		if (known ? makedev(m->info.major, m->info.minor) == dev :
			    !strcmp(word, m->name) || !strcmp(word, m->path)) {
			*out = m;
			return 0;
		}
	}
	return fail(-ENXIO, "%s: no member of %s; see mdbitmap --detail %s",
		    safe(word), safe(array->node), safe(array->node));
}

/* Another node of the same block device is the same store. */
static bool is_same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
		return a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * The bitmap path of one array, running or only set up: a file stored before
 * the start counts (md-abi.md 3.3). Arrays that vanish meanwhile have none.
 */
static int stored_path(const char *name, char path[PATH_MAX])
{
	char node[128];
	int fd = -1, err;

	*path = '\0';
	dev_path(node, sizeof(node), name);
	err = md_open(node, O_RDONLY, &fd);
	/* No node to ask, or a wrong one: the status file, as without privilege. */
	if (err && err != -ENODEV && err != -ENXIO)
		err = -EACCES;
	err = bitmap_path_of(err ? err : fd, name, path);
	if (fd >= 0)
		close(fd);
	return err == -ENODEV || err == -ENXIO || err == -ENOENT ? 0 : err;
}

/* Is the file of @st at @path? -ESTALE: nothing is that can be seen from here. */
static int is_file_at(const struct stat *st, const char *path)
{
	struct stat other;

	if (!*path)
		return 0;
	return stat(path, &other) ? -ESTALE : is_same_file(st, &other);
}

/* Without /sys, as in a chroot: -ESTALE and its name if an array is there. */
static int any_in_status(char name[64])
{
	static const char *const files[] = { "/proc/mdstat", "/proc/mdbstat" };
	char *text, *rest, *line, *end;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < sizeof(files) / sizeof(files[0]); i++) {
		if (sysfs_slurp(files[i], &text))
			continue;
		rest = text;
		while (!ret && (line = strsep(&rest, "\n"))) {
			end = strstr(line, " : ");
			if (!end || *line == ' ' || *line == '\t' ||
			    !strncmp(line, "Personalities", 13))
				continue;
			snprintf(name, 64, "%.*s", (int)(end - line), line);
			ret = -ESTALE;
		}
		free(text);
	}
	return ret;
}

int mdarray_uses_file(int fd, char name[64])
{
	char path[PATH_MAX], **names;
	int err, ret = 0;
	size_t i, count;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	err = sysfs_md_list(&names, &count);
	if (err)
		return err == -ENOENT ? any_in_status(name) : err;
	for (i = 0; ret != 1 && i < count; i++) {
		err = stored_path(names[i], path);
		if (!err)
			err = is_file_at(&st, path);
		if (!err)
			continue;
		snprintf(name, 64, "%s", names[i]);
		ret = err;
	}
	sysfs_free(names, count);
	return ret;
}

bool mdarray_uses_path(const char *path, char name[64])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

	if (fd < 0)
		return false;
	ret = mdarray_uses_file(fd, name);
	close(fd);
	return ret == 1;
}

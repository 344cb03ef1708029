// SPDX-License-Identifier: GPL-2.0-only
/*
 * libblkid. The partitions chain is always on: a 0.90 superblock in the last
 * partition of a disk looks like the whole disk's otherwise.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uuid/uuid.h>
#include "probe.h"
#include "report.h"
#include "sysfs.h"

#define MEMBER_TYPE "linux_raid_member"

enum {
	SAFEPROBE_OK = 0,	/* libblkid names these only since 2.41 */
	SAFEPROBE_NOTHING = 1,
	SAFEPROBE_AMBIVALENT = -2,
};

struct scan {
	char **paths;		/* members found */
	size_t count;
	size_t read, denied;	/* devices */
};

static int out_of_memory(void)
{
	return fail(-ENOMEM, "out of memory");
}

/* NULL with errno set. */
static blkid_probe open_probe(const char *path)
{
	blkid_probe pr;

	errno = 0;
	pr = blkid_new_probe_from_filename(path);
	if (!pr) {
		if (!errno)
			errno = EIO;
		return NULL;
	}
	blkid_probe_enable_superblocks(pr, 1);
	/* A member whose checksum is wrong is a member all the same. */
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
					  BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, 1);
	return pr;
}

/* Lives as long as @pr and its present result. */
static const char *value(blkid_probe pr, const char *name)
{
	const char *data;

	return blkid_probe_lookup_value(pr, name, &data, NULL) ? NULL : data;
}

static const char *type_of(blkid_probe pr)
{
	const char *type = value(pr, "TYPE");

	return type ? type : value(pr, "PTTYPE");
}

/* "ext4, xfs": everything that claims the device. */
static int join_types(blkid_probe pr, char **type)
{
	char *text = NULL, *longer;
	const char *one;

	blkid_reset_probe(pr);
	while (blkid_do_probe(pr) == SAFEPROBE_OK) {
		one = type_of(pr);
		if (!one)
			continue;
		if (asprintf(&longer, "%s%s%s", text ? text : "",
			     text ? ", " : "", one) < 0) {
			free(text);
			return out_of_memory();
		}
		free(text);
		text = longer;
	}
	*type = text;
	return 0;
}

static int read_type(blkid_probe pr, const char *path, char **type)
{
	const char *one;

	*type = NULL;
	switch (blkid_do_safeprobe(pr)) {
	case SAFEPROBE_OK:
		one = type_of(pr);
		if (one)
			*type = strdup(one);
		return one && !*type ? out_of_memory() : 0;
	case SAFEPROBE_NOTHING:
		return 0;
	case SAFEPROBE_AMBIVALENT:
		return join_types(pr, type);
	default:
		return fail(-EIO, "%s: cannot be read to see what is on it",
			    safe(path));
	}
}

int probe_content(const char *path, char **type)
{
	blkid_probe pr = open_probe(path);
	int err;

	if (!pr)
		return fail_errno(-errno, "cannot open %s", safe(path));
	err = read_type(pr, path, type);
	blkid_free_probe(pr);
	return err;
}

static void enable_all(blkid_probe pr)
{
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC);
}

int probe_wipe(int fd, const char *path)
{
	blkid_probe pr = blkid_new_probe();
	int err = 0;

	if (!pr)
		return out_of_memory();
	if (blkid_probe_set_device(pr, fd, 0, 0))
		err = fail(-EIO, "%s: cannot be read to see what is on it", safe(path));
	enable_all(pr);
	while (!err && blkid_do_probe(pr) == SAFEPROBE_OK)
		if (blkid_do_wipe(pr, 0))
			err = fail_errno(errno ? -errno : -EIO,
					 "%s: what is on it cannot be taken off", safe(path));
	blkid_free_probe(pr);
	return err;
}

/* 1 an md member of array @uuid, 0 not, -errno (nothing recorded). */
static int is_member(const char *path, const uint8_t *uuid)
{
	static char member_type[] = MEMBER_TYPE;
	char *only[] = { member_type, NULL };
	blkid_probe pr = open_probe(path);
	const char *type, *text;
	uuid_t found;
	int is = 0;

	if (!pr)
		return -errno;
	blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_ONLYIN, only);
	if (blkid_do_safeprobe(pr) == SAFEPROBE_OK) {
		type = value(pr, "TYPE");
		text = value(pr, "UUID");
		is = type && !strcmp(type, MEMBER_TYPE) &&
		     (!uuid || (text && !uuid_parse(text, found) &&
				!memcmp(found, uuid, sizeof(found))));
	}
	blkid_free_probe(pr);
	return is;
}

static bool attribute_is_zero(const char *name, const char *attribute, bool missing)
{
	char path[PATH_MAX], *text;
	bool zero;

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, attribute);
	if (sysfs_slurp(path, &text))
		return missing;
	zero = strtoull(text, NULL, 10) == 0;
	free(text);
	return zero;
}

/*
 * Below a device-mapper device (multipath): that one shows the same
 * superblock, and this one is taken.
 */
static bool held_by_dm(const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool held = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!held && (entry = readdir(dir)))
		held = !strncmp(entry->d_name, "dm-", 3);
	closedir(dir);
	return held;
}

/* May it be opened at all? A suspended dm device would never answer. */
static bool worth_opening(const char *name)
{
	if (name[0] == '.' || (!strncmp(name, "fd", 2) && name[2] >= '0' && name[2] <= '9'))
		return false;
	return !attribute_is_zero(name, "size", true) &&
	       attribute_is_zero(name, "dm/suspended", true) && !held_by_dm(name);
}

/* The node of kernel device @name, malloc'ed; NULL if there is none. */
static char *node_of(const char *name)
{
	struct stat st;
	char *path, *p;
	dev_t dev;

	if (sysfs_devt(name, &dev) || asprintf(&path, "/dev/%s", name) < 0)
		return NULL;
	for (p = path; *p; p++)
		if (*p == '!')
			*p = '/';
	if (!stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == dev)
		return path;
	free(path);
	return NULL;
}

static int list_add(struct scan *list, char *path)
{
	char **longer = realloc(list->paths, (list->count + 1) * sizeof(*longer));

	if (!longer) {
		free(path);
		return out_of_memory();
	}
	list->paths = longer;
	list->paths[list->count++] = path;
	return 0;
}

static int scan_one(const char *name, const uint8_t *uuid, struct scan *scan)
{
	char *path;
	int is;

	if (!worth_opening(name))
		return 0;
	path = node_of(name);
	if (!path)
		return 0;
	is = is_member(path, uuid);
	if (is < 0)
		chat("%s: skipped: %s", path, strerror(-is));
	else
		scan->read++;
	scan->denied += is == -EACCES || is == -EPERM;
	if (is == 1)
		return list_add(scan, path);
	free(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

int probe_scan(const uint8_t uuid[16], char ***paths, size_t *count)
{
	struct scan scan = { 0 };
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	dir = opendir("/sys/class/block");
	if (!dir)
		return fail_errno(-errno, "cannot list the block devices: "
				  "/sys/class/block");
	while (!err && (entry = readdir(dir)))
		err = scan_one(entry->d_name, uuid, &scan);
	closedir(dir);
	if (!err && scan.denied && !scan.read)
		err = fail(-EACCES, "%s may not be read: a scan needs root",
			   plural(scan.denied, "block device"));
	if (err) {
		probe_free(scan.paths, scan.count);
		return err;
	}
	if (scan.denied)
		note("%s could not be read and may be members too: --verbose names them",
		     plural(scan.denied, "block device"));
	if (scan.count)
		qsort(scan.paths, scan.count, sizeof(*scan.paths), by_name);
	*paths = scan.paths;
	*count = scan.count;
	return 0;
}

void probe_free(char **paths, size_t count)
{
	while (count)
		free(paths[--count]);
	free(paths);
}

static bool is_tag(const char *word)
{
	static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=" };
	size_t i;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strncmp(word, tags[i], strlen(tags[i])))
			return true;
	return false;
}

/*
 * UUID= and LABEL= of an array name all its members: libblkid picks any. A
 * device that may not be read is for the caller to complain about.
 */
static int refuse_member(const char *word, const char *path)
{
	blkid_probe pr = open_probe(path);
	const char *type;
	int err = 0;

	if (!pr)
		return 0;
	if (blkid_do_safeprobe(pr) == SAFEPROBE_OK && strncmp(word, "PART", 4)) {
		type = value(pr, "TYPE");
		if (type && !strcmp(type, MEMBER_TYPE))
			err = fail(-EINVAL, "%s names an array, not one device of it: name "
				   "the device, or let --scan --uuid= find all",
				   safe(word));
	}
	blkid_free_probe(pr);
	return err;
}

int probe_resolve(const char *word, char **path)
{
	blkid_cache cache = NULL;
	int err = 0;

	if (!is_tag(word)) {
		*path = strdup(word);
		return *path ? 0 : out_of_memory();
	}
	/* An empty cache: nothing of /run/blkid is believed or written. */
	if (blkid_get_cache(&cache, "/dev/null"))
		return fail(-EIO, "%s: libblkid cannot start", safe(word));
	*path = blkid_evaluate_tag(word, NULL, &cache);
	if (cache)
		blkid_put_cache(cache);
	if (!*path)
		return fail(-ENOENT, "no device has %s", safe(word));
	err = refuse_member(word, *path);
	if (err) {
		free(*path);
		*path = NULL;
	}
	return err;
}

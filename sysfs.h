/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /sys and /proc, below a root that tests may move. Nothing is printed:
 * 0 or -errno, unless said otherwise.
 */
#ifndef SYSFS_H
#define SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void sysfs_set_root(const char *root);		/* "" by default; unit tests */

/* Kernel name ("md0", "vdb") of a block device. */
int sysfs_name(dev_t dev, char name[64]);
int sysfs_devt(const char *name, dev_t *dev);

/* /sys/block/NAME/md/ATTRIBUTE, first line without its newline. */
int sysfs_md_read(const char *md, const char *attribute, char *buf, size_t size);
int sysfs_md_read_u64(const char *md, const char *attribute, uint64_t *value);
int sysfs_md_write(const char *md, const char *attribute, const char *text);
bool sysfs_md_exists(const char *md);		/* has md/array_state */

/* Any file below the root, whole, NUL-terminated, malloc'ed. */
int sysfs_slurp(const char *path, char **text);

/* Names of all md arrays there are ("md0", ...). malloc'ed, sysfs_free(). */
int sysfs_md_list(char ***names, size_t *count);
void sysfs_free(char **names, size_t count);

/*
 * Is @dev, directly or through partitions, dm, loop files and md, built on
 * @base? Walks slaves/, the partition's disk and loop/backing_file.
 */
bool sysfs_is_on(dev_t dev, dev_t base);

/* One array as /proc/mdstat shows it. md-abi.md section 6 */
struct mdstat {
	bool found;
	char state[32];			/* active, inactive, broken */
	bool read_only, auto_read_only;
	char level[16];			/* "raid1", "" if inactive */
	uint64_t blocks_kib;
	bool has_bitmap;
	uint64_t pages_used, pages_total, pages_kib;
	uint64_t chunk_bytes;
	char *bitmap_path;		/* file bitmaps: unescaped, malloc'ed */
	char action[16];		/* resync, recovery, check, reshape, or "" */
	bool delayed, pending;
	uint64_t done_kib, total_kib;	/* while action is set and not delayed */
	double percent, finish_min;
	uint64_t speed_kib_s;
};
int mdstat_read(const char *md, struct mdstat *out);
void mdstat_clear(struct mdstat *m);

/*
 * The mount a file lives on (statx mount id, /proc/self/mountinfo).
 * fs_type such as "ext4"; source device number, 0 if there is none.
 */
struct mount_point {
	char fs_type[64];
	char mount[4096];
	dev_t device;
};
int mount_of_fd(int fd, struct mount_point *out);

#endif

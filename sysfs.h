/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /sys, and any file, below a root that tests may move. Nothing is printed:
 * 0 or -errno, unless said otherwise.
 */
#ifndef SYSFS_H
#define SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void sysfs_set_root(const char *root);		/* "" by default; unit tests */
bool sysfs_root_moved(void);

/* Kernel name ("md0", "vdb") of a block device. */
int sysfs_name(dev_t dev, char name[64]);
int sysfs_devt(const char *name, dev_t *dev);
int sysfs_read_line(const char *path, char *buf, size_t size); /* without newline */
int sysfs_read_devt(const char *path, dev_t *dev); /* "8:1" in a file of /sys */

/* /sys/block/NAME/md/ATTRIBUTE, first line without its newline. */
int sysfs_md_read(const char *md, const char *attribute, char *buf, size_t size);
int sysfs_md_read_u64(const char *md, const char *attribute, uint64_t *value);
int sysfs_md_write(const char *md, const char *attribute, const char *text);
bool sysfs_md_exists(const char *md);		/* has md/array_state */

/* The path that the printed one has below the root. -ENAMETOOLONG */
int sysfs_below_root(char path[PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Any file below the root, whole, NUL-terminated, malloc'ed. */
int sysfs_slurp(const char *path, char **text);

/* Names of all md arrays there are ("md0", ...). malloc'ed, sysfs_free(). */
int sysfs_md_list(char ***names, size_t *count);
void sysfs_free(char **names, size_t count);

#endif

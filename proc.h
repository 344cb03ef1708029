/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What /proc says of arrays and of mounts, below the root of sysfs.h.
 * Nothing is printed: 0 or -errno.
 */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One array as its driver's status file shows it. md-abi.md section 6 */
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

/* @status: "/proc/mdstat", or another driver's file of that grammar. */
int mdstat_read(const char *status, const char *md, struct mdstat *out);
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

/* Block major that a driver of this name has (/proc/devices), or -errno. */
int proc_block_major(const char *name);

#endif

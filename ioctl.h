/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The md ioctls, one function each: 0 or -errno, nothing printed. What the
 * errnos mean by state and kernel is in md-abi.md section 2; the callers
 * explain. <linux/raid/md_u.h> has the structures.
 */
#ifndef IOCTL_H
#define IOCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <linux/raid/md_p.h>

/* Open a node and make sure an md driver answers there. -ENOTTY if not. */
int md_open(const char *node, int open_flags, int *fd);

int md_array_info(int fd, mdu_array_info_t *info);
int md_disk_info(int fd, int number, mdu_disk_info_t *info);
int md_bitmap_file(int fd, char path[4096]);	/* "" none; -EACCES unprivileged */
int md_set_array(int fd, const mdu_array_info_t *info);
int md_add_disk(int fd, const mdu_disk_info_t *info);
int md_hot_add(int fd, dev_t dev);
int md_hot_remove(int fd, dev_t dev);
int md_set_faulty(int fd, dev_t dev);
int md_set_bitmap(int fd, int bitmap_fd);	/* -1 removes */
int md_run(int fd);
int md_stop(int fd);
int md_restart_rw(int fd);

/*
 * Call again while -EBUSY, every @pause_ms up to @limit_ms in all; the
 * result of the last call.
 */
int md_retry_busy(int (*call)(void *arg), void *arg, unsigned int pause_ms,
		  unsigned int limit_ms);

#endif

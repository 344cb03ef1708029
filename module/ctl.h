/* SPDX-License-Identifier: GPL-2.0-only */
/* The md ioctls: one table {command, needs, handler}. md-abi.md 1-3. */
#ifndef CTL_H
#define CTL_H

#include "array.h"

/* Process context, no locks. -ENOTTY: not ours. */
int ctl_ioctl(struct array *a, unsigned int cmd, unsigned long arg);

/* The same for a 32-bit caller. */
int ctl_compat_ioctl(struct array *a, unsigned int cmd, unsigned long arg);

/*
 * Before an array is stopped or made read-only: nobody opens it any more, and
 * its page cache is on the members. -EBUSY: running and more than @openers
 * have it open, or another one is at it. No lock held. Undone by ctl_closed().
 */
int ctl_close(struct array *a, int openers);
void ctl_closed(struct array *a);

#endif

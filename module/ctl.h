/* SPDX-License-Identifier: GPL-2.0-only */
/* The md ioctls: one table {command, needs, handler}. md-abi.md 1-3. */
#ifndef CTL_H
#define CTL_H

#include "array.h"

/* -ENOTTY: not ours. */
int ctl_ioctl(struct array *a, unsigned int cmd, unsigned long arg);

#endif

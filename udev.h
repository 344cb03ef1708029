/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libudev: wait until a node is there and its links are made. Without udevd
 * (no /run/udev/control) only the node itself is waited for.
 */
#ifndef UDEV_H
#define UDEV_H

#include <stdbool.h>

struct udev_wait;

bool udev_is_running(void);

/* Begin to listen; call before the ioctl that makes the event. May be NULL. */
struct udev_wait *udev_wait_start(void);

/*
 * Wait until @node exists with the right device number and udev has handled
 * its "change" event, or @limit_ms passed. Ends the listening. 0 or
 * -ETIMEDOUT; the array runs in either case.
 */
int udev_wait_node(struct udev_wait *wait, const char *node, unsigned int limit_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's refusals of a bitmap file, in words.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include "driver.h"

/*
 * SET_BITMAP_FILE on the array @node said @err (-errno): fail() with what
 * that means there and what to do, and return the -errno that a mode is to
 * return for it (an ioctl's EINVAL, for one, is no usage error). @file is
 * the one given, NULL for a removal; @running: the array ran. md-abi.md 3.1
 */
int explain_set_bitmap(int err, const char *node, const char *file, bool running);

/*
 * Does this driver (NULL: stock md) refuse every bitmap file on the running
 * kernel, as stock md does from 6.18 on? *release is the kernel's, for the
 * message; never NULL.
 */
bool explain_driver_refuses(const struct driver *driver, const char **release);

/* How a read-only array becomes writable: a command. Static buffer. */
const char *explain_writable(const char *node);

/* The command line, to say how it works with our driver; kept, not copied. */
void explain_command(int argc, char *const *argv);

#endif

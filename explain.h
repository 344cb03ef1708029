/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's refusals of a bitmap file, in words.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>

/*
 * SET_BITMAP_FILE on the array @node said @err (-errno): fail() with what
 * that means there and what to do, and return the -errno that a mode is to
 * return for it (an ioctl's EINVAL, for one, is no usage error). @file is
 * the one given, NULL for a removal; @running: the array ran. md-abi.md 3.1
 */
int explain_set_bitmap(int err, const char *node, const char *file, bool running);

/*
 * Does stock md of the running kernel refuse every bitmap file (6.18 and
 * later)? *release is the kernel's, for the message; never NULL.
 */
bool explain_kernel_refuses(const char **release);

#endif

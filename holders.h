/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who keeps a block device in use.
 */
#ifndef HOLDERS_H
#define HOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

/* Kernel name of a device that is built on @dev, as an array is on its members. */
bool holders_stacked(dev_t dev, char name[64]);

/*
 * Somebody who holds the disk @name ("md0") or a partition of it: a mount, a
 * device stacked on it, swap. @who tells it in words, ready to print.
 */
bool holders_find(const char *name, char who[256]);

#endif

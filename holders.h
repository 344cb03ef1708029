/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who keeps a block device in use.
 */
#ifndef HOLDERS_H
#define HOLDERS_H

#include <stdbool.h>

/*
 * Somebody who holds the disk @name ("md0") or a partition of it: a mount, a
 * device stacked on it, swap. @who tells it in words, ready to print.
 */
bool holders_find(const char *name, char who[256]);

#endif

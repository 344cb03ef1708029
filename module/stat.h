/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/mdbstat (takeover: /proc/mdstat), in mdstat's grammar. md-abi.md 6. */
#ifndef STAT_H
#define STAT_H

int stat_init(void);
void stat_exit(void);
void stat_changed(void);	/* wakes poll(); any context */

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mirrors: every member in a slot holds the whole array. md-abi.md 10
 */
#ifndef RAID1_H
#define RAID1_H

#include "array.h"

extern const struct personality raid1_personality;

int raid1_init(void);	/* slab cache of reads */
void raid1_exit(void);

#endif

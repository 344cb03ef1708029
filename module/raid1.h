/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RAID1_H
#define RAID1_H

#include "array.h"

extern const struct personality raid1_personality;

int raid1_init(void);	/* slab caches */
void raid1_exit(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a bitmap lies: holes in its file, the filesystem below, the devices
 * below that, who uses it and who may write it. Parts of trust_judge().
 */
#ifndef PLACE_H
#define PLACE_H

#include "trust.h"

/*
 * Is every block of the bitmap really written, as either driver asks for, and
 * its own, which only stock md needs? SEEK_HOLE, and FIEMAP where the
 * filesystem has it. 0 or -errno after fail().
 */
int place_judge_holes(const struct image *image, const struct trust_target *t,
		      struct findings *out);

/* The file on the array that it serves, or on a member of it. md-abi.md 3.2 */
void place_judge_devices(const struct image *image, const struct trust_target *t,
			 struct findings *out);

/*
 * mdbitmap.ko takes any filesystem. Can stock md find the file's blocks? TRUST_KERNEL: asked with FIBMAP, which
 * needs CAP_SYS_RAWIO; otherwise, and without it, told by the name.
 */
void place_judge_filesystem(const struct image *image, const struct trust_target *t,
			    struct findings *out);

void place_judge_use(const struct image *image, const struct trust_target *t,
		     struct findings *out);
void place_judge_permissions(const struct image *image, const struct trust_target *t,
			     struct findings *out);

#endif

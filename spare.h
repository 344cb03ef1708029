/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a device a new spare of an array with 1.x metadata.
 */
#ifndef SPARE_H
#define SPARE_H

#include <stdint.h>
#include "member.h"

/*
 * Is a device of @device_sectors large enough for what each member of the
 * array of @sample holds (@component_sectors)? Metadata of any format, or
 * none (@sample NULL). 0 or -ENOSPC after fail().
 */
int spare_check_size(const char *path, uint64_t device_sectors,
		     const struct member *sample, uint64_t component_sectors);

/*
 * Write a spare's superblock with descriptor number @number to @fd (O_RDWR,
 * O_DIRECT, O_EXCL), after the superblocks of any other format found there
 * were wiped: the latest of several counts. Durable. -errno after fail().
 */
int spare_write(int fd, const char *path, const struct member *sample,
		uint64_t device_sectors, uint32_t number);

/* Take it away again: the kernel did not want the device. */
void spare_wipe(int fd, uint64_t device_sectors);

#endif

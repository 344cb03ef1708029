/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a block device is built on, as /sys has it.
 */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Is @dev, directly or through partitions, dm, loop files and md, built on
 * @base? Walks slaves/, the partition's disk and loop/backing_file.
 */
bool stack_is_on(dev_t dev, dev_t base);

#endif

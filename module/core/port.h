/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core needs from its surroundings, and the only place in it that
 * knows whether they are the kernel or a C library: integer types, byte
 * order, memcpy and friends, errno values.
 */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#else /* userspace */

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <assert.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define cpu_to_le16(x) htole16(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le64(x) htole64(x)
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)

#endif

enum {
	SECTOR_BYTES = 512,	/* md counts in these, whatever the device */
	UUID_BYTES = 16,
};

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core needs from its surroundings, and the only place in it that
 * knows whether they are the kernel or a C library: integer types, byte
 * order, memcpy and friends, errno values, division, atomic words.
 */
#ifndef CORE_PORT_H
#define CORE_PORT_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#ifndef UINT64_MAX
#define UINT64_MAX U64_MAX
#endif
#ifndef INT32_MAX
#define INT32_MAX S32_MAX
#endif

/* 32-bit kernels have no u64 / u64: divide by variables only through here. */
static inline u64 port_div64(u64 dividend, u64 divisor)
{
	return div64_u64(dividend, divisor);
}

/* Number of the lowest bit that is set; @x is not 0. */
static inline unsigned int port_lowest_bit(u64 x)
{
	return __ffs64(x);
}

static inline u16 port_load16(const u16 *p)
{
	return READ_ONCE(*p);
}

/* Fully ordered where it stores; otherwise *old is what was found. */
static inline bool port_try_cmpxchg16(u16 *p, u16 *old, u16 new)
{
	return try_cmpxchg(p, old, new);
}

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

static inline u64 port_div64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline unsigned int port_lowest_bit(u64 x)
{
	return (unsigned int)__builtin_ctzll(x);
}

static inline u16 port_load16(const u16 *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline bool port_try_cmpxchg16(u16 *p, u16 *old, u16 new)
{
	return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

#endif

enum {
	SECTOR_BYTES = 512,	/* md counts in these, whatever the device */
	UUID_BYTES = 16,
};

#endif

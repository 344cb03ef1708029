/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Superblocks of array members, metadata 0.90, 1.0, 1.1 and 1.2: where they
 * are, what they say. md-abi.md section 8 is the source of every offset.
 * Unknown feature bits, bad checksums and impossible fields are refused.
 */
#ifndef CORE_MEMBER_SUPER_H
#define CORE_MEMBER_SUPER_H

#include "fault.h"
#include "port.h"

enum {
	MEMBER_SUPER_BYTES = 4096,	/* read this much at the location */
	MEMBER_MAX_SLOTS = 1920,	/* of 1.x; 0.90 has 27 */
	MEMBER_NAME_BYTES = 32,
	MEMBER_ROLE_SPARE = 0xffff,
	MEMBER_ROLE_FAULTY = 0xfffe,
	MEMBER_ROLE_JOURNAL = 0xfffd,
	MEMBER_ROLE_MAX = 0xff00,
};

#define MEMBER_EVENTS_MAX (UINT64_MAX / 2)	/* so that some more can be counted */
#define MEMBER_IN_SYNC ((u64)~0ULL)	/* resync_offset of a clean array */

enum member_format {			/* also the index for a loop over all */
	MEMBER_1_1,
	MEMBER_1_2,
	MEMBER_1_0,
	MEMBER_0_90,
	MEMBER_FORMATS,
};

enum {					/* feature_map, 1.x */
	MEMBER_FEATURE_BITMAP = 1,
	MEMBER_FEATURE_RECOVERY_OFFSET = 2,
	MEMBER_FEATURE_RESHAPE = 4,
	MEMBER_FEATURE_BAD_BLOCKS = 8,
	MEMBER_FEATURE_REPLACEMENT = 16,
	MEMBER_FEATURE_RESHAPE_BACKWARDS = 32,
	MEMBER_FEATURE_NEW_OFFSET = 64,
	MEMBER_FEATURE_RECOVERY_BITMAP = 128,
	MEMBER_FEATURE_CLUSTERED = 256,
	MEMBER_FEATURE_JOURNAL = 512,
	MEMBER_FEATURE_PPL = 1024,
	MEMBER_FEATURE_MULTIPLE_PPLS = 2048,
	MEMBER_FEATURE_RAID0_LAYOUT = 4096,
	MEMBER_FEATURES_KNOWN = 0x1fff,
};

enum {					/* devflags, 1.x */
	MEMBER_WRITE_MOSTLY = 1,
	MEMBER_FAILFAST = 2,
};

struct member_super {
	enum member_format format;
	u32 major_version, minor_version;	/* 0 90, 1 0, 1 1, 1 2 */
	u32 features;			/* 0.90: BITMAP and RESHAPE, as 1.x would say */
	u8 uuid[UUID_BYTES];		/* of the array; raw bytes of the disk, which
					 * are also the bytes a bitmap carries */
	u8 device_uuid[UUID_BYTES];	/* 1.x, else zero */
	char name[MEMBER_NAME_BYTES + 1]; /* "host:name", 1.x; may hold anything */
	u64 ctime_s;
	u64 utime;			/* of this update, see member_seconds() */
	s32 level;
	u32 layout;
	u32 raid_disks;
	u64 size_sectors;		/* used of each member */
	u64 chunk_bytes;		/* stripe chunk, 0 for RAID1 */
	u64 super_sector;		/* of this superblock on its device */
	u64 data_sector;		/* where the data start */
	u64 data_sectors;		/* room for data; 0.90: the usable size */
	u64 events;			/* at most MEMBER_EVENTS_MAX */
	u64 resync_sector;		/* all below is in sync; MEMBER_IN_SYNC: clean */
	u64 recovery_sector;		/* with FEATURE_RECOVERY_OFFSET, at most size */
	u32 number;			/* this device's descriptor number; 1.x: may be
					 * >= max_devices, a spare then, as for md */
	u16 role;			/* this device's slot, < raid_disks, or
					 * MEMBER_ROLE_*; so are roles[] */
	u32 max_devices;		/* entries of roles[] */
	u16 roles[MEMBER_MAX_SLOTS];	/* by descriptor number */
	u8 devflags;			/* MEMBER_WRITE_MOSTLY ... */
	bool has_bitmap;		/* internal */
	s64 bitmap_sector;		/* absolute on the device, if has_bitmap */
};

/*
 * Times on disk: 40 bits of seconds, microseconds above; of 0.90, seconds. md writes
 * no microseconds, mdbitmap.ko does: they tell its updates apart.
 */
static inline u64 member_seconds(u64 time)
{
	return time & ((1ULL << 40) - 1);
}

static inline u32 member_microseconds(u64 time)
{
	return (u32)(time >> 40);
}

static inline u64 member_time(u64 seconds, u32 microseconds)
{
	return member_seconds(seconds) | (u64)microseconds << 40;
}

/*
 * First sector of the superblock of @format on a device of @device_sectors.
 * -ENOSPC if the device is too small to hold one. md-abi.md 8.1, 8.2
 */
int member_super_location(enum member_format format, u64 device_sectors,
			  u64 *sector);

/*
 * Decode the 4096 bytes found at member_super_location(). @device_sectors
 * bounds every offset. 0; 1 not such a superblock (magic, version, or a
 * sound one that says it lies elsewhere: fault->field is "super_offset");
 * -EBADMSG checksum; -EUCLEAN a field out of range; -EPROTONOSUPPORT
 * unknown feature bits. fault says which.
 */
int member_super_decode(struct member_super *ms, enum member_format format,
			const u8 *raw, u64 device_sectors, struct fault *fault);

/*
 * Sectors a bitmap of this array covers: the used size of a member, or for
 * RAID10 the array-wide size. md-abi.md 4.1, sync_size
 */
u64 member_super_sync_sectors(const struct member_super *ms);

/*
 * What a member has that mdbitmap.ko would not keep true, and so refuses: a noun for
 * messages, "a journal". NULL: nothing.
 */
const char *member_super_unsupported(const struct member_super *ms);

/*
 * Make a 1.x superblock for a new spare out of the raw superblock of an
 * in-sync member of the same array: own descriptor number, role spare,
 * device uuid, super_offset and data_size of a device of @device_sectors,
 * no recovery, no bad blocks, features that belong to the old member gone,
 * checksum right. @raw must have passed member_super_decode(). -EINVAL for
 * 0.90 (the kernel writes those itself); -ENOSPC if the array's data do not
 * fit the device; -EOPNOTSUPP for an array with a PPL or being reshaped.
 */
int member_super_make_spare(u8 *raw, enum member_format format,
			    u64 device_sectors, u32 number,
			    const u8 device_uuid[UUID_BYTES]);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Superblocks of array members as they lie on disk. md-abi.md 8.1, 8.2
 */
#ifndef CORE_MEMBER_SUPER_DISK_H
#define CORE_MEMBER_SUPER_DISK_H

#include "member_super.h"

enum {
	MEMBER_MAGIC = 0xa92b4efc,
};

/* 1.x, little-endian; max_dev little-endian u16 roles follow it. */
struct member_super_disk {
	__le32 magic;
	__le32 major_version;
	__le32 feature_map;
	__le32 pad0;
	u8 set_uuid[UUID_BYTES];
	u8 set_name[MEMBER_NAME_BYTES];
	__le64 ctime;
	__le32 level;
	__le32 layout;
	__le64 size;
	__le32 chunksize;		/* sectors */
	__le32 raid_disks;
	__le32 bitmap_offset;		/* signed sectors from here; PPL: other */
	__le32 new_level;
	__le64 reshape_position;
	__le32 delta_disks;
	__le32 new_layout;
	__le32 new_chunk;
	__le32 new_offset;
	__le64 data_offset;
	__le64 data_size;
	__le64 super_offset;
	__le64 recovery_offset;
	__le32 dev_number;
	__le32 cnt_corrected_read;
	u8 device_uuid[UUID_BYTES];
	u8 devflags;
	u8 bblog_shift;
	__le16 bblog_size;
	__le32 bblog_offset;		/* signed sectors from here */
	__le64 utime;
	__le64 events;
	__le64 resync_offset;
	__le32 sb_csum;
	__le32 max_dev;
	__le32 logical_block_size;	/* since 7.3; zero before */
	u8 pad3[28];
};

enum {
	MEMBER_HEAD_BYTES = sizeof(struct member_super_disk),
	MEMBER_CSUM_OFFSET = offsetof(struct member_super_disk, sb_csum),
	MEMBER_V1_DEVICE_MIN_SECTORS = 24, /* as mdadm */
};

static_assert(sizeof(struct member_super_disk) == 256, "1.x: 256 bytes, then roles");
static_assert(offsetof(struct member_super_disk, set_name) == 32, "1.x layout");
static_assert(offsetof(struct member_super_disk, size) == 80, "1.x layout");
static_assert(offsetof(struct member_super_disk, bitmap_offset) == 96, "1.x layout");
static_assert(offsetof(struct member_super_disk, data_offset) == 128, "1.x layout");
static_assert(offsetof(struct member_super_disk, dev_number) == 160, "1.x layout");
static_assert(offsetof(struct member_super_disk, bblog_offset) == 188, "1.x layout");
static_assert(offsetof(struct member_super_disk, sb_csum) == 216, "1.x layout");
static_assert(offsetof(struct member_super_disk, logical_block_size) == 224, "1.x layout");
static_assert(MEMBER_HEAD_BYTES + 2 * MEMBER_MAX_SLOTS == MEMBER_SUPER_BYTES, "roles fill the block");

/* 0.90: words in the order of the host that wrote them. */
enum {
	V0_MAJOR = 4,
	V0_MINOR = 8,
	V0_PATCH = 12,
	V0_UUID0 = 20,
	V0_CTIME = 24,
	V0_LEVEL = 28,
	V0_SIZE_KIB = 32,
	V0_NR_DISKS = 36,
	V0_RAID_DISKS = 40,
	V0_MD_MINOR = 44,
	V0_UUID1 = 52,			/* and words 2, 3 behind it */
	V0_UTIME = 128,
	V0_STATE = 132,
	V0_ACTIVE_DISKS = 136,
	V0_WORKING_DISKS = 140,
	V0_FAILED_DISKS = 144,
	V0_SPARE_DISKS = 148,
	V0_CSUM = 152,
	V0_EVENTS = 156,
	V0_CP_EVENTS = 164,
	V0_RECOVERY_CP = 172,
	V0_LAYOUT = 256,
	V0_CHUNK_BYTES = 260,
	V0_DISKS = 512,
	V0_DISK_BYTES = 128,
	V0_THIS_DISK = 3968,

	V0_DISK_NUMBER = 0,		/* within a descriptor */
	V0_DISK_MAJOR = 4,
	V0_DISK_MINOR = 8,
	V0_DISK_RAID_DISK = 12,
	V0_DISK_STATE = 16,

	V0_DEVICES = 27,
	V0_ALIGN_SECTORS = 128,
	V0_DEVICE_MIN_SECTORS = 256,
	V0_BITMAP_OFFSET_SECTORS = 8,

	V0_STATE_CLEAN = 1 << 0,
	V0_STATE_BITMAP = 1 << 8,

	V0_DISK_FAULTY = 1 << 0,
	V0_DISK_ACTIVE = 1 << 1,
	V0_DISK_SYNC = 1 << 2,
	V0_DISK_REMOVED = 1 << 3,
	V0_DISK_WRITEMOSTLY = 1 << 9,
	V0_DISK_FAILFAST = 1 << 10,
};

static_assert(V0_THIS_DISK == V0_DISKS + V0_DEVICES * V0_DISK_BYTES, "0.90 layout");
static_assert(V0_THIS_DISK + V0_DISK_BYTES == MEMBER_SUPER_BYTES, "0.90 layout");

/* md caps what 0.90 uses of a device, levels above 0. */
#define V0_DATA_MAX_SECTORS ((2ULL << 32) - 2)

/* As the checksum's field should hold it; what it holds does not count. */
u32 member_super_v1_sum(const u8 *raw, u32 max_dev);
u32 member_super_v0_sum(const u8 *raw);

/* Sectors, from its first, that a 1.x superblock with such a table needs. */
static inline u32 member_super_v1_sectors(u32 max_dev)
{
	return (MEMBER_HEAD_BYTES + 2 * max_dev + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

static inline void member_super_put_role(u8 *raw, u32 number, u16 role)
{
	__le16 v = cpu_to_le16(role);

	memcpy(raw + MEMBER_HEAD_BYTES + 2 * (size_t)number, &v, sizeof(v));
}

#endif

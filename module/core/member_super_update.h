/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Superblocks of array members written anew from what an array knows: our
 * fields in the raw bytes that were read, so that all others survive.
 * md-abi.md 8.6, 8.7
 */
#ifndef CORE_MEMBER_SUPER_UPDATE_H
#define CORE_MEMBER_SUPER_UPDATE_H

#include "member_super.h"

/* A member, in whatever condition; one that was removed is not in the list. */
struct member_update_disk {
	u32 number;			/* descriptor number, unique; of 0.90 as
					 * member_update_number_v0() gives them */
	u16 role;			/* slot, MEMBER_ROLE_SPARE or _FAULTY */
	u8 devflags;			/* MEMBER_WRITE_MOSTLY ... */
	bool recovery_by_bitmap;	/* what is not recovered yet has its bit set
					 * in a bitmap that will be there */
	u64 recovery_sector;		/* in a slot: holds good data below, relative
					 * to the data's start; MEMBER_IN_SYNC: all */
	u32 corrected_reads;		/* sectors */
	u32 major, minor;		/* 0.90 records them */
};

struct member_update {
	u64 events;
	u64 utime;			/* see member_seconds() */
	u64 resync_sector;		/* members are equal below, or MEMBER_IN_SYNC */
	s32 level;
	u32 layout;
	u32 raid_disks;
	u64 size_sectors;		/* used of each member */
	u64 chunk_bytes;
	const struct member_update_disk *disks;	/* in any order */
	u32 ndisks;
};

/*
 * Patch @raw, MEMBER_SUPER_BYTES of a superblock of @format that has passed
 * member_super_decode(), which belongs to u->disks[@self]. No internal bitmap
 * is announced any more; the roles of all descriptors are as u->disks says
 * (numbers nobody has: no member). -ENOSPC, and @raw unchanged: a number past
 * the format's maximum, or a role table that would run into what lies behind
 * it (data, internal bitmap, bad-block log). -EINVAL: no such superblock.
 */
int member_super_update(u8 *raw, enum member_format format,
			const struct member_update *u, u32 self);

/*
 * Bytes of @raw, whole sectors, that are the superblock's own: write no more,
 * for data may follow (1.1, 1.2).
 */
u32 member_super_bytes(const u8 *raw, enum member_format format);

/*
 * Descriptor numbers as 0.90 wants them: of a member that is in sync, its
 * slot; of all others from raid_disks on. -ENOSPC if there are more than 27,
 * and nothing has changed.
 */
int member_update_number_v0(struct member_update_disk *disks, u32 ndisks,
			    u32 raid_disks);

/*
 * A 0.90 superblock for a new array: @uuid, its creation and the number that
 * its node should have; the rest as member_super_update(). Errors as there,
 * @raw undefined then.
 */
int member_super_make_v0(u8 *raw, const struct member_update *u, u32 self,
			 const u8 uuid[UUID_BYTES], u32 ctime_s, u32 md_minor);

#endif

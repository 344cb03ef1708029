// SPDX-License-Identifier: GPL-2.0-only
#include "member_super_disk.h"
#include "member_super_update.h"

static bool in_slot(const struct member_update_disk *d)
{
	return d->role < MEMBER_ROLE_MAX;
}

static bool in_sync(const struct member_update_disk *d)
{
	return in_slot(d) && d->recovery_sector == MEMBER_IN_SYNC;
}

static bool recovering(const struct member_update_disk *d)
{
	return in_slot(d) && d->recovery_sector != MEMBER_IN_SYNC;
}

/* ---- 1.x ---------------------------------------------------------------- */

/* Does something announced lie within @sectors from the superblock's first? */
static bool in_the_way(__le32 offset, u32 sectors)
{
	s32 at = (s32)le32_to_cpu(offset);

	return at >= 0 && (u32)at < sectors;
}

static bool v1_has_room(const struct member_super_disk *disk,
			enum member_format format, u32 max_dev)
{
	u32 features = le32_to_cpu(disk->feature_map);
	u32 sectors = member_super_v1_sectors(max_dev);

	if (features & MEMBER_FEATURE_BITMAP &&
	    in_the_way(disk->bitmap_offset, sectors))
		return false;
	if (features & MEMBER_FEATURE_BAD_BLOCKS && disk->bblog_offset &&
	    in_the_way(disk->bblog_offset, sectors))
		return false;
	return format == MEMBER_1_0 ||
	       le64_to_cpu(disk->data_offset) >=
		       le64_to_cpu(disk->super_offset) + sectors;
}

/*
 * Entries that the role table needs. A number past its end is a spare's, to
 * everybody who reads it, so that spares need none.
 */
static u32 v1_entries(const struct member_update *u)
{
	u32 i, n = 0;

	for (i = 0; i < u->ndisks; i++)
		if (u->disks[i].role != MEMBER_ROLE_SPARE &&
		    u->disks[i].number >= n)
			n = u->disks[i].number + 1;
	return n;
}

static void v1_put_roles(u8 *raw, u32 max_dev, const struct member_update *u)
{
	u32 i;

	for (i = 0; i < max_dev; i++)
		member_super_put_role(raw, i, MEMBER_ROLE_SPARE);
	for (i = 0; i < u->ndisks; i++)
		if (u->disks[i].number < max_dev)
			member_super_put_role(raw, u->disks[i].number,
					      u->disks[i].role);
}

static void v1_put_array(struct member_super_disk *disk,
			 const struct member_update *u)
{
	disk->utime = cpu_to_le64(u->utime);
	disk->events = cpu_to_le64(u->events);
	disk->resync_offset = cpu_to_le64(u->resync_sector);
	disk->level = cpu_to_le32((u32)u->level);
	disk->layout = cpu_to_le32(u->layout);
	disk->raid_disks = cpu_to_le32(u->raid_disks);
	disk->size = cpu_to_le64(u->size_sectors);
	disk->chunksize = cpu_to_le32((u32)(u->chunk_bytes / SECTOR_BYTES));
}

static void v1_put_self(struct member_super_disk *disk,
			const struct member_update_disk *d)
{
	const u8 flags = MEMBER_WRITE_MOSTLY | MEMBER_FAILFAST;
	u32 features = le32_to_cpu(disk->feature_map);

	features &= ~(u32)(MEMBER_FEATURE_BITMAP |
			   MEMBER_FEATURE_RECOVERY_OFFSET |
			   MEMBER_FEATURE_RECOVERY_BITMAP);
	if (recovering(d)) {
		features |= MEMBER_FEATURE_RECOVERY_OFFSET;
		if (d->recovery_by_bitmap)
			features |= MEMBER_FEATURE_RECOVERY_BITMAP;
		disk->recovery_offset = cpu_to_le64(d->recovery_sector);
	}
	disk->feature_map = cpu_to_le32(features);
	disk->dev_number = cpu_to_le32(d->number);
	disk->cnt_corrected_read = cpu_to_le32(d->corrected_reads);
	disk->devflags = (u8)((disk->devflags & ~flags) | (d->devflags & flags));
}

static int v1_update(u8 *raw, enum member_format format,
		     const struct member_update *u, u32 self)
{
	struct member_super_disk disk;
	u32 max_dev, entries = v1_entries(u);

	memcpy(&disk, raw, sizeof(disk));
	max_dev = le32_to_cpu(disk.max_dev);
	if (le32_to_cpu(disk.magic) != MEMBER_MAGIC ||
	    le32_to_cpu(disk.major_version) != 1 || max_dev > MEMBER_MAX_SLOTS)
		return -EINVAL;
	if (entries > max_dev) {
		if (entries > MEMBER_MAX_SLOTS ||
		    !v1_has_room(&disk, format, entries))
			return -ENOSPC;
		max_dev = entries;
	}
	disk.max_dev = cpu_to_le32(max_dev);
	v1_put_array(&disk, u);
	v1_put_self(&disk, &u->disks[self]);
	v1_put_roles(raw, max_dev, u);
	disk.sb_csum = 0;
	memcpy(raw, &disk, sizeof(disk));
	disk.sb_csum = cpu_to_le32(member_super_v1_sum(raw, max_dev));
	memcpy(raw, &disk, sizeof(disk));
	return 0;
}

/* ---- 0.90 ---------------------------------------------------------------- */

static void put_word(u8 *raw, size_t at, u32 v)
{
	memcpy(raw + at, &v, sizeof(v));
}

static u32 get_word(const u8 *raw, size_t at)
{
	u32 v;

	memcpy(&v, raw + at, sizeof(v));
	return v;
}

static void put_long(u8 *raw, size_t at, u64 v)
{
	memcpy(raw + at, &v, sizeof(v));
}

static u32 v0_disk_state(const struct member_update_disk *d)
{
	u32 state = 0;

	if (d->role == MEMBER_ROLE_FAULTY)
		state = V0_DISK_FAULTY;
	else if (in_sync(d))
		state = V0_DISK_ACTIVE | V0_DISK_SYNC;
	if (d->devflags & MEMBER_WRITE_MOSTLY)
		state |= V0_DISK_WRITEMOSTLY;
	if (d->devflags & MEMBER_FAILFAST)
		state |= V0_DISK_FAILFAST;
	return state;
}

static u8 *v0_descriptor(u8 *raw, u32 number)
{
	return raw + V0_DISKS + (size_t)number * V0_DISK_BYTES;
}

static void v0_put_disk(u8 *raw, const struct member_update_disk *d)
{
	u8 *at = v0_descriptor(raw, d->number);

	put_word(at, V0_DISK_NUMBER, d->number);
	put_word(at, V0_DISK_MAJOR, d->major);
	put_word(at, V0_DISK_MINOR, d->minor);
	put_word(at, V0_DISK_RAID_DISK, in_slot(d) ? d->role : d->number);
	put_word(at, V0_DISK_STATE, v0_disk_state(d));
}

static bool v0_known(const struct member_update *u, u32 number)
{
	u32 i;

	for (i = 0; i < u->ndisks; i++)
		if (u->disks[i].number == number)
			return true;
	return false;
}

/* Slots whose descriptor nobody has: how many, each said to be missing. */
static u32 v0_put_missing(u8 *raw, const struct member_update *u)
{
	u32 i, n = 0;

	for (i = 0; i < u->raid_disks; i++) {
		u8 *at = v0_descriptor(raw, i);

		if (v0_known(u, i))
			continue;
		put_word(at, V0_DISK_NUMBER, i);
		put_word(at, V0_DISK_RAID_DISK, i);
		put_word(at, V0_DISK_STATE, V0_DISK_REMOVED | V0_DISK_FAULTY);
		n++;
	}
	return n;
}

/* Descriptors and what they add up to. A member being rebuilt is a spare here. */
static void v0_put_disks(u8 *raw, const struct member_update *u, u32 self)
{
	u32 i, active = 0, failed = 0;

	memset(raw + V0_DISKS, 0, V0_DEVICES * V0_DISK_BYTES);
	for (i = 0; i < u->ndisks; i++) {
		v0_put_disk(raw, &u->disks[i]);
		active += in_sync(&u->disks[i]);
		failed += u->disks[i].role == MEMBER_ROLE_FAULTY;
	}
	put_word(raw, V0_NR_DISKS, u->ndisks);
	put_word(raw, V0_ACTIVE_DISKS, active);
	put_word(raw, V0_WORKING_DISKS, u->ndisks - failed);
	put_word(raw, V0_SPARE_DISKS, u->ndisks - failed - active);
	put_word(raw, V0_FAILED_DISKS, failed + v0_put_missing(raw, u));
	memcpy(raw + V0_THIS_DISK, v0_descriptor(raw, u->disks[self].number),
	       V0_DISK_BYTES);
}

/*
 * A checkpoint counts only beside the events it was written with. Where it
 * does not fit its 32 bits, a lower one is as true.
 */
static void v0_put_state(u8 *raw, const struct member_update *u)
{
	u32 state = get_word(raw, V0_STATE) &
		    ~(u32)(V0_STATE_CLEAN | V0_STATE_BITMAP);
	u32 checkpoint = u->resync_sector > 0xffffffffU ?
		0xffffffffU : (u32)u->resync_sector;

	if (u->resync_sector == MEMBER_IN_SYNC)
		state |= V0_STATE_CLEAN;
	put_word(raw, V0_STATE, state);
	put_word(raw, V0_UTIME, (u32)member_seconds(u->utime));
	put_long(raw, V0_EVENTS, u->events);
	put_long(raw, V0_CP_EVENTS, u->events);
	put_word(raw, V0_RECOVERY_CP, checkpoint);
}

static int v0_check_update(const u8 *raw, const struct member_update *u)
{
	u32 i;

	if (get_word(raw, 0) != MEMBER_MAGIC || get_word(raw, V0_MAJOR) != 0)
		return -EINVAL;
	if (u->raid_disks > V0_DEVICES)
		return -ENOSPC;
	for (i = 0; i < u->ndisks; i++)
		if (u->disks[i].number >= V0_DEVICES)
			return -ENOSPC;
	return 0;
}

static int v0_update(u8 *raw, const struct member_update *u, u32 self)
{
	int err = v0_check_update(raw, u);

	if (err)
		return err;
	v0_put_state(raw, u);
	put_word(raw, V0_LEVEL, (u32)u->level);
	put_word(raw, V0_LAYOUT, u->layout);
	put_word(raw, V0_RAID_DISKS, u->raid_disks);
	put_word(raw, V0_SIZE_KIB, (u32)(u->size_sectors / 2));
	put_word(raw, V0_CHUNK_BYTES, (u32)u->chunk_bytes);
	v0_put_disks(raw, u, self);
	put_word(raw, V0_CSUM, member_super_v0_sum(raw));
	return 0;
}

int member_update_number_v0(struct member_update_disk *disks, u32 ndisks,
			    u32 raid_disks)
{
	u32 i, others = 0;

	for (i = 0; i < ndisks; i++)
		others += !in_sync(&disks[i]);
	if (raid_disks + others > V0_DEVICES)
		return -ENOSPC;
	others = raid_disks;
	for (i = 0; i < ndisks; i++)
		disks[i].number = in_sync(&disks[i]) ? disks[i].role : others++;
	return 0;
}

int member_super_make_v0(u8 *raw, const struct member_update *u, u32 self,
			 const u8 uuid[UUID_BYTES], u32 ctime_s, u32 md_minor)
{
	memset(raw, 0, MEMBER_SUPER_BYTES);
	put_word(raw, 0, MEMBER_MAGIC);
	put_word(raw, V0_MINOR, 90);
	memcpy(raw + V0_UUID0, uuid, 4);
	memcpy(raw + V0_UUID1, uuid + 4, 12);
	put_word(raw, V0_CTIME, ctime_s);
	put_word(raw, V0_MD_MINOR, md_minor);
	return v0_update(raw, u, self);
}

/* ---- every format -------------------------------------------------------- */

int member_super_update(u8 *raw, enum member_format format,
			const struct member_update *u, u32 self)
{
	if (self >= u->ndisks)
		return -EINVAL;
	if (format == MEMBER_0_90)
		return v0_update(raw, u, self);
	return v1_update(raw, format, u, self);
}

u32 member_super_bytes(const u8 *raw, enum member_format format)
{
	struct member_super_disk disk;
	u32 max_dev;

	if (format == MEMBER_0_90)
		return MEMBER_SUPER_BYTES;
	memcpy(&disk, raw, sizeof(disk));
	max_dev = le32_to_cpu(disk.max_dev);
	if (max_dev > MEMBER_MAX_SLOTS)
		max_dev = MEMBER_MAX_SLOTS;
	return member_super_v1_sectors(max_dev) * SECTOR_BYTES;
}

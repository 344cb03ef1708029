// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superblocks of array members. The input may be hostile: every offset and
 * length is checked against the device, with sums that cannot wrap, before
 * it is handed out.
 */
#include "member_super_disk.h"

enum {
	DATA_MIN_SECTORS = 10,		/* md refuses a 1.x member with less */
	BAD_BLOCKS_MAX_SECTORS = 8,	/* md reads one page */
	BAD_BLOCKS_MAX_SHIFT = 20,	/* 10 bits of length stay within 31 */
	LOGICAL_BLOCK_MAX_BYTES = 65536,
	LEVEL_RAID10 = 10,
};

/* ---- 1.x: little-endian ------------------------------------------------ */

static u16 le16_at(const u8 *raw, size_t offset)
{
	__le16 v;

	memcpy(&v, raw + offset, sizeof(v));
	return le16_to_cpu(v);
}

static u32 le32_at(const u8 *raw, size_t offset)
{
	__le32 v;

	memcpy(&v, raw + offset, sizeof(v));
	return le32_to_cpu(v);
}

static u32 fold(u64 sum)
{
	return (u32)sum + (u32)(sum >> 32);
}

/* Over the head and @max_dev roles, the checksum's own word counting as 0. */
u32 member_super_v1_sum(const u8 *raw, u32 max_dev)
{
	size_t bytes = MEMBER_HEAD_BYTES + 2 * (size_t)max_dev;
	u64 sum = 0;
	size_t at;

	for (at = 0; at + 4 <= bytes; at += 4)
		if (at != MEMBER_CSUM_OFFSET)
			sum += le32_at(raw, at);
	if (at < bytes)
		sum += le16_at(raw, at);
	return fold(sum);
}

static int bad(struct fault *fault, const char *field, u64 found,
	       const char *expected)
{
	return fault_set(fault, -EUCLEAN, field, found, expected);
}

/* Is [at, at + length) within [0, end)? */
static bool fits(u64 at, u64 length, u64 end)
{
	return at <= end && length <= end - at;
}

static bool overlap(u64 a, u64 a_length, u64 b, u64 b_length)
{
	return a < b ? b - a < a_length : a - b < b_length;
}

/* Absolute sector of what lies @offset sectors from @base. */
static bool relative(u64 base, s64 offset, u64 device_sectors, u64 *sector)
{
	s64 sum;

	if ((s64)base < 0 ||
	    __builtin_add_overflow((s64)base, offset, &sum) || sum < 0)
		return false;
	*sector = (u64)sum;
	return *sector < device_sectors;
}

static int v1_check_identity(const struct member_super_disk *disk, const u8 *raw,
			     u64 super_sector, struct fault *fault)
{
	u32 max_dev = le32_to_cpu(disk->max_dev);
	u32 sum;

	if (le32_to_cpu(disk->magic) != MEMBER_MAGIC)
		return fault_set(fault, 1, "magic", le32_to_cpu(disk->magic),
				 "0xa92b4efc");
	if (le32_to_cpu(disk->major_version) != 1)
		return fault_set(fault, 1, "major_version",
				 le32_to_cpu(disk->major_version), "1");
	if (max_dev > MEMBER_MAX_SLOTS)
		return bad(fault, "max_dev", max_dev, "at most 1920");
	sum = member_super_v1_sum(raw, max_dev);
	if (le32_to_cpu(disk->sb_csum) != sum)
		return fault_set(fault, -EBADMSG, "sb_csum",
				 le32_to_cpu(disk->sb_csum),
				 "the sum of the superblock's words");
	/* True, but of another place: a partition's, or a copy. */
	if (le64_to_cpu(disk->super_offset) != super_sector)
		return fault_set(fault, 1, "super_offset",
				 le64_to_cpu(disk->super_offset),
				 "the sector where it was found");
	return 0;
}

static bool zeroed(const u8 *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

static int v1_check_features(const struct member_super_disk *disk,
			     struct fault *fault)
{
	u32 features = le32_to_cpu(disk->feature_map);
	u32 block = le32_to_cpu(disk->logical_block_size);

	if (features & ~(u32)MEMBER_FEATURES_KNOWN)
		return fault_set(fault, -EPROTONOSUPPORT, "feature_map", features,
				 "no bits above 0x1fff");
	if ((features & (MEMBER_FEATURE_PPL | MEMBER_FEATURE_MULTIPLE_PPLS)) &&
	    (features & (MEMBER_FEATURE_BITMAP | MEMBER_FEATURE_JOURNAL)))
		return bad(fault, "feature_map", features,
			   "no PPL beside a bitmap or journal");
	if (disk->pad0)
		return bad(fault, "pad0", le32_to_cpu(disk->pad0), "0");
	if (block && (block < SECTOR_BYTES || block > LOGICAL_BLOCK_MAX_BYTES ||
		      (block & (block - 1))))
		return bad(fault, "logical_block_size", block,
			   "0 or a power of two, 512 to 65536");
	if (!zeroed(disk->pad3, sizeof(disk->pad3)))
		return bad(fault, "pad3", 1, "all zero");
	return 0;
}

static int check_geometry(const struct member_super *ms, struct fault *fault)
{
	u32 near_copies = ms->layout & 0xff, far_copies = ms->layout >> 8 & 0xff;
	u64 product;

	if (ms->events > MEMBER_EVENTS_MAX)
		return bad(fault, "events", ms->events, "less than 2^63");
	if (ms->level != LEVEL_RAID10)
		return 0;
	if (!near_copies || !far_copies ||
	    near_copies * far_copies > ms->raid_disks)
		return bad(fault, "layout", ms->layout,
			   "RAID10 copies from 1 to raid_disks");
	if (__builtin_mul_overflow(ms->size_sectors, (u64)ms->raid_disks, &product))
		return bad(fault, "size", ms->size_sectors,
			   "a size that 64 bits can count");
	return 0;
}

/* Data, superblock and bad-block log of the device lie where md may have them. */
static int v1_check_places(const struct member_super *ms,
			   const struct member_super_disk *disk,
			   u64 device_sectors, struct fault *fault)
{
	u64 super_end = ms->super_sector + member_super_v1_sectors(ms->max_devices);
	u64 end = ms->format == MEMBER_1_0 ? ms->super_sector : device_sectors;
	s32 log = (s32)le32_to_cpu(disk->bblog_offset);
	u16 log_sectors = le16_to_cpu(disk->bblog_size);
	u64 log_sector;

	if (ms->data_sectors < DATA_MIN_SECTORS)
		return bad(fault, "data_size", ms->data_sectors, "at least 10 sectors");
	if (ms->format != MEMBER_1_0 && ms->data_sector < super_end)
		return bad(fault, "data_offset", ms->data_sector,
			   "data behind the superblock");
	if (ms->data_sector > end)
		return bad(fault, "data_offset", ms->data_sector,
			   "data that start on the device");
	if (!fits(ms->data_sector, ms->data_sectors, end))
		return bad(fault, "data_size", ms->data_sectors,
			   "data that end on the device");
	if (ms->level > 0 && ms->role != MEMBER_ROLE_JOURNAL &&
	    ms->size_sectors > ms->data_sectors)
		return bad(fault, "size", ms->size_sectors, "at most data_size");
	if (!(ms->features & MEMBER_FEATURE_BAD_BLOCKS) || !log)
		return 0;
	if (log_sectors > BAD_BLOCKS_MAX_SECTORS)
		return bad(fault, "bblog_size", log_sectors, "at most 8 sectors");
	if (disk->bblog_shift > BAD_BLOCKS_MAX_SHIFT)
		return bad(fault, "bblog_shift", disk->bblog_shift, "at most 20");
	if (!relative(ms->super_sector, log, device_sectors, &log_sector) ||
	    !fits(log_sector, log_sectors, device_sectors))
		return bad(fault, "bblog_offset", (u64)(s64)log, "a place on the device");
	return 0;
}

static int v1_place_bitmap(struct member_super *ms, s32 offset,
			   u64 device_sectors, struct fault *fault)
{
	u64 sector;

	if (!(ms->features & MEMBER_FEATURE_BITMAP))
		return 0;
	if (!relative(ms->super_sector, offset, device_sectors, &sector))
		return bad(fault, "bitmap_offset", (u64)(s64)offset,
			   "a place on the device");
	if (overlap(sector, 1, ms->super_sector, member_super_v1_sectors(ms->max_devices)))
		return bad(fault, "bitmap_offset", (u64)(s64)offset,
			   "a place outside the superblock");
	if (overlap(sector, 1, ms->data_sector, ms->size_sectors))
		return bad(fault, "bitmap_offset", (u64)(s64)offset,
			   "a place outside the data");
	ms->has_bitmap = true;
	ms->bitmap_sector = (s64)sector;
	return 0;
}

/* A role that md would not honour makes a spare. */
static u16 sane_role(const struct member_super *ms, u16 role)
{
	if (role == MEMBER_ROLE_FAULTY || role == MEMBER_ROLE_JOURNAL ||
	    role < ms->raid_disks)
		return role;
	return MEMBER_ROLE_SPARE;
}

static void v1_decode_roles(struct member_super *ms, const u8 *raw)
{
	u32 i;

	for (i = 0; i < ms->max_devices; i++)
		ms->roles[i] = sane_role(ms, le16_at(raw, MEMBER_HEAD_BYTES + 2 * i));
	ms->role = ms->number < ms->max_devices ? ms->roles[ms->number] :
						  MEMBER_ROLE_SPARE;
}

static void v1_decode_fields(struct member_super *ms,
			     const struct member_super_disk *disk)
{
	ms->major_version = 1;
	ms->minor_version = ms->format == MEMBER_1_0 ? 0 :
			    ms->format == MEMBER_1_1 ? 1 : 2;
	ms->features = le32_to_cpu(disk->feature_map);
	memcpy(ms->uuid, disk->set_uuid, UUID_BYTES);
	memcpy(ms->device_uuid, disk->device_uuid, UUID_BYTES);
	memcpy(ms->name, disk->set_name, MEMBER_NAME_BYTES);
	ms->ctime_s = member_seconds(le64_to_cpu(disk->ctime));
	ms->utime = le64_to_cpu(disk->utime);
	ms->level = (s32)le32_to_cpu(disk->level);
	ms->layout = le32_to_cpu(disk->layout);
	ms->raid_disks = le32_to_cpu(disk->raid_disks);
	ms->size_sectors = le64_to_cpu(disk->size);
	ms->chunk_bytes = (u64)le32_to_cpu(disk->chunksize) * SECTOR_BYTES;
	ms->super_sector = le64_to_cpu(disk->super_offset);
	ms->data_sector = le64_to_cpu(disk->data_offset);
	ms->data_sectors = le64_to_cpu(disk->data_size);
	ms->events = le64_to_cpu(disk->events);
	ms->resync_sector = le64_to_cpu(disk->resync_offset);
	ms->number = le32_to_cpu(disk->dev_number);
	ms->max_devices = le32_to_cpu(disk->max_dev);
	ms->devflags = disk->devflags;
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET) {
		ms->recovery_sector = le64_to_cpu(disk->recovery_offset);
		if (ms->recovery_sector > ms->size_sectors)
			ms->recovery_sector = ms->size_sectors;
	}
}

static int v1_decode(struct member_super *ms, const u8 *raw, u64 super_sector,
		     u64 device_sectors, struct fault *fault)
{
	struct member_super_disk disk;
	int err;

	memcpy(&disk, raw, sizeof(disk));
	err = v1_check_identity(&disk, raw, super_sector, fault);
	if (!err)
		err = v1_check_features(&disk, fault);
	if (err)
		return err;
	v1_decode_fields(ms, &disk);
	if (!ms->raid_disks || ms->raid_disks > MEMBER_MAX_SLOTS)
		return bad(fault, "raid_disks", ms->raid_disks, "1 to 1920");
	v1_decode_roles(ms, raw);
	err = v1_check_places(ms, &disk, device_sectors, fault);
	if (!err)
		err = check_geometry(ms, fault);
	if (!err)
		err = v1_place_bitmap(ms, (s32)le32_to_cpu(disk.bitmap_offset),
				      device_sectors, fault);
	return err;
}

static void put32(u8 *raw, size_t offset, u32 value)
{
	__le32 v = cpu_to_le32(value);

	memcpy(raw + offset, &v, sizeof(v));
}

/*
 * Position and room of the data on the new device. What the template keeps
 * free between its data and its end (1.0: internal bitmap and bad-block log
 * in front of the superblock) stays free.
 */
static int spare_place(struct member_super_disk *disk, enum member_format format,
		       u64 device_sectors)
{
	u64 old_super = le64_to_cpu(disk->super_offset);
	u64 data = le64_to_cpu(disk->data_offset);
	u64 room = le64_to_cpu(disk->data_size);
	u64 end = device_sectors;
	u64 super_sector, reserve = 0;
	int err;

	err = member_super_location(format, device_sectors, &super_sector);
	if (err)
		return err;
	if (format == MEMBER_1_0) {
		if (!fits(data, room, old_super))
			return -EINVAL;
		reserve = old_super - data - room;
		end = super_sector;
	}
	if (!fits(data, reserve, end))
		return -ENOSPC;
	room = end - data - reserve;
	if (room < DATA_MIN_SECTORS || room < le64_to_cpu(disk->size))
		return -ENOSPC;
	disk->super_offset = cpu_to_le64(super_sector);
	disk->data_size = cpu_to_le64(room);
	return 0;
}

/* What says something about the old device only. */
static void spare_forget(struct member_super_disk *disk)
{
	u32 features = le32_to_cpu(disk->feature_map);

	features &= ~(u32)(MEMBER_FEATURE_RECOVERY_OFFSET |
			   MEMBER_FEATURE_RECOVERY_BITMAP |
			   MEMBER_FEATURE_REPLACEMENT |
			   MEMBER_FEATURE_BAD_BLOCKS);
	disk->feature_map = cpu_to_le32(features);
	disk->recovery_offset = 0;
	disk->cnt_corrected_read = 0;
	disk->devflags = 0;
}

/* A larger role table may run into the bitmap or, 1.1 and 1.2, the data. */
static bool spare_has_room(const struct member_super_disk *disk, u32 max_dev,
			   enum member_format format)
{
	u64 sectors = member_super_v1_sectors(max_dev);
	s32 bitmap = (s32)le32_to_cpu(disk->bitmap_offset);

	if (le32_to_cpu(disk->feature_map) & MEMBER_FEATURE_BITMAP &&
	    bitmap >= 0 && (u64)bitmap < sectors)
		return false;
	return format == MEMBER_1_0 ||
	       fits(le64_to_cpu(disk->super_offset), sectors,
		    le64_to_cpu(disk->data_offset));
}

int member_super_make_spare(u8 *raw, enum member_format format,
			    u64 device_sectors, u32 number,
			    const u8 device_uuid[UUID_BYTES])
{
	const u32 unfit = MEMBER_FEATURE_RESHAPE | MEMBER_FEATURE_NEW_OFFSET |
			  MEMBER_FEATURE_PPL | MEMBER_FEATURE_MULTIPLE_PPLS;
	struct member_super_disk disk;
	u32 max_dev, i;
	int err;

	memcpy(&disk, raw, sizeof(disk));
	max_dev = le32_to_cpu(disk.max_dev);
	if (format == MEMBER_0_90 || le32_to_cpu(disk.magic) != MEMBER_MAGIC ||
	    le32_to_cpu(disk.major_version) != 1 ||
	    max_dev > MEMBER_MAX_SLOTS || number >= MEMBER_MAX_SLOTS)
		return -EINVAL;
	if (le32_to_cpu(disk.feature_map) & unfit)
		return -EOPNOTSUPP;
	err = spare_place(&disk, format, device_sectors);
	if (err)
		return err;
	spare_forget(&disk);
	if (number >= max_dev) {
		if (!spare_has_room(&disk, number + 1, format))
			return -ENOSPC;
		for (i = max_dev; i < number; i++)
			member_super_put_role(raw, i, MEMBER_ROLE_SPARE);
		max_dev = number + 1;
	}
	disk.dev_number = cpu_to_le32(number);
	disk.max_dev = cpu_to_le32(max_dev);
	memcpy(disk.device_uuid, device_uuid, UUID_BYTES);
	memcpy(raw, &disk, sizeof(disk));
	member_super_put_role(raw, number, MEMBER_ROLE_SPARE);
	memset(raw + MEMBER_HEAD_BYTES + 2 * (size_t)max_dev, 0,
	       2 * (size_t)(MEMBER_MAX_SLOTS - max_dev));
	put32(raw, MEMBER_CSUM_OFFSET, member_super_v1_sum(raw, max_dev));
	return 0;
}

/* ---- 0.90: words in the order of the host that wrote them -------------- */

static u32 word_at(const u8 *raw, size_t offset)
{
	u32 v;

	memcpy(&v, raw + offset, sizeof(v));
	return v;
}

/* 64-bit fields lie as the host's own u64 would, but for alignment. */
static u64 long_at(const u8 *raw, size_t offset)
{
	u64 v;

	memcpy(&v, raw + offset, sizeof(v));
	return v;
}

u32 member_super_v0_sum(const u8 *raw)
{
	u64 sum = 0;
	size_t at;

	for (at = 0; at < MEMBER_SUPER_BYTES; at += 4)
		if (at != V0_CSUM)
			sum += word_at(raw, at);
	return fold(sum);
}

static int v0_check_identity(const u8 *raw, struct fault *fault)
{
	u32 minor = word_at(raw, V0_MINOR);

	if (word_at(raw, 0) != MEMBER_MAGIC)
		return fault_set(fault, 1, "magic", word_at(raw, 0), "0xa92b4efc");
	if (word_at(raw, V0_MAJOR) != 0)
		return fault_set(fault, 1, "major_version",
				 word_at(raw, V0_MAJOR), "0");
	if (minor != 90 && minor != 91)
		return fault_set(fault, 1, "minor_version", minor, "90 or 91");
	if (word_at(raw, V0_CSUM) != member_super_v0_sum(raw))
		return fault_set(fault, -EBADMSG, "sb_csum", word_at(raw, V0_CSUM),
				 "the sum of the superblock's words");
	return 0;
}

static u16 v0_role(const struct member_super *ms, const u8 *raw, u32 number)
{
	const u8 *disk = raw + V0_DISKS + number * V0_DISK_BYTES;
	u32 state = word_at(disk, V0_DISK_STATE);
	u32 slot = word_at(disk, V0_DISK_RAID_DISK);

	if (state & V0_DISK_FAULTY)
		return MEMBER_ROLE_FAULTY;
	/* Active without sync: the new part of a reshape. */
	if ((state & V0_DISK_SYNC ||
	     (state & V0_DISK_ACTIVE && ms->minor_version == 91)) &&
	    slot < ms->raid_disks)
		return (u16)slot;
	return MEMBER_ROLE_SPARE;
}

static void v0_decode_roles(struct member_super *ms, const u8 *raw)
{
	u32 i, state;

	ms->max_devices = V0_DEVICES;
	for (i = 0; i < V0_DEVICES; i++)
		ms->roles[i] = v0_role(ms, raw, i);
	ms->role = ms->roles[ms->number];
	state = word_at(raw, V0_DISKS + ms->number * V0_DISK_BYTES + V0_DISK_STATE);
	if (state & V0_DISK_WRITEMOSTLY)
		ms->devflags |= MEMBER_WRITE_MOSTLY;
	if (state & V0_DISK_FAILFAST)
		ms->devflags |= MEMBER_FAILFAST;
}

static void v0_decode_fields(struct member_super *ms, const u8 *raw,
			     u64 super_sector)
{
	ms->minor_version = word_at(raw, V0_MINOR);
	memcpy(ms->uuid, raw + V0_UUID0, 4);
	memcpy(ms->uuid + 4, raw + V0_UUID1, 12);
	ms->ctime_s = word_at(raw, V0_CTIME);
	ms->utime = word_at(raw, V0_UTIME);
	ms->level = (s32)word_at(raw, V0_LEVEL);
	ms->layout = word_at(raw, V0_LAYOUT);
	ms->raid_disks = word_at(raw, V0_RAID_DISKS);
	ms->size_sectors = (u64)word_at(raw, V0_SIZE_KIB) * 2;
	ms->chunk_bytes = word_at(raw, V0_CHUNK_BYTES);
	ms->super_sector = super_sector;
	ms->data_sectors = super_sector;
	if (ms->level > 0 && ms->data_sectors > V0_DATA_MAX_SECTORS)
		ms->data_sectors = V0_DATA_MAX_SECTORS;
	ms->events = long_at(raw, V0_EVENTS);
	if (word_at(raw, V0_STATE) & V0_STATE_CLEAN)
		ms->resync_sector = MEMBER_IN_SYNC;
	else if (long_at(raw, V0_CP_EVENTS) == ms->events)
		ms->resync_sector = word_at(raw, V0_RECOVERY_CP);
	ms->number = word_at(raw, V0_THIS_DISK);
	if (ms->minor_version == 91)
		ms->features |= MEMBER_FEATURE_RESHAPE;
	if (word_at(raw, V0_STATE) & V0_STATE_BITMAP)
		ms->features |= MEMBER_FEATURE_BITMAP;
}

static int v0_decode(struct member_super *ms, const u8 *raw, u64 super_sector,
		     struct fault *fault)
{
	int err = v0_check_identity(raw, fault);

	if (err)
		return err;
	v0_decode_fields(ms, raw, super_sector);
	if (!ms->raid_disks || ms->raid_disks > V0_DEVICES)
		return bad(fault, "raid_disks", ms->raid_disks, "1 to 27");
	if (ms->number >= V0_DEVICES)
		return bad(fault, "this_disk.number", ms->number, "0 to 26");
	if (ms->level > 0 && ms->size_sectors > ms->data_sectors)
		return bad(fault, "size", ms->size_sectors / 2,
			   "KiB that fit in front of the superblock");
	v0_decode_roles(ms, raw);
	if (ms->features & MEMBER_FEATURE_BITMAP) {
		/* Always within the 64 KiB that end the device. */
		ms->has_bitmap = true;
		ms->bitmap_sector = (s64)(super_sector + V0_BITMAP_OFFSET_SECTORS);
	}
	return check_geometry(ms, fault);
}

/* ---- every format ------------------------------------------------------ */

int member_super_location(enum member_format format, u64 device_sectors,
			  u64 *sector)
{
	u64 min = format == MEMBER_0_90 ? V0_DEVICE_MIN_SECTORS :
					  MEMBER_V1_DEVICE_MIN_SECTORS;

	if (device_sectors < min)
		return -ENOSPC;
	switch (format) {
	case MEMBER_1_1:
		*sector = 0;
		return 0;
	case MEMBER_1_2:
		*sector = 8;
		return 0;
	case MEMBER_1_0:
		*sector = (device_sectors - 16) & ~7ULL;
		return 0;
	case MEMBER_0_90:
		*sector = (device_sectors & ~(V0_ALIGN_SECTORS - 1ULL)) - V0_ALIGN_SECTORS;
		return 0;
	default:
		return -EINVAL;
	}
}

int member_super_decode(struct member_super *ms, enum member_format format,
			const u8 *raw, u64 device_sectors, struct fault *fault)
{
	u64 sector;
	int err;

	err = member_super_location(format, device_sectors, &sector);
	if (err)
		return fault_set(fault, 1, "device size", device_sectors,
				 "room for a superblock");
	memset(ms, 0, sizeof(*ms));
	ms->format = format;
	if (format == MEMBER_0_90)
		return v0_decode(ms, raw, sector, fault);
	return v1_decode(ms, raw, sector, device_sectors, fault);
}

/*
 * RAID10 as its driver counts: whole stripe chunks of each device, spread
 * over all devices, shared by the copies, each step rounded down.
 */
static u64 raid10_sectors(const struct member_super *ms)
{
	u64 near_copies = ms->layout & 0xff, far_copies = ms->layout >> 8 & 0xff;
	u64 chunk = ms->chunk_bytes / SECTOR_BYTES;
	u64 chunks;

	if (!near_copies || !far_copies)
		return ms->size_sectors;
	if (!chunk)
		chunk = 1;
	chunks = port_div64(port_div64(ms->size_sectors, chunk), far_copies);
	if (__builtin_mul_overflow(chunks, (u64)ms->raid_disks, &chunks))
		return ms->size_sectors;
	chunks = port_div64(chunks, near_copies);
	return __builtin_mul_overflow(chunks, chunk, &chunks) ?
		ms->size_sectors : chunks;
}

u64 member_super_sync_sectors(const struct member_super *ms)
{
	return ms->level == LEVEL_RAID10 ? raid10_sectors(ms) : ms->size_sectors;
}

const char *member_super_unsupported(const struct member_super *ms)
{
	static const struct {
		u32 features;
		const char *what;
	} all[] = {
		{ MEMBER_FEATURE_BAD_BLOCKS, "a list of bad blocks" },
		{ MEMBER_FEATURE_RESHAPE | MEMBER_FEATURE_RESHAPE_BACKWARDS |
		  MEMBER_FEATURE_NEW_OFFSET, "a reshape under way" },
		{ MEMBER_FEATURE_REPLACEMENT, "the place of a member that it is to replace" },
		{ MEMBER_FEATURE_CLUSTERED, "a cluster" },
		{ MEMBER_FEATURE_JOURNAL, "a journal" },
		{ MEMBER_FEATURE_PPL | MEMBER_FEATURE_MULTIPLE_PPLS, "a partial parity log" },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (ms->features & all[i].features)
			return all[i].what;
	return NULL;
}

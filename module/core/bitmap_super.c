// SPDX-License-Identifier: GPL-2.0-only
#include "bitmap_super.h"
#include "bits.h"
#include "member_super.h"

#define AT(field, offset) \
	static_assert(offsetof(struct bitmap_super_disk, field) == (offset), #field)

AT(magic, 0);
AT(version, 4);
AT(uuid, 8);
AT(events, 24);
AT(events_cleared, 32);
AT(sync_size, 40);
AT(state, 48);
AT(chunksize, 52);
AT(daemon_sleep, 56);
AT(write_behind, 60);
AT(sectors_reserved, 64);
AT(nodes, 68);
AT(cluster_name, 72);
AT(pad, 136);
static_assert(sizeof(struct bitmap_super_disk) == BITMAP_SUPER_BYTES, "size");

void bitmap_super_decode(struct bitmap_super *sb,
			 const struct bitmap_super_disk *disk)
{
	memset(sb, 0, sizeof(*sb));
	sb->magic = le32_to_cpu(disk->magic);
	sb->version = le32_to_cpu(disk->version);
	memcpy(sb->uuid, disk->uuid, UUID_BYTES);
	sb->events = le64_to_cpu(disk->events);
	sb->events_cleared = le64_to_cpu(disk->events_cleared);
	sb->sync_sectors = le64_to_cpu(disk->sync_size);
	sb->state = le32_to_cpu(disk->state);
	sb->chunk_bytes = le32_to_cpu(disk->chunksize);
	if (sb->version == BITMAP_V6_LOCKLESS)
		sb->chunk_bytes *= SECTOR_BYTES;
	sb->delay_s = le32_to_cpu(disk->daemon_sleep);
	sb->write_behind = le32_to_cpu(disk->write_behind);
	sb->sectors_reserved = le32_to_cpu(disk->sectors_reserved);
	sb->nodes = le32_to_cpu(disk->nodes);
	memcpy(sb->cluster_name, disk->cluster_name, BITMAP_CLUSTER_NAME_BYTES);
	memcpy(sb->pad, disk->pad, BITMAP_PAD_BYTES);
}

void bitmap_super_encode(struct bitmap_super_disk *disk,
			 const struct bitmap_super *sb)
{
	u64 chunk = sb->chunk_bytes;

	if (sb->version == BITMAP_V6_LOCKLESS)
		chunk /= SECTOR_BYTES;
	disk->magic = cpu_to_le32(sb->magic);
	disk->version = cpu_to_le32(sb->version);
	memcpy(disk->uuid, sb->uuid, UUID_BYTES);
	disk->events = cpu_to_le64(sb->events);
	disk->events_cleared = cpu_to_le64(sb->events_cleared);
	disk->sync_size = cpu_to_le64(sb->sync_sectors);
	disk->state = cpu_to_le32(sb->state);
	disk->chunksize = cpu_to_le32((u32)chunk);
	disk->daemon_sleep = cpu_to_le32(sb->delay_s);
	disk->write_behind = cpu_to_le32(sb->write_behind);
	disk->sectors_reserved = cpu_to_le32(sb->sectors_reserved);
	disk->nodes = cpu_to_le32(sb->nodes);
	memcpy(disk->cluster_name, sb->cluster_name, BITMAP_CLUSTER_NAME_BYTES);
	memcpy(disk->pad, sb->pad, BITMAP_PAD_BYTES);
}

/* --- which update --------------------------------------------------------- */

struct update_disk {
	__le64 events;
	__le64 utime;
	__le64 utime_before;
};

/* The pad ends with it. */
enum { UPDATE_AT = BITMAP_PAD_BYTES - (int)sizeof(struct update_disk) };

static void get_update(const struct bitmap_super *sb, struct update_disk *disk)
{
	memcpy(disk, sb->pad + UPDATE_AT, sizeof(*disk));
}

static bool has_update(const struct bitmap_super *sb, u64 utime)
{
	struct update_disk disk;

	get_update(sb, &disk);
	return le64_to_cpu(disk.events) == sb->events && le64_to_cpu(disk.utime) == utime;
}

/* One that says the same, and what was before, is better. */
void bitmap_super_note_update(struct bitmap_super *sb, u64 utime, u64 utime_before)
{
	struct update_disk disk = {
		.events = cpu_to_le64(sb->events),
		.utime = cpu_to_le64(utime),
		.utime_before = cpu_to_le64(utime_before),
	};

	if (utime_before || !has_update(sb, utime))
		memcpy(sb->pad + UPDATE_AT, &disk, sizeof(disk));
}

void bitmap_super_copy_update(struct bitmap_super *to, const struct bitmap_super *from)
{
	struct update_disk disk;

	get_update(from, &disk);
	if (le64_to_cpu(disk.events) == from->events)
		memcpy(to->pad + UPDATE_AT, &disk, sizeof(disk));
}

bool bitmap_super_updates_differ(const struct bitmap_super *x, const struct bitmap_super *y)
{
	struct update_disk a, b;

	get_update(x, &a);
	get_update(y, &b);
	return x->events == y->events && le64_to_cpu(a.events) == x->events &&
	       a.events == b.events && a.utime != b.utime;
}

bool bitmap_super_is_of(const struct bitmap_super *sb, u64 events, u64 utime)
{
	struct update_disk disk;

	get_update(sb, &disk);
	if (le64_to_cpu(disk.events) != sb->events || !member_microseconds(utime))
		return true;
	return utime == le64_to_cpu(sb->events == events ? disk.utime : disk.utime_before);
}

/* --- judgement ------------------------------------------------------------ */

static bool is_power_of_two(u64 x)
{
	return x && !(x & (x - 1));
}

static int check_chunk(const struct bitmap_super *sb, int err, u64 min,
		       struct fault *fault)
{
	u64 chunk = sb->chunk_bytes;

	if (!chunk)
		return fault_set(fault, err, "chunksize", chunk, "not zero");
	if (!is_power_of_two(chunk))
		return fault_set(fault, err, "chunksize", chunk, "a power of two");
	if (chunk < min)
		return fault_set(fault, err, "chunksize", chunk,
				 min == BITMAP_CHUNK_MIN_BYTES ?
					 "at least 512 bytes" :
					 "at least 4096 bytes");
	if (chunk > BITMAP_CHUNK_MAX_BYTES)
		return fault_set(fault, err, "chunksize", chunk,
				 "at most 2147483648 bytes");
	return 0;
}

/* Sectors are counted in bytes too, and in bits: neither may overflow. */
static int check_size(const struct bitmap_super *sb, int err, struct fault *fault)
{
	if (sb->sync_sectors > UINT64_MAX / 2 / SECTOR_BYTES)
		return fault_set(fault, err, "sync_size", sb->sync_sectors,
				 "fewer than 2^54 sectors");
	if (bitmap_bits(sb->sync_sectors, sb->chunk_bytes) > BITMAP_BITS_MAX)
		return fault_set(fault, err, "sync_size", sb->sync_sectors,
				 "at most 2^31 chunks of chunksize");
	return 0;
}

static int check_rest(const struct bitmap_super *sb, int err, struct fault *fault)
{
	bool clustered = sb->version == BITMAP_V5_CLUSTERED;

	if (!sb->delay_s)
		return fault_set(fault, err, "daemon_sleep", 0, "at least 1 second");
	if (sb->delay_s > INT32_MAX / 1000)
		return fault_set(fault, err, "daemon_sleep", sb->delay_s,
				 "at most 2147483 seconds");
	if (sb->write_behind > BITMAP_WRITE_BEHIND_MAX)
		return fault_set(fault, err, "write_behind", sb->write_behind,
				 "at most 16383");
	if (!clustered && sb->nodes)
		return fault_set(fault, err, "nodes", sb->nodes,
				 "0 unless the version is 5");
	if (clustered && sb->nodes > 1024)
		return fault_set(fault, err, "nodes", sb->nodes, "at most 1024");
	return 0;
}

int bitmap_super_check(const struct bitmap_super *sb, struct fault *fault)
{
	int err;

	if (sb->magic != BITMAP_MAGIC)
		return fault_set(fault, -EMEDIUMTYPE, "magic", sb->magic,
				 "0x6d746962");
	if (sb->version < BITMAP_V3_HOST_ENDIAN ||
	    sb->version > BITMAP_V6_LOCKLESS)
		return fault_set(fault, -EPROTONOSUPPORT, "version", sb->version,
				 "3, 4, 5 or 6");
	err = check_chunk(sb, -EUCLEAN, BITMAP_CHUNK_MIN_BYTES, fault);
	if (!err)
		err = check_size(sb, -EUCLEAN, fault);
	if (!err)
		err = check_rest(sb, -EUCLEAN, fault);
	return err;
}

int bitmap_super_check_new(const struct bitmap_super *sb, struct fault *fault)
{
	int err;

	if (!sb->sync_sectors)
		return fault_set(fault, -EINVAL, "sync_size", 0, "not zero");
	err = check_chunk(sb, -EINVAL, BITMAP_CHUNK_MIN_NEW_BYTES, fault);
	if (!err)
		err = check_size(sb, -EINVAL, fault);
	if (!err && sb->chunk_bytes > BITMAP_CHUNK_MIN_NEW_BYTES &&
	    sb->chunk_bytes / 2 / SECTOR_BYTES >= sb->sync_sectors)
		err = fault_set(fault, -EINVAL, "chunksize", sb->chunk_bytes,
				"no larger than the array");
	if (!err)
		err = check_rest(sb, -EINVAL, fault);
	return err;
}

void bitmap_super_init(struct bitmap_super *sb)
{
	memset(sb, 0, sizeof(*sb));
	sb->magic = BITMAP_MAGIC;
	sb->version = BITMAP_V4;
	sb->delay_s = BITMAP_DELAY_DEFAULT_S;
}

u64 bitmap_bits(u64 sectors, u64 chunk_bytes)
{
	u64 chunk_sectors = chunk_bytes / SECTOR_BYTES;
	u64 whole = port_div64(sectors, chunk_sectors);

	return whole + (whole * chunk_sectors != sectors);
}

u64 bitmap_head_bytes(const struct bitmap_super *sb)
{
	return sb->version == BITMAP_V6_LOCKLESS ? BITMAP_LOCKLESS_HEAD_BYTES :
						   BITMAP_SUPER_BYTES;
}

u64 bitmap_bytes(const struct bitmap_super *sb)
{
	u64 bits = bitmap_bits(sb->sync_sectors, sb->chunk_bytes);

	return bitmap_head_bytes(sb) +
	       (sb->version == BITMAP_V6_LOCKLESS ? bits : bits_bytes(bits));
}

u64 bitmap_slot_bytes(const struct bitmap_super *sb)
{
	return (bitmap_bytes(sb) + 4095) / 4096 * 4096;
}

u64 bitmap_default_chunk_bytes(u64 sectors)
{
	u64 chunk = BITMAP_CHUNK_MIN_NEW_BYTES;

	while (chunk < BITMAP_CHUNK_MAX_BYTES &&
	       bitmap_bits(sectors, chunk) > BITMAP_BITS_DEFAULT_MAX)
		chunk *= 2;
	return chunk;
}

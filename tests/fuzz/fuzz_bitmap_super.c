// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any 256 bytes as a bitmap's superblock: the translation loses nothing, and
 * what the check lets through is safe to calculate with.
 */
#include <errno.h>
#include <string.h>
#include "fuzz.h"
#include "module/core/bitmap_super.h"

/* All bitmaps of a cluster, far below what overflows a file offset. */
#define SLOTS_MAX_BYTES (1ULL << 40)

static void check_translation(const struct bitmap_super_disk *disk,
			      struct bitmap_super *sb)
{
	struct bitmap_super_disk back;
	struct bitmap_super again;

	bitmap_super_decode(sb, disk);
	memset(&back, 0xee, sizeof(back));
	bitmap_super_encode(&back, sb);
	must(!memcmp(disk, &back, sizeof(back)));
	bitmap_super_decode(&again, &back);
	must(!memcmp(sb, &again, sizeof(again)));
	must(!sb->cluster_name[BITMAP_CLUSTER_NAME_BYTES]);
}

static void check_geometry(const struct bitmap_super *sb)
{
	unsigned __int128 size = (unsigned __int128)sb->sync_sectors * SECTOR_BYTES;
	u64 chunk = sb->chunk_bytes, bits = bitmap_bits(sb->sync_sectors, chunk);
	u64 slot = bitmap_slot_bytes(sb), bytes = bitmap_bytes(sb);
	u64 nodes = sb->nodes ? sb->nodes : 1;

	must(chunk >= 512 && chunk <= 1ULL << 31 && !(chunk & (chunk - 1)));
	must(bits <= 1ULL << 31);
	must((unsigned __int128)bits * chunk >= size);
	must(!bits || (unsigned __int128)(bits - 1) * chunk < size);
	must(size < (unsigned __int128)1 << 63);
	must(bytes == (sb->version == 6 ? 1024 + bits : 256 + (bits + 7) / 8));
	must(slot % 4096 == 0 && slot >= bytes && slot - bytes < 4096);
	must(slot * nodes < SLOTS_MAX_BYTES);
	must(sb->version >= 3 && sb->version <= 6);
	must(!sb->nodes || sb->version == 5);
	must(sb->delay_s && (u64)sb->delay_s * 1000 <= INT32_MAX);
}

static void check_verdict(const struct bitmap_super *sb, int (*check)(
				  const struct bitmap_super *, struct fault *))
{
	struct fault fault = { 0 };
	int err = check(sb, &fault);

	must(err == check(sb, NULL));
	must(!err || err == -EMEDIUMTYPE || err == -EPROTONOSUPPORT ||
	     err == -EUCLEAN || err == -EINVAL);
	must(!err == !fault.field && !err == !fault.expected);
}

/* A new one is held to more, so that we never make what we would not read. */
static void check_new(const struct bitmap_super *sb)
{
	struct bitmap_super made = *sb;

	check_verdict(sb, bitmap_super_check_new);
	if (sb->magic != BITMAP_MAGIC || sb->version < 3 || sb->version > 6 ||
	    bitmap_super_check_new(sb, NULL))
		return;
	must(!bitmap_super_check(sb, NULL));
	must(sb->chunk_bytes >= 4096 && sb->sync_sectors);
	bitmap_super_init(&made);
	made.sync_sectors = sb->sync_sectors;
	made.chunk_bytes = bitmap_default_chunk_bytes(sb->sync_sectors);
	must(made.chunk_bytes <= BITMAP_CHUNK_MAX_BYTES);
	if (made.chunk_bytes == BITMAP_CHUNK_MAX_BYTES)
		return;
	must(!bitmap_super_check_new(&made, NULL));
	must(bitmap_bits(made.sync_sectors, made.chunk_bytes) <= 1 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bitmap_super_disk disk = { 0 };
	struct bitmap_super sb;

	memcpy(&disk, data, size < sizeof(disk) ? size : sizeof(disk));
	check_translation(&disk, &sb);
	check_verdict(&sb, bitmap_super_check);
	if (!bitmap_super_check(&sb, NULL))
		check_geometry(&sb);
	check_new(&sb);
	return 0;
}

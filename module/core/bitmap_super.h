/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The superblock of a write-intent bitmap, versions 3 to 6: the 256 bytes
 * in front of the bits. md-abi.md section 4 is the source of every offset
 * and limit. All integers on disk are little-endian in every version.
 */
#ifndef CORE_BITMAP_SUPER_H
#define CORE_BITMAP_SUPER_H

#include "fault.h"
#include "port.h"

enum {
	BITMAP_MAGIC = 0x6d746962,	/* "bitm" */
	BITMAP_SUPER_BYTES = 256,
	BITMAP_LOCKLESS_HEAD_BYTES = 1024, /* version 6: states start here */
	BITMAP_CLUSTER_NAME_BYTES = 64,
	BITMAP_PAD_BYTES = 120,

	BITMAP_CHUNK_MIN_BYTES = 512,	/* what the kernel accepts */
	BITMAP_CHUNK_MIN_NEW_BYTES = 4096, /* what we create, as mdadm does */
	BITMAP_WRITE_BEHIND_MAX = 16383, /* requests */
	BITMAP_WRITE_BEHIND_DEFAULT = 256,
	BITMAP_DELAY_DEFAULT_S = 5,
};

#define BITMAP_CHUNK_MAX_BYTES (1ULL << 31)
#define BITMAP_BITS_MAX (1ULL << 31)	/* 256 MiB of bits: our own limit */
#define BITMAP_BITS_DEFAULT_MAX (1ULL << 20) /* of mdadm's default chunk */

enum bitmap_version {
	BITMAP_V3_HOST_ENDIAN = 3,
	BITMAP_V4 = 4,
	BITMAP_V5_CLUSTERED = 5,
	BITMAP_V6_LOCKLESS = 6,
};

/* Bits of the state word. md-abi.md 4.3 */
enum {
	BITMAP_STALE = 1 << 1,
	BITMAP_WRITE_ERROR = 1 << 2,
	BITMAP_FIRST_USE = 1 << 3,	/* version 6 */
	BITMAP_INIT_CLEAN = 1 << 4,	/* version 6 */
	BITMAP_DAEMON_BUSY = 1 << 5,	/* version 6 */
	BITMAP_HOST_ENDIAN = 1 << 15,
};

struct bitmap_super_disk {
	__le32 magic;
	__le32 version;
	u8 uuid[UUID_BYTES];
	__le64 events;
	__le64 events_cleared;
	__le64 sync_size;		/* sectors */
	__le32 state;
	__le32 chunksize;		/* bytes; version 6: sectors */
	__le32 daemon_sleep;		/* seconds */
	__le32 write_behind;		/* requests, 0: off */
	__le32 sectors_reserved;
	__le32 nodes;
	u8 cluster_name[BITMAP_CLUSTER_NAME_BYTES];
	u8 pad[BITMAP_PAD_BYTES];
};

struct bitmap_super {
	u32 magic;
	u32 version;
	u8 uuid[UUID_BYTES];		/* raw bytes, as on disk */
	u64 events;
	u64 events_cleared;
	u64 sync_sectors;
	u32 state;
	u64 chunk_bytes;		/* bytes in every version */
	u32 delay_s;
	u32 write_behind;
	u32 sectors_reserved;
	u32 nodes;
	char cluster_name[BITMAP_CLUSTER_NAME_BYTES + 1]; /* always ends in NUL */
	u8 pad[BITMAP_PAD_BYTES];
};

/* Pure translation, no judgement: any 256 bytes can be decoded. */
void bitmap_super_decode(struct bitmap_super *sb,
			 const struct bitmap_super_disk *disk);

/* The inverse: decode then encode gives back the same 256 bytes. */
void bitmap_super_encode(struct bitmap_super_disk *disk,
			 const struct bitmap_super *sb);

/*
 * May the fields be used for arithmetic, and would md accept them?
 * 0; -EMEDIUMTYPE not a bitmap (magic); -EPROTONOSUPPORT unknown version;
 * -EUCLEAN a field no md ever writes. fault names the first such field.
 * The state word and the events are not judged here.
 */
int bitmap_super_check(const struct bitmap_super *sb, struct fault *fault);

/*
 * May a new bitmap have these fields? As above, with the limits for new
 * bitmaps (chunk at least 4 KiB, no larger than the array): -EINVAL.
 */
int bitmap_super_check_new(const struct bitmap_super *sb, struct fault *fault);

/* A version 4 superblock with the defaults of mdadm; size, chunk, uuid zero. */
void bitmap_super_init(struct bitmap_super *sb);

/*
 * Two histories may come to as many events: a member that ran alone, without the
 * file, and the file with the others. So mdbitmap.ko records, in bytes that no md
 * uses or changes, which update of the members' superblocks the file's events
 * belong to: three little-endian u64, all zero if it is not known,
 *
 *	232	the events of this record
 *	240	utime of the members' superblocks with these events
 *	248	utime of those with one event less, 0: not known, and so nobody's
 *
 * It says nothing if the superblock has other events: something else wrote them.
 */
void bitmap_super_note_update(struct bitmap_super *sb, u64 utime, u64 utime_before);

/* With the events of @from; what @to knows of them stays if @from knows nothing. */
void bitmap_super_copy_update(struct bitmap_super *to, const struct bitmap_super *from);

/* Have both as many events, of two histories? False also if nobody can tell. */
bool bitmap_super_updates_differ(const struct bitmap_super *x, const struct bitmap_super *y);

/*
 * Are sb->events, which are @events or one more, those of the history of a member
 * whose superblock has @events and @utime? True also if nobody can tell, as where
 * stock md, whose times have no microseconds, was last to write to either.
 */
bool bitmap_super_is_of(const struct bitmap_super *sb, u64 events, u64 utime);

/* Geometry. Bits of a bitmap over @sectors: ceil. chunk_bytes >= 512. */
u64 bitmap_bits(u64 sectors, u64 chunk_bytes);

/* Bytes from the superblock's start to the end of the last bit (state). */
u64 bitmap_bytes(const struct bitmap_super *sb);

/* Offset in bytes of the first bit (version 6: state) from the superblock. */
u64 bitmap_head_bytes(const struct bitmap_super *sb);

/* Clustered: distance in bytes between the slots of two nodes. md-abi.md 4.10 */
u64 bitmap_slot_bytes(const struct bitmap_super *sb);

/*
 * mdadm's default for files: from 4 KiB, doubled until 2^20 bits are enough, but
 * BITMAP_CHUNK_MAX_BYTES at most.
 */
u64 bitmap_default_chunk_bytes(u64 sectors);

#endif

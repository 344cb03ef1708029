/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A member device: opened exclusively, its superblock read, judged, kept as
 * raw bytes and written back with only our fields changed (unknown ones
 * survive). leg.c and store.c are the only files that do metadata I/O.
 */
#ifndef LEG_H
#define LEG_H

#include "array.h"
#include "core/fault.h"

/* leg->flags, atomic bit operations; changed under state_lock where degraded depends on them. */
enum leg_flag {
	LEG_IN_SYNC,		/* has all the data of its slot */
	LEG_FAULTY,
	LEG_WRITE_MOSTLY,
	LEG_FAILFAST,
	LEG_BITMAP_SYNC,	/* came back: only chunks that owe a sync are copied */
	LEG_FULL_SYNC,		/* in a slot, everything must be copied */
	LEG_RECOVERING,		/* the recovery that runs copies to it; resync.c */
	LEG_FAILURE_RECORDED,	/* the other members' superblocks say it is faulty */
	LEG_JOINING,		/* in sync, and its superblock does not say so yet */
	LEG_WANT_REPLACEMENT,
	LEG_BLOCKED,
	LEG_WRITE_ERROR,
};

struct leg {
	struct list_head list;		/* array->legs */
	struct array *array;
	struct kobject kobj;		/* "dev-vdb"; attr.c. Its release frees the leg */
	struct kernfs_node *kn_state;
	char kname[40];			/* "vdb", "!" for "/" */

	struct block_device *bdev;
	struct bdev_claim *claim;	/* its exclusive open; the holder is the leg */
	dev_t dev;

	unsigned long flags;
	int number;			/* descriptor number, -1 none */
	int slot;			/* -1 none: spare or faulty and removed */
	int saved_slot;			/* where it was, -1 */
	sector_t data_sector;		/* first sector of data */
	sector_t sectors;		/* room for data */
	sector_t super_sector;
	sector_t recovery_sector;	/* holds good data below; NO_SECTOR if in sync */
	u64 events;			/* its superblock's: as loaded, or the last that was sent; super_lock */
	u8 *raw;			/* MEMBER_SUPER_BYTES, page aligned; NULL without metadata */
	struct member_super *super;	/* decoded at load; kept */
	struct bio io;			/* of its superblock, or a flush; super_lock */
	struct bio_vec io_vec;
	struct completion io_done;
	bool told, sent;		/* super.c, super_lock: this update says that it is faulty; is being written to it */
	bool told_in_sync;		/* the same: says that it is in sync */
	u8 turn;			/* the same: when it gets this update */
	u64 told_recovery;		/* its superblock's recovery_sector, as events are; 0: it has none */

	atomic_t corrected;		/* read errors repaired, sectors */
	atomic_t read_errors;
	/* read balancing; racy by intent */
	sector_t head;			/* where its last read ended */
	atomic_t reads;			/* in flight */
};

/*
 * Open @dev for @a alone. @format: read and decode that
 * superblock; MEMBER_FORMATS: none. On failure *fault says what is wrong with
 * the superblock, if that is the reason; -EINVAL for any bad superblock (logged),
 * -EBUSY claimed, -ENXIO no device, ... *out is not on any list yet.
 */
int leg_open(struct array *a, dev_t dev, enum member_format format,
	     struct leg **out);

/* Release the device and the leg (through its kobject's last put). Not on any list any more. */
void leg_close(struct leg *leg);

/* From its kobject's last put, attr.c: the memory. Any process context. */
void leg_free(struct leg *leg);

/* (Re)read and decode the superblock; as leg_open(). */
int leg_read_super(struct leg *leg, enum member_format format);

/*
 * Write leg->raw, PREFLUSH | FUA, or flush only. Submits and returns; each is
 * waited for with leg_wait(), which gives -errno. super_lock held over both: it
 * protects leg->io and leg->raw.
 */
void leg_write_super(struct leg *leg);
void leg_flush(struct leg *leg);
int leg_wait(struct leg *leg);

/*
 * Synchronous I/O of sectors of the array's data, for repair and the like, with what is
 * at @at of the page; 0 or -errno. op: REQ_OP_* | flags
 */
int leg_io(struct leg *leg, sector_t sector, unsigned int bytes,
	   struct page *page, unsigned int at, blk_opf_t op);

static inline bool leg_in_sync(const struct leg *leg)
{
	return test_bit(LEG_IN_SYNC, &leg->flags) &&
	       !test_bit(LEG_FAULTY, &leg->flags);
}

#endif

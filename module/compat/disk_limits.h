/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of our disk together with its features: one struct since 6.11, a
 * struct and flags of the queue before.
 *
 *	disk_limits_init(&l);			stacks anything, promises nothing
 *	disk_limits_feature(&l, BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
 *	l.q.io_opt = ...;
 *	disk_limits_stack(&l, bdev, offset, name);	for each member
 *	disk = disk_limits_alloc(&l, NUMA_NO_NODE);	a gendisk, or an ERR_PTR
 *	disk_limits_set(disk, &l);			later, as a whole
 *
 * disk_limits_set() waits for every submit_bio() under way on the disk: never
 * call it while such a call may be waiting for the caller.
 */
#ifndef DISK_LIMITS_H
#define DISK_LIMITS_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/err.h>

#ifndef BLK_FEAT_WRITE_CACHE
#define COMPAT_QUEUE_FLAGS
typedef unsigned int blk_features_t;
#define BLK_FEAT_WRITE_CACHE (1u << 0)
#define BLK_FEAT_FUA (1u << 1)
#define BLK_FEAT_ROTATIONAL (1u << 2)
#define BLK_FEAT_ADD_RANDOM (1u << 3)
#define BLK_FEAT_IO_STAT (1u << 4)
#define BLK_FEAT_STABLE_WRITES (1u << 5)
#define BLK_FEAT_SYNCHRONOUS (1u << 6)
#define BLK_FEAT_NOWAIT (1u << 7)
#endif

struct disk_limits {
	struct queue_limits q;
#ifdef COMPAT_QUEUE_FLAGS
	blk_features_t features;
#endif
};

static inline blk_features_t *disk_limits_features(struct disk_limits *l)
{
#ifdef COMPAT_QUEUE_FLAGS
	return &l->features;
#else
	return &l->q.features;
#endif
}

static inline void disk_limits_init(struct disk_limits *l)
{
	memset(l, 0, sizeof(*l));
	blk_set_stacking_limits(&l->q);
	/* 6.12 warns of a limit for zones without any. */
	l->q.max_zone_append_sectors = 0;
	*disk_limits_features(l) = 0;
}

static inline void disk_limits_feature(struct disk_limits *l,
				       blk_features_t features)
{
	*disk_limits_features(l) |= features;
}

static inline bool disk_limits_has(struct disk_limits *l,
				   blk_features_t feature)
{
	return *disk_limits_features(l) & feature;
}

/* Of limits that are in use, too: as the block layer does when a disk refuses them. */
static inline void disk_limits_no_zeroes(struct queue_limits *q)
{
	q->max_write_zeroes_sectors = 0;
#ifdef HAVE_WZEROES_UNMAP
	q->max_hw_wzeroes_unmap_sectors = 0;
	q->max_wzeroes_unmap_sectors = 0;
#endif
}

/*
 * A member joins: the strictest of both limits. Of features it adds what one
 * member is enough for (cache, FUA, rotation, stable pages), and takes away
 * NOWAIT if it cannot. @offset in sectors, from its start.
 */
static inline void disk_limits_stack(struct disk_limits *l,
				     struct block_device *bdev,
				     sector_t offset, const char *name)
{
#ifdef HAVE_LIMITS_UPDATE
	queue_limits_stack_bdev(&l->q, bdev, offset, name);
#else
	if (blk_stack_limits(&l->q, bdev_limits(bdev),
			     get_start_sect(bdev) + offset))
		pr_notice("%s: %pg is misaligned\n", name, bdev);
#endif
#ifdef COMPAT_QUEUE_FLAGS
	if (bdev_write_cache(bdev))
		l->features |= BLK_FEAT_WRITE_CACHE;
	if (bdev_fua(bdev))
		l->features |= BLK_FEAT_FUA;
	if (bdev_rot(bdev))
		l->features |= BLK_FEAT_ROTATIONAL;
	if (bdev_stable_writes(bdev))
		l->features |= BLK_FEAT_STABLE_WRITES;
	if (!bdev_nowait(bdev))
		l->features &= ~BLK_FEAT_NOWAIT;
#endif
}

#ifdef COMPAT_QUEUE_FLAGS
static inline void disk_limits_flag(struct request_queue *q, unsigned int flag,
				    bool on)
{
	if (on)
		blk_queue_flag_set(flag, q);
	else
		blk_queue_flag_clear(flag, q);
}

static inline void disk_limits_flags(struct request_queue *q,
				     blk_features_t features)
{
	blk_queue_write_cache(q, features & BLK_FEAT_WRITE_CACHE,
			      features & BLK_FEAT_FUA);
	disk_limits_flag(q, QUEUE_FLAG_NONROT, !(features & BLK_FEAT_ROTATIONAL));
	disk_limits_flag(q, QUEUE_FLAG_ADD_RANDOM, features & BLK_FEAT_ADD_RANDOM);
	disk_limits_flag(q, QUEUE_FLAG_IO_STAT, features & BLK_FEAT_IO_STAT);
	disk_limits_flag(q, QUEUE_FLAG_STABLE_WRITES,
			 features & BLK_FEAT_STABLE_WRITES);
	disk_limits_flag(q, QUEUE_FLAG_NOWAIT, features & BLK_FEAT_NOWAIT);
}
#endif

static inline int disk_limits_set(struct gendisk *disk, struct disk_limits *l)
{
	struct request_queue *q = disk->queue;
	int error = 0;

#if defined(HAVE_LIMITS_FROZEN)
	queue_limits_start_update(q);
	error = queue_limits_commit_update_frozen(q, &l->q);
#else
	blk_mq_freeze_queue(q);
#ifdef HAVE_LIMITS_UPDATE
	error = queue_limits_set(q, &l->q);
#else
	q->limits = l->q;
	disk_update_readahead(disk);
#endif
#ifdef COMPAT_QUEUE_FLAGS
	if (!error)
		disk_limits_flags(q, l->features);
#endif
	blk_mq_unfreeze_queue(q);
#endif
	return error;
}

static inline struct gendisk *disk_limits_alloc(struct disk_limits *l, int node)
{
#ifdef HAVE_LIMITS_UPDATE
	struct gendisk *disk = blk_alloc_disk(&l->q, node);
#else
	struct gendisk *disk = blk_alloc_disk(node);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->queue->limits = l->q;
#endif
#ifdef COMPAT_QUEUE_FLAGS
	if (!IS_ERR(disk))
		disk_limits_flags(disk->queue, l->features);
#endif
	return disk;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernels differ in. The body is written for the newest; included before
 * everything else, this gives older ones the newest names:
 *
 *	blk_mode_t, BLK_OPEN_*		BLK_OPEN_RESTRICT_WRITES is 0 before 6.8
 *	struct blk_holder_ops		older kernels never call it
 *	bdev_freeze, bdev_thaw, bdev_limits, bdev_rot, file_bdev, bdev_rw_virt
 *	bio_split			an ERR_PTR everywhere, never NULL
 *	bvec_set_page, bvec_set_virt
 *	disk_force_media_change(disk)
 *	timer_delete, timer_delete_sync, timer_container_of, hrtimer_setup
 *	kthread_run_worker, WQ_PERCPU
 *	kmalloc_obj, kzalloc_obj, kzalloc_objs, kvzalloc_objs
 *	linux/unaligned.h
 *
 * Where no name of the newest kernel fits older ones, we have our own:
 *
 *	bdev_claim, bdev_claimed, bdev_unclaim	below: exclusive open of a device
 *	BDO_OPEN, BDO_RELEASE, BDO_GETGEO	below: functions of a disk
 *	struct disk_limits, disk_limits_*	compat/disk_limits.h
 *	trace_assign_str			below: in TP_fast_assign
 *
 * Not there on 6.1, and not needed: guard() for most locks, strscpy() with two
 * arguments, CLASS(fd). What has not changed since 6.1 is not here.
 */
#ifndef COMPAT_H
#define COMPAT_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

/* --- modes of opening -------------------------------------------------- */

#ifndef BLK_OPEN_READ
typedef fmode_t blk_mode_t;
#define BLK_OPEN_READ FMODE_READ
#define BLK_OPEN_WRITE FMODE_WRITE
#define BLK_OPEN_EXCL FMODE_EXCL
#define BLK_OPEN_NDELAY FMODE_NDELAY
#endif

#ifndef BLK_OPEN_RESTRICT_WRITES
#define BLK_OPEN_RESTRICT_WRITES ((__force blk_mode_t)0)
#endif

/* --- functions of a disk ------------------------------------------------ */

/*
 * For a function int name(struct gendisk *, blk_mode_t) and void
 * name(struct gendisk *): BDO_OPEN(name); at file level, and bdo_open(name) in
 * struct block_device_operations.
 */
#ifdef HAVE_BDO_OPEN_DISK
#define BDO_OPEN(name) struct gendisk
#define BDO_RELEASE(name) struct gendisk
#define bdo_open(name) name
#define bdo_release(name) name
#else
#define BDO_OPEN(name)							\
static int name##_bdev(struct block_device *bdev, fmode_t mode)	\
{									\
	return name(bdev->bd_disk, mode);				\
}									\
struct gendisk
#define BDO_RELEASE(name)						\
static void name##_mode(struct gendisk *disk, fmode_t mode)		\
{									\
	name(disk);							\
}									\
struct gendisk
#define bdo_open(name) name##_bdev
#define bdo_release(name) name##_mode
#endif

/* The same for int name(struct gendisk *, struct hd_geometry *). */
#ifdef HAVE_BDO_GETGEO_DISK
#define BDO_GETGEO(name) struct gendisk
#define bdo_getgeo(name) name
#else
#define BDO_GETGEO(name)						\
static int name##_bdev(struct block_device *bdev, struct hd_geometry *geo) \
{									\
	return name(bdev->bd_disk, geo);				\
}									\
struct gendisk
#define bdo_getgeo(name) name##_bdev
#endif

#ifndef HAVE_MEDIA_CHANGE_DISK
#define disk_force_media_change(disk) \
	disk_force_media_change(disk, DISK_EVENT_MEDIA_CHANGE)
#endif

/* --- block devices that we hold ---------------------------------------- */

#ifndef HAVE_HOLDER_OPS
struct blk_holder_ops {
	void (*mark_dead)(struct block_device *bdev, bool surprise);
	void (*sync)(struct block_device *bdev);
	int (*freeze)(struct block_device *bdev);
	int (*thaw)(struct block_device *bdev);
};
#endif

/*
 * Open @dev exclusively for @holder; BLK_OPEN_EXCL is implied. @hops may be
 * NULL. A claim or an ERR_PTR; -EBUSY: somebody else holds it. May sleep.
 *
 * mark_dead() is called with bdev->bd_holder_lock held, and releases it.
 */
struct bdev_claim;

#if defined(HAVE_BDEV_FILE)

static inline struct bdev_claim *bdev_claim(dev_t dev, blk_mode_t mode,
					    void *holder,
					    const struct blk_holder_ops *hops)
{
	return (struct bdev_claim *)bdev_file_open_by_dev(dev, mode, holder, hops);
}

static inline struct block_device *bdev_claimed(struct bdev_claim *claim)
{
	return file_bdev((struct file *)claim);
}

static inline void bdev_unclaim(struct bdev_claim *claim)
{
#ifdef HAVE_BDEV_FPUT
	bdev_fput((struct file *)claim);
#else
	fput((struct file *)claim);
#endif
}

#elif defined(HAVE_BDEV_HANDLE)

static inline struct bdev_claim *bdev_claim(dev_t dev, blk_mode_t mode,
					    void *holder,
					    const struct blk_holder_ops *hops)
{
	return (struct bdev_claim *)bdev_open_by_dev(dev, mode, holder, hops);
}

static inline struct block_device *bdev_claimed(struct bdev_claim *claim)
{
	return ((struct bdev_handle *)claim)->bdev;
}

static inline void bdev_unclaim(struct bdev_claim *claim)
{
	bdev_release((struct bdev_handle *)claim);
}

#else /* the closer has to know how it was opened */

struct bdev_claim {
	struct block_device *bdev;
	blk_mode_t mode;
	void *holder;
};

static inline struct bdev_claim *bdev_claim(dev_t dev, blk_mode_t mode,
					    void *holder,
					    const struct blk_holder_ops *hops)
{
	struct bdev_claim *claim = kmalloc(sizeof(*claim), GFP_KERNEL);

	if (!claim)
		return ERR_PTR(-ENOMEM);
	claim->mode = mode | BLK_OPEN_EXCL;
	claim->holder = holder;
#if defined(HAVE_HOLDER_OPS_SURPRISE)
	claim->bdev = blkdev_get_by_dev(dev, mode, holder, hops);
#elif defined(HAVE_HOLDER_OPS)
	claim->bdev = blkdev_get_by_dev(dev, mode, holder, NULL);
#else
	claim->bdev = blkdev_get_by_dev(dev, claim->mode, holder);
#endif
	if (IS_ERR(claim->bdev)) {
		struct bdev_claim *error = ERR_CAST(claim->bdev);

		kfree(claim);
		return error;
	}
	return claim;
}

static inline struct block_device *bdev_claimed(struct bdev_claim *claim)
{
	return claim->bdev;
}

static inline void bdev_unclaim(struct bdev_claim *claim)
{
#ifdef HAVE_HOLDER_OPS
	blkdev_put(claim->bdev, claim->holder);
#else
	blkdev_put(claim->bdev, claim->mode);
#endif
	kfree(claim);
}

#endif

/* --- what is asked of a block device ------------------------------------ */

#ifndef HAVE_BDEV_FILE
/* Of an open block special file. */
static inline struct block_device *file_bdev(struct file *file)
{
	return I_BDEV(file->f_mapping->host);
}
#endif

#ifndef HAVE_BDEV_FREEZE
#define bdev_freeze(bdev) freeze_bdev(bdev)
#define bdev_thaw(bdev) thaw_bdev(bdev)
#endif

#ifndef HAVE_BDEV_LIMITS
static inline struct queue_limits *bdev_limits(struct block_device *bdev)
{
	return &bdev_get_queue(bdev)->limits;
}
#endif

#ifndef HAVE_BDEV_ROT
static inline bool bdev_rot(struct block_device *bdev)
{
	return !bdev_nonrot(bdev);
}
#endif

/* --- bios ---------------------------------------------------------------- */

/* Newer kernels answer ERR_PTR where older ones did NULL. */
static inline struct bio *compat_bio_split(struct bio *bio, int sectors,
					   gfp_t gfp, struct bio_set *bs)
{
	struct bio *split = bio_split(bio, sectors, gfp, bs);

	return split ? split : ERR_PTR(-ENOMEM);
}
#define bio_split compat_bio_split

#ifndef HAVE_BVEC_SET_PAGE
static inline void bvec_set_page(struct bio_vec *bv, struct page *page,
				 unsigned int len, unsigned int offset)
{
	bv->bv_page = page;
	bv->bv_len = len;
	bv->bv_offset = offset;
}
#endif

#ifndef HAVE_BVEC_SET_VIRT
static inline void bvec_set_virt(struct bio_vec *bv, void *vaddr,
				 unsigned int len)
{
	bvec_set_page(bv, virt_to_page(vaddr), len, offset_in_page(vaddr));
}
#endif

#ifndef HAVE_BDEV_RW_VIRT
/* @data: from kmalloc or the page allocator, not vmalloc. Sleeps. */
static inline int bdev_rw_virt(struct block_device *bdev, sector_t sector,
			       void *data, size_t len, enum req_op op)
{
	struct bio_vec bv;
	struct bio bio;
	int error;

	bio_init(&bio, bdev, &bv, 1, op);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, virt_to_page(data), len, offset_in_page(data));
	error = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return error;
}
#endif

/* --- timers, threads, work ----------------------------------------------- */

#ifndef HAVE_TIMER_DELETE
#define timer_delete del_timer
#define timer_delete_sync del_timer_sync
#endif

#ifndef timer_container_of
#define timer_container_of from_timer
#endif

#ifndef HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#ifndef HAVE_KTHREAD_RUN_WORKER
#define kthread_run_worker kthread_create_worker
#endif

#ifndef HAVE_WQ_PERCPU
#define WQ_PERCPU 0
#endif

/* --- memory --------------------------------------------------------------- */

/* kzalloc_obj(*p) or kzalloc_obj(*p, GFP_NOIO). */
#ifndef kzalloc_obj
#define compat_gfp(unused, gfp, ...) gfp
#define compat_obj(alloc, x, count, ...)				\
	((typeof(x) *)alloc(size_mul(sizeof(x), count),			\
			    compat_gfp(0, ##__VA_ARGS__, GFP_KERNEL)))
#define kmalloc_obj(x, ...) compat_obj(kmalloc, x, 1, ##__VA_ARGS__)
#define kzalloc_obj(x, ...) compat_obj(kzalloc, x, 1, ##__VA_ARGS__)
#define kmalloc_objs(x, n, ...) compat_obj(kmalloc, x, n, ##__VA_ARGS__)
#define kzalloc_objs(x, n, ...) compat_obj(kzalloc, x, n, ##__VA_ARGS__)
#define kvmalloc_objs(x, n, ...) compat_obj(kvmalloc, x, n, ##__VA_ARGS__)
#define kvzalloc_objs(x, n, ...) compat_obj(kvzalloc, x, n, ##__VA_ARGS__)
#endif

/* --- tracepoints ----------------------------------------------------------- */

/* In TP_fast_assign, for a __string(field, src). */
#ifdef HAVE_ASSIGN_STR_SRC
#define trace_assign_str(field, src) __assign_str(field, src)
#else
#define trace_assign_str(field, src) __assign_str(field)
#endif

#endif

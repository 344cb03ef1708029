// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver calls that the simulator does without: sysfs, the gendisk,
 * the status file, turns of syncs; and the file that keeps the bitmap.
 */
#include "rig.h"
#include "module/attr.h"
#include "module/disk.h"
#include "module/resync_impl.h"
#include "module/stat.h"
#include "module/store_claim.h"

/* --- sysfs ------------------------------------------------------------------ */

void attr_init_leg(struct leg *leg)
{
}

void kobject_put(struct kobject *k)
{
	leg_free(container_of(k, struct leg, kobj));
}

int attr_add_leg(struct leg *leg)
{
	return 0;
}

void attr_remove_leg(struct leg *leg)
{
}

void attr_link_slot(struct leg *leg)
{
}

void attr_unlink_slot(struct leg *leg)
{
}

int attr_add_running(struct array *a)
{
	return 0;
}

void attr_remove_running(struct array *a)
{
}

void attr_notify_state(struct array *a)
{
}

void attr_notify_action(struct array *a)
{
}

void attr_notify_degraded(struct array *a)
{
}

void attr_notify_completed(struct array *a)
{
}

void attr_notify_leg(struct leg *leg)
{
}

/* --- disk.c, stat.c ------------------------------------------------------------ */

void disk_remove_later(struct array *a)
{
}

int disk_link_leg(struct leg *leg)
{
	return 0;
}

void disk_unlink_leg(struct leg *leg)
{
}

int disk_set_limits(struct array *a)
{
	return 0;
}

int disk_add_limits(struct array *a, struct leg *leg)
{
	return 0;
}

void disk_no_zeroes(struct array *a)
{
}

void disk_set_capacity(struct array *a, sector_t sectors)
{
}

void disk_set_readonly(struct array *a, bool ro)
{
}

void disk_changed(struct array *a)
{
}

void stat_changed(void)
{
}

u64 sim_user_sectors(void)
{
	return machine->user_sectors;
}

/* --- resync_turn.c: there is one array only -------------------------------------- */

int resync_turn_prepare(struct resync *r)
{
	return 0;
}

bool resync_turn_take(struct resync *r)
{
	return !resync_interrupted(r->array);
}

void resync_turn_give(struct resync *r)
{
}

void resync_turn_forget(struct resync *r)
{
}

void resync_turn_wake(void)
{
}

/* --- devices ------------------------------------------------------------------------ */

struct bdev_claim *bdev_claim(dev_t dev, blk_mode_t mode, void *holder,
			      const struct blk_holder_ops *ops)
{
	struct platter *p = rig_here()->member[MINOR(dev)];

	if (p->bdev.claimed)
		return ERR_PTR(-EBUSY);
	p->bdev.claimed = true;
	return (struct bdev_claim *)&p->bdev;
}

struct block_device *bdev_claimed(struct bdev_claim *claim)
{
	return (struct block_device *)claim;
}

void bdev_unclaim(struct bdev_claim *claim)
{
	bdev_claimed(claim)->claimed = false;
}

/* --- the bitmap file ------------------------------------------------------------------ */

struct file *fget(int fd)
{
	return &rig_here()->file;
}

int store_claim(struct store_claim *claim, struct array *a, struct file *file)
{
	claim->file = file;
	claim->inode = &file->inode;
	claim->mapping = &file->mapping;
	claim->exclusive = (struct bdev_claim *)&file->platter->bdev;
	return 0;
}

void store_unclaim(struct store_claim *claim)
{
}

/* Direct I/O under way. */
struct direct {
	struct bio bio;
	struct kiocb *iocb;
	size_t bytes;
	struct bio_vec vecs[];
};

static struct direct *direct_new(struct kiocb *iocb, const struct iov_iter *iter)
{
	struct direct *d = sim_alloc(sizeof(*d) + iter->n * sizeof(d->vecs[0]),
				     GFP_NOIO, true);
	struct platter *p = iocb->ki_filp->platter;
	blk_opf_t opf = iter->dir == ITER_SOURCE ? REQ_OP_WRITE : REQ_OP_READ;

	/* A file that need not be mapped anew is written by FUA, if the disk can. */
	if (iocb->ki_flags & IOCB_DSYNC && p->has_fua)
		opf |= REQ_FUA;
	memcpy(d->vecs, iter->vecs, iter->n * sizeof(d->vecs[0]));
	bio_init(&d->bio, &p->bdev, d->vecs, iter->n, opf);
	d->bio.bi_iter.bi_sector = iocb->ki_pos >> SECTOR_SHIFT;
	d->bio.bi_iter.bi_size = iter->bytes;
	d->iocb = iocb;
	d->bytes = iter->bytes;
	return d;
}

static void direct_end(struct bio *bio)
{
	struct direct *d = container_of(bio, struct direct, bio);
	struct kiocb *iocb = d->iocb;
	long ret = bio->bi_status ? -EIO : (long)d->bytes;

	sim_free(d);
	iocb->ki_complete(iocb, ret);
}

static ssize_t direct_io(struct kiocb *iocb, struct iov_iter *iter)
{
	struct direct *d = direct_new(iocb, iter);
	int err;

	if (iocb->ki_complete) {
		d->bio.bi_end_io = direct_end;
		submit_bio(&d->bio);
		return -EIOCBQUEUED;
	}
	err = submit_bio_wait(&d->bio);
	if (!err && iocb->ki_flags & IOCB_DSYNC && !(d->bio.bi_opf & REQ_FUA))
		err = vfs_fsync(iocb->ki_filp, 0);
	sim_free(d);
	return err ? err : (ssize_t)iter->bytes;
}

static void page_cache_write(struct kiocb *iocb, const struct iov_iter *iter)
{
	u32 sector = iocb->ki_pos >> SECTOR_SHIFT, at;
	unsigned int i;

	for (i = 0; i < iter->n; i++)
		for (at = 0; at < iter->vecs[i].bv_len; at += 512)
			platter_write_cached(iocb->ki_filp->platter, sector++,
					     (char *)page_address(iter->vecs[i].bv_page) +
					     iter->vecs[i].bv_offset + at);
}

static ssize_t file_read(struct kiocb *iocb, struct iov_iter *iter)
{
	return direct_io(iocb, iter);
}

static ssize_t file_write(struct kiocb *iocb, struct iov_iter *iter)
{
	int err = 0;

	if (iocb->ki_flags & IOCB_DIRECT)
		return direct_io(iocb, iter);
	page_cache_write(iocb, iter);
	if (iocb->ki_flags & IOCB_DSYNC)
		err = vfs_fsync(iocb->ki_filp, 0);
	return err ? err : (ssize_t)iter->bytes;
}

const struct file_operations rig_file_operations = {
	.read_iter = file_read,
	.write_iter = file_write,
};

int vfs_fsync_range(struct file *file, loff_t from, loff_t to, int datasync)
{
	struct platter *p = file->platter;

	/* Errors of writing pages are told here. */
	if (!(file->f_mode & FMODE_CAN_ODIRECT) && platter_write_fails(p)) {
		return -EIO;
	}
	return blkdev_issue_flush(&p->bdev);
}

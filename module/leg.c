// SPDX-License-Identifier: GPL-2.0-only
/*
 * A member device: opened exclusively, its superblock read and judged, its
 * metadata I/O.
 */
#include <linux/completion.h>
#include <linux/slab.h>

#include "attr.h"
#include "core/member_super_update.h"
#include "leg.h"

/* --- superblocks that are no good ----------------------------------------- */

static int refuse(struct leg *leg, const char *why)
{
	array_err(leg->array, "%s refused: %s\n", leg->kname, why);
	return -EINVAL;
}

static int bad_super(struct leg *leg, int err, const struct fault *fault)
{
	if (err > 0)
		return refuse(leg, "no superblock of that format");
	array_err(leg->array, "%s refused: superblock: %s is %llu, expected %s\n",
		  leg->kname, fault->field, (unsigned long long)fault->found,
		  fault->expected);
	return -EINVAL;
}

static int judge(struct leg *leg, const struct member_super *ms)
{
	const char *unsupported = member_super_unsupported(ms);

	if (unsupported) {
		array_err(leg->array, "%s refused: it has %s\n", leg->kname, unsupported);
		return -EINVAL;
	}
	if (ms->level != 1)
		return refuse(leg, "its array is no RAID1");
	return 0;
}

/* --- reading --------------------------------------------------------------- */

static int alloc_super(struct leg *leg)
{
	if (!leg->raw)
		leg->raw = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!leg->super)
		leg->super = kvzalloc(sizeof(*leg->super), GFP_KERNEL);
	return leg->raw && leg->super ? 0 : -ENOMEM;
}

static u64 device_sectors(const struct leg *leg)
{
	return bdev_nr_sectors(leg->bdev);
}

/* What the superblock says of this device. Slots are roster.c's. */
static void take_super(struct leg *leg, const struct member_super *ms)
{
	leg->data_sector = ms->data_sector;
	leg->sectors = ms->data_sectors;
	leg->super_sector = ms->super_sector;
	leg->events = ms->events;
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET)
		leg->told_recovery = ms->recovery_sector;
	leg->number = ms->number;
	if (ms->devflags & MEMBER_WRITE_MOSTLY)
		set_bit(LEG_WRITE_MOSTLY, &leg->flags);
	if (ms->devflags & MEMBER_FAILFAST)
		set_bit(LEG_FAILFAST, &leg->flags);
}

int leg_read_super(struct leg *leg, enum member_format format)
{
	struct fault fault = {};
	u64 sector;
	int err;

	err = alloc_super(leg);
	if (err)
		return err;
	if (member_super_location(format, device_sectors(leg), &sector))
		return refuse(leg, "too small to hold a superblock");
	err = bdev_rw_virt(leg->bdev, sector, leg->raw, MEMBER_SUPER_BYTES,
			   REQ_OP_READ | REQ_SYNC | REQ_META);
	if (err) {
		array_err(leg->array, "%s: superblock cannot be read: error %d\n",
			  leg->kname, err);
		return -EINVAL;
	}
	err = member_super_decode(leg->super, format, leg->raw,
				  device_sectors(leg), &fault);
	if (err)
		return bad_super(leg, err, &fault);
	err = judge(leg, leg->super);
	if (!err)
		take_super(leg, leg->super);
	return err;
}

/* Room for the superblock that an array without one will get, or all of it for data. */
static int place_data(struct leg *leg)
{
	u64 sector;

	leg->data_sector = 0;
	leg->sectors = device_sectors(leg);
	if (!leg->array->persistent)
		return 0;
	if (member_super_location(leg->array->format, leg->sectors, &sector))
		return refuse(leg, "too small to hold a superblock");
	leg->super_sector = sector;
	leg->sectors = sector;
	return alloc_super(leg);
}

/* --- opening and closing ---------------------------------------------------- */

static struct leg *leg_alloc(struct array *a)
{
	struct leg *leg = kzalloc(sizeof(*leg), GFP_KERNEL);

	if (!leg)
		return NULL;
	leg->array = a;
	leg->number = -1;
	leg->slot = -1;
	leg->saved_slot = -1;
	leg->recovery_sector = 0;
	INIT_LIST_HEAD(&leg->list);
	init_completion(&leg->io_done);
	attr_init_leg(leg);
	return leg;
}

void leg_free(struct leg *leg)
{
	free_page((unsigned long)leg->raw);
	kvfree(leg->super);
	kfree(leg);
}

static int claim(struct leg *leg, dev_t dev)
{
	leg->claim = bdev_claim(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, leg, NULL);
	if (IS_ERR(leg->claim)) {
		int err = PTR_ERR(leg->claim);

		leg->claim = NULL;
		array_err(leg->array, "device %u:%u cannot be opened: error %d\n",
			  MAJOR(dev), MINOR(dev), err);
		return err;
	}
	leg->bdev = bdev_claimed(leg->claim);
	leg->dev = leg->bdev->bd_dev;
	snprintf(leg->kname, sizeof(leg->kname), "%pg", leg->bdev);
	strreplace(leg->kname, '/', '!');
	return 0;
}

int leg_open(struct array *a, dev_t dev, enum member_format format,
	     struct leg **out)
{
	struct leg *leg = leg_alloc(a);
	int err;

	if (!leg)
		return -ENOMEM;
	err = claim(leg, dev);
	if (!err && bdev_is_zoned(leg->bdev))
		err = refuse(leg, "zoned devices cannot be members");
	if (!err && bdev_logical_block_size(leg->bdev) > MEMBER_SUPER_BYTES)
		err = refuse(leg, "logical blocks larger than a superblock");
	if (!err)
		err = format == MEMBER_FORMATS ? place_data(leg) :
						 leg_read_super(leg, format);
	if (err) {
		leg_close(leg);
		return err;
	}
	*out = leg;
	return 0;
}

void leg_close(struct leg *leg)
{
	if (leg->claim)
		bdev_unclaim(leg->claim);
	leg->claim = NULL;
	kobject_put(&leg->kobj);
}

/* --- metadata I/O ----------------------------------------------------------- */

static void leg_io_end(struct bio *bio)
{
	struct leg *leg = bio->bi_private;

	complete(&leg->io_done);
}

static void leg_io_start(struct leg *leg, blk_opf_t flags)
{
	reinit_completion(&leg->io_done);
	leg->io.bi_opf = REQ_OP_WRITE | REQ_SYNC | REQ_PREFLUSH | flags;
	leg->io.bi_private = leg;
	leg->io.bi_end_io = leg_io_end;
	submit_bio(&leg->io);
}

/* Whole sectors of the device, of what is the superblock's: data may follow. */
static unsigned int super_bytes(const struct leg *leg)
{
	return round_up(member_super_bytes(leg->raw, leg->array->format),
			bdev_logical_block_size(leg->bdev));
}

void leg_write_super(struct leg *leg)
{
	bio_init(&leg->io, leg->bdev, &leg->io_vec, 1, REQ_OP_WRITE);
	leg->io.bi_iter.bi_sector = leg->super_sector;
	__bio_add_page(&leg->io, virt_to_page(leg->raw), super_bytes(leg), 0);
	leg_io_start(leg, REQ_META | REQ_FUA);
}

void leg_flush(struct leg *leg)
{
	bio_init(&leg->io, leg->bdev, NULL, 0, REQ_OP_WRITE);
	leg_io_start(leg, 0);
}

int leg_wait(struct leg *leg)
{
	int err;

	wait_for_completion_io(&leg->io_done);
	err = blk_status_to_errno(leg->io.bi_status);
	bio_uninit(&leg->io);
	return err;
}

int leg_io(struct leg *leg, sector_t sector, unsigned int bytes,
	   struct page *page, unsigned int at, blk_opf_t op)
{
	struct bio_vec vec;
	struct bio bio;
	int err;

	bio_init(&bio, leg->bdev, &vec, 1, op);
	bio.bi_iter.bi_sector = leg->data_sector + sector;
	__bio_add_page(&bio, page, bytes, at);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

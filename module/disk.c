// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door of the block layer: gendisks, names and minors, open and close,
 * bios in, capacity and queue limits.
 *
 * An array's object lives as long as its gendisk, which holds a reference. It
 * goes, by way of a work item, when it is found unused, without openers, and
 * with nothing that keeps it (ARRAY_HOLD). ARRAY_DELETED and ARRAY_CLOSING are
 * judged together with the number of openers, all under state_lock.
 *
 * Locks: the block layer calls probe, open and release with its own mutexes
 * held, which are taken under a->lock as well (when a member is opened). So
 * none of them takes a->lock, and the work item only tries. Under
 * array_list_lock neither.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ctype.h>
#include <linux/hdreg.h>
#include <linux/major.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "array.h"
#include "attr.h"
#include "compat/disk_limits.h"
#include "ctl.h"
#include "disk.h"
#include "leg.h"
#include "stat.h"

enum {
	FIRST_NAMED_MINOR = 512,	/* above: never made by opening a node */
};

bool disk_takeover;
module_param_named(takeover, disk_takeover, bool, 0444);
MODULE_PARM_DESC(takeover, "serve major 9, /dev/mdN and /proc/mdstat in place of stock md");

static bool create_on_open = true;
module_param(create_on_open, bool, 0644);
MODULE_PARM_DESC(create_on_open, "opening a node with a minor below 512 makes the array");

static int disk_major;
static struct workqueue_struct *disk_wq;
static bool disk_ready;			/* array_list_lock: arrays may be made */

/* --- the disk's functions ------------------------------------------------ */

static void disk_submit(struct bio *bio)
{
	struct array *a = disk_array(bio->bi_bdev->bd_disk);

	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	/* Splitting forbade merging here; members may merge what they get. */
	bio->bi_opf &= ~REQ_NOMERGE;
	array_submit(a, bio);
}

static int disk_open(struct gendisk *disk, blk_mode_t mode)
{
	struct array *a = disk_array(disk);
	int err = 0;

	spin_lock_irq(&a->state_lock);
	if (test_bit(ARRAY_CLOSING, &a->flags) ||
	    test_bit(ARRAY_DELETED, &a->flags))
		err = -ENODEV;
	else
		atomic_inc(&a->openers);
	spin_unlock_irq(&a->state_lock);
	return err;
}
BDO_OPEN(disk_open);

static void disk_release(struct gendisk *disk)
{
	struct array *a = disk_array(disk);

	if (atomic_dec_and_test(&a->openers))
		disk_remove_later(a);
}
BDO_RELEASE(disk_release);

static int disk_ioctl(struct block_device *bdev, blk_mode_t mode,
		      unsigned int cmd, unsigned long arg)
{
	return ctl_ioctl(disk_array(bdev->bd_disk), cmd, arg);
}

#ifdef CONFIG_COMPAT
static int disk_compat_ioctl(struct block_device *bdev, blk_mode_t mode,
			     unsigned int cmd, unsigned long arg)
{
	return ctl_compat_ioctl(disk_array(bdev->bd_disk), cmd, arg);
}
#endif

static int disk_getgeo(struct gendisk *disk, struct hd_geometry *geo)
{
	geo->heads = 2;
	geo->sectors = 4;
	geo->cylinders = get_capacity(disk) / 8;
	return 0;
}
BDO_GETGEO(disk_getgeo);

/* BLKROSET; what this does to the disk's own flag is the block layer's. */
static int __set_read_only(struct array *a, bool ro)
{
	int err;

	if (!a->raid_disks && !array_running(a))
		return -ENODEV;
	if (ro || a->mode != ARRAY_READONLY)
		return 0;
	err = array_restart_rw(a);
	if (!err)
		array_set_mode(a, ARRAY_READ_AUTO);
	return err;
}

static int disk_set_read_only(struct block_device *bdev, bool ro)
{
	struct array *a = disk_array(bdev->bd_disk);
	int err = array_lock(a);

	if (err)
		return err;
	err = __set_read_only(a, ro);
	array_unlock(a);
	return err;
}

static void disk_free(struct gendisk *disk)
{
	array_put(disk_array(disk));
}

static const struct block_device_operations disk_operations = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit,
	.open = bdo_open(disk_open),
	.release = bdo_release(disk_release),
	.ioctl = disk_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = disk_compat_ioctl,
#endif
	.getgeo = bdo_getgeo(disk_getgeo),
	.set_read_only = disk_set_read_only,
	.free_disk = disk_free,
};

/* --- the end of an array's object ---------------------------------------- */

/* From here on nobody opens it, and no sysfs store changes it. */
static bool mark_deleted(struct array *a)
{
	bool gone = false;

	if (!mutex_trylock(&a->lock))
		return false;
	if (array_is_unused(a)) {
		spin_lock_irq(&a->state_lock);
		gone = !test_bit(ARRAY_MAKING, &a->flags) &&
		       !test_bit(ARRAY_HOLD, &a->flags) &&
		       !atomic_read(&a->openers) &&
		       !test_and_set_bit(ARRAY_DELETED, &a->flags);
		spin_unlock_irq(&a->state_lock);
	}
	mutex_unlock(&a->lock);
	return gone;
}

/* Its name and minor are free only when nothing of it is left in sysfs. */
static void disk_remove(struct array *a)
{
	attr_remove_array(a);
	del_gendisk(a->disk);
	mutex_lock(&array_list_lock);
	list_del_init(&a->all);
	mutex_unlock(&array_list_lock);
	put_disk(a->disk);
	stat_changed();
}

static void remove_work(struct work_struct *work)
{
	struct array *a = container_of(work, struct array, remove_work);

	if (mark_deleted(a))
		disk_remove(a);
	array_put(a);
}

void disk_remove_later(struct array *a)
{
	if (test_bit(ARRAY_HOLD, &a->flags) || atomic_read(&a->openers) ||
	    test_bit(ARRAY_DELETED, &a->flags) || READ_ONCE(a->raid_disks))
		return;
	array_get(a);
	if (!queue_work(disk_wq, &a->remove_work))
		array_put(a);
}

void disk_release_hold(struct array *a, bool stopped)
{
	if (stopped || !a->named)
		clear_bit(ARRAY_HOLD, &a->flags);
}

void disk_flush_removals(void)
{
	flush_workqueue(disk_wq);
}

/* --- its beginning -------------------------------------------------------- */

static const char *prefix(void)
{
	return disk_takeover ? "md" : "mdb";
}

static struct array *find_minor(int minor)
{
	struct array *a;

	list_for_each_entry(a, &array_list, all)
		if (a->minor == minor)
			return a;
	return NULL;
}

static bool name_taken(const char *name)
{
	struct array *a;

	list_for_each_entry(a, &array_list, all)
		if (!strcmp(a->disk->disk_name, name))
			return true;
	return false;
}

static int free_minor(void)
{
	int minor;

	for (minor = FIRST_NAMED_MINOR; minor <= MINORMASK; minor++)
		if (!find_minor(minor))
			return minor;
	return -ENOSPC;
}

static const blk_features_t array_features =
	BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA | BLK_FEAT_IO_STAT | BLK_FEAT_NOWAIT;

/* With a reference of its own on @a, which goes with the disk. */
static struct gendisk *make_disk(struct array *a, const char *name, int minor)
{
	struct disk_limits limits;
	struct gendisk *disk;

	disk_limits_init(&limits);
	disk_limits_feature(&limits, array_features);
	disk = disk_limits_alloc(&limits, NUMA_NO_NODE);
	if (IS_ERR(disk))
		return disk;
	disk->major = disk_major;
	disk->first_minor = minor;
	disk->minors = 1;	/* partitions have the block layer's extended ones */
	disk->fops = &disk_operations;
	disk->private_data = array_get(a);
	strscpy(disk->disk_name, name, DISK_NAME_LEN);
	return disk;
}

/* It is complete: who let go of it meanwhile could not have it removed. */
static void made(struct array *a)
{
	spin_lock_irq(&a->state_lock);
	clear_bit(ARRAY_MAKING, &a->flags);
	spin_unlock_irq(&a->state_lock);
	disk_remove_later(a);
}

/* As soon as the disk is there others open it, stop it, and close it. */
static int show_array(struct array *a)
{
	int err = add_disk(a->disk);

	if (err)
		return err;
	err = attr_add_array(a);
	if (err)
		del_gendisk(a->disk);
	else
		made(a);
	return err;
}

/* array_list_lock held. */
static int create_array(const char *name, int minor, bool named)
{
	struct array *a = array_alloc();
	struct gendisk *disk;
	int err;

	if (!a)
		return -ENOMEM;
	disk = make_disk(a, name, minor);
	if (IS_ERR(disk)) {
		array_put(a);
		return PTR_ERR(disk);
	}
	a->disk = disk;
	a->minor = minor;
	a->named = named;
	INIT_WORK(&a->remove_work, remove_work);
	set_bit(ARRAY_MAKING, &a->flags);
	set_bit(ARRAY_HOLD, &a->flags);
	list_add(&a->all, &array_list);
	/* The disk's reference is the one that counts. */
	array_put(a);
	err = show_array(a);
	if (err) {
		bool added = test_bit(GD_ADDED, &disk->state);

		list_del_init(&a->all);
		put_disk(disk);
		if (!added) /* or disk_free() does */
			array_put(a);
	}
	return err;
}

static int __disk_create(const char *name, int minor)
{
	bool named = minor < 0;

	if (!disk_ready)
		return -ENODEV;
	if (name_taken(name) || (!named && find_minor(minor)))
		return -EEXIST;
	if (named)
		minor = free_minor();
	return minor < 0 ? minor : create_array(name, minor, named);
}

/* The minor that a name asks for; -1: any; -EINVAL: not one of ours. */
static int parse_name(const char *name, int *minor)
{
	size_t len = strlen(prefix());
	const char *c;
	unsigned int n;

	if (strncmp(name, prefix(), len))
		return -EINVAL;
	name += len;
	if (isdigit(*name)) {
		if (kstrtouint(name, 10, &n) || n > MINORMASK)
			return -EINVAL;
		*minor = n;
		return 0;
	}
	if (*name != '_' || !name[1])
		return -EINVAL;
	for (c = name; *c; c++)
		if (!isgraph(*c) || *c == '/' || *c == '!')
			return -EINVAL;
	*minor = -1;
	return 0;
}

int disk_create(const char *name)
{
	char numbered[DISK_NAME_LEN];
	int minor, err;

	if (strlen(name) >= DISK_NAME_LEN)
		return -E2BIG;
	err = parse_name(name, &minor);
	if (err)
		return err;
	if (minor >= 0) {	/* mdb007 is mdb7 */
		snprintf(numbered, sizeof(numbered), "%s%d", prefix(), minor);
		name = numbered;
	}
	/* A namesake on its way out would make it fail. */
	if (disk_wq)
		disk_flush_removals();
	mutex_lock(&array_list_lock);
	err = __disk_create(name, minor);
	mutex_unlock(&array_list_lock);
	return err;
}

/* Somebody opens a node that has no disk. Nothing is said if it fails: the open does. */
static void disk_probe(dev_t dev)
{
	char name[DISK_NAME_LEN];

	if (!create_on_open || MINOR(dev) >= FIRST_NAMED_MINOR)
		return;
	snprintf(name, sizeof(name), "%s%d", prefix(), MINOR(dev));
	disk_create(name);
}

static int set_new_array(const char *word, const struct kernel_param *kp)
{
	char name[DISK_NAME_LEN + 1];
	size_t len = strcspn(word, "\n");
	int err;

	if (len >= DISK_NAME_LEN)
		return -E2BIG;
	memcpy(name, word, len);
	name[len] = '\0';
	/* This file is there longer than what an array needs. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = disk_create(name);
	module_put(THIS_MODULE);
	return err;
}

static const struct kernel_param_ops new_array_ops = { .set = set_new_array };
module_param_cb(new_array, &new_array_ops, NULL, 0200);
MODULE_PARM_DESC(new_array, "make an array: mdbN or mdb_NAME (takeover: mdN, md_NAME)");

/* --- walking all arrays --------------------------------------------------- */

struct array *disk_get_nth(loff_t n)
{
	struct array *a, *found = NULL;

	mutex_lock(&array_list_lock);
	list_for_each_entry(a, &array_list, all) {
		if (n-- > 0)
			continue;
		get_device(disk_to_dev(a->disk));
		found = a;
		break;
	}
	mutex_unlock(&array_list_lock);
	return found;
}

void disk_put(struct array *a)
{
	put_disk(a->disk);
}

/* --- what a run or a member changes ---------------------------------------- */

static void stack_leg(struct array *a, struct disk_limits *l, struct leg *leg,
		      bool *discards)
{
	disk_limits_stack(l, leg->bdev, leg->data_sector, array_name(a));
	*discards |= bdev_max_discard_sectors(leg->bdev) > 0;
}

static void stack_legs(struct array *a, struct disk_limits *l, struct leg *extra)
{
	bool discards = false, met = false;
	struct leg *leg;

	disk_limits_init(l);
	disk_limits_feature(l, array_features);
	list_for_each_entry(leg, &a->legs, list) {
		met |= leg == extra;
		if (!test_bit(LEG_FAULTY, &leg->flags))
			stack_leg(a, l, leg, &discards);
	}
	if (extra && !met)
		stack_leg(a, l, extra, &discards);
	/* One member that can is enough for a hint; with none it is no offer. */
	if (!discards) {
		l->q.max_discard_sectors = 0;
		l->q.max_hw_discard_sectors = 0;
		l->q.discard_granularity = 0;
	}
	l->q.max_secure_erase_sectors = 0;
	/* Without a bitmap all are refused, see may_send_zeroes(); not every user has another way. */
	if (!a->bitmap_file || test_bit(ARRAY_NO_ZEROES, &a->flags))
		disk_limits_no_zeroes(&l->q);
}

int disk_set_limits(struct array *a)
{
	struct disk_limits l;

	stack_legs(a, &l, NULL);
	return disk_limits_set(a->disk, &l);
}

void disk_no_zeroes(struct array *a)
{
	disk_limits_no_zeroes(&a->disk->queue->limits);
}

/* Filesystems know the block size and would not survive a larger one. */
static int may_join(struct array *a, struct leg *leg)
{
	if (bdev_is_zoned(leg->bdev)) {
		array_err(a, "%s is a zoned device\n", leg->kname);
		return -EINVAL;
	}
	if (array_running(a) && bdev_logical_block_size(leg->bdev) >
	    queue_logical_block_size(a->disk->queue)) {
		array_err(a, "%s has logical blocks of %u bytes, the array of %u\n",
			  leg->kname, bdev_logical_block_size(leg->bdev),
			  queue_logical_block_size(a->disk->queue));
		return -EINVAL;
	}
	return 0;
}

int disk_add_limits(struct array *a, struct leg *leg)
{
	struct disk_limits l;
	int err = may_join(a, leg);

	if (err)
		return err;
	stack_legs(a, &l, leg);
	return disk_limits_set(a->disk, &l);
}

int disk_link_leg(struct leg *leg)
{
	return bd_link_disk_holder(leg->bdev, leg->array->disk);
}

void disk_unlink_leg(struct leg *leg)
{
	bd_unlink_disk_holder(leg->bdev, leg->array->disk);
}

void disk_set_capacity(struct array *a, sector_t sectors)
{
	set_capacity_and_notify(a->disk, sectors);
	/* What was cached of a stopped array is not what the next one holds. */
	if (!sectors)
		invalidate_bdev(a->disk->part0);
	/* Partitions are looked for, and old ones dropped, at the next open. */
	set_bit(GD_NEED_PART_SCAN, &a->disk->state);
}

void disk_set_readonly(struct array *a, bool ro)
{
	set_disk_ro(a->disk, ro);
}

void disk_changed(struct array *a)
{
	kobject_uevent(&disk_to_dev(a->disk)->kobj, KOBJ_CHANGE);
}

/* --- start and end of the module ------------------------------------------- */

static int take_major(void)
{
	int major;

	major = __register_blkdev(disk_takeover ? MD_MAJOR : 0,
				  disk_takeover ? "md" : "mdbitmap", disk_probe);
	if (major < 0)
		return major;
	disk_major = disk_takeover ? MD_MAJOR : major;
	return 0;
}

static void allow_arrays(bool allow)
{
	mutex_lock(&array_list_lock);
	disk_ready = allow;
	mutex_unlock(&array_list_lock);
}

int disk_init(void)
{
	int err;

	disk_wq = alloc_workqueue("mdbitmap_disk", WQ_UNBOUND, 0);
	if (!disk_wq)
		return -ENOMEM;
	err = take_major();
	if (err) {
		if (disk_takeover && err == -EBUSY)
			pr_err("mdbitmap: takeover: another driver, stock md, has block major %d\n",
			       MD_MAJOR);
		destroy_workqueue(disk_wq);
		return err;
	}
	allow_arrays(true);
	return 0;
}

/* Only unused ones are left: those in use hold the module. */
static void remove_all(void)
{
	struct array *a;

	while ((a = disk_get_nth(0))) {
		clear_bit(ARRAY_HOLD, &a->flags);
		disk_remove_later(a);
		disk_flush_removals();
		disk_put(a);
	}
}

void disk_exit(void)
{
	allow_arrays(false);
	unregister_blkdev(disk_major, disk_takeover ? "md" : "mdbitmap");
	remove_all();
	destroy_workqueue(disk_wq);
}

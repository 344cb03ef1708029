// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk down a stack of block devices.
 */
#include <linux/device/class.h>
#include <linux/kernfs.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "beneath.h"

/*
 * Protects all_beneath, and makes looking and remembering one step: two
 * arrays that keep their bitmaps on each other are refused whichever comes
 * first. Taken under a->lock; takes the open_mutex of any disk.
 */
static DEFINE_MUTEX(beneath_lock);
static LIST_HEAD(all_beneath);

/* One disk of a walk; holds a reference of its device. */
struct storey {
	struct list_head list;
	struct gendisk *disk;
};

static int storey_add(struct list_head *walk, struct gendisk *disk)
{
	struct storey *s;

	list_for_each_entry(s, walk, list)
		if (s->disk == disk)
			return 0;
	s = kmalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	get_device(disk_to_dev(disk));
	s->disk = disk;
	list_add_tail(&s->list, walk);
	return 0;
}

static void walk_end(struct list_head *walk)
{
	struct storey *s, *next;

	list_for_each_entry_safe(s, next, walk, list) {
		put_device(disk_to_dev(s->disk));
		kfree(s);
	}
}

/*
 * The directory "slaves" of @disk, with a reference; NULL if it has none. A
 * disk on its way out loses the directory only after it is no longer live,
 * which it becomes under its open_mutex.
 */
static struct kernfs_node *slaves_of(struct gendisk *disk)
{
	struct kernfs_node *kn = NULL;

	mutex_lock(&disk->open_mutex);
	if (disk_live(disk) && disk->slave_dir) {
		kn = disk->slave_dir->sd;
		kernfs_get(kn);
	}
	mutex_unlock(&disk->open_mutex);
	return kn;
}

static bool names(struct kernfs_node *slaves, const char *name)
{
	struct kernfs_node *kn = sysfs_get_dirent(slaves, name);
	bool found = kn;

	kernfs_put(kn);
	return found;
}

/*
 * Links can be looked up by name, but not listed: ask for each block device
 * that exists. A partition leads to its disk.
 */
static int add_slaves(struct list_head *walk, struct gendisk *disk)
{
	struct kernfs_node *slaves = slaves_of(disk);
	struct class_dev_iter iter;
	struct device *dev;
	int err = 0;

	if (!slaves)
		return 0;
	class_dev_iter_init(&iter, disk_to_dev(disk)->class, NULL, NULL);
	while (!err && (dev = class_dev_iter_next(&iter)))
		if (names(slaves, dev_name(dev)))
			err = storey_add(walk, dev_to_bdev(dev)->bd_disk);
	class_dev_iter_exit(&iter);
	kernfs_put(slaves);
	return err;
}

static int add_bitmaps(struct list_head *walk, struct gendisk *disk)
{
	struct beneath *b;
	int err = 0;

	list_for_each_entry(b, &all_beneath, list)
		if (!err && b->above == disk)
			err = storey_add(walk, b->below);
	return err;
}

/* 0, -ELOOP: @disk is @wanted or stands on it, -ENOMEM. beneath_lock held. */
static int search(struct gendisk *disk, struct gendisk *wanted)
{
	LIST_HEAD(walk);
	struct storey *s;
	int err = storey_add(&walk, disk);

	/* What is found is added at the end, so that the loop comes to it. */
	list_for_each_entry(s, &walk, list) {
		if (s->disk == wanted)
			err = -ELOOP;
		if (!err)
			err = add_slaves(&walk, s->disk);
		if (!err)
			err = add_bitmaps(&walk, s->disk);
		if (err)
			break;
	}
	walk_end(&walk);
	return err;
}

int beneath_add(struct beneath *b, struct gendisk *above, struct gendisk *below)
{
	int err;

	mutex_lock(&beneath_lock);
	err = search(below, above);
	if (!err) {
		b->above = above;
		b->below = below;
		list_add(&b->list, &all_beneath);
	}
	mutex_unlock(&beneath_lock);
	return err;
}

void beneath_del(struct beneath *b)
{
	mutex_lock(&beneath_lock);
	list_del(&b->list);
	mutex_unlock(&beneath_lock);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking a file or a block device for a bitmap, and giving it back.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/uidgid.h>

#include "store_claim.h"

static int refuse(struct array *a, int err, const char *why)
{
	array_err(a, "bitmap file refused: %s\n", why);
	return err;
}

static bool is_device(const struct file *file)
{
	return S_ISBLK(file_inode(file)->i_mode);
}

/* --- is it fit? --------------------------------------------------------- */

static int check_kind(struct file *file)
{
	const fmode_t mode = FMODE_READ | FMODE_WRITE;

	if (!S_ISREG(file_inode(file)->i_mode) && !is_device(file))
		return -EBADF;
	if ((file->f_mode & mode) != mode)
		return -EBADF;
	if (!file->f_op->read_iter || !file->f_op->write_iter ||
	    !file->f_op->fsync)
		return -EBADF;
	return 0;
}

/* perf-reliability D.3: whoever can change the file decides what a resync skips. */
static int check_owner(struct array *a, const struct inode *inode)
{
	if (!uid_eq(inode->i_uid, GLOBAL_ROOT_UID))
		return refuse(a, -EPERM, "it does not belong to root");
	if (inode->i_mode & (S_IWGRP | S_IWOTH))
		return refuse(a, -EPERM, "others than its owner may write to it");
	return 0;
}

static int check_file(struct array *a, struct file *file)
{
	struct inode *inode = file_inode(file);

	if (IS_APPEND(inode) || IS_IMMUTABLE(inode))
		return refuse(a, -EPERM, "it is append-only or immutable");
	if (IS_SWAPFILE(inode))
		return refuse(a, -ETXTBSY, "it is a swap file");
	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	return check_owner(a, inode);
}

static int check_device(struct file *file)
{
	return bdev_read_only(I_BDEV(file->f_mapping->host)) ? -EROFS : 0;
}

/* --- whose is it? ------------------------------------------------------- */

/* The device that the file's bytes go to; NULL if there is none, or not one. */
static struct block_device *device_of(struct file *file)
{
	if (is_device(file))
		return I_BDEV(file->f_mapping->host);
	return d_real_inode(file_dentry(file))->i_sb->s_bdev;
}

static int claim_place(struct store_claim *claim, struct array *a)
{
	struct block_device *bdev = device_of(claim->file);
	int err;

	if (!bdev)
		return 0;
	err = beneath_add(&claim->beneath, a->disk, bdev->bd_disk);
	if (err == -ELOOP)
		return refuse(a, err, "it lies on the array itself");
	claim->stands = !err;
	return err;
}

static void unclaim_place(struct store_claim *claim)
{
	if (claim->stands)
		beneath_del(&claim->beneath);
}

/* Timestamps of each write would only cost the file system's journal. */
static void set_nocmtime(struct file *file, bool on)
{
	spin_lock(&file->f_lock);
	if (on)
		file->f_mode |= FMODE_NOCMTIME;
	else
		file->f_mode &= ~FMODE_NOCMTIME;
	spin_unlock(&file->f_lock);
}

/*
 * i_writecount counts writers; below zero it counts those who deny writing,
 * and open, truncate and exec look at it. Nothing can become of -1 but lower,
 * so that adding 2 restores the one writer, the caller, whom fput() expects.
 */
static int claim_file(struct store_claim *claim, struct array *a)
{
	struct inode *inode = claim->inode;
	struct address_space *mapping =
		d_real_inode(file_dentry(claim->file))->i_mapping;

	if (atomic_cmpxchg(&inode->i_writecount, 1, -1) != 1)
		return refuse(a, -ETXTBSY, "it is open for writing elsewhere");
	if (mapping_deny_writable(mapping)) {
		atomic_add(2, &inode->i_writecount);
		return refuse(a, -ETXTBSY, "it is mapped for writing");
	}
	claim->mapping = mapping;
	set_nocmtime(claim->file, true);
	return 0;
}

static void unclaim_file(struct store_claim *claim)
{
	set_nocmtime(claim->file, false);
	mapping_allow_writable(claim->mapping);
	atomic_add(2, &claim->inode->i_writecount);
}

/* The holder is the claim and not the array, which may hold it as a member. */
static int claim_device(struct store_claim *claim, struct array *a)
{
	struct bdev_claim *c = bdev_claim(I_BDEV(claim->inode)->bd_dev,
					  BLK_OPEN_READ | BLK_OPEN_WRITE,
					  claim, NULL);

	if (IS_ERR(c))
		return refuse(a, PTR_ERR(c), "the device is in use");
	claim->exclusive = c;
	return 0;
}

int store_claim(struct store_claim *claim, struct array *a, struct file *file)
{
	int err = check_kind(file);

	if (!err)
		err = is_device(file) ? check_device(file) : check_file(a, file);
	if (err)
		return err;
	claim->file = get_file(file);
	claim->inode = is_device(file) ? file->f_mapping->host :
					 file_inode(file);
	err = claim_place(claim, a);
	if (!err) {
		err = is_device(file) ? claim_device(claim, a) :
					claim_file(claim, a);
		if (err)
			unclaim_place(claim);
	}
	if (err)
		fput(file);
	return err;
}

void store_unclaim(struct store_claim *claim)
{
	if (store_is_file(claim))
		unclaim_file(claim);
	else
		bdev_unclaim(claim->exclusive);
	unclaim_place(claim);
	fput(claim->file);
}

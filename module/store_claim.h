/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * P6: the file is ours while attached. What is fit to keep a bitmap, and how
 * others are kept out of it.
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "array.h"
#include "beneath.h"

struct store_claim {
	struct file *file;		/* a reference */
	struct inode *inode;		/* has the size; a block device's own */
	struct address_space *mapping;	/* of a regular file: nobody can map it for writing */
	struct beneath beneath;
	bool stands;			/* on a device known: beneath is in use */
	struct bdev_claim *exclusive;	/* of a block device */
};

/* See store_open(). *claim is zeroed; nothing is held after an error. */
int store_claim(struct store_claim *claim, struct array *a, struct file *file);
void store_unclaim(struct store_claim *claim);

static inline bool store_is_file(const struct store_claim *claim)
{
	return S_ISREG(claim->inode->i_mode);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the bitmap's bytes are kept: a regular file on any filesystem, or a
 * block device, that the caller opened; reached through the VFS only. Blocks
 * of STORE_BLOCK bytes are read, and overwritten in place: direct where the
 * filesystem can, made durable by FUA (one run of blocks) or by one data sync.
 *
 * P6: while open nobody else can open the file for writing, map it so, or
 * truncate it (ETXTBSY); a block device is claimed exclusively. What the
 * caller's own descriptor can still do is noticed (the size) or harmless: what
 * is in the file can cost a resync, never data.
 *
 * Of one store, one call at a time; process context that may sleep.
 */
#ifndef STORE_H
#define STORE_H

#include <linux/fs.h>
#include <linux/types.h>

#include "array.h"

enum { STORE_BLOCK = 4096 };

struct store;

/*
 * May this file be the store of @a? Then take it, with a reference of its own;
 * to be called when the fd is set (P6 starts there), before any I/O. a->disk
 * must exist until store_close(). Errors, each but the plain ones with a line
 * in the log:
 *
 *	-EBADF		no regular file or block device, or not open for reading
 *			and writing
 *	-EPERM		append-only, immutable, not root's, or others may write to it
 *	-ETXTBSY	open or mapped for writing elsewhere; a swap file
 *	-EBUSY		a block device that is in use
 *	-EROFS
 *	-ELOOP		on the array itself, as far as beneath.h sees
 *	-ENOMEM
 */
int store_open(struct array *a, struct file *file, struct store **out);
void store_close(struct store *s);

/*
 * Before the first write, once or again: at least @bytes long (-ENOSPC),
 * without holes (-EINVAL), padded to whole blocks (the file grows by less than
 * one); all of it on the medium. Finds out how to write, by writing the first
 * block as it is.
 */
int store_prepare(struct store *s, u64 bytes);

/*
 * Whole blocks; what lies behind the end of the file reads as zeros. @buf is
 * aligned to a block, of vmalloc or not. Any number: done in parallel where direct.
 */
int store_read(struct store *s, u64 block, unsigned int blocks, void *buf);

struct store_run {
	u64 block;		/* first */
	unsigned int blocks;
	void *data;		/* as store_read()'s */
};

/*
 * Write all runs and make them durable, together; 0, or -errno: then nothing
 * may be assumed of what is on the medium. -EIO also if the file has become
 * shorter than store_prepare() was told. Does not recurse into I/O: reclaim
 * below it starts none. Waits for a frozen filesystem; after 30 s of any
 * waiting one line says so in the log.
 */
int store_write(struct store *s, const struct store_run *runs, unsigned int n);

bool store_is_direct(const struct store *s);
struct file *store_file(struct store *s);

#endif

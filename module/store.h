/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the bitmap's bytes are kept: a regular file on any filesystem, or a
 * block device, that the caller opened; reached through the VFS only. Blocks
 * of STORE_BLOCK bytes are read, and overwritten in place: direct where the
 * filesystem can, made durable by FUA (one run of blocks) or by one data sync.
 *
 * P6: while open nobody else can open the file for writing or truncate it
 * (ETXTBSY), a block device is claimed exclusively.
 */
#ifndef STORE_H
#define STORE_H

#include <linux/fs.h>
#include <linux/types.h>

#include "array.h"

enum { STORE_BLOCK = 4096 };

struct store;

/*
 * May this file be the store of @a, and take it. References @file itself; to
 * be called when the fd is set (P6 starts there), before any I/O. -EBADF not a
 * regular file or block device, or not open for reading and writing; -ETXTBSY open
 * for writing elsewhere, or a swap file; -EPERM append-only or immutable, wrong owner or
 * writable by others (perf-reliability.md D.3); -ELOOP on the array itself; -EROFS.
 */
int store_open(struct array *a, struct file *file, struct store **out);
void store_close(struct store *s);

/*
 * Before the first write: at least @bytes long (-ENOSPC), without holes (-EINVAL),
 * padded to whole blocks (the file grows by less than one block; synced). Finds out how to write (direct or not).
 */
int store_prepare(struct store *s, u64 bytes);

/* Whole blocks; what lies behind the end of the file reads as zeros. -errno. May be large (1 MiB and more at a time). */
int store_read(struct store *s, u64 block, unsigned int blocks, void *buf);

struct store_run {
	u64 block;		/* first */
	unsigned int blocks;
	void *data;		/* page-aligned, kernel (not necessarily lowmem-contiguous: may be vmalloc) */
};

/*
 * Write all runs and make them durable, together; 0, or -errno: then nothing
 * may be assumed of what is on the medium. Re-checks the size first (-EFBIG... -EIO "truncated").
 * Process context that may not recurse into I/O (does memalloc_noio_save() itself). One caller at a time.
 * Logs once, with the array's name, when a write has been hanging for 30 s.
 */
int store_write(struct store *s, const struct store_run *runs, unsigned int n);

bool store_is_direct(const struct store *s);
struct file *store_file(struct store *s);

#endif

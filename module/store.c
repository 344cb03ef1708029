// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of a bitmap file through the VFS.
 *
 * I/O goes out in pieces, each in a slot with its own kiocb and vector: direct
 * I/O several at a time, buffered one after the other. A single piece is
 * written with O_DSYNC's meaning, or with FUA to a block device: one write where
 * the device has FUA; several are made durable by one data sync after them.
 */
#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "store.h"
#include "store_claim.h"

enum {
	SLOTS = 16,
	SLOT_BLOCKS = 64,
	HUNG_SECONDS = 30,
};

struct slot {
	struct kiocb iocb;
	struct completion done;
	bool busy;			/* started, and not waited for */
	long result;			/* bytes or -errno, when done */
	unsigned int dir;		/* ITER_SOURCE or ITER_DEST */
	loff_t pos;
	unsigned int bytes;
	void *data;
	struct bio_vec vecs[SLOT_BLOCKS];
};

struct store {
	struct array *array;
	struct store_claim claim;
	u64 bytes;			/* whole blocks that must exist; 0 before prepare */
	bool direct;

	struct delayed_work hung;	/* runs when a call has been hanging */
	bool hung_said;
	struct workqueue_struct *wq;	/* writes for tasks that signals and limits reach */

	unsigned int next;		/* slot: they are used in turn */
	struct slot slots[SLOTS];
};

bool store_is_direct(const struct store *s)
{
	return s->direct;
}

struct file *store_file(struct store *s)
{
	return s->claim.file;
}

/* --- entering the file system ------------------------------------------- */

struct visit {
	const struct cred *cred;
	unsigned int noio;
	unsigned int throttle;
};

/*
 * Memory that is short must not be found by writing to the array, which waits
 * for us; nor is this task to be throttled until others have cleaned pages.
 */
static struct visit enter(struct store *s)
{
	struct visit v = {
		.cred = override_creds(s->claim.file->f_cred),
		.noio = memalloc_noio_save(),
		.throttle = current->flags & PF_LOCAL_THROTTLE,
	};

	current->flags |= PF_LOCAL_THROTTLE;
	schedule_delayed_work(&s->hung, HUNG_SECONDS * HZ);
	return v;
}

static void leave(struct store *s, const struct visit *v)
{
	cancel_delayed_work(&s->hung);
	current_restore_flags(v->throttle, PF_LOCAL_THROTTLE);
	memalloc_noio_restore(v->noio);
	revert_creds(v->cred);
	if (READ_ONCE(s->hung_said)) {
		WRITE_ONCE(s->hung_said, false);
		array_warn(s->array, "bitmap file answers again\n");
	}
}

static void store_hung(struct work_struct *work)
{
	struct store *s = container_of(to_delayed_work(work), struct store, hung);

	WRITE_ONCE(s->hung_said, true);
	array_err(s->array, "bitmap file has not answered for %u seconds; writes to the array wait for it\n",
		  HUNG_SECONDS);
}

/* --- slots -------------------------------------------------------------- */

static void slot_done(struct kiocb *iocb, long ret)
{
	struct slot *slot = container_of(iocb, struct slot, iocb);

	slot->result = ret;
	complete(&slot->done);
}

/* 0 or -errno. Less than all is an error, unless a read came to the end of the file. */
static int slot_end(struct store *s, struct slot *slot)
{
	unsigned int n;

	if (!slot->busy)
		return 0;
	wait_for_completion_io(&slot->done);
	slot->busy = false;
	if (slot->result < 0)
		return slot->result;
	n = slot->result;
	if (n == slot->bytes)
		return 0;
	if (slot->dir == ITER_SOURCE ||
	    slot->pos + n < i_size_read(s->claim.inode))
		return -EIO;
	memset(slot->data + n, 0, slot->bytes - n);
	return 0;
}

static struct page *page_of(void *data)
{
	return is_vmalloc_addr(data) ? vmalloc_to_page(data) :
				       virt_to_page(data);
}

/* A block never crosses a page, since it is aligned. */
static unsigned int slot_map(struct slot *slot)
{
	unsigned int at, n = 0;

	for (at = 0; at < slot->bytes; at += STORE_BLOCK, n++) {
		void *data = slot->data + at;

		slot->vecs[n] = (struct bio_vec){
			.bv_page = page_of(data),
			.bv_offset = offset_in_page(data),
			.bv_len = min_t(unsigned int, slot->bytes - at,
					STORE_BLOCK),
		};
	}
	return n;
}

/* @sync: it is over on return. Otherwise slot_end() waits. */
static void slot_start(struct store *s, struct slot *slot, int flags, bool sync)
{
	struct file *file = s->claim.file;
	struct iov_iter iter;
	ssize_t ret;

	reinit_completion(&slot->done);
	slot->busy = true;
	slot->iocb = (struct kiocb){
		.ki_filp = file,
		.ki_pos = slot->pos,
		.ki_flags = flags,
		.ki_complete = sync ? NULL : slot_done,
	};
	iov_iter_bvec(&iter, slot->dir, slot->vecs, slot_map(slot),
		      slot->bytes);
	if (slot->dir == ITER_SOURCE)
		ret = file->f_op->write_iter(&slot->iocb, &iter);
	else
		ret = file->f_op->read_iter(&slot->iocb, &iter);
	if (ret != -EIOCBQUEUED)
		slot_done(&slot->iocb, ret);
}

/* --- transfers ---------------------------------------------------------- */

struct transfer {
	unsigned int dir;
	int flags;			/* IOCB_* */
	bool sync;
};

/* Start @bytes at @pos; drain() must follow, whatever this returns. */
static int start(struct store *s, const struct transfer *t, loff_t pos,
		 u64 bytes, void *data)
{
	while (bytes) {
		struct slot *slot = &s->slots[s->next++ % SLOTS];
		int err = slot_end(s, slot);

		if (err)
			return err;
		slot->dir = t->dir;
		slot->pos = pos;
		slot->bytes = min_t(u64, bytes, SLOT_BLOCKS * STORE_BLOCK);
		slot->data = data;
		slot_start(s, slot, t->flags, t->sync);
		pos += slot->bytes;
		data += slot->bytes;
		bytes -= slot->bytes;
	}
	return 0;
}

/* The first error of @err and all slots. */
static int drain(struct store *s, int err)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		int e = slot_end(s, &s->slots[i]);

		if (!err)
			err = e;
	}
	return err;
}

static int read_blocks(struct store *s, u64 block, unsigned int blocks,
		       void *buf)
{
	struct transfer t = {
		.dir = ITER_DEST,
		.flags = s->direct ? IOCB_DIRECT : 0,
		.sync = !s->direct || blocks <= SLOT_BLOCKS,
	};

	return drain(s, start(s, &t, block * STORE_BLOCK,
			      (u64)blocks * STORE_BLOCK, buf));
}

static bool is_single(const struct store_run *runs, unsigned int n)
{
	return n == 1 && runs->blocks <= SLOT_BLOCKS;
}

/*
 * A block device flushes after each O_DSYNC write, also one that was FUA: so a
 * single piece goes past its file. Who reads it through the page cache sees it.
 */
static int write_fua(struct store *s, const struct store_run *run)
{
	struct slot *slot = &s->slots[0];
	loff_t pos = run->block * STORE_BLOCK;
	struct bio bio;
	int err;

	slot->data = run->data;
	slot->bytes = run->blocks * STORE_BLOCK;
	bio_init(&bio, bdev_claimed(s->claim.exclusive), slot->vecs, SLOT_BLOCKS,
		 REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | REQ_FUA);
	bio.bi_vcnt = slot_map(slot);
	bio.bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	bio.bi_iter.bi_size = slot->bytes;
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	invalidate_inode_pages2_range(s->claim.inode->i_mapping, pos >> PAGE_SHIFT,
				      (pos + slot->bytes - 1) >> PAGE_SHIFT);
	return err;
}

static int write_runs(struct store *s, const struct store_run *runs,
		      unsigned int n)
{
	bool dsync = is_single(runs, n);
	struct transfer t = {
		.dir = ITER_SOURCE,
		.flags = (s->direct ? IOCB_DIRECT : 0) |
			 (dsync ? IOCB_DSYNC : 0),
		.sync = !s->direct || dsync,
	};
	unsigned int i;
	int err = 0;

	if (dsync && s->direct && !store_is_file(&s->claim))
		return write_fua(s, runs);
	for (i = 0; !err && i < n; i++)
		err = start(s, &t, runs[i].block * STORE_BLOCK,
			    (u64)runs[i].blocks * STORE_BLOCK, runs[i].data);
	err = drain(s, err);
	if (err || dsync)
		return err;
	return vfs_fsync_range(s->claim.file, 0, LLONG_MAX, 1);
}

static bool is_shorter(struct store *s)
{
	loff_t size = i_size_read(s->claim.inode);

	if (size >= s->bytes)
		return false;
	array_err(s->array, "bitmap file has been cut to %lld bytes, %llu were there\n",
		  size, s->bytes);
	return true;
}

int store_read(struct store *s, u64 block, unsigned int blocks, void *buf)
{
	struct visit v = enter(s);
	int err = read_blocks(s, block, blocks, buf);

	leave(s, &v);
	return err;
}

static int write_here(struct store *s, const struct store_run *runs, unsigned int n)
{
	struct visit v;
	int err;

	if (is_shorter(s))
		return -EIO;
	v = enter(s);
	file_start_write(s->claim.file);
	err = write_runs(s, runs, n);
	file_end_write(s->claim.file);
	leave(s, &v);
	return err;
}

struct write_call {
	struct work_struct work;
	struct store *s;
	const struct store_run *runs;
	unsigned int n;
	int err;
};

static void write_work(struct work_struct *work)
{
	struct write_call *c = container_of(work, struct write_call, work);

	c->err = write_here(c->s, c->runs, c->n);
}

/* A file system ends the write of a task that was killed, or has a limit (RLIMIT_FSIZE). */
int store_write(struct store *s, const struct store_run *runs, unsigned int n)
{
	struct write_call c = { .s = s, .runs = runs, .n = n };

	if (current->flags & PF_KTHREAD)
		return write_here(s, runs, n);
	INIT_WORK_ONSTACK(&c.work, write_work);
	queue_work(s->wq, &c.work);
	flush_work(&c.work);
	destroy_work_on_stack(&c.work);
	return c.err;
}

/* --- preparing ---------------------------------------------------------- */

/* Pages of a file on a device: clean ones make unwritten space look like data. */
static void forget_pages(struct address_space *mapping)
{
	if (mapping->host->i_sb->s_bdev)
		invalidate_inode_pages2(mapping);
}

/*
 * Unwritten space is a hole, too: it reads as zeros, and to write there changes
 * the file's map. The last block is written as a whole.
 */
static bool has_holes(struct store *s, u64 whole)
{
	loff_t end = min_t(u64, whole, i_size_read(s->claim.inode));
	struct file *file = s->claim.file;
	loff_t pos = file->f_pos, hole;

	forget_pages(s->claim.mapping);
	hole = vfs_llseek(file, 0, SEEK_HOLE);
	file->f_pos = pos;
	return hole >= 0 && hole < end;
}

static int pad(struct store *s, u64 to, void *zeros)
{
	u64 size = i_size_read(s->claim.inode);
	struct transfer t = { .dir = ITER_SOURCE, .sync = true };
	int err;

	if (size >= to)
		return 0;
	file_start_write(s->claim.file);
	err = drain(s, start(s, &t, size, to - size, zeros));
	file_end_write(s->claim.file);
	return err ? err : vfs_fsync(s->claim.file, 0);
}

static int rewrite_first(struct store *s, void *block)
{
	struct store_run run = { .block = 0, .blocks = 1, .data = block };
	int err = read_blocks(s, 0, 1, block);

	if (err)
		return err;
	file_start_write(s->claim.file);
	err = write_runs(s, &run, 1);
	file_end_write(s->claim.file);
	return err;
}

/* Some file systems say that they can and do not, or only reads, or not in blocks of this size. */
static int find_way(struct store *s, void *block)
{
	int err;

	s->direct = s->claim.file->f_mode & FMODE_CAN_ODIRECT;
	err = rewrite_first(s, block);
	if (!err || !s->direct)
		return err;
	s->direct = false;
	return rewrite_first(s, block);
}

static int prepare(struct store *s, u64 whole, void *block)
{
	/* What is not allocated yet would be a hole, or not, as chance has it. */
	int err = vfs_fsync(s->claim.file, 0);

	if (err)
		return err;
	if (store_is_file(&s->claim)) {
		if (has_holes(s, whole)) {
			array_err(s->array, "bitmap file has holes, or space that was never written\n");
			return -EINVAL;
		}
		err = pad(s, whole, block);
		if (err)
			return err;
	}
	return find_way(s, block);
}

int store_prepare(struct store *s, u64 bytes)
{
	u64 whole = round_up(bytes, STORE_BLOCK);
	u64 needed = store_is_file(&s->claim) ? bytes : whole;
	u64 size = i_size_read(s->claim.inode);
	struct visit v;
	void *block;
	int err;

	if (size < needed) {
		array_err(s->array, "bitmap file is too short: %llu bytes, needs %llu\n",
			  size, needed);
		return -ENOSPC;
	}
	block = kzalloc(STORE_BLOCK, GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	v = enter(s);
	err = prepare(s, whole, block);
	leave(s, &v);
	kfree(block);
	if (!err)
		s->bytes = whole;
	return err;
}

/* --- opening ------------------------------------------------------------ */

int store_open(struct array *a, struct file *file, struct store **out)
{
	struct store *s = kvzalloc(sizeof(*s), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!s)
		return -ENOMEM;
	s->array = a;
	INIT_DELAYED_WORK(&s->hung, store_hung);
	for (i = 0; i < SLOTS; i++)
		init_completion(&s->slots[i].done);
	s->wq = alloc_workqueue("mdbitmap_store", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	err = s->wq ? store_claim(&s->claim, a, file) : -ENOMEM;
	if (err) {
		if (s->wq)
			destroy_workqueue(s->wq);
		kvfree(s);
		return err;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	cancel_delayed_work_sync(&s->hung);
	store_unclaim(&s->claim);
	destroy_workqueue(s->wq);
	kvfree(s);
}

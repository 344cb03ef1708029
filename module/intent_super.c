// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start and end of the engine: the bitmap's superblock read and judged, the
 * rules of what its bits mean when the array starts (DESIGN.md 8), the
 * superblock kept in step with the array's generation (P5), and what status
 * and sysfs ask for.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "intent_impl.h"

enum {
	BUDGET_SHARE = 64,	/* by default at most that part of the array */
	MIB_SECTORS = 2048,
};

static unsigned int resync_budget = 1024;
module_param(resync_budget, uint, 0644);
MODULE_PARM_DESC(resync_budget,
	"MiB of idle chunks whose bits may stay set, for arrays started from now on; 1/64 of the array at most; 0: clear as stock md does (1024)");

/* --- judging ------------------------------------------------------------ */

static int refuse(struct array *a, int err, const char *why)
{
	array_err(a, "bitmap file refused: %s\n", why);
	return err;
}

/* What md would not take, or we do not. */
static int judge(struct array *a, const struct bitmap_super *sb)
{
	struct fault fault;

	if (bitmap_super_check(sb, &fault)) {
		array_err(a, "bitmap file refused: %s is %llu, not %s\n", fault.field,
			  (unsigned long long)fault.found, fault.expected);
		return -EINVAL;
	}
	if (sb->version == BITMAP_V6_LOCKLESS)
		return refuse(a, -EINVAL, "version 6 (lockless) is not for files");
	if (sb->nodes)
		return refuse(a, -EINVAL, "clustered");
	if (!IS_ENABLED(CONFIG_CPU_LITTLE_ENDIAN) && !IS_ENABLED(CONFIG_X86) &&
	    (sb->version == BITMAP_V3_HOST_ENDIAN || sb->state & BITMAP_HOST_ENDIAN))
		return refuse(a, -EINVAL, "version 3, in the byte order of its host");
	if (sb->state & BITMAP_WRITE_ERROR)
		return refuse(a, -EIO, "an error while writing is recorded in it");
	if (a->persistent && memcmp(sb->uuid, a->uuid, UUID_BYTES))
		return refuse(a, -EINVAL, "it belongs to another array (UUID)");
	if (bitmap_bits(a->member_sectors, sb->chunk_bytes) > BITMAP_BITS_MAX)
		return refuse(a, -EINVAL, "more than 2^31 chunks");
	return 0;
}

/* The file's superblock, judged. */
static int read_super(struct intent *in)
{
	u8 *block = kmalloc(STORE_BLOCK, GFP_KERNEL);
	int err;

	if (!block)
		return -ENOMEM;
	err = store_read(in->store, 0, 1, block);
	if (!err) {
		bitmap_super_decode(&in->super, (void *)block);
		err = judge(in->array, &in->super);
	}
	kfree(block);
	return err;
}

/* --- making and unmaking ------------------------------------------------ */

static void set_geometry(struct intent *in)
{
	in->sectors = in->array->member_sectors;
	in->chunk_shift = ilog2(in->super.chunk_bytes) - SECTOR_SHIFT;
	in->chunks = bitmap_bits(in->sectors, in->super.chunk_bytes);
	in->delay_ms = in->super.delay_s * 1000;
	in->sync_lo = in->sectors;
	in->budget_chunks = min_t(u64, (u64)resync_budget * MIB_SECTORS,
				  in->sectors / BUDGET_SHARE) >> in->chunk_shift;
}

static void init_parts(struct intent *in)
{
	spin_lock_init(&in->lock);
	mutex_init(&in->commit_mutex);
	init_waitqueue_head(&in->wait);
	INIT_LIST_HEAD(&in->waiting[0]);
	INIT_LIST_HEAD(&in->waiting[1]);
	INIT_LIST_HEAD(&in->stalled);
	commit_init(&in->commit);
	epoch_init(&in->epoch);
	intent_ahead_init(in);
}

static int intent_setup(struct intent *in)
{
	int err = read_super(in);

	if (err)
		return err;
	set_geometry(in);
	/* For this array, which may be larger than the one that the file was made for. */
	err = store_prepare(in->store, BITMAP_SUPER_BYTES + bits_bytes(in->chunks));
	if (!err)
		err = chunks_alloc(in);
	if (!err)
		err = intent_works_init(in);
	return err;
}

int intent_create(struct array *a, struct file *file, struct intent **out)
{
	struct intent *in = kzalloc(sizeof(*in), GFP_KERNEL);
	int err = -ENOMEM;

	if (!in)
		return -ENOMEM;
	in->array = a;
	in->store = a->store;
	init_parts(in);
	in->stage = __vmalloc(STAGE_BLOCKS * STORE_BLOCK,
			      GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	in->counts = alloc_percpu(struct intent_counts);
	if (in->stage && in->counts)
		err = intent_setup(in);
	if (err) {
		intent_destroy(in);
		return err;
	}
	a->write_behind_max = in->super.write_behind;
	*out = in;
	return 0;
}

void intent_destroy(struct intent *in)
{
	intent_works_stop(in);
	intent_ahead_stop(in);
	WARN_ON_ONCE(!list_empty(&in->waiting[0]) ||
		     !list_empty(&in->waiting[1]) || !list_empty(&in->stalled));
	chunks_free(in);
	free_percpu(in->counts);
	vfree(in->stage);
	kfree(in);
}

/* --- what the bits mean ------------------------------------------------- */

/*
 * It was with others, that our members have not seen. One event more than theirs: what
 * was being written when the power went.
 */
static bool was_elsewhere(const struct intent *in)
{
	const struct bitmap_super *sb = &in->super;
	const struct array *a = in->array;

	if (!a->persistent || sb->events < a->events)
		return false;
	return sb->events > a->events + 1 || !bitmap_super_is_of(sb, a->events, a->utime);
}

static bool is_stale(const struct intent *in)
{
	if (in->super.state & BITMAP_STALE || in->super.sync_sectors < in->sectors)
		return true;
	return was_elsewhere(in) ||
	       (in->array->persistent && in->super.events < in->array->events);
}

/*
 * A current file is believed when the array starts. A stale one says nothing:
 * members that are in sync start with all bits clear, others with all set.
 * Without metadata the administrator's word that they are in sync
 * (assume-clean) stands; and so does what a running array knows of itself.
 */
static bool believes(struct intent *in, bool clean, bool attaching, bool stale)
{
	return !stale && !attaching && !(clean && !in->array->persistent);
}

/*
 * Superblocks as they were created, and every bit set: mdadm --create does so
 * with any new file. If its user says that the members are in sync
 * (assume-clean), he means it. Bits that somebody marked are not all.
 */
static bool is_creation(const struct intent *in, bool clean)
{
	const struct array *a = in->array;

	return clean && a->persistent && in->dirty_chunks == in->chunks &&
	       a->events <= (a->format == MEMBER_0_90 ? 1 : 0);
}

/* *believed: becomes false if they are not, after all. */
static int read_bits(struct intent *in, bool clean, bool *believed)
{
	int err;

	if (!clean && !*believed)
		return chunks_fill(in);
	/* What is in the file is replaced, so it must be known what to write. */
	err = chunks_load(in);
	if (!err && is_creation(in, clean))
		*believed = false;
	if (!err && !*believed)
		chunks_zero(in);
	return err;
}

static void log_start(struct intent *in, bool believed)
{
	struct array *a = in->array;

	array_info(a, "bitmap file%s: %llu of %llu chunks dirty, chunk %llu KiB, %s\n",
		   believed ? "" : " says nothing", in->dirty_chunks, in->chunks,
		   in->super.chunk_bytes >> 10,
		   store_is_direct(in->store) ? "written directly" :
		   "written through the page cache");
}

/* Which update of the members' superblocks has these events. commit_mutex held. */
static void set_events(struct intent *in, u64 events)
{
	const struct array *a = in->array;

	in->super.events = events;
	if (a->persistent && events == a->events)
		bitmap_super_note_update(&in->super, a->utime, a->utime_before);
}

/*
 * With a file that was not believed the bits must be on the medium before the
 * superblock calls them current: one block holds the superblock and the first
 * bits, and its sectors may reach the medium in any order. @missed: who has the
 * array's events may nevertheless not have all that was written before.
 */
static int write_start(struct intent *in, bool believed, bool missed)
{
	bool elsewhere = was_elsewhere(in);
	u64 events = in->super.events;
	int err;

	if (!believed) {
		in->super.state |= BITMAP_STALE;
		err = intent_commit_super(in);
		if (err)
			return err;
		events = in->array->events;
		in->super.events_cleared = events + missed;
	}
	in->super.sync_sectors = in->sectors;
	/* What is to be outrun this file alone may know: it says so until that is done. */
	if (elsewhere) {
		array_outrun(in->array, in->super.events);
		return 0;
	}
	in->super.state &= ~BITMAP_STALE;
	set_events(in, max(events, in->array->persistent ? in->array->events : 0));
	return intent_commit_super(in);
}

int intent_load(struct intent *in, bool clean, bool attaching)
{
	/* The array may be suspended: nothing here may wait for its I/O. */
	unsigned int noio = memalloc_noio_save();
	bool believed = believes(in, clean, attaching, is_stale(in));
	int err;

	err = read_bits(in, clean, &believed);
	if (!err) {
		mutex_lock(&in->commit_mutex);
		err = write_start(in, believed, attaching && in->array->degraded);
		mutex_unlock(&in->commit_mutex);
	}
	memalloc_noio_restore(noio);
	if (!err)
		log_start(in, believed);
	return err;
}

int intent_flush(struct intent *in)
{
	int err = 0;

	if (READ_ONCE(in->state))
		return -EIO;
	cancel_delayed_work_sync(&in->sweep_work);
	if (!intent_degraded(in) && in->dirty_chunks)
		err = array_flush_legs(in->array);
	mutex_lock(&in->commit_mutex);
	/* Nobody waits for what is set ahead of a stream, but a sweep does. */
	if (!err && READ_ONCE(in->commit.wanted))
		err = intent_commit(in);
	if (!err && !intent_degraded(in) && in->dirty_chunks &&
	    !sweep_prepare(in))
		sweep_all(in);
	spin_lock(&in->lock);
	in->sweeping = false;
	sweep_commit_cleared(in);
	spin_unlock(&in->lock);
	if (!err)
		err = intent_commit(in);
	mutex_unlock(&in->commit_mutex);
	return err;
}

/* --- the superblock ----------------------------------------------------- */

int intent_commit_super(struct intent *in)
{
	struct bitmap_super_disk disk;

	lockdep_assert_held(&in->commit_mutex);
	bitmap_super_encode(&disk, &in->super);
	spin_lock(&in->lock);
	memcpy(in->image[0], &disk, sizeof(disk));
	summary_add(&in->changed, 0);
	in->stats.super_writes++;
	spin_unlock(&in->lock);
	return intent_commit(in);
}

int intent_write_super(struct intent *in, u64 events, bool forget)
{
	int err = 0;

	mutex_lock(&in->commit_mutex);
	if (!READ_ONCE(in->state)) {
		set_events(in, events);
		in->super.state &= ~BITMAP_STALE;
		/* Stock md rolled back by one (md-abi.md 4.7). */
		if (forget || in->super.events_cleared > events)
			in->super.events_cleared = events;
		err = intent_commit_super(in);
	}
	mutex_unlock(&in->commit_mutex);
	return err;
}

int intent_write_stale(struct intent *in)
{
	int err = -EIO;

	mutex_lock(&in->commit_mutex);
	if (!READ_ONCE(in->state)) {
		in->super.state |= BITMAP_STALE;
		err = intent_commit_super(in);
	}
	mutex_unlock(&in->commit_mutex);
	return err;
}

bool intent_can_re_add(struct intent *in, u64 events)
{
	return !intent_failed(in) && events >= READ_ONCE(in->super.events_cleared);
}

int intent_set_delay(struct intent *in, unsigned int ms)
{
	int err;

	if (!ms || ms > INT_MAX)
		return -EINVAL;
	mutex_lock(&in->commit_mutex);
	WRITE_ONCE(in->delay_ms, ms);
	/* Whole seconds on disk, and never 0: stock md refuses that. */
	in->super.delay_s = max(1u, DIV_ROUND_UP(ms, 1000));
	err = intent_commit_super(in);
	mutex_unlock(&in->commit_mutex);
	intent_kick(in);
	return err;
}

int intent_set_budget(struct intent *in, u64 bytes)
{
	spin_lock(&in->lock);
	in->budget_chunks = bytes >> SECTOR_SHIFT >> in->chunk_shift;
	spin_unlock(&in->lock);
	intent_kick(in);
	return 0;
}

int intent_set_write_behind(struct intent *in, unsigned int max)
{
	int err;

	if (max > BITMAP_WRITE_BEHIND_MAX)
		return -EINVAL;
	mutex_lock(&in->commit_mutex);
	in->super.write_behind = max;
	WRITE_ONCE(in->array->write_behind_max, max);
	err = intent_commit_super(in);
	mutex_unlock(&in->commit_mutex);
	return err;
}

/* --- status ------------------------------------------------------------- */

void intent_get_status(struct intent *in, struct intent_status *st)
{
	spin_lock(&in->lock);
	*st = (struct intent_status){
		.chunk_bytes = in->super.chunk_bytes,
		.chunks = in->chunks,
		.dirty_chunks = in->dirty_chunks,
		.pages = in->npages,
		.pages_used = in->pages_used,
		.events = in->super.events,
		.events_cleared = in->super.events_cleared,
		.delay_ms = in->delay_ms,
		.write_behind = in->super.write_behind,
		.budget_bytes = in->budget_chunks << in->chunk_shift << SECTOR_SHIFT,
		.failed = in->state != 0,
		.memory_bytes = (in->image_blocks + in->words_pages) * STORE_BLOCK +
			in->blocks * (sizeof(*in->image) + sizeof(*in->set_gen)) +
			in->npages * sizeof(*in->pages),
	};
	spin_unlock(&in->lock);
}

void intent_get_stats(struct intent *in, struct intent_stats *st)
{
	int cpu;

	spin_lock(&in->lock);
	*st = in->stats;
	spin_unlock(&in->lock);
	for_each_possible_cpu(cpu)
		st->writes_hot += per_cpu_ptr(in->counts, cpu)->hot;
}

void intent_dump(struct intent *in)
{
	const struct bitmap_super *sb = &in->super;

	array_info(in->array,
		   "bitmap: version %u uuid %pUb events %llu cleared %llu state %u chunk %llu delay %us behind %u sync_size %llu\n",
		   sb->version, sb->uuid, sb->events, sb->events_cleared, sb->state,
		   sb->chunk_bytes, sb->delay_s, sb->write_behind, sb->sync_sectors);
	array_info(in->array,
		   "bitmap: %llu of %llu chunks dirty, commit %llu durable %llu, store %s\n",
		   in->dirty_chunks, in->chunks, in->commit.open, in->commit.durable,
		   in->state ? "failed" : "ok");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-behind: members that are write-mostly may lag, up to a bound, and the
 * user is told when the others have the data. Until the last such member
 * has ended, the write is found here: whoever writes to its range waits, so
 * that the two arrive in order, and so does who must read it from a member
 * that lags. Only with a bitmap: its bit stays set for as long.
 */
#include <linux/blkdev.h>
#include <linux/interval_tree_generic.h>
#include <linux/slab.h>

#include "raid1_impl.h"

#define WRITE_FIRST(w) ((w)->sector)
#define WRITE_LAST(w) ((w)->end - 1)

INTERVAL_TREE_DEFINE(struct raid1_write, node, sector_t, subtree_last,
		     WRITE_FIRST, WRITE_LAST, static inline, behind_tree)

void raid1_behind_init(struct raid1_behind *behind)
{
	spin_lock_init(&behind->lock);
	behind->tree = RB_ROOT_CACHED;
}

bool raid1_behind_overlaps(struct raid1 *r1, sector_t sector, sector_t end)
{
	struct raid1_behind *behind = &r1->behind;
	unsigned long irq;
	bool overlaps;

	if (likely(!atomic_read(&r1->array->write_behind)))
		return false;
	spin_lock_irqsave(&behind->lock, irq);
	overlaps = behind_tree_iter_first(&behind->tree, sector, end - 1);
	spin_unlock_irqrestore(&behind->lock, irq);
	return overlaps;
}

/* In sync now, and after a power cut. */
static bool is_prompt(const struct leg *leg)
{
	if (!test_bit(LEG_IN_SYNC, &leg->flags))
		return false;
	smp_rmb(); /* as join() sets them the other way round */
	return !test_bit(LEG_JOINING, &leg->flags);
}

/* Is there a member to lag, and one that does not? */
static bool has_laggard(struct raid1 *r1)
{
	bool laggard = false, prompt = false;
	unsigned int i;

	for (i = 0; i < r1->slots; i++) {
		struct leg *leg = r1->slot[i].leg;

		if (!raid1_writable(leg))
			continue;
		if (test_bit(LEG_WRITE_MOSTLY, &leg->flags))
			laggard = true;
		else
			prompt |= is_prompt(leg);
	}
	return laggard && prompt;
}

/* One more behind, unless there are too many. */
static bool take_credit(struct array *a)
{
	unsigned int n = atomic_inc_return(&a->write_behind);

	if (n > READ_ONCE(a->write_behind_max)) {
		atomic_dec(&a->write_behind);
		return false;
	}
	if (n > READ_ONCE(a->write_behind_used))
		WRITE_ONCE(a->write_behind_used, n);
	return true;
}

static void free_copy(struct raid1_write *w)
{
	while (w->nvec)
		__free_page(w->vec[--w->nvec].bv_page);
	kfree(w->vec);
	w->vec = NULL;
}

static bool alloc_copy(struct raid1_write *w)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;
	unsigned int bytes = w->bio->bi_iter.bi_size;

	w->nvec = 0;
	w->vec = kmalloc_array(DIV_ROUND_UP(bytes, PAGE_SIZE), sizeof(*w->vec), gfp);
	if (!w->vec)
		return false;
	while (bytes) {
		struct bio_vec *bv = &w->vec[w->nvec];
		struct page *page = alloc_page(gfp);

		if (!page) {
			free_copy(w);
			return false;
		}
		bvec_set_page(bv, page, min_t(unsigned int, bytes, PAGE_SIZE), 0);
		bytes -= bv->bv_len;
		w->nvec++;
	}
	return true;
}

static void copy_init(struct raid1_write *w, struct bio *bio,
		      struct block_device *bdev, blk_opf_t opf)
{
	bio_init(bio, bdev, w->vec, w->nvec, opf);
	bio->bi_vcnt = w->nvec;
	bio->bi_iter.bi_size = w->bio->bi_iter.bi_size;
}

static void copy_data(struct raid1_write *w)
{
	struct bio copy;

	copy_init(w, &copy, NULL, REQ_OP_WRITE);
	bio_copy_data(&copy, w->bio);
	bio_uninit(&copy);
}

static bool is_candidate(struct raid1_write *w)
{
	struct array *a = w->r1->array;

	return READ_ONCE(a->write_behind_max) && a->intent &&
	       bio_op(w->bio) == REQ_OP_WRITE && bio_sectors(w->bio) &&
	       w->bio->bi_iter.bi_size <= RAID1_BEHIND_PAGES * PAGE_SIZE &&
	       has_laggard(w->r1);
}

bool raid1_behind_begin(struct raid1_write *w)
{
	struct raid1_behind *behind = &w->r1->behind;
	unsigned long irq;

	if (likely(!is_candidate(w)) || !take_credit(w->r1->array))
		return false;
	if (!alloc_copy(w)) {
		atomic_dec(&w->r1->array->write_behind);
		return false;
	}
	copy_data(w);
	set_bit(WRITE_BEHIND, &w->flags);
	spin_lock_irqsave(&behind->lock, irq);
	behind_tree_insert(w, &behind->tree);
	spin_unlock_irqrestore(&behind->lock, irq);
	return true;
}

void raid1_behind_prepare(struct raid1_write *w, struct raid1_write_leg *l,
			  blk_opf_t opf)
{
	copy_init(w, &l->bio, l->leg->bdev, opf);
}

void raid1_behind_told(struct raid1_write *w)
{
	if (likely(!test_bit(WRITE_BEHIND, &w->flags)))
		return;
	set_bit(WRITE_TOLD, &w->flags);
	atomic_inc(&w->r1->array->behind_told);
	/* Before the look whether superblocks are pending: pairs with await_laggards(). */
	smp_mb__after_atomic();
}

void raid1_behind_untold(struct raid1_write *w)
{
	struct array *a = w->r1->array;

	if (test_and_clear_bit(WRITE_TOLD, &w->flags) &&
	    atomic_dec_and_test(&a->behind_told))
		wake_up_all(&a->super_wait);
}

void raid1_behind_end(struct raid1_write *w)
{
	struct raid1_behind *behind = &w->r1->behind;
	struct array *a = w->r1->array;
	unsigned long irq;

	if (likely(!test_bit(WRITE_BEHIND, &w->flags)))
		return;
	spin_lock_irqsave(&behind->lock, irq);
	behind_tree_remove(w, &behind->tree);
	spin_unlock_irqrestore(&behind->lock, irq);
	raid1_behind_untold(w);
	atomic_dec(&a->write_behind);
	free_copy(w);
	array_unpark(a);
}

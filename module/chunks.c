// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the engine: the bitmap's image, block by block, and the words of
 * the chunks, page by page, both made when first needed.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "intent_impl.h"

enum { LOAD_BLOCKS = 256 };	/* read at a time: 1 MiB */

static u8 *image_block(struct intent *in, u64 chunk)
{
	return READ_ONCE(in->image[chunk_block(chunk)]);
}

bool chunk_test_bit(struct intent *in, u64 chunk)
{
	const u8 *block = image_block(in, chunk);

	return block && bits_test(block, chunk_bit(chunk));
}

u16 *chunk_word(struct intent *in, u64 chunk)
{
	u16 *words = rcu_dereference_check(in->pages[chunk / PAGE_WORDS].words,
					   lockdep_is_held(&in->lock));

	return words ? &words[chunk % PAGE_WORDS] : NULL;
}

bool chunk_provided(struct intent *in, u64 chunk)
{
	return image_block(in, chunk) &&
	       rcu_access_pointer(in->pages[chunk / PAGE_WORDS].words);
}

static void *zeroed_page(void)
{
	return (void *)get_zeroed_page(GFP_NOIO | __GFP_NOWARN);
}

static void free_zeroed_page(void *page)
{
	free_page((unsigned long)page);
}

/* Every set bit becomes a chunk that owes a sync, as the absent page said. */
static void words_from_image(struct intent *in, u64 n, u16 *words)
{
	u64 first = n * PAGE_WORDS, bit = chunk_bit(first), end = bit + PAGE_WORDS;
	const u8 *block = image_block(in, first);

	if (!block)
		return;
	for (bit = bits_next_set(block, bit, end); bit < end;
	     bit = bits_next_set(block, bit + 1, end))
		words[bit - chunk_bit(first)] = intent_word(INTENT_NEEDED, 0, 0);
}

static void install_words(struct intent *in, u64 n, u16 *words)
{
	words_from_image(in, n, words);
	rcu_assign_pointer(in->pages[n].words, words);
	summary_add(&in->worded, n);
	in->words_pages++;
}

int chunk_provide(struct intent *in, u64 chunk)
{
	u64 n = chunk / PAGE_WORDS, b = chunk_block(chunk);
	void *block = NULL, *words = NULL;

	if (!READ_ONCE(in->image[b]))
		block = zeroed_page();
	if (!rcu_access_pointer(in->pages[n].words))
		words = zeroed_page();

	spin_lock(&in->lock);
	if (block && !in->image[b]) {
		/* Readers without the lock see zeros, or no block at all. */
		smp_store_release(&in->image[b], (u8 *)block);
		in->image_blocks++;
		block = NULL;
	}
	if (words && !rcu_access_pointer(in->pages[n].words)) {
		install_words(in, n, words);
		words = NULL;
	}
	spin_unlock(&in->lock);

	free_zeroed_page(block);
	free_zeroed_page(words);
	return READ_ONCE(in->image[b]) &&
	       rcu_access_pointer(in->pages[n].words) ? 0 : -ENOMEM;
}

void chunk_set_bit(struct intent *in, u64 chunk)
{
	struct chunk_page *page = &in->pages[chunk / PAGE_WORDS];
	u64 bit = chunk_bit(chunk), b = chunk_block(chunk);

	lockdep_assert_held(&in->lock);
	bits_set(in->image[b], bit, bit + 1);
	summary_add(&in->changed, b);
	in->dirty_chunks++;
	in->sets++;
	if (!page->live++)
		in->pages_used++;
}

void chunk_clear_bit(struct intent *in, u64 chunk)
{
	struct chunk_page *page = &in->pages[chunk / PAGE_WORDS];
	u64 bit = chunk_bit(chunk), b = chunk_block(chunk);

	lockdep_assert_held(&in->lock);
	bits_clear(in->image[b], bit, bit + 1);
	summary_add(&in->cleared, b);
	in->dirty_chunks--;
	if (!--page->live)
		in->pages_used--;
}

static bool word_owes(u16 word)
{
	enum intent_state state = intent_state_of(word);

	return state == INTENT_NEEDED || state == INTENT_SYNCING ||
	       state == INTENT_SETTING_NEEDED;
}

/* Within one page; @to if there is none. */
static u64 page_next_owed(struct intent *in, u64 from, u64 to)
{
	u16 *word;

	rcu_read_lock();
	word = chunk_word(in, from);
	if (word) {
		while (from < to && !word_owes(READ_ONCE(*word)))
			from++, word++;
	} else {
		const u8 *block = image_block(in, from);
		u64 bit = chunk_bit(from);

		from = block ? from - bit + bits_next_set(block, bit, bit + to - from) : to;
	}
	rcu_read_unlock();
	return from;
}

u64 chunk_next_owed(struct intent *in, u64 from, u64 to, bool *stopped)
{
	unsigned int pages = 0;

	*stopped = false;
	while (from < to) {
		u64 end = to, next;

		if (!image_block(in, from)) {
			from += BLOCK_BITS - chunk_bit(from);
		} else {
			end = min(to, (from / PAGE_WORDS + 1) * PAGE_WORDS);
			next = page_next_owed(in, from, end);
			if (next < end)
				return next;
			from = end;
		}
		if (++pages == 64 && from < to) {
			*stopped = true;
			return from;
		}
	}
	return to;
}

/* --- the directory ------------------------------------------------------ */

static int alloc_summaries(struct intent *in)
{
	u64 blocks = summary_words(in->blocks), pages = summary_words(in->npages);
	u64 *words = kvcalloc(2 * blocks + pages, sizeof(*words), GFP_KERNEL);

	if (!words)
		return -ENOMEM;
	in->summary_memory = words;
	summary_init(&in->changed, in->blocks, words);
	summary_init(&in->cleared, in->blocks, words + blocks);
	summary_init(&in->worded, in->npages, words + 2 * blocks);
	return 0;
}

int chunks_alloc(struct intent *in)
{
	in->blocks = DIV_ROUND_UP_ULL(in->chunks + SUPER_BITS, BLOCK_BITS);
	in->npages = DIV_ROUND_UP_ULL(in->chunks, PAGE_WORDS);
	in->image = kvcalloc(in->blocks, sizeof(*in->image), GFP_KERNEL);
	in->set_gen = kvcalloc(in->blocks, sizeof(*in->set_gen), GFP_KERNEL);
	in->pages = kvcalloc(in->npages, sizeof(*in->pages), GFP_KERNEL);
	if (!in->image || !in->set_gen || !in->pages)
		return -ENOMEM;
	/* Block 0 holds the superblock, and is always there. */
	in->image[0] = zeroed_page();
	if (!in->image[0])
		return -ENOMEM;
	in->image_blocks = 1;
	return alloc_summaries(in);
}

void chunks_free(struct intent *in)
{
	u64 i;

	for (i = 0; in->image && i < in->blocks; i++)
		free_zeroed_page(in->image[i]);
	for (i = 0; in->pages && i < in->npages; i++)
		free_zeroed_page(rcu_dereference_protected(in->pages[i].words, true));
	kvfree(in->image);
	kvfree(in->set_gen);
	kvfree(in->pages);
	kvfree(in->summary_memory);
}

u16 *chunks_take_words(struct intent *in, u64 n)
{
	struct chunk_page *page = &in->pages[n];
	u16 *words = rcu_dereference_protected(page->words,
					       lockdep_is_held(&in->lock));

	if (page->live || !words)
		return NULL;
	RCU_INIT_POINTER(page->words, NULL);
	summary_remove(&in->worded, n);
	in->words_pages--;
	return words;
}

/* --- all at once, before the engine runs -------------------------------- */

/* Bits of block @b that stand for chunks: [*from, *to). */
static void block_range(struct intent *in, u64 b, u64 *from, u64 *to)
{
	u64 end = in->chunks + SUPER_BITS - b * BLOCK_BITS;

	*from = b ? 0 : SUPER_BITS;
	*to = min_t(u64, end, BLOCK_BITS);
}

/* Count the bits of block @b, which have just been put there. */
static void block_count(struct intent *in, u64 b)
{
	u64 from, to, at, chunk;

	block_range(in, b, &from, &to);
	for (at = from; at < to; at += PAGE_WORDS) {
		u64 n = bits_count_range(in->image[b], at, min(to, at + PAGE_WORDS));

		chunk = b * BLOCK_BITS + at - SUPER_BITS;
		in->pages[chunk / PAGE_WORDS].live = n;
		in->pages_used += n > 0;
		in->dirty_chunks += n;
	}
}

static int block_provide(struct intent *in, u64 b)
{
	if (in->image[b])
		return 0;
	in->image[b] = zeroed_page();
	if (!in->image[b])
		return -ENOMEM;
	in->image_blocks++;
	return 0;
}

static void forget_counts(struct intent *in)
{
	u64 i;

	for (i = 0; i < in->npages; i++)
		in->pages[i].live = 0;
	in->dirty_chunks = 0;
	in->pages_used = 0;
}

int chunks_fill(struct intent *in)
{
	u64 b, from, to;

	forget_counts(in);
	for (b = 0; b < in->blocks; b++) {
		if (block_provide(in, b))
			return -ENOMEM;
		block_range(in, b, &from, &to);
		bits_set(in->image[b], from, to);
		block_count(in, b);
		summary_add(&in->changed, b);
		cond_resched();
	}
	return 0;
}

/* Blocks that were read as zero stay as they are on the medium. */
void chunks_zero(struct intent *in)
{
	u64 b, from, to;

	forget_counts(in);
	for (b = 0; b < in->blocks; b++) {
		if (!in->image[b])
			continue;
		block_range(in, b, &from, &to);
		bits_clear(in->image[b], from, to);
		summary_add(&in->changed, b);
		cond_resched();
	}
}

static int load_block(struct intent *in, u64 b, const u8 *data)
{
	u64 from, to;

	block_range(in, b, &from, &to);
	if (bits_next_set(data, from, to) == to)
		return 0;
	if (block_provide(in, b))
		return -ENOMEM;
	/* What lies behind the last chunk has no meaning (md-abi.md 4.2). */
	memcpy(in->image[b] + from / 8, data + from / 8, bits_bytes(to) - from / 8);
	bits_clear(in->image[b], to, bits_bytes(to) * 8);
	block_count(in, b);
	return 0;
}

int chunks_load(struct intent *in)
{
	u64 b, i, n;
	/* Whoever asked is told; the kernel need not add a trace. */
	u8 *buf = __vmalloc(LOAD_BLOCKS * STORE_BLOCK, GFP_KERNEL | __GFP_NOWARN);
	int err = buf ? 0 : -ENOMEM;

	for (b = 0; !err && b < in->blocks; b += n) {
		n = min_t(u64, in->blocks - b, LOAD_BLOCKS);
		err = store_read(in->store, b, n, buf);
		for (i = 0; !err && i < n; i++)
			err = load_block(in, b + i, buf + i * STORE_BLOCK);
		cond_resched();
	}
	vfree(buf);
	return err;
}

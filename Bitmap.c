// SPDX-License-Identifier: GPL-2.0-only
/*
 * Edits of one bitmap file: --mark, --clear, --resize, --rechunk.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"
#include "options.h"
#include "outcome.h"
#include "parse.h"
#include "rechunk.h"
#include "report.h"

/* Bits that md will not believe are not worth an edit. */
static int check_state(const struct image *image, bool force)
{
	const char *word = image_why_all_dirty(image);

	if (!word)
		return 0;
	if (!force)
		return fail(-ESTALE, "%s: its state is %s: every chunk counts as dirty, whatever the bits say; --create a new one (or --force)",
			    safe(image->path), word);
	note("%s: its state is %s: every chunk counts as dirty, whatever the bits say",
	     safe(image->path), word);
	return 0;
}

static int check_order(const struct image *image, const char *order)
{
	if (image->order == IMAGE_LITTLE_ENDIAN ||
	    image->sb.version == BITMAP_V3_HOST_ENDIAN)
		return 0;
	return fail(-EINVAL, "--byte-order=%s: %s has version %u, whose bits are in the same order everywhere",
		    order, safe(image->path), image->sb.version);
}

static int open_edit(const struct request *rq, struct image **out)
{
	enum image_byte_order order;
	struct image *image;
	int err = parse_byte_order(rq->byte_order, &order);

	if (!err)
		err = image_open(rq->args[0], IMAGE_EDIT | (rq->force ? IMAGE_FORCE : 0),
				 &image);
	if (err)
		return err;
	image->order = order;
	err = check_order(image, rq->byte_order);
	if (!err)
		err = check_state(image, rq->force);
	if (err)
		image_close(image);
	else
		*out = image;
	return err;
}

/* ---- marking and clearing ---- */

struct span {			/* chunks, half-open */
	uint64_t start, end;
};

static uint64_t size_bytes(const struct image *image)
{
	return image->sb.sync_sectors * SECTOR_BYTES;
}

/* One word of the command line into the chunks it touches, or covers. */
static int parse_span(const struct image *image, const char *word, uint64_t unit,
		      bool dirty, struct span *span)
{
	uint64_t chunk = image->sb.chunk_bytes, size = size_bytes(image);
	struct byte_range range;
	int err = parse_range(word, unit, chunk, &range);

	if (err)
		return err;
	if (range.end == UINT64_MAX)
		range.end = size;
	/* The last chunk may be named in full though the array ends in it. */
	if (range.start >= size || (range.end > size && range.end != image->bits * chunk))
		return fail(-EINVAL, "range '%s' is beyond the end of the array: %s, %" PRIu64 " bytes",
			    safe(word), human(size), size);
	if (range.end > size)
		range.end = size;
	span->start = range.start / chunk + (!dirty && range.start % chunk);
	span->end = range.end / chunk + ((dirty || range.end == size) && range.end % chunk);
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* In order, none empty, none touching another; the new count. */
static size_t tidy(struct span *spans, size_t count)
{
	size_t i, n = 0;

	qsort(spans, count, sizeof(*spans), by_start);
	for (i = 0; i < count; i++) {
		if (spans[i].start >= spans[i].end)
			continue;
		if (!n || spans[n - 1].end < spans[i].start)
			spans[n++] = spans[i];
		else if (spans[n - 1].end < spans[i].end)
			spans[n - 1].end = spans[i].end;
	}
	return n;
}

/* How many chunks are not yet as they shall be, and the bytes they cover. */
struct change {
	uint64_t chunks, bytes, total;
};

static int count_span(struct image *image, const struct span *span, bool dirty,
		      struct change *change)
{
	uint64_t at = span->start, first, count, to, last = image->bits - 1, set;
	const u8 *bits;
	int err;

	change->total += span->end - span->start;
	for (; at < span->end; at = to) {
		err = image_view(image, at, &bits, &first, &count);
		if (err)
			return err;
		to = span->end < first + count ? span->end : first + count;
		set = bits_count_range(bits, at - first, to - first);
		set = dirty ? to - at - set : set;
		change->chunks += set;
		change->bytes += set * image->sb.chunk_bytes;
		if (to > last && bits_test(bits, last - first) != dirty)
			change->bytes -= image->bits * image->sb.chunk_bytes -
					 size_bytes(image);
	}
	return 0;
}

static int apply(struct image *image, const struct span *spans, size_t count,
		 bool dirty)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < count; i++)
		err = image_set_chunks(image, spans[i].start, spans[i].end, dirty);
	return err ? err : image_sync(image);
}

static int print_change(const struct request *rq, const struct change *change,
			bool dirty)
{
	const char *verb = dirty ? "mark" : "clear";
	struct json_object *o;

	if (rq->json) {
		o = json_start(verb);
		json_text(o, "file", rq->args[0]);
		json_flag(o, "dry_run", rq->dry_run);
		json_u64(o, "named_chunks", change->total);
		json_u64(o, "changed_chunks", change->chunks);
		json_u64(o, "changed_bytes", change->bytes);
		return json_finish(o);
	}
	if (rq->quiet)
		return 0;
	printf("%s%s: %s %s (%s), %" PRIu64 " already %s\n",
	       rq->dry_run ? "would change " : "", safe(rq->args[0]),
	       plural(change->chunks, "chunk"), dirty ? "marked dirty" : "cleared",
	       human(change->bytes), change->total - change->chunks,
	       dirty ? "dirty" : "clear");
	if (rq->dry_run && change->chunks)
		puts(dirty ? "  the next resync or re-add copies them; on a clean array stock md copies nothing and lets the bits age" :
			     "  no resync or re-add copies them then: right only if all members agree there");
	return 0;
}

static int parse_spans(const struct request *rq, const struct image *image, bool dirty,
		       struct span *spans)
{
	const char *name;
	uint64_t unit;
	size_t i;
	int err = parse_unit(rq->unit, image->sb.chunk_bytes, &unit, &name);

	for (i = 1; !err && i < rq->arg_count; i++)
		err = parse_span(image, rq->args[i], unit, dirty, &spans[i - 1]);
	return err;
}

static int edit_spans(const struct request *rq, struct image *image, bool dirty,
		      struct span *spans)
{
	struct change change = { 0 };
	size_t i, count;
	int err = parse_spans(rq, image, dirty, spans);

	if (err)
		return err;
	count = tidy(spans, rq->arg_count - 1);
	if (!count)
		note("%s: no chunk of %s is wholly within; --clear leaves what is partly so",
		     safe(image->path), human(image->sb.chunk_bytes));
	for (i = 0; !err && i < count; i++)
		err = count_span(image, &spans[i], dirty, &change);
	/* What is so already may be so in the cache only. */
	if (!err && !rq->dry_run)
		err = change.chunks ? apply(image, spans, count, dirty) : image_sync(image);
	return err ? err : print_change(rq, &change, dirty);
}

static int edit_bits(const struct request *rq, bool dirty)
{
	struct image *image;
	struct span *spans;
	int err = open_edit(rq, &image);

	if (err)
		return err;
	spans = calloc(rq->arg_count, sizeof(*spans));
	err = spans ? edit_spans(rq, image, dirty, spans) :
		      fail(-ENOMEM, "out of memory");
	free(spans);
	image_close(image);
	return err;
}

int mode_mark(const struct request *rq)
{
	return edit_bits(rq, true);
}

int mode_clear(const struct request *rq)
{
	return edit_bits(rq, false);
}

/* ---- another geometry ---- */

struct recast {
	struct bitmap_super sb;		/* of the new file */
	uint64_t dirty_from;		/* chunks from here on are dirty */
	struct image_writer *writer;	/* NULL: only count */
	uint64_t dirty;			/* counted */
};

static int recast_step(struct recast *to, struct rechunk *r, uint64_t at, uint64_t n,
		       u8 *bits)
{
	int err;

	memset(bits, 0, bits_bytes(n));
	err = rechunk_or(r, at, n, bits);
	if (err)
		return err;
	if (at + n > to->dirty_from)
		bits_set(bits, to->dirty_from > at ? to->dirty_from - at : 0, n);
	to->dirty += bits_count(bits, n);
	return to->writer ? image_writer_bits(to->writer, bits, n) : 0;
}

static int recast_bits(struct recast *to, struct image *image)
{
	uint64_t bits = bitmap_bits(to->sb.sync_sectors, to->sb.chunk_bytes), at, n;
	struct rechunk r;
	u8 *buffer;
	int err = rechunk_start(image, to->sb.chunk_bytes, &r);

	if (err)
		return err;
	buffer = malloc(r.step / 8);
	if (!buffer)
		err = fail(-ENOMEM, "out of memory");
	for (at = 0; !err && at < bits; at += n) {
		n = bits - at < r.step ? bits - at : r.step;
		err = recast_step(to, &r, at, n, buffer);
	}
	free(buffer);
	rechunk_end(&r);
	return err;
}

/* The file under its name becomes the new one in one step, or stays. */
static int replace_image(struct recast *to, struct image *image)
{
	int err = image_writer_start(image->path, image, &to->sb, &to->writer);

	if (err)
		return err;
	err = recast_bits(to, image);
	if (!err)
		return image_writer_finish(to->writer);
	image_writer_abort(to->writer);
	return err;
}

/* What is written is in little-endian order, whatever was read. */
static void keep_super(struct recast *to, const struct image *image)
{
	to->sb = image->sb;
	to->dirty_from = UINT64_MAX;
	if (image->sb.version != BITMAP_V3_HOST_ENDIAN ||
	    image->order == IMAGE_LITTLE_ENDIAN)
		return;
	to->sb.version = BITMAP_V4;
	to->sb.state &= ~BITMAP_HOST_ENDIAN;
	note("%s: version 3 of a big-endian host becomes version 4", safe(image->path));
}

static int recast(const struct request *rq, struct recast *to, struct image *image,
		  const char *mode)
{
	struct outcome out = { .mode = mode, .verb = mode, .path = rq->args[0],
			       .sb = &to->sb };
	int err = image_writer_check(image->path, image);

	if (!err)
		err = rq->dry_run ? recast_bits(to, image) : replace_image(to, image);
	if (err)
		return err;
	out.dirty = to->dirty;
	return outcome_print(&out, rq);
}

static int parse_sectors(const char *word, uint64_t *sectors)
{
	uint64_t bytes;
	int err;

	if (!word)
		return fail(-EINVAL, "the new size is needed: --size=SIZE");
	err = parse_size("--size", word, 1024, &bytes);
	if (err)
		return err;
	if (!bytes || bytes % SECTOR_BYTES)
		return fail(-EINVAL, "--size=%s: must be a multiple of 512 bytes, and not zero",
			    safe(word));
	*sectors = bytes / SECTOR_BYTES;
	return 0;
}

static int check_resized(const struct bitmap_super *sb)
{
	struct fault fault;
	int err = bitmap_super_check(sb, &fault);

	if (!err)
		return 0;
	return fail(-EINVAL, "%s in chunks of %s: the size must be %s; --rechunk to larger ones first",
		    human(sb->sync_sectors * SECTOR_BYTES), human(sb->chunk_bytes),
		    fault.expected);
}

int mode_resize(const struct request *rq)
{
	struct recast to = { 0 };
	struct image *image;
	uint64_t sectors = 0;
	int err = parse_sectors(rq->size, &sectors);

	if (!err)
		err = open_edit(rq, &image);
	if (err)
		return err;
	keep_super(&to, image);
	to.sb.sync_sectors = sectors;
	/*
	 * Nobody knows whether members agree in space they did not use so far,
	 * and a chunk that straddles the old end has some of it.
	 */
	if (sectors > image->sb.sync_sectors && !rq->clean)
		to.dirty_from = image->sb.sync_sectors * SECTOR_BYTES / to.sb.chunk_bytes;
	err = check_resized(&to.sb);
	if (!err)
		err = recast(rq, &to, image, "resize");
	image_close(image);
	return err;
}

int mode_rechunk(const struct request *rq)
{
	struct recast to = { 0 };
	struct image *image;
	uint64_t chunk = 0;
	int err = rq->bitmap_chunk ?
		parse_size("--bitmap-chunk", rq->bitmap_chunk, 1024, &chunk) :
		fail(-EINVAL, "the new chunk size is needed: --bitmap-chunk=SIZE");

	if (!err)
		err = open_edit(rq, &image);
	if (err)
		return err;
	keep_super(&to, image);
	to.sb.chunk_bytes = chunk;
	err = image_check_new(&to.sb);
	if (!err)
		err = recast(rq, &to, image, "rechunk");
	image_close(image);
	return err;
}

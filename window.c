// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bits of an open bitmap, one window at a time: read, counted, edited.
 * The half of image.h that works on what image.c opened and judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hold.h"
#include "image.h"
#include "report.h"
#include "window.h"

enum {
	ALIGN = 4096,		/* O_DIRECT: no device asks for more */
	BUFFER_BYTES = IMAGE_WINDOW_BYTES + 2 * ALIGN,
	HUGE_BYTES = 2 << 20,
};

/*
 * One window of the bitmap: the bytes [start, end) counted from the
 * superblock. Windows begin at multiples of IMAGE_WINDOW_BYTES.
 */
struct image_buffer {
	u8 *data;		/* aligned; as read */
	u8 *other;		/* v5: the same window of another slot */
	u8 *made;		/* v6: bits made of states */
	uint64_t start, end;	/* empty: start == end */
	int slot;		/* image->slot at that time */
	u8 *bits;		/* of the window */
};

static uint64_t align_down(uint64_t x)
{
	return x / ALIGN * ALIGN;
}

static uint64_t align_up(uint64_t x)
{
	return align_down(x + ALIGN - 1);
}

/* Read [offset, offset + bytes), as much as there is; the count or -errno. */
static ssize_t read_span(const struct image *image, u8 *to, uint64_t bytes, uint64_t offset)
{
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(image->fd, to + done, bytes - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EINVAL && fcntl(image->fd, F_GETFL) & O_DIRECT) {
			fcntl(image->fd, F_SETFL, 0);
			continue;
		}
		if (n < 0)
			return -errno;
		done += n;
		/* Off the grid is the end, and no place for a direct read. */
		if (!n || done % ALIGN)
			break;
	}
	return done;
}

/* Bytes of one bit group on disk: v3 of a big-endian host keeps words. */
static unsigned int word_bytes(const struct image *image)
{
	if (image->sb.version != BITMAP_V3_HOST_ENDIAN)
		return 1;
	return image->order == IMAGE_BIG_ENDIAN_32 ? 4 :
	       image->order == IMAGE_BIG_ENDIAN_64 ? 8 : 1;
}

/*
 * Bytes [start, end) from the superblock of slot @slot, into a buffer with
 * room for the alignment; *at points to the first of them.
 */
static int read_slot(struct image *image, unsigned int slot, u8 *buffer,
		     uint64_t start, uint64_t end, u8 **at)
{
	uint64_t from = image->base + start, lead;
	ssize_t n;

	if (slot)
		from += slot * bitmap_slot_bytes(&image->sb);
	lead = from - align_down(from);
	n = read_span(image, buffer, align_up(lead + end - start), from - lead);
	if (n < 0)
		return fail_errno(n, "%s: read at byte %llu", safe(image->path),
				  (unsigned long long)from);
	*at = buffer + lead;
	if ((uint64_t)n >= lead + end - start)
		return 0;
	if (slot)
		return fail(-EUCLEAN, "%s: truncated: the bits of node %u are not all there",
			    safe(image->path), slot);
	if (end > image->room_bytes)
		return fail(-EUCLEAN, "%s: truncated within a word of %u bytes; is the --byte-order right?",
			    safe(image->path), word_bytes(image));
	return fail(-EUCLEAN, "%s: became shorter while being read", safe(image->path));
}

/* End of the window that holds byte @start, if @limit is that of all windows. */
static uint64_t window_end(uint64_t start, uint64_t limit)
{
	uint64_t next = (start / IMAGE_WINDOW_BYTES + 1) * IMAGE_WINDOW_BYTES;

	return next < limit ? next : limit;
}

/* End of the bits (states) this file holds, in bytes from the superblock. */
static uint64_t bits_end(const struct image *image)
{
	uint64_t bytes = image_is_lockless(image) ? image->bits_present :
					   bits_bytes(image->bits_present);
	unsigned int word = word_bytes(image);

	return bitmap_head_bytes(&image->sb) + (bytes + word - 1) / word * word;
}

static int or_slots(struct image *image, u8 *bits, uint64_t start, uint64_t end)
{
	unsigned int slot;
	u8 *more;
	int err;

	for (slot = 1; slot < image->sb.nodes; slot++) {
		err = read_slot(image, slot, image->buffer->other, start, end, &more);
		if (err)
			return err;
		bits_or(bits, more, (end - start) * 8);
	}
	return 0;
}

static int make_buffer(struct image *image)
{
	struct image_buffer *b;

	if (image->buffer)
		return 0;
	b = image->buffer = calloc(1, sizeof(*b));
	if (!b)
		return fail(-ENOMEM, "out of memory");
	b->data = aligned_alloc(HUGE_BYTES, HUGE_BYTES);
	/* A read into one piece of memory is one request to the disk: it takes
	 * two thirds of the time of one into 256 scattered pages. */
	if (b->data && image->room_bytes > IMAGE_WINDOW_BYTES)
		madvise(b->data, HUGE_BYTES, MADV_HUGEPAGE);
	if (image->sb.nodes > 1)
		b->other = aligned_alloc(ALIGN, BUFFER_BYTES);
	if (image_is_lockless(image))
		b->made = malloc(bits_bytes(IMAGE_WINDOW_BYTES));
	if (!b->data || (image->sb.nodes > 1 && !b->other) ||
	    (image_is_lockless(image) && !b->made))
		return fail(-ENOMEM, "out of memory");
	return 0;
}

void window_free(struct image_buffer *b)
{
	if (!b)
		return;
	free(b->data);
	free(b->other);
	free(b->made);
	free(b);
}

/* The window that holds byte @at, as bits. */
static int load_window(struct image *image, uint64_t at)
{
	uint64_t start = at / IMAGE_WINDOW_BYTES * IMAGE_WINDOW_BYTES;
	uint64_t end = window_end(start, bits_end(image));
	struct image_buffer *b = image->buffer;
	int err;

	if (!start)
		start = bitmap_head_bytes(&image->sb);
	b->start = b->end = 0;
	err = read_slot(image, image->slot > 0 ? image->slot : 0, b->data, start, end,
			&b->bits);
	if (!err && image_is_lockless(image)) {
		bits_from_states(b->made, b->bits, end - start);
		b->bits = b->made;
	} else if (!err && image->sb.nodes > 1 && image->slot < 0) {
		err = or_slots(image, b->bits, start, end);
	} else if (!err && word_bytes(image) > 1) {
		bits_from_big_endian(b->bits, end - start, word_bytes(image));
	}
	if (err)
		return err;
	b->start = start;
	b->end = end;
	b->slot = image->slot;
	return 0;
}

int image_view(struct image *image, uint64_t from, const u8 **bits,
	       uint64_t *first, uint64_t *count)
{
	uint64_t head = bitmap_head_bytes(&image->sb);
	unsigned int per_byte = image_is_lockless(image) ? 1 : 8;
	uint64_t at = head + from / per_byte;
	int err;

	*count = 0;
	*first = from / 8 * 8;
	if (image->check_error)
		return fail(image->check_error, "%s: its superblock is damaged",
			    safe(image->path));
	if (from >= image->bits_present)
		return 0;
	err = make_buffer(image);
	if (!err && (at < image->buffer->start || at >= image->buffer->end ||
		     image->slot != image->buffer->slot))
		err = load_window(image, at);
	if (err)
		return err;
	*bits = image->buffer->bits;
	*first = (image->buffer->start - head) * per_byte;
	*count = (image->buffer->end - image->buffer->start) * per_byte;
	if (*count > image->bits_present - *first)
		*count = image->bits_present - *first;
	return 0;
}

int image_read_bits(struct image *image, uint64_t first, uint64_t count, u8 *out)
{
	uint64_t done = 0, start, n;
	const u8 *bits;
	int err;

	memset(out, 0, bits_bytes(count));
	while (done < count) {
		err = image_view(image, first + done, &bits, &start, &n);
		if (err || !n)
			return err;
		n -= first + done - start;
		if (n > count - done)
			n = count - done;
		bits_or(out + done / 8, bits + (first + done - start) / 8, n);
		done += n;
	}
	return 0;
}

int image_count_dirty(struct image *image, uint64_t *dirty)
{
	uint64_t at = 0, first, count;
	const u8 *bits;
	int err;

	*dirty = 0;
	for (;;) {
		err = image_view(image, at, &bits, &first, &count);
		if (err || !count)
			return err;
		*dirty += bits_count(bits, count);
		at = first + count;
	}
}

/* First chunk at or after @from that is set (clear), or bits_present. */
static int next_chunk(struct image *image, uint64_t *from,
		      u64 (*next)(const u8 *, u64, u64))
{
	uint64_t first, count, hit;
	const u8 *bits;
	int err;

	for (;;) {
		err = image_view(image, *from, &bits, &first, &count);
		if (err || !count)
			return err;
		hit = next(bits, *from - first, count);
		*from = first + hit;
		if (hit < count)
			return 0;
	}
}

int image_next_range(struct image *image, uint64_t *start, uint64_t *end)
{
	int err = next_chunk(image, start, bits_next_set);

	if (err || *start >= image->bits_present)
		return err;
	*end = *start;
	err = next_chunk(image, end, bits_next_clear);
	return err ? err : 1;
}

int image_count_states(struct image *image, uint64_t counts[BITMAP_STATES])
{
	uint64_t at = bitmap_head_bytes(&image->sb), limit = bits_end(image), end, i;
	int err = make_buffer(image);
	u8 *states;

	memset(counts, 0, BITMAP_STATES * sizeof(*counts));
	for (; !err && at < limit; at = end) {
		end = window_end(at, limit);
		image->buffer->start = image->buffer->end = 0;
		err = read_slot(image, 0, image->buffer->data, at, end, &states);
		for (i = 0; !err && i < end - at; i++)
			counts[states[i] < BITMAP_STATES ? states[i] :
							   BITMAP_STATE_NEED_SYNC]++;
	}
	return err;
}

int image_raw(struct image *image, uint64_t from, const u8 **data, uint64_t *count)
{
	uint64_t limit = image->room_bytes, end = window_end(from, limit);
	u8 *at;
	int err;

	*count = 0;
	if (from >= limit)
		return 0;
	err = make_buffer(image);
	if (err)
		return err;
	image->buffer->start = image->buffer->end = 0;
	err = read_slot(image, 0, image->buffer->data, from, end, &at);
	if (err)
		return err;
	*data = at;
	*count = end - from;
	return 0;
}

uint64_t image_chunk_range_bytes(const struct image *image, uint64_t start, uint64_t end)
{
	uint64_t size = image->sb.sync_sectors * SECTOR_BYTES;
	uint64_t from = start * image->sb.chunk_bytes;
	uint64_t to = end * image->sb.chunk_bytes;

	if (to > size)
		to = size;
	return to > from ? to - from : 0;
}

int window_read_head(const struct image *image, uint64_t place,
		     struct bitmap_super_disk *raw)
{
	uint64_t lead = place % ALIGN;
	u8 *block = aligned_alloc(ALIGN, 2 * ALIGN);
	ssize_t n;

	if (!block)
		return fail(-ENOMEM, "out of memory");
	n = read_span(image, block, 2 * ALIGN, place - lead);
	if (n >= (ssize_t)(lead + sizeof(*raw)))
		memcpy(raw, block + lead, sizeof(*raw));
	free(block);
	if (n < 0)
		return fail_errno(n, "%s: read", safe(image->path));
	return n < (ssize_t)(lead + sizeof(*raw));
}

/* Through the cache: where a file ends is no place for a direct write. */
static int write_span(int fd, const u8 *from, uint64_t bytes, uint64_t offset)
{
	int flags = fcntl(fd, F_GETFL), err = 0;

	fcntl(fd, F_SETFL, flags & ~O_DIRECT);
	while (!err && bytes) {
		ssize_t n = pwrite(fd, from, bytes, offset);

		if (n < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		from += n;
		bytes -= n;
		offset += n;
	}
	fcntl(fd, F_SETFL, flags);
	return err;
}

/*
 * Only whole pages are written. The cache may have pages of before stock md wrote to
 * the blocks below, as long as somebody has the file mapped, and the rest of a page
 * of which a part is written would come from there: bits that md set would be lost.
 */
static uint64_t page_bytes(void)
{
	long bytes = sysconf(_SC_PAGESIZE);

	return bytes > ALIGN ? (uint64_t)bytes : ALIGN;
}

/* Set or clear within the window at hand, and write the pages it touches. */
static int edit_window(struct image *image, uint64_t from, uint64_t to, bool dirty)
{
	struct image_buffer *b = image->buffer;
	uint64_t page = page_bytes(), begin = align_down(image->base + b->start);
	uint64_t first = image->base + b->start + from / 8;
	uint64_t last = image->base + b->start + bits_bytes(to);
	uint64_t end = align_up(image->base + b->end), bytes = b->end - b->start;
	unsigned int word = word_bytes(image);
	int err;

	if (end > image->base + image->room_bytes)
		end = image->base + image->room_bytes;
	first = first / page * page > begin ? first / page * page : begin;
	last = (last + page - 1) / page * page < end ? (last + page - 1) / page * page : end;
	if (dirty)
		bits_set(b->bits, from, to);
	else
		bits_clear(b->bits, from, to);
	if (word > 1)
		bits_from_big_endian(b->bits, bytes, word);
	err = write_span(image->fd, b->data + (first - begin), last - first, first);
	if (word > 1)
		bits_from_big_endian(b->bits, bytes, word);
	if (err)
		return fail_errno(err, "%s: write", safe(image->path));
	return 0;
}

int image_set_chunks(struct image *image, uint64_t start, uint64_t end, bool dirty)
{
	uint64_t first, count, to;
	const u8 *bits;
	sigset_t old;
	int err = 0;

	if (end > image->bits)
		end = image->bits;
	hold_start(&old);
	while (!err && start < end) {
		err = image_view(image, start, &bits, &first, &count);
		if (err)
			break;
		to = end < first + count ? end : first + count;
		err = edit_window(image, start - first, to - first, dirty);
		start = to;
	}
	hold_end(&old);
	return err;
}

int image_put_super(int fd, const struct bitmap_super_disk *raw)
{
	const struct image file = { .fd = fd };
	int flags = fcntl(fd, F_GETFL), err = 0;
	u8 *page = aligned_alloc(page_bytes(), page_bytes());
	ssize_t n;

	if (!page)
		return -ENOMEM;
	fcntl(fd, F_SETFL, flags | O_DIRECT);
	n = read_span(&file, page, page_bytes(), 0);
	fcntl(fd, F_SETFL, flags);
	if (n < (ssize_t)sizeof(*raw))
		err = n < 0 ? (int)n : -EIO;
	if (!err) {
		memcpy(page, raw, sizeof(*raw));
		err = write_span(fd, page, n, 0);
	}
	free(page);
	return err;
}

int image_write_super(struct image *image, const struct bitmap_super *sb)
{
	int err;

	bitmap_super_encode(&image->raw, sb);
	if (image->buffer)
		image->buffer->start = image->buffer->end = 0;
	err = image_put_super(image->fd, &image->raw);
	if (err)
		return fail_errno(err, "%s: write", safe(image->path));
	image->sb = image->all = *sb;
	return 0;
}

int image_sync(struct image *image)
{
	if (fsync(image->fd))
		return fail_errno(-errno, "%s: fsync", safe(image->path));
	return 0;
}

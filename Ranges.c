// SPDX-License-Identifier: GPL-2.0-only
/*
 * --ranges: every dirty range, half-open, as words that --mark and --clear
 * take. A bitmap may hold 2^30 of them: nothing is kept, and a line costs
 * no printf.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"
#include "options.h"
#include "parse.h"
#include "report.h"

enum {
	LINE_MAX_BYTES = 2 * 20 + 3,	/* two numbers, "..", newline */
	BUFFER_BYTES = 1 << 16,
};

struct listing {
	struct image *image;
	uint64_t unit_bytes;
	const char *unit;
	uint64_t ranges, chunks, bytes;	/* seen so far */
	size_t used;
	char buffer[BUFFER_BYTES];
};

/* Decimal digits of @n to @to, two a division; what is behind them. */
static char *put_number(char *to, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);
	unsigned int pair;

	do {
		pair = n % 100;
		n /= 100;
		*--p = '0' + pair % 10;
		*--p = '0' + pair / 10;
	} while (n);
	p += *p == '0';		/* n == 0 became "00" */
	memcpy(to, p, digits + sizeof(digits) - p);
	return to + (digits + sizeof(digits) - p);
}

static void flush_lines(struct listing *l)
{
	fwrite(l->buffer, 1, l->used, stdout);
	l->used = 0;
}

static void add_line(struct listing *l, uint64_t start, uint64_t end)
{
	char *p;

	if (l->used > BUFFER_BYTES - LINE_MAX_BYTES)
		flush_lines(l);
	p = put_number(l->buffer + l->used, start);
	*p++ = '.';
	*p++ = '.';
	p = put_number(p, end);
	*p++ = '\n';
	l->used = p - l->buffer;
}

static void add_item(struct listing *l, uint64_t start, uint64_t end)
{
	struct json_object *o = json_object_new_object();
	char key[32];

	snprintf(key, sizeof(key), "start_%s", l->unit);
	json_u64(o, key, start);
	snprintf(key, sizeof(key), "end_%s", l->unit);
	json_u64(o, key, end);
	json_stream_item(o);
}

/* Chunks [start, end); the last chunk may reach past the array's end. */
static void add_range(struct listing *l, uint64_t start, uint64_t end)
{
	uint64_t chunk = l->image->sb.chunk_bytes, from = start, to = end;
	uint64_t bytes = image_chunk_range_bytes(l->image, start, end);

	if (l->unit_bytes != chunk) {
		from = start * chunk / l->unit_bytes;
		to = (start * chunk + bytes) / l->unit_bytes;
	}
	l->ranges++;
	l->chunks += end - start;
	l->bytes += bytes;
	if (style.json)
		add_item(l, from, to);
	else
		add_line(l, from, to);
}

static int list_all(struct listing *l)
{
	uint64_t start = 0, end;
	int ret;

	while ((ret = image_next_range(l->image, &start, &end)) == 1) {
		add_range(l, start, end);
		start = end;
		/* Whoever read them has left, or the disk is full. */
		if (ferror(stdout))
			return fail(-EIO, "standard output: write error");
	}
	return ret;
}

static int list_json(struct listing *l)
{
	const struct bitmap_super *sb = &l->image->sb;
	struct json_object *o = json_start("ranges");

	json_text(o, "file", l->image->path);
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "size_bytes", sb->sync_sectors * SECTOR_BYTES);
	json_u64(o, "chunks", l->image->bits);
	json_stream_start(o, "ranges");
	return json_stream_finish(list_all(l));
}

static int list_ranges(struct image *image, const struct request *rq)
{
	struct listing *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return fail(-ENOMEM, "out of memory");
	l->image = image;
	err = parse_unit(rq->unit, image->sb.chunk_bytes, &l->unit_bytes, &l->unit);
	if (!err)
		err = rq->json ? list_json(l) : list_all(l);
	flush_lines(l);
	if (!err)
		chat("%s: %s, %s, %s of %s", safe(image->path), plural(l->ranges, "range"),
		     plural(l->chunks, "dirty chunk"), human(l->bytes),
		     human(image->sb.sync_sectors * SECTOR_BYTES));
	free(l);
	return err;
}

int mode_ranges(const struct request *rq)
{
	struct image *image;
	int err = image_open(rq->args[0], IMAGE_READ, &image);

	if (err)
		return err;
	err = image_select(image, rq->byte_order, rq->node);
	if (!err) {
		image_note_all_dirty(image);
		err = list_ranges(image, rq);
	}
	image_close(image);
	return err;
}

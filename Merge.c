// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several bitmaps at once: --merge, --diff.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "holders.h"
#include "image.h"
#include "mdarray.h"
#include "options.h"
#include "outcome.h"
#include "parse.h"
#include "rechunk.h"
#include "report.h"

/* ---- merging ---- */

struct input {
	struct image *image;
	struct rechunk rechunk;
	bool all_dirty;
};

struct merge {
	struct input *inputs;
	size_t count;
	struct bitmap_super sb;		/* of OUT */
	uint64_t step;			/* bits of one window */
	struct image_writer *writer;	/* NULL: only count */
	uint64_t dirty;
};

static int check_same_array(const struct image *a, const struct image *b, bool force)
{
	const struct bitmap_super *x = &a->sb, *y = &b->sb;

	if (x->sync_sectors != y->sync_sectors)
		return fail(-ESTALE, "%s covers %" PRIu64 " sectors, %s covers %" PRIu64 ": not of one array, or --resize one of them first",
			    safe(a->path), x->sync_sectors, safe(b->path), y->sync_sectors);
	if (!memcmp(x->uuid, y->uuid, UUID_BYTES))
		return 0;
	if (!force)
		return fail(-ESTALE, "%s is of array %s, %s of %s; --force merges them all the same",
			    safe(a->path), uuid_text(x->uuid), safe(b->path),
			    uuid_text(y->uuid));
	note("%s is of array %s, not of %s", safe(b->path), uuid_text(y->uuid),
	     uuid_text(x->uuid));
	return 0;
}

static int open_input(struct input *in, const char *path, enum image_byte_order order)
{
	int err = image_open(path, IMAGE_READ, &in->image);

	if (!err)
		in->image->order = order;
	return err;
}

/* 1 and its name: an array sets bits there now; 0 none does; -errno. */
static int find_user(const struct image *image, char name[64])
{
	if (image->member)
		return holders_stacked(image->member->rdev, name);
	return mdarray_uses_file(image->fd, name);
}

/* Bits that an array sets after the merge are not in OUT. */
static int check_unused(struct merge *m, const struct image *image, bool force)
{
	char name[64];
	int ret = find_user(image, name);

	if (!ret)
		return 0;
	if (ret < 0)
		strcpy(name, "an array, maybe: that cannot be told");
	if (!force)
		return fail(-EBUSY, "%s: in use by %s, whose next bits would be missing; stop it first, or use --force, which marks what is made stale",
			    safe(image->path), safe(name));
	note("%s: in use by %s, whose next bits will be missing: what is made is marked stale",
	     safe(image->path), safe(name));
	m->sb.state |= BITMAP_STALE;
	return 0;
}

/* OUT's superblock: of the first input, as new as the newest. */
static int add_super(struct merge *m, struct input *in, bool force)
{
	const struct bitmap_super *sb = &in->image->all;
	struct bitmap_super *to = &m->sb;
	int err = check_same_array(m->inputs[0].image, in->image, force);

	if (!err)
		err = check_unused(m, in->image, force);
	if (err)
		return err;
	in->all_dirty = image_note_all_dirty(in->image);
	/* The newest has every bit that was set; what older ones add is harmless. */
	if (bitmap_super_updates_differ(sb, to)) {
		note("%s: has as many events as another of these, of a history of its own: what is made is marked stale",
		     safe(in->image->path));
		to->state |= BITMAP_STALE;
	} else if (sb->events >= to->events) {
		to->events = sb->events;
		bitmap_super_copy_update(to, sb);
	}
	if (sb->events_cleared > to->events_cleared)
		to->events_cleared = sb->events_cleared;
	if (sb->chunk_bytes < to->chunk_bytes)
		to->chunk_bytes = sb->chunk_bytes;
	return 0;
}

static int open_inputs(struct merge *m, const struct request *rq)
{
	const struct bitmap_super *first;
	enum image_byte_order order;
	size_t i;
	int err = parse_byte_order(rq->byte_order, &order);

	for (i = 0; !err && i < m->count; i++)
		err = open_input(&m->inputs[i], rq->args[i + 1], order);
	if (err)
		return err;
	first = &m->inputs[0].image->sb;
	if (!first->sync_sectors)
		return fail(-EUCLEAN, "%s: sync_size is 0: of no array", safe(rq->args[1]));
	bitmap_super_init(&m->sb);
	memcpy(m->sb.uuid, first->uuid, UUID_BYTES);
	m->sb.sync_sectors = first->sync_sectors;
	m->sb.delay_s = first->delay_s;
	m->sb.write_behind = first->write_behind;
	m->sb.chunk_bytes = BITMAP_CHUNK_MAX_BYTES;
	for (i = 0; !err && i < m->count; i++)
		err = add_super(m, &m->inputs[i], rq->force);
	return err;
}

static int choose_chunk(struct merge *m, const struct request *rq)
{
	int err;

	if (!rq->bitmap_chunk) {
		if (m->sb.chunk_bytes < BITMAP_CHUNK_MIN_NEW_BYTES)
			m->sb.chunk_bytes = BITMAP_CHUNK_MIN_NEW_BYTES;
		return 0;
	}
	err = parse_size("--bitmap-chunk", rq->bitmap_chunk, 1024, &m->sb.chunk_bytes);
	return err ? err : image_check_new(&m->sb);
}

static int start_inputs(struct merge *m)
{
	struct input *in;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < m->count; i++) {
		in = &m->inputs[i];
		err = rechunk_start(in->image, m->sb.chunk_bytes, &in->rechunk);
		/* Powers of two all: windows of the largest fit the others. */
		if (!err && in->rechunk.step > m->step)
			m->step = in->rechunk.step;
	}
	return err;
}

static int merge_step(struct merge *m, uint64_t at, uint64_t n, u8 *bits)
{
	size_t i;
	int err = 0;

	memset(bits, 0, bits_bytes(n));
	for (i = 0; !err && i < m->count; i++)
		if (m->inputs[i].all_dirty)
			bits_set(bits, 0, n);
		else
			err = rechunk_or(&m->inputs[i].rechunk, at, n, bits);
	if (err)
		return err;
	m->dirty += bits_count(bits, n);
	return m->writer ? image_writer_bits(m->writer, bits, n) : 0;
}

static int merge_bits(struct merge *m)
{
	uint64_t bits = bitmap_bits(m->sb.sync_sectors, m->sb.chunk_bytes), at, n;
	u8 *buffer;
	int err = start_inputs(m);

	buffer = err ? NULL : malloc(m->step / 8);
	if (!err && !buffer)
		err = fail(-ENOMEM, "out of memory");
	for (at = 0; !err && at < bits; at += n) {
		n = bits - at < m->step ? bits - at : m->step;
		err = merge_step(m, at, n, buffer);
	}
	free(buffer);
	return err;
}

static int write_merged(struct merge *m, const struct request *rq, const struct image *replace)
{
	int err = rq->dry_run ? 0 : image_writer_start(rq->args[0], replace, &m->sb, &m->writer);

	if (err)
		return err;
	err = merge_bits(m);
	if (!err && m->writer)
		return image_writer_finish(m->writer);
	image_writer_abort(m->writer);
	return err;
}

static void close_inputs(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->count; i++) {
		rechunk_end(&m->inputs[i].rechunk);
		image_close(m->inputs[i].image);
	}
	free(m->inputs);
}

int mode_merge(const struct request *rq)
{
	struct merge m = { .count = rq->arg_count - 1 };
	struct outcome out = { .mode = "merge", .verb = "merge into",
			       .path = rq->args[0], .sb = &m.sb };
	struct image *replace = NULL;
	int err;

	m.inputs = calloc(m.count, sizeof(*m.inputs));
	if (!m.inputs)
		return fail(-ENOMEM, "out of memory");
	/* First of all: it may be one of the inputs, and nobody is to edit it once they are read. */
	err = image_replaceable(rq->args[0], rq->force, &replace);
	if (!err)
		err = open_inputs(&m, rq);
	if (!err)
		err = choose_chunk(&m, rq);
	if (!err)
		err = write_merged(&m, rq, replace);
	close_inputs(&m);
	image_close(replace);
	if (err)
		return err;
	out.dirty = m.dirty;
	return outcome_print(&out, rq);
}

/* ---- comparing ---- */

enum side { SIDE_A, SIDE_B, SIDES };

struct run {
	enum side side;			/* where alone it is dirty */
	uint64_t start, end;		/* chunks; empty: none */
};

struct diff {
	const struct request *rq;
	struct image *images[SIDES];
	struct rechunk rechunks[SIDES];
	u8 *bits[SIDES];		/* one window each */
	uint64_t chunk_bytes;		/* the finer of both */
	uint64_t size_bytes;		/* the larger of both */
	uint64_t unit;
	const char *unit_name;
	struct run run;			/* not printed yet: it may go on */
	bool found;
};

static uint64_t in_units(const struct diff *d, uint64_t chunk)
{
	uint64_t bytes = chunk * d->chunk_bytes;

	if (d->unit == d->chunk_bytes)
		return chunk;
	return (bytes < d->size_bytes ? bytes : d->size_bytes) / d->unit;
}

static void print_run(struct diff *d)
{
	uint64_t start = in_units(d, d->run.start), end = in_units(d, d->run.end);
	struct json_object *o;
	char key[32];

	if (d->run.start == d->run.end)
		return;
	d->found = true;
	if (!d->rq->json) {
		printf("%c %" PRIu64 "..%" PRIu64 "\n", d->run.side == SIDE_A ? '<' : '>',
		       start, end);
		return;
	}
	o = json_object_new_object();
	json_text(o, "dirty_in", d->run.side == SIDE_A ? "a" : "b");
	snprintf(key, sizeof(key), "start_%s", d->unit_name);
	json_u64(o, key, start);
	snprintf(key, sizeof(key), "end_%s", d->unit_name);
	json_u64(o, key, end);
	json_stream_item(o);
}

static void add_run(struct diff *d, enum side side, uint64_t start, uint64_t end)
{
	if (d->run.side == side && d->run.end == start) {
		d->run.end = end;
		return;
	}
	print_run(d);
	d->run = (struct run){ side, start, end };
}

/* Of each only what the other has not. */
static void subtract_each(u8 *a, u8 *b, uint64_t bytes)
{
	uint64_t i, x, y;

	for (i = 0; i + sizeof(x) <= bytes; i += sizeof(x)) {
		memcpy(&x, a + i, sizeof(x));
		memcpy(&y, b + i, sizeof(y));
		x ^= y;
		y &= x;
		x &= ~y;
		memcpy(a + i, &x, sizeof(x));
		memcpy(b + i, &y, sizeof(y));
	}
	for (; i < bytes; i++) {
		u8 differ = a[i] ^ b[i];

		a[i] &= differ;
		b[i] &= differ;
	}
}

static void walk_window(struct diff *d, uint64_t at, uint64_t n)
{
	uint64_t next[SIDES], end;
	enum side side;

	if (!memcmp(d->bits[SIDE_A], d->bits[SIDE_B], bits_bytes(n)))
		return;
	subtract_each(d->bits[SIDE_A], d->bits[SIDE_B], bits_bytes(n));
	next[SIDE_A] = bits_next_set(d->bits[SIDE_A], 0, n);
	next[SIDE_B] = bits_next_set(d->bits[SIDE_B], 0, n);
	for (;;) {
		side = next[SIDE_A] < next[SIDE_B] ? SIDE_A : SIDE_B;
		if (next[side] >= n)
			return;
		end = bits_next_clear(d->bits[side], next[side], n);
		add_run(d, side, at + next[side], at + end);
		next[side] = bits_next_set(d->bits[side], end, n);
	}
}

static int diff_bits(struct diff *d)
{
	uint64_t bits = bitmap_bits(d->size_bytes / SECTOR_BYTES, d->chunk_bytes);
	uint64_t step = d->rechunks[SIDE_A].step > d->rechunks[SIDE_B].step ?
			d->rechunks[SIDE_A].step : d->rechunks[SIDE_B].step;
	uint64_t at, n;
	int side, err = 0;

	for (side = 0; side < SIDES; side++) {
		d->bits[side] = malloc(step / 8);
		if (!d->bits[side])
			return fail(-ENOMEM, "out of memory");
	}
	for (at = 0; !err && at < bits; at += n) {
		n = bits - at < step ? bits - at : step;
		for (side = 0; !err && side < SIDES; side++) {
			memset(d->bits[side], 0, bits_bytes(n));
			err = rechunk_or(&d->rechunks[side], at, n, d->bits[side]);
		}
		if (!err)
			walk_window(d, at, n);
	}
	if (!err)
		print_run(d);
	return err;
}

/* One field of both superblocks, if it differs. */
static void diff_text(struct diff *d, struct json_object *fields, const char *label,
		      const char *key, const char *a, const char *b)
{
	struct json_object *o;

	if (!strcmp(a, b))
		return;
	d->found = true;
	if (fields) {
		o = json_child(fields, key);
		json_text(o, "a", a);
		json_text(o, "b", b);
	} else {
		printf("%16s : %s | %s\n", label, safe(a), safe(b));
	}
}

static void diff_number(struct diff *d, struct json_object *fields, const char *label,
			const char *key, uint64_t a, uint64_t b)
{
	struct json_object *o;

	if (a == b)
		return;
	d->found = true;
	if (fields) {
		o = json_child(fields, key);
		json_u64(o, "a", a);
		json_u64(o, "b", b);
	} else {
		printf("%16s : %" PRIu64 " | %" PRIu64 "\n", label, a, b);
	}
}

static void diff_supers(struct diff *d, struct json_object *o)
{
	const struct bitmap_super *a = &d->images[SIDE_A]->sb;
	const struct bitmap_super *b = &d->images[SIDE_B]->sb;
	struct json_object *f = o ? json_child(o, "fields") : NULL;

#define NUMBER(label, key, field) diff_number(d, f, label, key, a->field, b->field)
	NUMBER("Version", "version", version);
	diff_text(d, f, "UUID", "uuid", uuid_text(a->uuid), uuid_text(b->uuid));
	NUMBER("Events", "events", events);
	NUMBER("Events Cleared", "events_cleared", events_cleared);
	NUMBER("State Flags", "state_flags", state);
	NUMBER("Chunk Bytes", "chunk_bytes", chunk_bytes);
	NUMBER("Daemon Seconds", "delay_seconds", delay_s);
	NUMBER("Write Behind", "write_behind_requests", write_behind);
	NUMBER("Sync Sectors", "sync_size_sectors", sync_sectors);
	NUMBER("Reserved Sectors", "reserved_sectors", sectors_reserved);
	NUMBER("Cluster nodes", "nodes", nodes);
#undef NUMBER
	diff_text(d, f, "Cluster name", "cluster_name", a->cluster_name, b->cluster_name);
}

static int print_diff(struct diff *d)
{
	struct json_object *o = NULL;
	int err;

	if (d->rq->json) {
		o = json_start("diff");
		json_text(o, "file_a", d->rq->args[0]);
		json_text(o, "file_b", d->rq->args[1]);
		json_u64(o, "chunk_bytes", d->chunk_bytes);
	}
	diff_supers(d, o);
	if (o)
		json_stream_start(o, "ranges");
	err = diff_bits(d);
	if (o)
		err = json_stream_finish(err);
	return err ? err : d->found ? EXIT_ATTENTION : 0;
}

static int open_both(struct diff *d)
{
	enum image_byte_order order;
	const struct bitmap_super *sb;
	int side, err = parse_byte_order(d->rq->byte_order, &order);

	d->chunk_bytes = BITMAP_CHUNK_MAX_BYTES;
	for (side = 0; !err && side < SIDES; side++) {
		err = image_open(d->rq->args[side], IMAGE_READ, &d->images[side]);
		if (err)
			break;
		d->images[side]->order = order;
		sb = &d->images[side]->sb;
		if (sb->chunk_bytes < d->chunk_bytes)
			d->chunk_bytes = sb->chunk_bytes;
		if (sb->sync_sectors * SECTOR_BYTES > d->size_bytes)
			d->size_bytes = sb->sync_sectors * SECTOR_BYTES;
	}
	if (!err && bitmap_bits(d->size_bytes / SECTOR_BYTES, d->chunk_bytes) > BITMAP_BITS_MAX)
		err = fail(-ESTALE, "%s and %s are not of one array: their sizes and chunks lie too far apart",
			   safe(d->rq->args[0]), safe(d->rq->args[1]));
	for (side = 0; !err && side < SIDES; side++)
		err = rechunk_start(d->images[side], d->chunk_bytes, &d->rechunks[side]);
	return err;
}

int mode_diff(const struct request *rq)
{
	struct diff d = { .rq = rq };
	int side, ret = open_both(&d);

	if (!ret)
		ret = parse_unit(rq->unit, d.chunk_bytes, &d.unit, &d.unit_name);
	if (!ret)
		ret = print_diff(&d);
	for (side = 0; side < SIDES; side++) {
		free(d.bits[side]);
		rechunk_end(&d.rechunks[side]);
		image_close(d.images[side]);
	}
	return ret;
}

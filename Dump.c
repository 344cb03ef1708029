// SPDX-License-Identifier: GPL-2.0-only
/*
 * --dump: a bitmap as text, down to the last byte of the file, whether it
 * means anything or not. dump.h says what the text looks like.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "dump.h"
#include "image.h"
#include "mdarray.h"
#include "options.h"
#include "report.h"

#define FIELD(name, member, max, hex)                                          \
	{ name, offsetof(struct bitmap_super, member),                         \
	  sizeof(((struct bitmap_super *)0)->member), max, hex }

const struct dump_field dump_fields[] = {
	FIELD("magic", magic, UINT32_MAX, true),
	FIELD("version", version, UINT32_MAX, false),
	FIELD("events", events, UINT64_MAX, false),
	FIELD("events-cleared", events_cleared, UINT64_MAX, false),
	FIELD("sync-size-sectors", sync_sectors, UINT64_MAX, false),
	FIELD("state", state, UINT32_MAX, true),
	FIELD("chunk-bytes", chunk_bytes, (uint64_t)UINT32_MAX * SECTOR_BYTES, false),
	FIELD("delay-seconds", delay_s, UINT32_MAX, false),
	FIELD("write-behind", write_behind, UINT32_MAX, false),
	FIELD("reserved-sectors", sectors_reserved, UINT32_MAX, false),
	FIELD("nodes", nodes, UINT32_MAX, false),
};

const size_t dump_field_count = sizeof(dump_fields) / sizeof(dump_fields[0]);

const char *const dump_states[BITMAP_STATES] = {
	[BITMAP_STATE_CLEAN] = "clean",
	[BITMAP_STATE_DIRTY] = "dirty",
	[BITMAP_STATE_NEED_SYNC] = "need-sync",
	[BITMAP_STATE_SYNCING] = "syncing",
	[BITMAP_STATE_NEED_SYNC_UNWRITTEN] = "need-sync-unwritten",
	[BITMAP_STATE_SYNCING_UNWRITTEN] = "syncing-unwritten",
	[BITMAP_STATE_CLEAN_UNWRITTEN] = "clean-unwritten",
};

uint64_t dump_field_get(const struct dump_field *field, const struct bitmap_super *sb)
{
	const char *at = (const char *)sb + field->offset;

	return field->size == sizeof(u64) ? *(const u64 *)at : *(const u32 *)at;
}

void dump_field_set(const struct dump_field *field, struct bitmap_super *sb, uint64_t value)
{
	char *at = (char *)sb + field->offset;

	if (field->size == sizeof(u64))
		*(u64 *)at = value;
	else
		*(u32 *)at = value;
}

/* The bytes [offset, end) of an image, and the piece of them at hand. */
struct area {
	struct image *image;
	uint64_t offset, end;
	unsigned int word;		/* bytes; 1: bits are in order */
	u8 *turned;			/* else: a window of them put in order */
	const u8 *piece;
	uint64_t piece_from, piece_to;	/* both from offset on */
};

static void hex_text(char *to, const u8 *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		sprintf(to + 2 * i, "%02x", bytes[i]);
}

static bool all_zero(const u8 *bytes, size_t count)
{
	return !count || (!bytes[0] && !memcmp(bytes, bytes + 1, count - 1));
}

static void name_text(char *to, const char name[BITMAP_CLUSTER_NAME_BYTES])
{
	size_t bytes = BITMAP_CLUSTER_NAME_BYTES, i;

	while (bytes && !name[bytes - 1])
		bytes--;
	for (i = 0; i < bytes; i++) {
		unsigned char c = name[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			*to++ = c;
		else
			to += sprintf(to, "\\%03o", c);
	}
	*to = 0;
}

static void print_super(uint64_t offset, const struct bitmap_super *sb)
{
	char text[BITMAP_CLUSTER_NAME_BYTES * 4 + 1], pad[BITMAP_PAD_BYTES * 2 + 1];
	size_t i;

	printf("super %" PRIu64 "\n", offset);
	for (i = 0; i < dump_field_count; i++) {
		uint64_t value = dump_field_get(&dump_fields[i], sb);

		printf("%s ", dump_fields[i].name);
		printf(dump_fields[i].hex ? "0x%" PRIx64 "\n" : "%" PRIu64 "\n", value);
	}
	printf("uuid %s\n", uuid_text(sb->uuid));
	name_text(text, sb->cluster_name);
	printf("cluster-name \"%s\"\n", text);
	hex_text(pad, sb->pad, sizeof(sb->pad));
	if (!all_zero(sb->pad, sizeof(sb->pad)))
		printf("pad %s\n", pad);
}

static struct json_object *item(const char *kind, uint64_t offset)
{
	struct json_object *o = json_object_new_object();

	json_text(o, "kind", kind);
	json_u64(o, "offset_bytes", offset);
	return o;
}

static void json_super(uint64_t offset, const struct bitmap_super *sb)
{
	char name[BITMAP_CLUSTER_NAME_BYTES * 4 + 1], pad[BITMAP_PAD_BYTES * 2 + 1];
	struct json_object *o = item("super", offset);

	json_u64(o, "magic", sb->magic);
	json_u64(o, "version", sb->version);
	json_text(o, "uuid", uuid_text(sb->uuid));
	json_u64(o, "events", sb->events);
	json_u64(o, "events_cleared", sb->events_cleared);
	json_u64(o, "sync_size_sectors", sb->sync_sectors);
	json_u64(o, "state_flags", sb->state);
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "delay_seconds", sb->delay_s);
	json_u64(o, "write_behind_requests", sb->write_behind);
	json_u64(o, "reserved_sectors", sb->sectors_reserved);
	json_u64(o, "nodes", sb->nodes);
	name_text(name, sb->cluster_name);
	json_text(o, "cluster_name", name);
	hex_text(pad, sb->pad, sizeof(sb->pad));
	json_text(o, "pad_hex", all_zero(sb->pad, sizeof(sb->pad)) ? NULL : pad);
	json_stream_item(o);
}

static void emit_bits(const struct area *a, uint64_t start, uint64_t end)
{
	struct json_object *o;

	if (!style.json) {
		printf("%" PRIu64 "..%" PRIu64 "\n", start, end);
		return;
	}
	o = item("bits", a->offset);
	json_u64(o, "start_bits", start);
	json_u64(o, "end_bits", end);
	json_stream_item(o);
}

static void emit_states(const struct area *a, uint64_t start, uint64_t end, u8 state)
{
	struct json_object *o;
	char hex[8];
	const char *name = state < BITMAP_STATES ? dump_states[state] : NULL;

	snprintf(hex, sizeof(hex), "0x%02x", state);
	if (!style.json) {
		printf("%" PRIu64 "..%" PRIu64 " %s\n", start, end, name ? name : hex);
		return;
	}
	o = item("states", a->offset);
	json_u64(o, "start_chunks", start);
	json_u64(o, "end_chunks", end);
	json_text(o, "state", name ? name : hex);
	json_stream_item(o);
}

static void emit_bytes(uint64_t offset, const u8 *bytes, size_t count)
{
	char hex[DUMP_BYTES_PER_LINE * 2 + 1];
	struct json_object *o;

	hex_text(hex, bytes, count);
	if (!style.json) {
		printf("bytes %" PRIu64 " %s\n", offset, hex);
		return;
	}
	o = item("bytes", offset);
	json_text(o, "hex", hex);
	json_stream_item(o);
}

/* Whole words only: the rest of a file that ends within one stays as it is. */
static int turn_piece(struct area *a, uint64_t count)
{
	if (!a->turned)
		a->turned = malloc(IMAGE_WINDOW_BYTES);
	if (!a->turned)
		return fail(-ENOMEM, "out of memory");
	memcpy(a->turned, a->piece, count);
	bits_from_big_endian(a->turned, count / a->word * a->word, a->word);
	a->piece = a->turned;
	return 0;
}

/* Have byte @at of the area in its piece. */
static int reach(struct area *a, uint64_t at)
{
	uint64_t from = at / a->word * a->word, count;
	int err;

	if (at >= a->piece_from && at < a->piece_to)
		return 0;
	err = image_raw(a->image, a->offset + from, &a->piece, &count);
	if (err)
		return err;
	if (count > a->end - a->offset - from)
		count = a->end - a->offset - from;
	if (at >= from + count)
		return fail(-EUCLEAN, "%s: became shorter while being read",
			    safe(a->image->path));
	a->piece_from = from;
	a->piece_to = from + count;
	return a->word > 1 ? turn_piece(a, count) : 0;
}

/* First bit from *bit on that is set (clear), or the end of the area. */
static int next_bit(struct area *a, uint64_t *bit, u64 (*next)(const u8 *, u64, u64))
{
	uint64_t end = (a->end - a->offset) * 8, from, count;
	int err;

	while (*bit < end) {
		err = reach(a, *bit / 8);
		if (err)
			return err;
		from = *bit - a->piece_from * 8;
		count = (a->piece_to - a->piece_from) * 8;
		from = next(a->piece, from, count);
		*bit = a->piece_from * 8 + from;
		if (from < count)
			return 0;
	}
	return 0;
}

static int write_error(void)
{
	return ferror(stdout) ? fail(-EIO, "standard output: write error") : 0;
}

static int dump_bits(struct area *a)
{
	uint64_t limit = (a->end - a->offset) * 8, start = 0, end;
	int err = 0;

	if (!style.json)
		printf("bits %" PRIu64 "\n", a->offset);
	while (!err) {
		err = next_bit(a, &start, bits_next_set);
		if (err || start >= limit)
			return err;
		end = start;
		err = next_bit(a, &end, bits_next_clear);
		if (!err)
			emit_bits(a, start, end);
		start = end;
		if (!err)
			err = write_error();
	}
	return err;
}

static int dump_states_area(struct area *a)
{
	uint64_t limit = a->end - a->offset, start = 0, at;
	u8 state = 0;
	int err;

	if (!style.json)
		printf("states %" PRIu64 "\n", a->offset);
	for (at = 0; at < limit; at++) {
		err = reach(a, at);
		if (err)
			return err;
		if (a->piece[at - a->piece_from] == state)
			continue;
		if (state)
			emit_states(a, start, at, state);
		start = at;
		state = a->piece[at - a->piece_from];
	}
	if (state)
		emit_states(a, start, limit, state);
	return write_error();
}

/* What is not zero of an area without meaning. */
static int dump_bytes(struct area *a)
{
	uint64_t limit = a->end - a->offset, at, n;
	int err;

	for (at = 0; at < limit; at += n) {
		err = reach(a, at);
		if (err)
			return err;
		n = a->piece_to - at;
		if (n > DUMP_BYTES_PER_LINE)
			n = DUMP_BYTES_PER_LINE;
		if (!all_zero(a->piece + (at - a->piece_from), n))
			emit_bytes(a->offset + at, a->piece + (at - a->piece_from), n);
	}
	return 0;
}

static int dump_area(struct image *image, uint64_t offset, uint64_t end,
		     int (*dump)(struct area *a))
{
	struct area a = { .image = image, .offset = offset, .end = end, .word = 1 };
	int err;

	if (image->sb.version == BITMAP_V3_HOST_ENDIAN && dump == dump_bits)
		a.word = image->order == IMAGE_BIG_ENDIAN_32 ? 4 :
			 image->order == IMAGE_BIG_ENDIAN_64 ? 8 : 1;
	err = offset < end ? dump(&a) : 0;
	free(a.turned);
	return err;
}

static int dump_super(struct image *image, uint64_t offset)
{
	struct bitmap_super_disk raw;
	struct bitmap_super sb;
	uint64_t count, done, n;
	const u8 *bytes;
	int err;

	for (done = 0; done < sizeof(raw); done += n) {
		err = image_raw(image, offset + done, &bytes, &count);
		if (err)
			return err;
		n = sizeof(raw) - done < count ? sizeof(raw) - done : count;
		memcpy((u8 *)&raw + done, bytes, n);
	}
	bitmap_super_decode(&sb, &raw);
	if (style.json)
		json_super(offset, &sb);
	else
		print_super(offset, &sb);
	return 0;
}

/* A superblock and what follows it, [offset, end). */
static int dump_slot(struct image *image, uint64_t offset, uint64_t end)
{
	uint64_t head = offset + BITMAP_SUPER_BYTES;
	int err;

	if (end - offset < BITMAP_SUPER_BYTES)
		return dump_area(image, offset, end, dump_bytes);
	err = dump_super(image, offset);
	if (err)
		return err;
	if (image->sb.version != BITMAP_V6_LOCKLESS)
		return dump_area(image, head, end, dump_bits);
	head = offset + BITMAP_LOCKLESS_HEAD_BYTES;
	err = dump_area(image, offset + BITMAP_SUPER_BYTES, head < end ? head : end,
			dump_bytes);
	return err ? err : dump_area(image, head, end, dump_states_area);
}

static unsigned int slots_of(const struct image *image)
{
	bool clustered = image->sb.version == BITMAP_V5_CLUSTERED && image->sb.nodes;

	return clustered && !image->check_error ? image->sb.nodes : 1;
}

static void fault_text(const struct image *image, char *text, size_t size)
{
	const struct fault *f = &image->fault;

	snprintf(text, size, "%s is %" PRIu64 ", must be %s", f->field, f->found,
		 f->expected);
}

/* A file as long as it is; a bitmap that is part of a device: what it needs. */
static int length_of(const struct image *image, uint64_t *bytes)
{
	uint64_t slots = slots_of(image);
	char fault[160];

	*bytes = image->room_bytes;
	if (image->check_error)
		fault_text(image, fault, sizeof(fault));
	if (S_ISREG(image->st.st_mode) && !image->member) {
		if (image->check_error)
			note("%s: bitmap superblock: %s; all of it is dumped as it is",
			     safe(image->path), fault);
		return 0;
	}
	if (image->check_error)
		return fail(image->check_error, "%s: bitmap superblock: %s; where the bitmap ends is not known",
			    safe(image->path), fault);
	*bytes = bitmap_bytes(&image->sb);
	if (slots > 1)
		*bytes += (slots - 1) * bitmap_slot_bytes(&image->sb);
	if (*bytes > image->room_bytes)
		return fail(-EUCLEAN, "%s: the device ends before its bitmap does",
			    safe(image->path));
	return 0;
}

static int dump_slots(struct image *image, uint64_t bytes)
{
	unsigned int slots = slots_of(image), slot;
	uint64_t step = slots > 1 ? bitmap_slot_bytes(&image->sb) : 0;
	int err = 0;

	for (slot = 0; !err && slot < slots && slot * step < bytes; slot++) {
		uint64_t end = (slot + 1) * step;

		if (slot == slots - 1 || end > bytes)
			end = bytes;
		err = dump_slot(image, slot * step, end);
	}
	return err;
}

static const char *order_word(const struct image *image)
{
	if (image->sb.version != BITMAP_V3_HOST_ENDIAN)
		return NULL;
	return image->order == IMAGE_BIG_ENDIAN_32 ? "big32" :
	       image->order == IMAGE_BIG_ENDIAN_64 ? "big64" : NULL;
}

static int dump_text(struct image *image, uint64_t bytes)
{
	int err;

	puts(DUMP_FIRST_LINE);
	printf("file-bytes %" PRIu64 "\n", bytes);
	if (order_word(image))
		printf("byte-order %s\n", order_word(image));
	err = dump_slots(image, bytes);
	/* --restore takes a text without its end for the torn one it is. */
	if (!err)
		puts("end");
	return err;
}

static int dump_json(struct image *image, uint64_t bytes)
{
	struct json_object *o = json_start("dump");

	json_text(o, "file", image->path);
	json_u64(o, "file_bytes", bytes);
	json_text(o, "byte_order", order_word(image) ? order_word(image) : "little");
	json_stream_start(o, "content");
	return json_stream_finish(dump_slots(image, bytes));
}

int mode_dump(const struct request *rq)
{
	struct image *image;
	uint64_t bytes;
	char md[64];
	int err = image_open(rq->args[0], IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &image);

	if (err)
		return err;
	if (!image->member && mdarray_uses_path(image->path, md))
		note("%s: is attached to %s: what is dumped may have changed before it is written",
		     safe(image->path), safe(md));
	err = image_select(image, rq->byte_order, NULL);
	if (!err)
		err = length_of(image, &bytes);
	if (!err)
		err = rq->json ? dump_json(image, bytes) : dump_text(image, bytes);
	image_close(image);
	return err;
}

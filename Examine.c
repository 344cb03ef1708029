// SPDX-License-Identifier: GPL-2.0-only
/*
 * --examine: what bitmaps say. The text is mdadm -X's, label by label
 * (md-abi.md section 9.1), for scripts that read it; where mdadm has no
 * word for a thing, or the wrong one, ours says what is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "each.h"
#include "image.h"
#include "options.h"
#include "report.h"

enum {
	STATE_TEXT = 160,
	LOCKLESS_SHUTDOWN = 1 << 6,	/* of a running array; never on disk */
};

struct count {
	uint64_t dirty;			/* chunks */
	uint64_t dirty_bytes;
	uint64_t states[BITMAP_STATES];	/* version 6 */
};

static const char *const chunk_states[BITMAP_STATES] = {
	[BITMAP_STATE_UNWRITTEN] = "unwritten",
	[BITMAP_STATE_CLEAN] = "clean",
	[BITMAP_STATE_DIRTY] = "dirty",
	[BITMAP_STATE_NEED_SYNC] = "need sync",
	[BITMAP_STATE_SYNCING] = "syncing",
	[BITMAP_STATE_NEED_SYNC_UNWRITTEN] = "need sync, unwritten",
	[BITMAP_STATE_SYNCING_UNWRITTEN] = "syncing, unwritten",
	[BITMAP_STATE_CLEAN_UNWRITTEN] = "clean, unwritten",
};

static const char *const state_keys[BITMAP_STATES] = {
	[BITMAP_STATE_UNWRITTEN] = "unwritten_chunks",
	[BITMAP_STATE_CLEAN] = "clean_chunks",
	[BITMAP_STATE_DIRTY] = "dirty_chunks",
	[BITMAP_STATE_NEED_SYNC] = "need_sync_chunks",
	[BITMAP_STATE_SYNCING] = "syncing_chunks",
	[BITMAP_STATE_NEED_SYNC_UNWRITTEN] = "need_sync_unwritten_chunks",
	[BITMAP_STATE_SYNCING_UNWRITTEN] = "syncing_unwritten_chunks",
	[BITMAP_STATE_CLEAN_UNWRITTEN] = "clean_unwritten_chunks",
};

static const struct {
	u32 flag;
	u32 version;			/* 0: any */
	const char *word;
} state_flags[] = {
	{ BITMAP_STALE, 0, "Out of date" },
	{ BITMAP_WRITE_ERROR, 0, "Write error" },
	{ BITMAP_FIRST_USE, BITMAP_V6_LOCKLESS, "First use" },
	{ BITMAP_INIT_CLEAN, BITMAP_V6_LOCKLESS, "Clean at first use" },
	{ BITMAP_DAEMON_BUSY, BITMAP_V6_LOCKLESS, "Daemon busy" },
	{ LOCKLESS_SHUTDOWN, BITMAP_V6_LOCKLESS, "Shutting down" },
	/* Set in every version 3 bitmap that a kernel used: nothing is amiss. */
	{ BITMAP_HOST_ENDIAN, 0, NULL },
};

/* The flags that @sb's state word holds, in words; @each sees every one. */
static void state_words(const struct bitmap_super *sb, void *to,
			void (*each)(void *to, const char *word))
{
	u32 left = sb->state;
	char hex[16];
	size_t i;

	for (i = 0; i < sizeof(state_flags) / sizeof(state_flags[0]); i++) {
		if (!(left & state_flags[i].flag) ||
		    (state_flags[i].version && state_flags[i].version != sb->version))
			continue;
		left &= ~state_flags[i].flag;
		if (state_flags[i].word)
			each(to, state_flags[i].word);
	}
	if (left) {
		snprintf(hex, sizeof(hex), "%#x", left);
		each(to, hex);
	}
}

static void join_word(void *to, const char *word)
{
	char *text = to;
	size_t used = strlen(text);

	snprintf(text + used, STATE_TEXT - used, "%s%s", used ? ", " : "", word);
}

static void list_word(void *to, const char *word)
{
	json_object_array_add(to, json_object_new_string(word));
}

/* "        Filename : " and its like: labels end in column 16. */
static void row(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void row(const char *label, const char *format, ...)
{
	va_list args;

	printf("%16s : ", label);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void row_state(const struct bitmap_super *sb)
{
	char text[STATE_TEXT] = "";

	state_words(sb, text, join_word);
	row("State", "%s", *text ? text : "OK");
}

static void row_chunk(uint64_t bytes)
{
	static const char *const units[] = { "B", "KB", "MB", "GB" };
	unsigned int i = 0;

	if (style.bytes) {
		row("Chunksize", "%" PRIu64 " B", bytes);
		return;
	}
	while (bytes >= 1024 && i < 3) {
		bytes /= 1024;
		i++;
	}
	row("Chunksize", "%" PRIu64 " %s", bytes, units[i]);
}

/* @bytes in hundredths of @unit, half rounded up: mdadm rounds so. */
static uint64_t hundredths(uint64_t bytes, uint64_t unit)
{
	return ((unsigned __int128)bytes * 200 / unit + 1) / 2;
}

static void row_size(uint64_t sectors)
{
	static const struct {
		uint64_t below, binary, decimal;
		char letter;
	} units[] = {
		{ 2ULL << 30, 1ULL << 20, 1000000ULL, 'M' },
		{ 2ULL << 40, 1ULL << 30, 1000000000ULL, 'G' },
		{ UINT64_MAX, 1ULL << 40, 1000000000000ULL, 'T' },
	};
	uint64_t kib = sectors / 2, bytes = sectors * SECTOR_BYTES, b, d;
	unsigned int i = 0;

	if (style.bytes) {
		row("Sync Size", "%" PRIu64 " B", bytes);
		return;
	}
	if (bytes < 5000 * 1024) {
		row("Sync Size", "%" PRIu64, kib);
		return;
	}
	while (bytes >= units[i].below)
		i++;
	b = hundredths(bytes, units[i].binary);
	d = hundredths(bytes, units[i].decimal);
	row("Sync Size", "%" PRIu64 " (%" PRIu64 ".%02u %ciB %" PRIu64 ".%02u %cB)",
	    kib, b / 100, (unsigned int)(b % 100), units[i].letter, d / 100,
	    (unsigned int)(d % 100), units[i].letter);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0.0;
}

static void row_bitmap(uint64_t bits, uint64_t dirty)
{
	row("Bitmap", "%" PRIu64 " bits (chunks), %" PRIu64 " dirty (%2.1f%%)", bits,
	    dirty, percent(dirty, bits));
}

static void rows_events(const struct bitmap_super *sb)
{
	row("Events", "%" PRIu64, sb->events);
	row("Events Cleared", "%" PRIu64, sb->events_cleared);
	row_state(sb);
}

/* 0.90 keeps the UUID in words of the host, and mdadm shows those. */
static const char *shown_uuid(const struct image *image)
{
	if (image->member && !memcmp(image->sb.uuid, image->member->super.uuid, UUID_BYTES))
		return member_uuid_text(&image->member->super);
	return uuid_text(image->sb.uuid);
}

static bool clustered(const struct bitmap_super *sb)
{
	return sb->version == BITMAP_V5_CLUSTERED && sb->nodes;
}

static bool lockless(const struct bitmap_super *sb)
{
	return sb->version == BITMAP_V6_LOCKLESS;
}

static bool unknown_version(const struct image *image)
{
	return image->check_error == -EPROTONOSUPPORT;
}

static void print_head(const struct image *image)
{
	const struct bitmap_super *sb = &image->sb;

	row("Filename", "%s", safe(image->path));
	row("Magic", "%08x", sb->magic);
	row("Version", "%u", sb->version);
	if (unknown_version(image))
		return;
	row("UUID", "%s", shown_uuid(image));
	if (!clustered(sb))
		rows_events(sb);
	row_chunk(sb->chunk_bytes);
	row("Daemon", "%us flush period", sb->delay_s);
	if (sb->write_behind)
		row("Write Mode", "Allow write behind, max %u", sb->write_behind);
	else
		row("Write Mode", "Normal");
	row_size(sb->sync_sectors);
}

/* What it takes to hold all of the bitmap, as bytes from the superblock. */
static uint64_t needed_bytes(const struct image *image)
{
	const struct bitmap_super *sb = &image->sb;
	uint64_t bytes = bitmap_bytes(sb);

	if (clustered(sb))
		bytes += (sb->nodes - 1) * bitmap_slot_bytes(sb);
	return bytes;
}

static void print_missing(const struct image *image)
{
	uint64_t missing = bitmap_bytes(&image->sb) - image->room_bytes;

	row("Missing", "%s at the end: %s unknown", plural(missing, "byte"),
	    plural(image->bits - image->bits_present, "chunk"));
}

static void print_states(const struct count *count)
{
	int i;

	for (i = 0; i < BITMAP_STATES; i++)
		if (count->states[i])
			row("States", "%" PRIu64 " %s", count->states[i], chunk_states[i]);
}

static bool last_is_dirty(struct image *image, bool *dirty)
{
	uint64_t last = image->bits_present - 1, first, n;
	const u8 *bits;
	int err = image_view(image, last, &bits, &first, &n);

	*dirty = !err && bits_test(bits, last - first);
	return err;
}

static int count_dirty(struct image *image, struct count *count)
{
	const uint64_t *states = count->states;
	bool last = false;
	int err;

	memset(count, 0, sizeof(*count));
	if (lockless(&image->sb)) {
		err = image_count_states(image, count->states);
		count->dirty = image->bits_present - states[BITMAP_STATE_UNWRITTEN] -
			       states[BITMAP_STATE_CLEAN] -
			       states[BITMAP_STATE_CLEAN_UNWRITTEN];
	} else {
		err = image_count_dirty(image, &count->dirty);
	}
	if (!err && count->dirty && image->bits_present == image->bits)
		err = last_is_dirty(image, &last);
	count->dirty_bytes = count->dirty * image->sb.chunk_bytes;
	/* The last chunk may reach past the end of the array. */
	if (last)
		count->dirty_bytes -= image->sb.chunk_bytes -
			image_chunk_range_bytes(image, image->bits - 1, image->bits);
	return err;
}

static int examine_node(struct image *image, unsigned int node, bool brief,
			struct bitmap_super *sb, struct count *count)
{
	int err = image_slot_super(image, node, sb);

	image->slot = node;
	if (!err && !brief)
		err = count_dirty(image, count);
	image->slot = -1;
	return err;
}

/* Goes through all nodes whatever one of them says; the last error counts. */
static int print_nodes(struct image *image)
{
	struct bitmap_super sb;
	struct count count;
	unsigned int node;
	int ret = 0;

	row("Cluster nodes", "%u", image->sb.nodes);
	row("Cluster name", "%-64s", safe(image->sb.cluster_name));
	for (node = 0; node < image->sb.nodes; node++) {
		int err = examine_node(image, node, false, &sb, &count);

		if (err) {
			printf("   Unable to read bitmap on node: %u\n", node);
			ret = err;
			continue;
		}
		row("Node Slot", "%u", node);
		rows_events(&sb);
		row_bitmap(image->bits_present, count.dirty);
	}
	return ret;
}

static int print_bits(struct image *image)
{
	struct count count;
	int err;

	if (clustered(&image->sb))
		return print_nodes(image);
	err = count_dirty(image, &count);
	if (err)
		return err;
	row_bitmap(image->bits_present, count.dirty);
	if (lockless(&image->sb))
		print_states(&count);
	return 0;
}

/* After all has been shown: what of it cannot be right. */
static int judge(const struct image *image)
{
	const struct fault *f = &image->fault;

	if (image->check_error)
		return fail(image->check_error, "%s: bitmap superblock: %s is %" PRIu64 ", must be %s",
			    safe(image->path), f->field, f->found, f->expected);
	if (image->bits_present < image->bits)
		return fail(-EUCLEAN, "%s: truncated: %" PRIu64 " bytes, its %" PRIu64 " chunks need %" PRIu64,
			    safe(image->path), image->room_bytes, image->bits,
			    bitmap_bytes(&image->sb));
	return 0;
}

static int print_text(struct image *image, bool brief)
{
	int err = 0;

	print_head(image);
	if (!image->check_error && !brief)
		err = print_bits(image);
	if (!image->check_error && image->bits_present < image->bits)
		print_missing(image);
	return err ? err : judge(image);
}

static void json_state(struct json_object *o, const struct bitmap_super *sb)
{
	json_u64(o, "state_flags", sb->state);
	state_words(sb, json_list(o, "state"), list_word);
}

static void json_head(struct json_object *o, const struct image *image)
{
	const struct bitmap_super *sb = &image->sb;

	json_text(o, "place", image->member ? "member" : "file");
	if (image->member) {
		json_text(o, "metadata", member_format_text(&image->member->super));
		json_u64(o, "place_bytes", image->base);
	}
	json_u64(o, "version", sb->version);
	json_text(o, "uuid", shown_uuid(image));
	json_u64(o, "events", sb->events);
	json_u64(o, "events_cleared", sb->events_cleared);
	json_state(o, sb);
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "delay_seconds", sb->delay_s);
	json_u64(o, "write_behind_requests", sb->write_behind);
	json_u64(o, "sync_size_sectors", sb->sync_sectors);
	json_u64(o, "reserved_sectors", sb->sectors_reserved);
	json_u64(o, "nodes", sb->nodes);
	json_text(o, "cluster_name", sb->cluster_name);
	json_u64(o, "room_bytes", image->room_bytes);
}

static void json_geometry(struct json_object *o, const struct image *image)
{
	uint64_t needed = needed_bytes(image);

	json_u64(o, "needed_bytes", needed);
	json_u64(o, "missing_bytes",
		 needed > image->room_bytes ? needed - image->room_bytes : 0);
	json_u64(o, "chunks", image->bits);
	json_u64(o, "present_chunks", image->bits_present);
	json_u64(o, "unknown_chunks", image->bits - image->bits_present);
}

static void json_count(struct json_object *o, const struct image *image,
		       const struct count *count)
{
	json_u64(o, "dirty_chunks", count->dirty);
	json_u64(o, "dirty_bytes", count->dirty_bytes);
	json_real(o, "dirty_percent", percent(count->dirty, image->bits_present));
}

static int json_nodes(struct json_object *o, struct image *image, bool brief)
{
	struct json_object *list = json_list(o, "node_list"), *item;
	struct bitmap_super sb;
	struct count count;
	unsigned int node;
	int ret = 0;

	for (node = 0; node < image->sb.nodes; node++) {
		int err = examine_node(image, node, brief, &sb, &count);

		item = json_object_new_object();
		json_u64(item, "node", node);
		if (!err) {
			json_u64(item, "events", sb.events);
			json_u64(item, "events_cleared", sb.events_cleared);
			json_state(item, &sb);
		}
		if (!err && !brief)
			json_count(item, image, &count);
		json_text(item, "error", err ? fail_text() : NULL);
		json_object_array_add(list, item);
		ret = err ? err : ret;
	}
	return ret;
}

static int json_bits(struct json_object *o, struct image *image, bool brief)
{
	struct json_object *states;
	struct count count;
	int err = 0, i;

	if (clustered(&image->sb))
		err = json_nodes(o, image, brief);
	if (err || brief)
		return err;
	err = count_dirty(image, &count);
	if (err)
		return err;
	json_count(o, image, &count);
	if (!lockless(&image->sb))
		return 0;
	states = json_child(o, "states");
	for (i = 0; i < BITMAP_STATES; i++)
		json_u64(states, state_keys[i], count.states[i]);
	return 0;
}

static int print_json(struct json_object *o, struct image *image, bool brief)
{
	int err = 0;

	json_head(o, image);
	if (!image->check_error) {
		json_geometry(o, image);
		err = json_bits(o, image, brief);
	}
	return err ? err : judge(image);
}

static int examine(const struct request *rq, const char *path,
		   struct json_object *o)
{
	struct image *image;
	int err = image_open(path, IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &image);

	if (o)
		json_text(o, "file", path);
	if (err)
		return err;
	err = image_select(image, rq->byte_order, NULL);
	if (!err)
		err = o ? print_json(o, image, rq->brief) : print_text(image, rq->brief);
	image_close(image);
	return err;
}

int mode_examine(const struct request *rq)
{
	return each_argument(rq, rq->json ? json_start("examine") : NULL, "bitmaps",
			     examine);
}

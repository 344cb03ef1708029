// SPDX-License-Identifier: GPL-2.0-only
/*
 * --detail: arrays, their members and bitmaps, in mdadm -D's labels where
 * it has them. md-abi.md 9.2
 */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "driver.h"
#include "each.h"
#include "options.h"
#include "proc.h"
#include "report.h"
#include "survey.h"

enum { WORDS = 160 };

/* "           Version : ": labels end in column 18. */
static void row(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void row(const char *label, const char *format, ...)
{
	va_list args;

	printf("%18s : ", label);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- words ---- */

static const char *state_word(const struct mdarray *a)
{
	static const char *const words[][2] = {
		{ "active-idle", "active" },
		{ "write-pending", "active" },
		{ "readonly", "read-only" },
		{ "read-auto", "auto-read-only" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(a->state, words[i][0]))
			return words[i][1];
	if (*a->state)
		return a->state;
	return a->info.state & 1 << MD_SB_CLEAN ? "clean" : "active";
}

static bool is_degraded(const struct mdarray *a)
{
	return a->info.level > 0 && a->info.active_disks < a->info.raid_disks;
}

/* mdstat says resync for a repair and for any wait; sysfs knows better. */
static const char *action_of(const struct survey *s)
{
	static const char *const words[][2] = {
		{ "recover", "recovery" }, { "repair", "repair" },
		{ "check", "check" }, { "resync", "resync" },
		{ "reshape", "reshape" },
	};
	size_t i;

	if (!*s->stat.action)
		return "";
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(s->action, words[i][0]))
			return words[i][1];
	return s->stat.action;
}

/* As mdadm says it. */
static const char *doing(const char *action)
{
	static const char *const words[][2] = {
		{ "recovery", ", recovering" }, { "resync", ", resyncing" },
		{ "check", ", checking" },	{ "reshape", ", reshaping" },
		{ "repair", ", repairing" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(action, words[i][0]))
			return words[i][1];
	return "";
}

static void array_words(const struct survey *s, char text[WORDS])
{
	const struct mdarray *a = s->array;

	snprintf(text, WORDS, "%s%s%s%s", state_word(a),
		 is_degraded(a) ? ", degraded" : "", doing(action_of(s)),
		 s->stat.pending ? " (PENDING)" : s->stat.delayed ? " (DELAYED)" : "");
}

static const struct {
	int bit;
	const char *word;
} disk_bits[] = {
	{ MD_DISK_FAULTY, "faulty" },
	{ MD_DISK_ACTIVE, "active" },
	{ MD_DISK_SYNC, "sync" },
	{ MD_DISK_WRITEMOSTLY, "writemostly" },
	{ MD_DISK_FAILFAST, "failfast" },
	{ MD_DISK_JOURNAL, "journal" },
};

/* Calls @each for every word; a member that is nothing else is a spare. */
static void member_words(const struct mdarray_member *m, void *to,
			 void (*each)(void *to, const char *word))
{
	int placed = 1 << MD_DISK_FAULTY | 1 << MD_DISK_ACTIVE | 1 << MD_DISK_JOURNAL;
	size_t i;

	if (!(m->info.state & placed)) {
		each(to, "spare");
		if (m->info.raid_disk >= 0)
			each(to, "rebuilding");
	}
	for (i = 0; i < sizeof(disk_bits) / sizeof(disk_bits[0]); i++)
		if (m->info.state & 1 << disk_bits[i].bit)
			each(to, disk_bits[i].word);
}

static void join_word(void *to, const char *word)
{
	char *text = to;
	size_t used = strlen(text);

	snprintf(text + used, WORDS - used, "%s%s", used ? " " : "", word);
}

static void list_word(void *to, const char *word)
{
	json_object_array_add(to, json_object_new_string(word));
}

static bool slot_held(const struct mdarray *a, int slot)
{
	size_t i;

	for (i = 0; i < a->member_count; i++)
		if (a->members[i].info.raid_disk == slot &&
		    !(a->members[i].info.state & 1 << MD_DISK_FAULTY))
			return true;
	return false;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* ---- text ---- */

/* KiB first, for those who read mdadm's figure. */
static void row_size(const char *label, uint64_t bytes)
{
	if (style.bytes)
		row(label, "%s", human(bytes));
	else
		row(label, "%" PRIu64 " (%s)", bytes / 1024, human(bytes));
}

static void row_time(const char *label, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (seconds && localtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm))
		row(label, "%s", text);
}

static void print_head(const struct survey *s)
{
	const struct mdarray *a = s->array;

	printf("%s%s%s:\n", paint(PAINT_BOLD), safe(a->node), paint(PAINT_NONE));
	if (s->driver && s->driver->ours)
		row("Driver", "%s", s->driver->module);
	row("Version", "%s", a->persistent ? safe(a->metadata) : "none (no metadata)");
	row_time("Creation Time", a->super ? a->super->ctime_s :
					     a->persistent ? a->info.ctime : 0);
	row("Raid Level", "%s", safe(s->level));
	if (s->stat.found)
		row_size("Array Size", s->stat.blocks_kib * 1024);
	row_size("Used Dev Size", a->component_sectors * SECTOR_BYTES);
	row("Raid Devices", "%d", a->info.raid_disks);
	row("Total Devices", "%d", a->info.nr_disks);
}

static void print_state(const struct survey *s)
{
	const struct mdarray *a = s->array;
	char words[WORDS];

	array_words(s, words);
	putchar('\n');
	if (a->super)
		row_time("Update Time", member_seconds(a->super->utime));
	row("State", "%s%s%s", paint(is_degraded(a) ? PAINT_WARN : PAINT_GOOD), words,
	    paint(PAINT_NONE));
	row("Active Devices", "%d", a->info.active_disks);
	row("Working Devices", "%d", a->info.working_disks);
	row("Failed Devices", "%d", a->info.failed_disks);
	row("Spare Devices", "%d", a->info.spare_disks);
	if (*s->policy)
		row("Consistency Policy", "%s", safe(s->policy));
	if (a->super && *a->super->name)
		row("Name", "%s", safe(a->super->name));
	if (*s->uuid)
		row("UUID", "%s", s->uuid);
	if (a->super)
		row("Events", "%" PRIu64, a->super->events);
}

static void print_progress(const struct survey *s)
{
	const struct mdstat *m = &s->stat;
	uint64_t left = (uint64_t)(m->finish_min * 60 + 0.5);

	if (!*m->action || m->pending || m->delayed)
		return;
	row("Sync Progress", "%s %.1f%%, %s of %s, %s/s, %" PRIu64 " min %" PRIu64
	    " s left", safe(action_of(s)), m->percent, human(m->done_kib * 1024),
	    human(m->total_kib * 1024), human(m->speed_kib_s * 1024), left / 60,
	    left % 60);
}

/*
 * Counters, of 2048 chunks a page: a page is in use until every chunk of it
 * has been clean for two periods. md-abi.md 5.1, section 6
 */
static void print_pending(const struct mdstat *m)
{
	if (m->has_bitmap)
		row("Bitmap Pending", "%" PRIu64 " of %s of counters in use (chunks written lately, or dirty)",
		    m->pages_used, plural(m->pages_total, "page"));
}

/* What mdbitmap.ko tells, and stock md has nothing of. */
static void print_engine(const struct survey_bitmap *b)
{
	bool failed = *b->store && strcmp(b->store, "ok");

	if (*b->store)
		row("Bitmap Store", "%s%s%s", paint(failed ? PAINT_BAD : PAINT_GOOD),
		    safe(b->store), paint(PAINT_NONE));
	if (b->budget_known)
		row("Resync Budget", "%s", human(b->budget_bytes));
	counters_summary(&b->counters, row);
	if (style.verbose)
		counters_list(&b->counters, row);
}

static void print_bitmap(const struct survey *s)
{
	const struct survey_bitmap *b = &s->bitmap;
	const char *path = s->array->bitmap_path ? s->array->bitmap_path :
						   s->stat.bitmap_path;

	putchar('\n');
	row("Intent Bitmap", "%s", b->kind == SURVEY_FILE ? safe(path) :
	    b->kind == SURVEY_INTERNAL ? "Internal" : "none");
	if (b->kind == SURVEY_NONE)
		return;
	if (b->chunk_bytes)
		row("Bitmap Chunk", "%s", human(b->chunk_bytes));
	if (b->readable)
		row("Bitmap Dirty", "%" PRIu64 " of %s, %s (%.1f%%)", b->dirty_chunks,
		    plural(b->chunks, "chunk"), human(b->dirty_bytes),
		    percent(b->dirty_chunks, b->chunks));
	print_pending(&s->stat);
	if (b->delay_known)
		row("Bitmap Delay", "%g s", b->delay_s);
	if (b->behind_known && b->write_behind)
		row("Write Behind", "at most %" PRIu64 " writes", b->write_behind);
	else if (b->behind_known)
		row("Write Behind", "off");
	if (b->readable) {
		row("Bitmap Events", "%" PRIu64, b->sb.events);
		row("Events Cleared", "%" PRIu64, b->sb.events_cleared);
	}
	print_engine(b);
}

enum column { COLUMN_NUMBER, COLUMN_SLOT, COLUMN_STATE, COLUMN_EVENTS, COLUMN_DEVICE,
	      COLUMNS };

static const struct {
	const char *name;
	int flags;
} columns[] = {
	[COLUMN_NUMBER] = { "Number", SCOLS_FL_RIGHT },
	[COLUMN_SLOT] = { "Slot", SCOLS_FL_RIGHT },
	[COLUMN_STATE] = { "State", 0 },
	[COLUMN_EVENTS] = { "Events", SCOLS_FL_RIGHT },
	[COLUMN_DEVICE] = { "Device", 0 },
};

static int set_number(struct libscols_line *line, enum column column, bool known,
		      uint64_t n)
{
	char text[32] = "-";

	if (known)
		snprintf(text, sizeof(text), "%" PRIu64, n);
	return scols_line_set_data(line, column, text);
}

static int add_member(struct libscols_table *table, const struct survey *s, size_t i)
{
	const struct mdarray_member *m = &s->array->members[i];
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char words[WORDS] = "";

	if (!line)
		return -ENOMEM;
	member_words(m, words, join_word);
	if (m->info.state & 1 << MD_DISK_FAULTY)
		scols_line_set_color(line, "red");
	return set_number(line, COLUMN_NUMBER, m->info.number >= 0, m->info.number) ||
	       set_number(line, COLUMN_SLOT, m->info.raid_disk >= 0, m->info.raid_disk) ||
	       scols_line_set_data(line, COLUMN_STATE, words) ||
	       set_number(line, COLUMN_EVENTS, s->members[i].events_known,
			  s->members[i].events) ||
	       scols_line_set_data(line, COLUMN_DEVICE, safe(m->path)) ? -ENOMEM : 0;
}

static int add_missing(struct libscols_table *table, int slot)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		return -ENOMEM;
	scols_line_set_color(line, "yellow");
	return set_number(line, COLUMN_NUMBER, false, 0) ||
	       set_number(line, COLUMN_SLOT, true, slot) ||
	       scols_line_set_data(line, COLUMN_STATE, "missing") ||
	       set_number(line, COLUMN_EVENTS, false, 0) ||
	       scols_line_set_data(line, COLUMN_DEVICE, "-") ? -ENOMEM : 0;
}

static int fill_table(struct libscols_table *table, const struct survey *s)
{
	const struct mdarray *a = s->array;
	int slot, c, err = 0;
	size_t i;

	for (c = 0; c < COLUMNS; c++)
		if (!scols_table_new_column(table, columns[c].name, 0, columns[c].flags))
			return -ENOMEM;
	for (i = 0; !err && i < a->member_count; i++)
		err = add_member(table, s, i);
	for (slot = 0; !err && slot < a->info.raid_disks; slot++)
		if (!slot_held(a, slot))
			err = add_missing(table, slot);
	return err;
}

static int print_members(const struct survey *s)
{
	struct libscols_table *table = scols_new_table();
	int err;

	if (!table)
		return fail(-ENOMEM, "out of memory");
	scols_table_enable_colors(table, style.colour);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(table, report_width());
	err = fill_table(table, s);
	putchar('\n');
	if (!err)
		err = scols_print_table(table);
	scols_unref_table(table);
	return err ? fail_errno(err, "%s: table of members", safe(s->array->node)) : 0;
}

static int print_text(const struct survey *s, bool another)
{
	size_t i;
	int err;

	if (another)
		putchar('\n');
	print_head(s);
	print_state(s);
	print_progress(s);
	print_bitmap(s);
	err = print_members(s);
	for (i = 0; !err && i < s->gap_count; i++)
		note("%s: not known: %s", safe(s->array->node), safe(s->gaps[i]));
	return err;
}

/* In quotes if mdadm took it for several words otherwise. */
static void print_word(const char *key, const char *value)
{
	char quote = strchr(value, '"') ? '\'' : '"';

	printf(" %s=", key);
	if (!value[strcspn(value, " \t\"'")]) {
		fputs(value, stdout);
		return;
	}
	putchar(quote);
	for (; *value; value++) {
		if (*value == quote) {	/* goes on in quotes of the other kind */
			putchar(quote);
			quote ^= '"' ^ '\'';
			putchar(quote);
		}
		putchar(*value);
	}
	putchar(quote);
}

/* mdadm's form, so that it can go into its configuration. */
static void print_brief(const struct survey *s)
{
	const struct mdarray *a = s->array;

	printf("ARRAY %s", safe(a->node));
	if (a->persistent)
		printf(" metadata=%s", safe(a->metadata));
	else
		printf(" level=%s num-devices=%d", safe(s->level), a->info.raid_disks);
	if (s->bitmap.kind == SURVEY_FILE)
		print_word("bitmap", safe(a->bitmap_path ? a->bitmap_path :
							   s->stat.bitmap_path));
	if (a->super && *a->super->name)
		print_word("name", safe(a->super->name));
	if (*s->uuid)
		printf(" UUID=%s", s->uuid);
	putchar('\n');
}

/* ---- JSON ---- */

static void json_maybe_u64(struct json_object *o, const char *key, bool known,
			   uint64_t value)
{
	if (known)
		json_u64(o, key, value);
	else
		json_text(o, key, NULL);
}

static void json_head(struct json_object *o, const struct survey *s)
{
	const struct mdarray *a = s->array;

	json_text(o, "kernel_name", a->name);
	json_text(o, "driver", s->driver ? s->driver->module : NULL);
	json_flag(o, "complete", s->privileged && !s->gap_count);
	json_text(o, "metadata", a->persistent ? a->metadata : NULL);
	json_text(o, "level", s->level);
	json_maybe_u64(o, "created_seconds", a->super, a->super ? a->super->ctime_s : 0);
	json_maybe_u64(o, "updated_seconds", a->super, a->super ? member_seconds(a->super->utime) : 0);
	json_maybe_u64(o, "array_bytes", s->stat.found, s->stat.blocks_kib * 1024);
	json_u64(o, "used_member_bytes", a->component_sectors * SECTOR_BYTES);
	json_u64(o, "bitmap_covers_bytes", a->sync_sectors * SECTOR_BYTES);
	json_u64(o, "raid_devices", (uint64_t)a->info.raid_disks);
	json_u64(o, "total_devices", (uint64_t)a->info.nr_disks);
	json_u64(o, "active_devices", (uint64_t)a->info.active_disks);
	json_u64(o, "working_devices", (uint64_t)a->info.working_disks);
	json_u64(o, "failed_devices", (uint64_t)a->info.failed_disks);
	json_u64(o, "spare_devices", (uint64_t)a->info.spare_disks);
	json_text(o, "state", state_word(a));
	json_text(o, "array_state", *a->state ? a->state : NULL);
	json_flag(o, "degraded", is_degraded(a));
	json_text(o, "consistency_policy", *s->policy ? s->policy : NULL);
	json_text(o, "array_name", a->super ? a->super->name : NULL);
	json_text(o, "uuid", *s->uuid ? s->uuid : NULL);
	json_maybe_u64(o, "events", a->super, a->super ? a->super->events : 0);
}

static void json_members(struct json_object *o, const struct survey *s)
{
	struct json_object *list = json_list(o, "members"), *item;
	int slot;
	size_t i;

	for (i = 0; i < s->array->member_count; i++) {
		const struct mdarray_member *m = &s->array->members[i];

		item = json_object_new_object();
		json_maybe_u64(item, "number", m->info.number >= 0,
			       (uint64_t)m->info.number);
		json_maybe_u64(item, "slot", m->info.raid_disk >= 0,
			       (uint64_t)m->info.raid_disk);
		json_text(item, "device", m->path);
		json_u64(item, "major", (uint64_t)m->info.major);
		json_u64(item, "minor", (uint64_t)m->info.minor);
		member_words(m, json_list(item, "state"), list_word);
		json_maybe_u64(item, "events", s->members[i].events_known,
			       s->members[i].events);
		json_object_array_add(list, item);
	}
	list = json_list(o, "missing_slots");
	for (slot = 0; slot < s->array->info.raid_disks; slot++)
		if (!slot_held(s->array, slot))
			json_object_array_add(list, json_object_new_int(slot));
}

static void json_engine(struct json_object *o, const struct survey_bitmap *b)
{
	if (*b->store)
		json_text(o, "store_state", b->store);
	if (b->budget_known)
		json_u64(o, "resync_budget_bytes", b->budget_bytes);
	counters_json(&b->counters, o, "statistics");
}

static void json_bitmap(struct json_object *o, const struct survey *s)
{
	static const char *const kinds[] = {
		[SURVEY_NONE] = "none",
		[SURVEY_FILE] = "file",
		[SURVEY_INTERNAL] = "internal",
	};
	const struct survey_bitmap *b = &s->bitmap;

	o = json_child(o, "bitmap");
	json_text(o, "kind", kinds[b->kind]);
	if (b->kind == SURVEY_NONE)
		return;
	json_text(o, "file", s->array->bitmap_path ? s->array->bitmap_path :
						     s->stat.bitmap_path);
	json_maybe_u64(o, "chunk_bytes", b->chunk_bytes, b->chunk_bytes);
	json_maybe_u64(o, "chunks", b->readable, b->chunks);
	json_maybe_u64(o, "dirty_chunks", b->readable, b->dirty_chunks);
	json_maybe_u64(o, "dirty_bytes", b->readable, b->dirty_bytes);
	if (b->readable)
		json_real(o, "dirty_percent", percent(b->dirty_chunks, b->chunks));
	json_maybe_u64(o, "pending_pages", s->stat.has_bitmap, s->stat.pages_used);
	json_maybe_u64(o, "total_pages", s->stat.has_bitmap, s->stat.pages_total);
	if (b->delay_known)
		json_real(o, "delay_seconds", b->delay_s);
	json_maybe_u64(o, "write_behind_requests", b->behind_known, b->write_behind);
	json_maybe_u64(o, "events", b->readable, b->sb.events);
	json_maybe_u64(o, "events_cleared", b->readable, b->sb.events_cleared);
	json_maybe_u64(o, "state_flags", b->readable, b->sb.state);
	json_engine(o, b);
}

static void json_sync(struct json_object *o, const struct survey *s)
{
	const struct mdstat *m = &s->stat;

	if (!*m->action) {
		json_text(o, "sync", NULL);
		return;
	}
	o = json_child(o, "sync");
	json_text(o, "action", action_of(s));
	json_flag(o, "pending", m->pending);
	json_flag(o, "delayed", m->delayed);
	if (m->pending || m->delayed)
		return;
	json_real(o, "done_percent", m->percent);
	json_u64(o, "done_bytes", m->done_kib * 1024);
	json_u64(o, "total_bytes", m->total_kib * 1024);
	json_u64(o, "speed_bytes_per_second", m->speed_kib_s * 1024);
	json_u64(o, "left_seconds", (uint64_t)(m->finish_min * 60 + 0.5));
}

static void print_json(struct json_object *o, const struct survey *s)
{
	struct json_object *gaps;
	size_t i;

	json_head(o, s);
	json_members(o, s);
	json_bitmap(o, s);
	json_sync(o, s);
	gaps = json_list(o, "not_known");
	for (i = 0; i < s->gap_count; i++)
		json_object_array_add(gaps, json_object_new_string(safe(s->gaps[i])));
}

/* ---- the mode ---- */

static int detail(const struct request *rq, const char *node, struct json_object *o)
{
	struct survey s;
	int err = survey_take(node, &s);

	if (o)
		json_text(o, "array", node);
	if (err)
		return err;
	if (o)
		print_json(o, &s);
	else if (rq->brief)
		print_brief(&s);
	else
		err = print_text(&s, node != rq->args[0]);
	survey_free(&s);
	return err;
}

int mode_detail(const struct request *rq)
{
	return each_argument(rq, rq->json ? json_start("detail") : NULL, "arrays",
			     detail);
}

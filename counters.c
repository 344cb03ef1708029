// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "counters.h"
#include "report.h"
#include "sysfs.h"

enum {
	DIGITS = 20,			/* of a number of 64 bits */
	TEXT_BYTES = COUNTER_BUCKETS_MAX * (DIGITS + 1) + 1,
	BOUND_BYTES = 64,
};

/* The driver's names, and ours for JSON, which tell the unit. */
static const struct {
	const char *name, *key;
	enum { NUMBER, HISTOGRAM } shape;
} kinds[COUNTERS] = {
	[COUNTER_WRITES_HOT] = { "writes_hot", "writes_hot", NUMBER },
	[COUNTER_WRITES_COLD] = { "writes_cold", "writes_cold", NUMBER },
	[COUNTER_COMMITS] = { "commits", "commits", NUMBER },
	[COUNTER_COMMIT_BLOCKS] = { "commit_blocks", "commit_blocks", NUMBER },
	[COUNTER_COMMIT_BITS] = { "commit_bits", "commit_bits", NUMBER },
	[COUNTER_AHEAD] = { "ahead", "ahead_bits", NUMBER },
	[COUNTER_SUPER_WRITES] = { "super_writes", "super_writes", NUMBER },
	[COUNTER_BITS_PER_COMMIT] = { "bits_per_commit", "commits_by_bits", HISTOGRAM },
	[COUNTER_COMMIT_US] = { "commit_us", "commits_by_microseconds", HISTOGRAM },
	[COUNTER_SWEEPS] = { "sweeps", "sweeps", NUMBER },
	[COUNTER_CLEARED] = { "cleared", "cleared_bits", NUMBER },
	[COUNTER_FLUSHES] = { "flushes", "flushes", NUMBER },
	[COUNTER_FLUSHES_SAVED] = { "flushes_saved", "flushes_saved", NUMBER },
	[COUNTER_WAITS_FULL] = { "waits_full", "waits_full", NUMBER },
	[COUNTER_WAITS_MEMORY] = { "waits_memory", "waits_memory", NUMBER },
	[COUNTER_DIRTY_BYTES] = { "dirty_bytes", "dirty_bytes", NUMBER },
	[COUNTER_MEMORY_BYTES] = { "memory_bytes", "memory_bytes", NUMBER },
};

/* ---- from sysfs ---- */

bool counter_parse(const char *text, struct counter *out)
{
	size_t n = 0;
	char *end;

	out->count = 0;
	for (;; text = end + 1) {
		if (n == COUNTER_BUCKETS_MAX || !isdigit((unsigned char)*text))
			return false;
		errno = 0;
		out->n[n++] = strtoull(text, &end, 10);
		if (errno || (*end && *end != ' '))
			return false;
		if (!*end)
			break;
	}
	out->count = n;
	return true;
}

static void read_one(const char *md, enum counter_id id, struct counter *out)
{
	char attribute[64], text[TEXT_BYTES];

	snprintf(attribute, sizeof(attribute), "bitmap/stats/%s", kinds[id].name);
	if (sysfs_md_read(md, attribute, text, sizeof(text)) ||
	    !counter_parse(text, out) || (out->count > 1) != (kinds[id].shape == HISTOGRAM))
		out->count = 0;
}

void counters_read(const char *md, struct counters *c)
{
	enum counter_id id;

	memset(c, 0, sizeof(*c));
	for (id = 0; id < COUNTERS; id++)
		read_one(md, id, &c->of[id]);
}

/* ---- arithmetic ---- */

static bool known(const struct counters *c, enum counter_id id)
{
	return c->of[id].count;
}

/* Of a single number; 0 if it is not known. */
static uint64_t value(const struct counters *c, enum counter_id id)
{
	return known(c, id) ? c->of[id].n[0] : 0;
}

/* How many of @total are @percent of it, rounded up: never beyond 64 bits. */
static uint64_t share_of(uint64_t total, unsigned int percent)
{
	return total / 100 * percent + (total % 100 * percent + 99) / 100;
}

int counter_bound(const struct counter *h, unsigned int percent, uint64_t *bound)
{
	uint64_t total = 0, sum = 0, rank;
	size_t i;

	for (i = 0; i < h->count; i++)
		if (__builtin_add_overflow(total, h->n[i], &total))
			return -ENODATA;
	if (!total)
		return -ENODATA;
	rank = share_of(total, percent);
	for (i = 0; i < h->count - 1; i++) {
		sum += h->n[i];
		if (sum >= rank)
			break;
	}
	if (i == h->count - 1) {
		*bound = UINT64_C(1) << i;
		return -ERANGE;
	}
	*bound = UINT64_C(2) << i;
	return 0;
}

/* Sums in floating point: no counter is large enough to overflow them. */
static double hot_percent(const struct counters *c)
{
	double hot = (double)value(c, COUNTER_WRITES_HOT);
	double all = hot + (double)value(c, COUNTER_WRITES_COLD);

	return all > 0 ? 100 * hot / all : 0;
}

static double bits_per_commit(const struct counters *c)
{
	return (double)value(c, COUNTER_COMMIT_BITS) / (double)value(c, COUNTER_COMMITS);
}

static bool have_writes(const struct counters *c)
{
	return known(c, COUNTER_WRITES_HOT) && known(c, COUNTER_WRITES_COLD) &&
	       (value(c, COUNTER_WRITES_HOT) || value(c, COUNTER_WRITES_COLD));
}

static bool have_bits_per_commit(const struct counters *c)
{
	return value(c, COUNTER_COMMITS) && known(c, COUNTER_COMMIT_BITS);
}

/* ---- text ---- */

static void row_writes(const struct counters *c, counters_row *row)
{
	if (have_writes(c))
		row("Bitmap Writes", "%" PRIu64 " needed no commit (%.1f%%), %" PRIu64
		    " waited for one", value(c, COUNTER_WRITES_HOT), hot_percent(c),
		    value(c, COUNTER_WRITES_COLD));
	else if (known(c, COUNTER_WRITES_HOT) && known(c, COUNTER_WRITES_COLD))
		row("Bitmap Writes", "none yet");
}

/* Those of the superblock are told: few of them bring bits, the average falls. */
static void row_commits(const struct counters *c, counters_row *row)
{
	char super[64] = "", bits[64] = "", ahead[64] = "";

	if (!known(c, COUNTER_COMMITS))
		return;
	if (value(c, COUNTER_SUPER_WRITES))
		snprintf(super, sizeof(super), " (%" PRIu64 " of the superblock)",
			 value(c, COUNTER_SUPER_WRITES));
	if (have_bits_per_commit(c))
		snprintf(bits, sizeof(bits), ", %.1f bits each on average",
			 bits_per_commit(c));
	if (value(c, COUNTER_AHEAD))
		snprintf(ahead, sizeof(ahead), ", %s set ahead of streams",
			 plural(value(c, COUNTER_AHEAD), "bit"));
	row("Bitmap Commits", "%" PRIu64 "%s%s%s", value(c, COUNTER_COMMITS), super, bits,
	    ahead);
}

/* "< 1024 us"; false if nothing is known. */
static bool bound_text(const struct counter *h, unsigned int percent,
		       char text[BOUND_BYTES])
{
	uint64_t bound;
	int err = counter_bound(h, percent, &bound);

	if (err == -ENODATA)
		return false;
	snprintf(text, BOUND_BYTES, "%s %" PRIu64 " us", err ? ">=" : "<", bound);
	return true;
}

static void row_latency(const struct counters *c, counters_row *row)
{
	const struct counter *h = &c->of[COUNTER_COMMIT_US];
	char median[BOUND_BYTES], most[BOUND_BYTES];

	if (bound_text(h, 50, median) && bound_text(h, 99, most))
		row("Commit Latency", "median %s, 99th percentile %s", median, most);
}

static void row_cleared(const struct counters *c, counters_row *row)
{
	char set[96] = "";

	if (!known(c, COUNTER_CLEARED) || !known(c, COUNTER_SWEEPS))
		return;
	if (known(c, COUNTER_DIRTY_BYTES))
		snprintf(set, sizeof(set), ", bits of %s are set now",
			 human(value(c, COUNTER_DIRTY_BYTES)));
	row("Bitmap Cleared", "%s in %s%s", plural(value(c, COUNTER_CLEARED), "bit"),
	    plural(value(c, COUNTER_SWEEPS), "sweep"), set);
}

static void row_flushes(const struct counters *c, counters_row *row)
{
	if (known(c, COUNTER_FLUSHES) && known(c, COUNTER_FLUSHES_SAVED))
		row("Member Flushes", "%" PRIu64 " for clearing, %" PRIu64 " saved",
		    value(c, COUNTER_FLUSHES), value(c, COUNTER_FLUSHES_SAVED));
}

static void row_waits(const struct counters *c, counters_row *row)
{
	uint64_t full = value(c, COUNTER_WAITS_FULL);
	uint64_t memory = value(c, COUNTER_WAITS_MEMORY);

	if (full)
		row("Bitmap Waits", "%" PRIu64 " for a full counter", full);
	if (memory)
		row(full ? "" : "Bitmap Waits", "%" PRIu64 " for memory", memory);
}

void counters_summary(const struct counters *c, counters_row *row)
{
	row_writes(c, row);
	row_commits(c, row);
	row_latency(c, row);
	row_cleared(c, row);
	row_flushes(c, row);
	row_waits(c, row);
	if (known(c, COUNTER_MEMORY_BYTES))
		row("Bitmap Memory", "%s", human(value(c, COUNTER_MEMORY_BYTES)));
}

static void numbers_text(const struct counter *counter, char text[TEXT_BYTES])
{
	size_t i, used = 0;

	for (i = 0; i < counter->count; i++)
		used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%" PRIu64,
					 i ? " " : "", counter->n[i]);
}

void counters_list(const struct counters *c, counters_row *row)
{
	const char *label = "Bitmap Statistics";
	char text[TEXT_BYTES];
	enum counter_id id;

	for (id = 0; id < COUNTERS; id++) {
		if (!known(c, id))
			continue;
		numbers_text(&c->of[id], text);
		row(label, "%s %s", kinds[id].name, text);
		label = "";
	}
}

/* ---- JSON ---- */

static void json_counter(struct json_object *o, const char *key,
			 const struct counter *counter)
{
	struct json_object *list;
	size_t i;

	if (counter->count == 1) {
		json_u64(o, key, counter->n[0]);
		return;
	}
	list = json_list(o, key);
	for (i = 0; i < counter->count; i++)
		json_object_array_add(list, json_object_new_uint64(counter->n[i]));
}

static void json_maybe_real(struct json_object *o, const char *key, bool have, double n)
{
	if (have)
		json_real(o, key, n);
	else
		json_text(o, key, NULL);
}

/* null also where there is no bound: in the last bucket. */
static void json_bound(struct json_object *o, const char *key, const struct counter *h,
		       unsigned int percent)
{
	uint64_t bound;

	if (counter_bound(h, percent, &bound))
		json_text(o, key, NULL);
	else
		json_u64(o, key, bound);
}

static bool any_known(const struct counters *c)
{
	enum counter_id id;

	for (id = 0; id < COUNTERS; id++)
		if (known(c, id))
			return true;
	return false;
}

void counters_json(const struct counters *c, struct json_object *o, const char *key)
{
	const struct counter *latency = &c->of[COUNTER_COMMIT_US];
	enum counter_id id;

	if (!any_known(c))
		return;
	o = json_child(o, key);
	for (id = 0; id < COUNTERS; id++)
		if (known(c, id))
			json_counter(o, kinds[id].key, &c->of[id]);
	json_maybe_real(o, "writes_hot_percent", have_writes(c), hot_percent(c));
	json_maybe_real(o, "average_bits_per_commit", have_bits_per_commit(c),
			have_bits_per_commit(c) ? bits_per_commit(c) : 0);
	json_bound(o, "median_commit_below_microseconds", latency, 50);
	json_bound(o, "p99_commit_below_microseconds", latency, 99);
}

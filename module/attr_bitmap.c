// SPDX-License-Identifier: GPL-2.0-only
/*
 * md/bitmap/: stock md's attributes, those of our engine, and its statistics.
 * md-abi.md 7.4. Present on every array, with idle values while there is no
 * bitmap.
 */
#include <linux/log2.h>

#include "array.h"
#include "attr.h"
#include "attr_impl.h"
#include "core/bitmap_super.h"
#include "intent.h"
#include "leg.h"

/* --- stock md's ---------------------------------------------------------------- */

static ssize_t location_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%s\n", READ_ONCE(a->bitmap_file) ? "file" : "none");
}

/* Files come by ioctl only, and internal bitmaps are not ours. */
static int location_store(struct array *a, const char *text)
{
	if (!sysfs_streq(text, "none"))
		return a->bitmap_file ? -EBUSY : -EINVAL;
	return a->bitmap_file ? array_set_bitmap(a, -1) : 0;
}
ARRAY_RW(location);

static void get_status(struct array *a, struct intent_status *st)
{
	memset(st, 0, sizeof(*st));
	if (a->intent)
		intent_get_status(a->intent, st);
}

static ssize_t chunksize_show(struct array *a, char *page)
{
	struct intent_status st;

	get_status(a, &st);
	return sysfs_emit(page, "%llu\n", st.chunk_bytes);
}

/* What the file says counts: a number that could be one changes nothing. */
static int chunksize_store(struct array *a, const char *text)
{
	unsigned long long bytes;

	if (a->intent || a->bitmap_file)
		return -EBUSY;
	if (kstrtoull(text, 10, &bytes) || bytes < SECTOR_BYTES || !is_power_of_2(bytes))
		return -EINVAL;
	return bytes > U32_MAX ? -EOVERFLOW : 0;
}
ARRAY_RW(chunksize, .flags = ATTR_SUPER);

static ssize_t space_show(struct array *a, char *page)
{
	return sysfs_emit(page, "0\n");
}

static int space_store(struct array *a, const char *text)
{
	return -EINVAL;
}
ARRAY_RW(space);

static ssize_t time_base_show(struct array *a, char *page)
{
	struct intent_status st;

	get_status(a, &st);
	if (st.delay_ms % 1000)
		return sysfs_emit(page, "%u.%03u\n", st.delay_ms / 1000,
				  st.delay_ms % 1000);
	return sysfs_emit(page, "%u\n", st.delay_ms / 1000);
}

static int time_base_store(struct array *a, const char *text)
{
	unsigned long ms;

	if (attr_parse_ms(text, &ms) || !a->intent)
		return -EINVAL;
	return intent_set_delay(a->intent, max(ms, 1UL));
}
ARRAY_RW(time_base, .flags = ATTR_SUPER);

static ssize_t backlog_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(a->write_behind_max));
}

static bool has_write_mostly(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (test_bit(LEG_WRITE_MOSTLY, &leg->flags))
			return true;
	return false;
}

static int backlog_store(struct array *a, const char *text)
{
	unsigned int max;

	if (kstrtouint(text, 10, &max) || max > BITMAP_WRITE_BEHIND_MAX)
		return -EINVAL;
	if (!a->intent || (max && !has_write_mostly(a)))
		return -EINVAL;
	return intent_set_write_behind(a->intent, max);
}
ARRAY_RW(backlog);

static ssize_t max_backlog_used_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(a->write_behind_used));
}

static int max_backlog_used_store(struct array *a, const char *text)
{
	WRITE_ONCE(a->write_behind_used, 0);
	return 0;
}
ARRAY_RW(max_backlog_used);

static ssize_t metadata_show(struct array *a, char *page)
{
	return sysfs_emit(page, "internal\n");
}

static int metadata_store(struct array *a, const char *text)
{
	if (a->intent || a->bitmap_file)
		return -EBUSY;
	return sysfs_streq(text, "internal") ? 0 : -EINVAL;
}
ARRAY_RW(metadata);

static ssize_t can_clear_show(struct array *a, char *page)
{
	return a->intent ? sysfs_emit(page, "true\n") : 0;
}

static int can_clear_store(struct array *a, const char *text)
{
	if (!a->intent)
		return -ENOENT;
	if (!sysfs_streq(text, "true"))
		return -EINVAL;
	return READ_ONCE(a->degraded) ? -EBUSY : 0;
}
ARRAY_RW(can_clear, .flags = ATTR_SUPER);

/* --- ours ------------------------------------------------------------------------- */

static ssize_t resync_budget_show(struct array *a, char *page)
{
	struct intent_status st;

	get_status(a, &st);
	return sysfs_emit(page, "%llu\n", st.budget_bytes >> 10);
}

static int resync_budget_store(struct array *a, const char *text)
{
	unsigned long long kib;

	if (kstrtoull(text, 10, &kib) || kib > S64_MAX >> 10 || !a->intent)
		return -EINVAL;
	return intent_set_budget(a->intent, kib << 10);
}
ARRAY_RW(resync_budget, .flags = ATTR_SUPER);

static ssize_t store_state_show(struct array *a, char *page)
{
	if (!a->intent)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%s\n", intent_failed(a->intent) ? "failed" : "ok");
}
ARRAY_RO(store_state, .flags = ATTR_SUPER);

static struct attribute *bitmap_attrs[] = {
	&entry_location.attr,
	&entry_chunksize.attr,
	&entry_space.attr,
	&entry_time_base.attr,
	&entry_backlog.attr,
	&entry_max_backlog_used.attr,
	&entry_metadata.attr,
	&entry_can_clear.attr,
	&entry_resync_budget.attr,
	&entry_store_state.attr,
	NULL,
};

static const struct attribute_group bitmap_group = { .attrs = bitmap_attrs };

/* --- statistics ------------------------------------------------------------------- */

static void get_stats(struct array *a, struct intent_stats *st)
{
	memset(st, 0, sizeof(*st));
	if (a->intent)
		intent_get_stats(a->intent, st);
}

#define STAT(name)							\
static ssize_t name##_show(struct array *a, char *page)		\
{									\
	struct intent_stats st;						\
									\
	get_stats(a, &st);						\
	return sysfs_emit(page, "%llu\n", st.name);			\
}									\
ARRAY_RO(name, .flags = ATTR_SUPER)

/* One number per power of two. */
#define STAT_HISTOGRAM(name)						\
static ssize_t name##_show(struct array *a, char *page)		\
{									\
	struct intent_stats st;						\
									\
	get_stats(a, &st);						\
	return show_histogram(page, st.name);				\
}									\
ARRAY_RO(name, .flags = ATTR_SUPER)

static ssize_t show_histogram(char *page, const u64 *buckets)
{
	int i, n = 0;

	for (i = 0; i < INTENT_HIST; i++)
		n += sysfs_emit_at(page, n, "%s%llu", i ? " " : "", buckets[i]);
	return n + sysfs_emit_at(page, n, "\n");
}

STAT(writes_hot);
STAT(writes_cold);
STAT(commits);
STAT(commit_blocks);
STAT(commit_bits);
STAT(ahead);
STAT(super_writes);
STAT(sweeps);
STAT(cleared);
STAT(flushes);
STAT(flushes_saved);
STAT(waits_full);
STAT(waits_memory);
STAT_HISTOGRAM(bits_per_commit);
STAT_HISTOGRAM(commit_us);

static ssize_t dirty_bytes_show(struct array *a, char *page)
{
	struct intent_status st;

	get_status(a, &st);
	return sysfs_emit(page, "%llu\n", st.dirty_chunks * st.chunk_bytes);
}
ARRAY_RO(dirty_bytes, .flags = ATTR_SUPER);

static ssize_t memory_bytes_show(struct array *a, char *page)
{
	struct intent_status st;

	get_status(a, &st);
	return sysfs_emit(page, "%llu\n", st.memory_bytes);
}
ARRAY_RO(memory_bytes, .flags = ATTR_SUPER);

static struct attribute *stats_attrs[] = {
	&entry_writes_hot.attr,
	&entry_writes_cold.attr,
	&entry_commits.attr,
	&entry_commit_blocks.attr,
	&entry_commit_bits.attr,
	&entry_ahead.attr,
	&entry_super_writes.attr,
	&entry_bits_per_commit.attr,
	&entry_commit_us.attr,
	&entry_sweeps.attr,
	&entry_cleared.attr,
	&entry_flushes.attr,
	&entry_flushes_saved.attr,
	&entry_waits_full.attr,
	&entry_waits_memory.attr,
	&entry_dirty_bytes.attr,
	&entry_memory_bytes.attr,
	NULL,
};

static const struct attribute_group stats_group = {
	.name = "stats", .attrs = stats_attrs,
};

const struct attribute_group *attr_bitmap_groups[] = {
	&bitmap_group, &stats_group, NULL,
};

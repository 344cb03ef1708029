// SPDX-License-Identifier: GPL-2.0-only
/*
 * md/: the attributes of a running redundant array: its syncs, the range whose
 * writes wait, chunks to be marked. md-abi.md 7.3.
 */
#include <linux/ctype.h>

#include "array.h"
#include "attr.h"
#include "attr_impl.h"
#include "intent.h"
#include "resync_impl.h"

/* --- what runs --------------------------------------------------------------- */

static ssize_t sync_action_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%s\n", sync_action_names[resync_action(a)]);
}

static int parse_action(const char *text, enum sync_action *action)
{
	int i;

	for (i = 0; i < SYNC_ACTIONS; i++) {
		if (!sysfs_streq(text, sync_action_names[i]))
			continue;
		*action = i;
		return 0;
	}
	return -EINVAL;
}

static int sync_action_store(struct array *a, const char *text)
{
	enum sync_action action;
	int err = parse_action(text, &action);

	if (!err && !array_running(a))
		err = -EINVAL;
	err = err ?: resync_request(a, action);
	if (!err && action != SYNC_FROZEN && a->mode == ARRAY_READ_AUTO)
		array_become_rw(a);
	return err;
}
ARRAY_RW(sync_action, .flags = ATTR_SUPER);

static ssize_t last_sync_action_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%s\n", sync_action_names[resync_last(a)]);
}
ARRAY_RO(last_sync_action, .flags = ATTR_SUPER);

static ssize_t mismatch_cnt_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%llu\n", atomic64_read(&a->mismatches));
}
ARRAY_RO(mismatch_cnt);

static ssize_t sync_completed_show(struct array *a, char *page)
{
	struct resync_status st;

	resync_get_status(a, &st);
	if (st.delayed)
		return sysfs_emit(page, "delayed\n");
	if (!resync_running(a))
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%llu / %llu\n", (unsigned long long)st.done,
			  (unsigned long long)st.total);
}
ARRAY_RO(sync_completed, .flags = ATTR_SUPER);

static ssize_t degraded_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(a->degraded));
}
ARRAY_RO(degraded);

/* --- how fast ------------------------------------------------------------------- */

static ssize_t show_limit(char *page, unsigned int limit, bool local)
{
	return sysfs_emit(page, "%u (%s)\n", limit, local ? "local" : "system");
}

static int store_limit(const char *text, unsigned int *limit)
{
	unsigned int kib = 0;

	if (!sysfs_streq(text, "system") && (kstrtouint(text, 10, &kib) || !kib))
		return -EINVAL;
	WRITE_ONCE(*limit, kib);
	return 0;
}

static ssize_t sync_speed_min_show(struct array *a, char *page)
{
	return show_limit(page, resync_speed_min(a), a->sync_speed_min);
}

static int sync_speed_min_store(struct array *a, const char *text)
{
	return store_limit(text, &a->sync_speed_min);
}
ARRAY_RW(sync_speed_min);

static ssize_t sync_speed_max_show(struct array *a, char *page)
{
	return show_limit(page, resync_speed_max(a), a->sync_speed_max);
}

static int sync_speed_max_store(struct array *a, const char *text)
{
	return store_limit(text, &a->sync_speed_max);
}
ARRAY_RW(sync_speed_max);

static ssize_t sync_speed_show(struct array *a, char *page)
{
	struct resync_status st;

	if (!resync_running(a))
		return sysfs_emit(page, "none\n");
	resync_get_status(a, &st);
	return sysfs_emit(page, "%lu\n", st.speed_kib);
}
ARRAY_RO(sync_speed, .flags = ATTR_SUPER);

/* Stock md's word since 7.3; our own depth is fixed. */
static ssize_t sync_io_depth_show(struct array *a, char *page)
{
	return sysfs_emit(page, "32 (system)\n");
}

static int sync_io_depth_store(struct array *a, const char *text)
{
	return sysfs_streq(text, "system") ? 0 : -EINVAL;
}
ARRAY_RW(sync_io_depth);

static ssize_t sync_force_parallel_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", a->sync_force_parallel);
}

static int sync_force_parallel_store(struct array *a, const char *text)
{
	unsigned int n;

	if (kstrtouint(text, 10, &n) || n > 1)
		return -EINVAL;
	WRITE_ONCE(a->sync_force_parallel, n);
	resync_turn_wake();
	return 0;
}
ARRAY_RW(sync_force_parallel);

/* --- which part ------------------------------------------------------------------- */

static ssize_t sync_min_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)a->sync_min);
}

static int sync_min_store(struct array *a, const char *text)
{
	unsigned long long sector;

	if (kstrtoull(text, 10, &sector) || sector > a->sync_max)
		return -EINVAL;
	if (resync_running(a))
		return -EBUSY;
	/* Whole pages. */
	a->sync_min = round_down(sector, (unsigned long long)(PAGE_SIZE >> SECTOR_SHIFT));
	return 0;
}
ARRAY_RW(sync_min);

static ssize_t sync_max_show(struct array *a, char *page)
{
	if (a->sync_max == NO_SECTOR)
		return sysfs_emit(page, "max\n");
	return sysfs_emit(page, "%llu\n", (unsigned long long)a->sync_max);
}

static int sync_max_store(struct array *a, const char *text)
{
	sector_t sector;

	if (attr_parse_sector(text, "max", &sector) || sector < a->sync_min)
		return -EINVAL;
	if (sector < a->sync_max && a->mode == ARRAY_RW && resync_running(a))
		return -EBUSY;
	WRITE_ONCE(a->sync_max, sector);
	array_wake(a);
	return 0;
}
ARRAY_RW(sync_max);

/* --- the range whose writes wait ------------------------------------------------------ */

/* Suspended, so that no write that passed before is still under way afterwards. */
static int store_suspend(struct array *a, const char *text, sector_t *bound)
{
	unsigned long long sector;

	if (kstrtoull(text, 10, &sector) || sector > LLONG_MAX || !array_running(a))
		return -EINVAL;
	array_suspend(a);
	WRITE_ONCE(*bound, sector);
	array_resume(a);
	return 0;
}

static ssize_t suspend_lo_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)a->suspend_lo);
}

static int suspend_lo_store(struct array *a, const char *text)
{
	return store_suspend(a, text, &a->suspend_lo);
}
ARRAY_RW(suspend_lo);

static ssize_t suspend_hi_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)a->suspend_hi);
}

static int suspend_hi_store(struct array *a, const char *text)
{
	return store_suspend(a, text, &a->suspend_hi);
}
ARRAY_RW(suspend_hi);

/* --- chunks to be copied ----------------------------------------------------------------- */

static bool parse_number(const char **text, u64 *n)
{
	const char *c = *text;

	if (!isdigit(*c))
		return false;
	for (*n = 0; isdigit(*c); c++) {
		if (*n > U64_MAX / 10 - 1)
			return false;
		*n = *n * 10 + (*c - '0');
	}
	*text = c;
	return true;
}

/* "5" or "7-9", up to a blank or the end. */
static bool parse_range(const char **text, u64 *first, u64 *last)
{
	if (!parse_number(text, first))
		return false;
	*last = *first;
	if (**text == '-') {
		++*text;
		if (!parse_number(text, last))
			return false;
	}
	return !**text || isspace(**text);
}

static int bitmap_set_bits_store(struct array *a, const char *text)
{
	u64 first, last;
	int err = 0;

	if (!a->intent)
		return 0;
	/* Should the store fail, only an array that may write superblocks says how to go on. */
	array_become_rw(a);
	if (a->mode != ARRAY_RW)
		return -EROFS;
	text = skip_spaces(text);
	while (!err && parse_range(&text, &first, &last)) {
		err = intent_mark(a->intent, first, last);
		text = skip_spaces(text);
	}
	set_bit(ARRAY_CHUNK_OWED, &a->flags);
	resync_look_for_owed(a);
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
	return err;
}
ARRAY_WO(bitmap_set_bits);

static struct attribute *running_attrs[] = {
	&entry_sync_action.attr,
	&entry_last_sync_action.attr,
	&entry_mismatch_cnt.attr,
	&entry_sync_speed_min.attr,
	&entry_sync_speed_max.attr,
	&entry_sync_speed.attr,
	&entry_sync_io_depth.attr,
	&entry_sync_force_parallel.attr,
	&entry_sync_completed.attr,
	&entry_sync_min.attr,
	&entry_sync_max.attr,
	&entry_suspend_lo.attr,
	&entry_suspend_hi.attr,
	&entry_bitmap_set_bits.attr,
	&entry_degraded.attr,
	NULL,
};

const struct attribute_group attr_running_group = { .attrs = running_attrs };

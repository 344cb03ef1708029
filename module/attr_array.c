// SPDX-License-Identifier: GPL-2.0-only
/*
 * md/: the attributes that are there whether the array runs or not.
 * md-abi.md 7.1, 7.2. What stock md can change and we cannot (reshapes, PPL)
 * reads as stock's idle value: programs give up when a file is missing.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>

#include "array.h"
#include "attr.h"
#include "attr_impl.h"
#include "ctl.h"
#include "disk.h"
#include "intent.h"
#include "leg.h"
#include "resync.h"

/* A change of a running array as SET_ARRAY_INFO makes it; not of a read-only one. */
static int update_running(struct array *a, const mdu_array_info_t *info)
{
	if (a->mode == ARRAY_READONLY)
		return -EROFS;
	return array_update_info(a, info);
}

static void get_info(struct array *a, mdu_array_info_t *info)
{
	memset(info, 0, sizeof(*info));
	mutex_lock(&a->roster_lock);
	array_get_info(a, info);
	mutex_unlock(&a->roster_lock);
}

/* --- geometry ------------------------------------------------------------- */

static ssize_t level_show(struct array *a, char *page)
{
	if (a->pers)
		return sysfs_emit(page, "%s\n", a->pers->name);
	if (a->level_name[0])
		return sysfs_emit(page, "%s\n", a->level_name);
	if (a->level != LEVEL_NONE)
		return sysfs_emit(page, "%d\n", a->level);
	return 0;
}

static int set_level(struct array *a, const char *word, size_t len)
{
	int level;

	if (kstrtoint(word, 10, &level))
		level = !strcmp(word, "raid1") ? 1 : LEVEL_NONE;
	a->level = level;
	memcpy(a->level_name, word, len + 1);
	return 0;
}

static int level_store(struct array *a, const char *text)
{
	char word[sizeof(a->level_name)];
	size_t len = strcspn(text, "\n");

	if (!len || len >= sizeof(word))
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!array_running(a))
		return set_level(a, word, len);
	if (a->mode != ARRAY_RW)
		return -EROFS;
	return strcmp(word, a->pers->name) ? -EINVAL : 0;
}
ARRAY_RW(level, .flags = ATTR_SUPER);

static ssize_t new_level_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", a->level == LEVEL_NONE ? 0 : a->level);
}

static int new_level_store(struct array *a, const char *text)
{
	return attr_same_number(text, a->level);
}
ARRAY_RW_GROUP(new_level);

static ssize_t layout_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", a->layout);
}

static int layout_store(struct array *a, const char *text)
{
	if (array_running(a))
		return attr_same_number(text, a->layout);
	return kstrtoint(text, 10, &a->layout) ? -EINVAL : 0;
}
ARRAY_RW(layout);

static ssize_t raid_disks_show(struct array *a, char *page)
{
	if (!a->raid_disks)
		return 0;
	return sysfs_emit(page, "%d\n", a->raid_disks);
}

static int raid_disks_store(struct array *a, const char *text)
{
	mdu_array_info_t info;
	unsigned int n;

	if (kstrtouint(text, 10, &n) || n > MEMBER_MAX_SLOTS)
		return -EINVAL;
	if (!array_running(a)) {
		/* Superblocks would say again who its members are, as they did when opened. */
		if (!n && a->persistent && !list_empty(&a->legs))
			return -EBUSY;
		a->raid_disks = n;
		return 0;
	}
	get_info(a, &info);
	info.raid_disks = n;
	return update_running(a, &info);
}
ARRAY_RW(raid_disks);

static ssize_t uuid_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%pU\n", a->uuid);
}
ARRAY_RO(uuid);

static ssize_t chunk_size_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", a->chunk_bytes);
}

static int chunk_size_store(struct array *a, const char *text)
{
	unsigned int bytes;

	if (array_running(a))
		return a->mode == ARRAY_RW ? -EINVAL : -EROFS;
	if (kstrtouint(text, 10, &bytes) || bytes > INT_MAX)
		return -EINVAL;
	a->chunk_bytes = bytes;
	return 0;
}
ARRAY_RW(chunk_size);

/* Before superblocks are looked at by a run: what all members have room for. */
static sector_t component_sectors(struct array *a)
{
	sector_t sectors = 0;
	struct leg *leg;

	if (a->member_sectors)
		return a->member_sectors;
	list_for_each_entry(leg, &a->legs, list)
		if (!sectors || leg->sectors < sectors)
			sectors = leg->sectors;
	return sectors;
}

static ssize_t component_size_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)component_sectors(a) / 2);
}

static int component_size_store(struct array *a, const char *text)
{
	unsigned long long kib;
	mdu_array_info_t info;

	if (kstrtoull(text, 10, &kib) || kib > LLONG_MAX / 2)
		return -EINVAL;
	if (!array_running(a)) {
		if (a->member_sectors && kib * 2 > a->member_sectors)
			return -ENOSPC;
		a->member_sectors = kib * 2;
		return 0;
	}
	if (kib > INT_MAX)
		return -EINVAL;
	get_info(a, &info);
	info.size = kib;
	return update_running(a, &info);
}
ARRAY_RW(component_size, .flags = ATTR_SUPER);

static ssize_t array_size_show(struct array *a, char *page)
{
	return sysfs_emit(page, "default\n");
}

static int array_size_store(struct array *a, const char *text)
{
	return sysfs_streq(text, "default") ? 0 : -EINVAL;
}
ARRAY_RW(array_size);

static ssize_t reshape_position_show(struct array *a, char *page)
{
	return sysfs_emit(page, "none\n");
}

static int reshape_position_store(struct array *a, const char *text)
{
	if (array_running(a))
		return -EBUSY;
	return sysfs_streq(text, "none") ? 0 : -EINVAL;
}
ARRAY_RW(reshape_position);

static ssize_t reshape_direction_show(struct array *a, char *page)
{
	return sysfs_emit(page, "forwards\n");
}

static int reshape_direction_store(struct array *a, const char *text)
{
	if (sysfs_streq(text, "forwards"))
		return 0;
	return array_running(a) ? -EBUSY : -EINVAL;
}
ARRAY_RW(reshape_direction);

static ssize_t logical_block_size_show(struct array *a, char *page)
{
	bool known = array_running(a) && (!a->persistent || a->major_version == 1);

	return sysfs_emit(page, "%u\n",
			  known ? queue_logical_block_size(a->disk->queue) : 0);
}
/* It follows from the members. */
static int logical_block_size_store(struct array *a, const char *text)
{
	if (array_running(a))
		return -EBUSY;
	return attr_same_number(text, queue_logical_block_size(a->disk->queue));
}
ARRAY_RW(logical_block_size);

/* --- metadata ---------------------------------------------------------------- */

static ssize_t resync_start_show(struct array *a, char *page)
{
	sector_t sector;

	spin_lock_irq(&a->state_lock);
	sector = a->resync_sector;
	spin_unlock_irq(&a->state_lock);
	if (sector == NO_SECTOR)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%llu\n", (unsigned long long)sector);
}

static int resync_start_store(struct array *a, const char *text)
{
	sector_t sector;
	int err = attr_parse_sector(text, "none", &sector);

	if (err)
		return err;
	if (array_running(a) && !test_bit(ARRAY_SYNC_FROZEN, &a->flags))
		return -EBUSY;
	spin_lock_irq(&a->state_lock);
	a->resync_sector = sector;
	spin_unlock_irq(&a->state_lock);
	if (array_running(a))
		array_super_owed(a);
	return 0;
}
ARRAY_RW(resync_start);

static ssize_t metadata_version_show(struct array *a, char *page)
{
	if (!a->persistent)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%d.%d\n", a->major_version, a->minor_version);
}

static const struct {
	const char *name;
	bool persistent;
	int major, minor;
	enum member_format format;
} formats[] = {
	{ "none", false, 0, 90, MEMBER_FORMATS },
	{ "0.90", true, 0, 90, MEMBER_0_90 },
	{ "1.0", true, 1, 0, MEMBER_1_0 },
	{ "1.1", true, 1, 1, MEMBER_1_1 },
	{ "1.2", true, 1, 2, MEMBER_1_2 },
};

static int metadata_version_store(struct array *a, const char *text)
{
	size_t i;

	if (!list_empty(&a->legs))
		return -EBUSY;
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!sysfs_streq(text, formats[i].name))
			continue;
		a->persistent = formats[i].persistent;
		a->major_version = formats[i].major;
		a->minor_version = formats[i].minor;
		a->format = formats[i].format;
		return 0;
	}
	return strchr(text, '.') ? -ENOENT : -EINVAL;
}
ARRAY_RW(metadata_version);

static int new_dev_store(struct array *a, const char *text)
{
	mdu_disk_info_t info = { .number = -1, .raid_disk = -1 };
	unsigned int major, minor;
	char end;

	if (sscanf(text, "%u:%u%c", &major, &minor, &end) < 2)
		return -EINVAL;
	info.major = major;
	info.minor = minor;
	return array_add_disk(a, &info);
}
ARRAY_WO(new_dev);

static ssize_t consistency_policy_show(struct array *a, char *page)
{
	const char *word = !a->pers ? "unknown" : a->intent ? "bitmap" : "resync";

	return sysfs_emit(page, "%s\n", word);
}

static int consistency_policy_store(struct array *a, const char *text)
{
	return -EINVAL;
}
ARRAY_RW(consistency_policy, .flags = ATTR_SUPER);

static ssize_t bitmap_type_show(struct array *a, char *page)
{
	bool without = array_running(a) && !READ_ONCE(a->bitmap_file);

	return sysfs_emit(page, "%s\n", without ? "[none] bitmap" : "none [bitmap]");
}
/* A file makes it "bitmap", and nothing else does. */
static int bitmap_type_store(struct array *a, const char *text)
{
	if (array_running(a) || a->bitmap_file)
		return -EBUSY;
	return sysfs_streq(text, "bitmap") || sysfs_streq(text, "none") ? 0 : -ENOENT;
}
ARRAY_RW_GROUP(bitmap_type);

/* --- behaviour ------------------------------------------------------------------ */

static ssize_t safe_mode_delay_show(struct array *a, char *page)
{
	unsigned int ms = jiffies_to_msecs(a->safemode_delay);

	return sysfs_emit(page, "%u.%03u\n", ms / 1000, ms % 1000);
}

static int safe_mode_delay_store(struct array *a, const char *text)
{
	unsigned long ms;

	if (attr_parse_ms(text, &ms))
		return -EINVAL;
	WRITE_ONCE(a->safemode_delay, ms ? max(msecs_to_jiffies(ms), 1UL) : 0);
	array_wake(a);
	return 0;
}
ARRAY_RW(safe_mode_delay);

static ssize_t max_read_errors_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%u\n", a->max_read_errors);
}

static int max_read_errors_store(struct array *a, const char *text)
{
	return kstrtouint(text, 10, &a->max_read_errors) ? -EINVAL : 0;
}
ARRAY_RW(max_read_errors);

static int store_flag(struct array *a, const char *text, enum array_flag flag)
{
	bool on;

	if (kstrtobool(text, &on))
		return -EINVAL;
	if (on)
		set_bit(flag, &a->flags);
	else
		clear_bit(flag, &a->flags);
	return 0;
}

static ssize_t fail_last_dev_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%d\n", test_bit(ARRAY_FAIL_LAST, &a->flags));
}

static int fail_last_dev_store(struct array *a, const char *text)
{
	return store_flag(a, text, ARRAY_FAIL_LAST);
}
ARRAY_RW(fail_last_dev);

static ssize_t serialize_policy_show(struct array *a, char *page)
{
	if (!array_running(a))
		return sysfs_emit(page, "n/a\n");
	return sysfs_emit(page, "%d\n", test_bit(ARRAY_SERIALIZE, &a->flags));
}

static int serialize_policy_store(struct array *a, const char *text)
{
	return array_running(a) ? store_flag(a, text, ARRAY_SERIALIZE) : -EINVAL;
}
ARRAY_RW(serialize_policy);

/* --- array_state ------------------------------------------------------------------- */

static const char *rw_state(struct array *a)
{
	if (test_bit(ARRAY_BROKEN, &a->flags))
		return "broken";
	if (test_bit(ARRAY_SUPER_PENDING, &a->flags))
		return "write-pending";
	if (READ_ONCE(a->in_sync))
		return "clean";
	return READ_ONCE(a->safemode) ? "active-idle" : "active";
}

const char *attr_array_state(struct array *a)
{
	switch (READ_ONCE(a->mode)) {
	case ARRAY_READONLY:
		return "readonly";
	case ARRAY_READ_AUTO:
		return "read-auto";
	case ARRAY_RW:
		return rw_state(a);
	case ARRAY_STOPPED:
		break;
	}
	return list_empty(&a->legs) && !a->raid_disks && !a->member_sectors ?
	       "clear" : "inactive";
}

static ssize_t array_state_show(struct array *a, char *page)
{
	return sysfs_emit(page, "%s\n", attr_array_state(a));
}

static int become_clear(struct array *a)
{
	int err = array_stop(a, false);

	if (!err)
		disk_release_hold(a, true);
	return err;
}

static int become_inactive(struct array *a)
{
	return array_running(a) ? array_stop(a, true) : 0;
}

static int become_readonly(struct array *a)
{
	return array_running(a) ? array_stop_ro(a) : array_run(a, ARRAY_READONLY);
}

static int become_read_auto(struct array *a)
{
	int err = 0;

	if (!array_running(a))
		return array_run(a, ARRAY_READ_AUTO);
	if (a->mode == ARRAY_RW)
		err = array_stop_ro(a);
	if (!err && a->mode == ARRAY_READONLY)
		err = array_may_restart(a);
	if (!err)
		array_set_mode(a, ARRAY_READ_AUTO);
	return err;
}

static int become_clean(struct array *a)
{
	int err = 0;

	if (!array_running(a))
		return -EINVAL;
	if (a->mode != ARRAY_RW)
		err = array_restart_rw(a);
	return err ?: array_make_clean(a);
}

static int become_active(struct array *a)
{
	if (!array_running(a))
		return array_run(a, ARRAY_RW);
	return a->mode == ARRAY_RW ? 0 : array_restart_rw(a);
}

enum closes {
	CLOSES_NEVER,
	CLOSES_RW,	/* an array that runs read-write must not be open */
	CLOSES_RUNNING,
};

static const struct state_word {
	const char *word;
	int (*become)(struct array *a);
	enum closes closes;
} state_words[] = {
	{ "clear", become_clear, CLOSES_RUNNING },
	{ "inactive", become_inactive, CLOSES_RUNNING },
	{ "readonly", become_readonly, CLOSES_RW },
	{ "read-auto", become_read_auto, CLOSES_RW },
	{ "clean", become_clean, CLOSES_NEVER },
	{ "active", become_active, CLOSES_NEVER },
};

static int become_locked(struct array *a, const struct state_word *w)
{
	int err = array_lock(a);

	if (err)
		return err;
	err = test_bit(ARRAY_DELETED, &a->flags) ? -EBUSY : w->become(a);
	array_unlock(a);
	return err;
}

static bool must_close(struct array *a, const struct state_word *w)
{
	return (w->closes == CLOSES_RUNNING && array_running(a)) ||
	       (w->closes == CLOSES_RW && READ_ONCE(a->mode) == ARRAY_RW);
}

static int become(struct array *a, const struct state_word *w)
{
	int err;

	if (!must_close(a, w))
		return become_locked(a, w);
	err = ctl_close(a, 0);
	if (err)
		return err;
	err = become_locked(a, w);
	ctl_closed(a);
	return err;
}

static int array_state_store(struct array *a, const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_words); i++)
		if (sysfs_streq(text, state_words[i].word))
			return become(a, &state_words[i]);
	return -EINVAL;
}
ARRAY_RW(array_state, .flags = ATTR_FREE);

static struct attribute *array_attrs[] = {
	&entry_level.attr,
	&entry_new_level.attr,
	&entry_layout.attr,
	&entry_raid_disks.attr,
	&entry_uuid.attr,
	&entry_chunk_size.attr,
	&entry_component_size.attr,
	&entry_resync_start.attr,
	&entry_metadata_version.attr,
	&entry_new_dev.attr,
	&entry_safe_mode_delay.attr,
	&entry_array_state.attr,
	&entry_reshape_position.attr,
	&entry_reshape_direction.attr,
	&entry_array_size.attr,
	&entry_max_read_errors.attr,
	&entry_consistency_policy.attr,
	&entry_fail_last_dev.attr,
	&entry_serialize_policy.attr,
	&entry_bitmap_type.attr,
	&entry_logical_block_size.attr,
	NULL,
};

const struct attribute_group attr_array_group = { .attrs = array_attrs };

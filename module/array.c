// SPDX-License-Identifier: GPL-2.0-only
/*
 * The array's object: birth and death, its mutex, what it is told and what it
 * tells about itself. md-abi.md 1.2, 1.3, 2.4
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "array_impl.h"
#include "attr.h"
#include "core/member_super_update.h"
#include "disk.h"
#include "intent.h"
#include "resync.h"
#include "stat.h"

enum {
	MAX_READ_ERRORS = 20,
	SAFEMODE_MS = 200,
};

DEFINE_MUTEX(array_list_lock);
LIST_HEAD(array_list);

/* --- birth and death ------------------------------------------------------------------- */

void array_reset(struct array *a)
{
	a->persistent = false;
	a->major_version = a->minor_version = a->patch_version = 0;
	a->format = MEMBER_0_90;
	a->level = LEVEL_NONE;
	a->level_name[0] = '\0';
	a->layout = 0;
	a->chunk_bytes = 0;
	a->raid_disks = 0;
	a->ctime = 0;
	a->utime = a->utime_before = 0;
	a->member_sectors = 0;
	a->array_sectors = 0;
	memset(a->uuid, 0, sizeof(a->uuid));
	a->set_name[0] = '\0';
	a->max_devices = 0;
	a->max_read_errors = MAX_READ_ERRORS;
	a->events = 0;
	a->events_recorded = 0;
	a->outrun = 0;
	a->in_sync = true;
	a->resync_sector = 0;
	a->degraded = 0;
	a->suspend_lo = a->suspend_hi = 0;
	a->safemode_delay = msecs_to_jiffies(SAFEMODE_MS) + 1;
	a->write_behind_max = 0;
	a->write_behind_used = 0;
	atomic64_set(&a->mismatches, 0);
	a->sync_speed_min = a->sync_speed_max = 0;
	a->sync_force_parallel = false;
	a->sync_min = 0;
	a->sync_max = NO_SECTOR;
	clear_bit(ARRAY_BROKEN, &a->flags);
	clear_bit(ARRAY_SUPER_DIRTY, &a->flags);
	clear_bit(ARRAY_SUPER_CLEAN, &a->flags);
	clear_bit(ARRAY_SUPER_PENDING, &a->flags);
	clear_bit(ARRAY_SYNC_NEEDED, &a->flags);
	clear_bit(ARRAY_SYNC_FROZEN, &a->flags);
	clear_bit(ARRAY_FAIL_LAST, &a->flags);
	clear_bit(ARRAY_SERIALIZE, &a->flags);
	clear_bit(ARRAY_STORE_FAILED, &a->flags);
}

struct array *array_alloc(void)
{
	struct array *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return NULL;
	if (gate_init(a)) {
		kfree(a);
		return NULL;
	}
	kref_init(&a->kref);
	INIT_LIST_HEAD(&a->all);
	INIT_LIST_HEAD(&a->legs);
	mutex_init(&a->lock);
	mutex_init(&a->super_lock);
	mutex_init(&a->roster_lock);
	spin_lock_init(&a->state_lock);
	init_waitqueue_head(&a->suspend_wait);
	init_waitqueue_head(&a->manager_wait);
	init_waitqueue_head(&a->super_wait);
	bio_list_init(&a->parked);
	INIT_WORK(&a->park_work, gate_park_work);
	timer_setup(&a->safemode_timer, gate_safemode, 0);
	array_reset(a);
	return a;
}

static void array_free(struct kref *kref)
{
	struct array *a = container_of(kref, struct array, kref);

	/* Who dropped the last reference of I/O may still be waking us. */
	synchronize_rcu();
	if (a->wq)
		destroy_workqueue(a->wq);
	gate_exit(a);
	kvfree(a->roles);
	kfree(a);
}

void array_put(struct array *a)
{
	kref_put(&a->kref, array_free);
}

/* --- the mutex --------------------------------------------------------------------------- */

bool array_is_unused(struct array *a)
{
	return !array_running(a) && !a->raid_disks && !a->ctime &&
	       list_empty(&a->legs) && !a->bitmap_file;
}

/* An array that is in use keeps the module; nothing else does that while nobody has it open. */
static int hold_module(struct array *a)
{
	if (!a->module_held && !try_module_get(THIS_MODULE))
		return -ENODEV;
	a->module_held = true;
	return 0;
}

int array_lock(struct array *a)
{
	int err;

	if (mutex_lock_interruptible(&a->lock))
		return -EINTR;
	err = hold_module(a);
	if (err)
		mutex_unlock(&a->lock);
	return err;
}

void array_unlock(struct array *a)
{
	bool release = a->module_held && array_is_unused(a);

	if (release)
		a->module_held = false;
	mutex_unlock(&a->lock);
	array_wake(a);
	disk_remove_later(a);
	if (release)
		module_put(THIS_MODULE);
}

void array_roster_lock(struct array *a)
{
	lockdep_assert_held(&a->lock);
	mutex_lock(&a->super_lock);
	mutex_lock(&a->roster_lock);
}

void array_roster_unlock(struct array *a)
{
	mutex_unlock(&a->roster_lock);
	mutex_unlock(&a->super_lock);
}

/* --- SET_ARRAY_INFO ------------------------------------------------------------------------ */

static int format_of(int major, int minor, enum member_format *format)
{
	static const enum member_format v1[] = { MEMBER_1_0, MEMBER_1_1, MEMBER_1_2 };

	if (major == 0) {
		*format = MEMBER_0_90;
		return 0;
	}
	if (major != 1 || minor < 0 || minor >= ARRAY_SIZE(v1))
		return -EINVAL;
	*format = v1[minor];
	return 0;
}

/* Members with superblocks will follow. */
static int expect_superblocks(struct array *a, const mdu_array_info_t *info)
{
	int err = format_of(info->major_version, info->minor_version, &a->format);

	if (err) {
		array_err(a, "metadata %d.%d is not known\n", info->major_version,
			  info->minor_version);
		return err;
	}
	a->major_version = info->major_version;
	a->minor_version = info->minor_version;
	a->patch_version = info->patch_version;
	a->persistent = !info->not_persistent;
	a->ctime = ktime_get_real_seconds();
	return 0;
}

static int check_definition(struct array *a, const mdu_array_info_t *info)
{
	const char *why = NULL;

	if (info->raid_disks < 0 || info->raid_disks > MEMBER_MAX_SLOTS ||
	    (!info->not_persistent && info->raid_disks > 27))
		why = "number of raid devices";
	else if (info->chunk_size < 0)
		why = "chunk size";
	if (!why)
		return 0;
	array_err(a, "SET_ARRAY_INFO: bad %s\n", why);
	return -EINVAL;
}

/* As 0.90 would define it, or without metadata. */
static int define(struct array *a, const mdu_array_info_t *info)
{
	int err = check_definition(a, info);

	if (err)
		return err;
	a->major_version = 0;
	a->minor_version = 90;
	a->patch_version = 3;
	a->format = MEMBER_0_90;
	a->persistent = !info->not_persistent;
	a->level = info->level;
	a->member_sectors = info->size > 0 ? (sector_t)info->size * 2 : 0;
	a->raid_disks = info->raid_disks;
	a->layout = info->layout;
	a->chunk_bytes = info->chunk_size;
	a->ctime = ktime_get_real_seconds();
	a->resync_sector = info->state & (1 << MD_SB_CLEAN) ? NO_SECTOR : 0;
	get_random_bytes(a->uuid, sizeof(a->uuid));
	return 0;
}

int array_set_info(struct array *a, const mdu_array_info_t *info)
{
	lockdep_assert_held(&a->lock);
	if (!list_empty(&a->legs) || a->raid_disks)
		return -EBUSY;
	return info->raid_disks ? define(a, info) : expect_superblocks(a, info);
}

static int size_kib(struct array *a)
{
	u64 kib = a->member_sectors / 2;

	return kib > INT_MAX ? -1 : kib;
}

static bool changes_identity(struct array *a, const mdu_array_info_t *info)
{
	return info->major_version != a->major_version ||
	       info->minor_version != a->minor_version ||
	       (u32)info->ctime != (u32)a->ctime || info->level != a->level ||
	       info->not_persistent != !a->persistent ||
	       info->chunk_size != a->chunk_bytes || info->state & ~0x1ff;
}

int array_update_info(struct array *a, const mdu_array_info_t *info)
{
	bool size = info->size >= 0 && info->size != size_kib(a);
	bool disks = info->raid_disks != a->raid_disks;
	bool layout = info->layout != a->layout;
	bool bitmap = info->state & (1 << MD_SB_BITMAP_PRESENT);

	lockdep_assert_held(&a->lock);
	if (changes_identity(a, info) || size + disks + layout + bitmap > 1)
		return -EINVAL;
	if (bitmap && a->intent)
		return -EEXIST;
	if (size || disks || layout || bitmap) {
		array_err(a, "a running array cannot change its %s\n",
			  size ? "size" : disks ? "number of raid devices" :
			  layout ? "layout" : "internal bitmap: use a bitmap file");
		return -EINVAL;
	}
	return 0;
}

/* --- GET_ARRAY_INFO, GET_DISK_INFO ----------------------------------------------------------- */

static void count_disks(struct array *a, mdu_array_info_t *info)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		info->nr_disks++;
		if (test_bit(LEG_FAULTY, &leg->flags)) {
			info->failed_disks++;
			continue;
		}
		info->working_disks++;
		if (test_bit(LEG_IN_SYNC, &leg->flags))
			info->active_disks++;
		else
			info->spare_disks++;
	}
}

void array_get_info(struct array *a, mdu_array_info_t *info)
{
	*info = (mdu_array_info_t){
		.major_version = a->major_version,
		.minor_version = a->minor_version,
		.patch_version = 3,
		.ctime = clamp_t(time64_t, a->ctime, 0, U32_MAX),
		.level = a->level,
		.size = size_kib(a),
		.raid_disks = a->raid_disks,
		.md_minor = a->minor,
		.not_persistent = !a->persistent,
		.utime = min_t(u64, member_seconds(a->utime), U32_MAX),
		.state = READ_ONCE(a->in_sync) ? 1 << MD_SB_CLEAN : 0,
		.layout = a->layout,
		.chunk_size = a->chunk_bytes,
	};
	count_disks(a, info);
}

static int disk_state(struct leg *leg)
{
	int state = 0;

	if (test_bit(LEG_FAULTY, &leg->flags))
		state |= 1 << MD_DISK_FAULTY;
	else if (test_bit(LEG_IN_SYNC, &leg->flags))
		state |= 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC;
	if (test_bit(LEG_WRITE_MOSTLY, &leg->flags))
		state |= 1 << MD_DISK_WRITEMOSTLY;
	if (test_bit(LEG_FAILFAST, &leg->flags))
		state |= 1 << MD_DISK_FAILFAST;
	return state;
}

int array_get_disk(struct array *a, mdu_disk_info_t *disk)
{
	struct leg *leg = array_find_number(a, disk->number);

	if (!leg) {
		disk->major = disk->minor = 0;
		disk->raid_disk = -1;
		disk->state = 1 << MD_DISK_REMOVED;
		return 0;
	}
	disk->major = MAJOR(leg->dev);
	disk->minor = MINOR(leg->dev);
	disk->raid_disk = leg->slot;
	disk->state = disk_state(leg);
	return 0;
}

/* --- point 12 ----------------------------------------------------------------------------------- */

static void dump_leg(struct leg *leg)
{
	array_info(leg->array,
		   "  %s number %d slot %d flags %#lx events %llu data %llu+%llu recovered %lld\n",
		   leg->kname, leg->number, leg->slot, leg->flags,
		   (unsigned long long)leg->events,
		   (unsigned long long)leg->data_sector,
		   (unsigned long long)leg->sectors,
		   (long long)leg->recovery_sector);
}

void array_dump(struct array *a, const char *why)
{
	struct leg *leg;

	array_info(a, "%s: mode %d flags %#lx events %llu %s resync %lld degraded %d of %d size %llu uuid %pUb\n",
		   why, a->mode, a->flags, (unsigned long long)a->events,
		   a->in_sync ? "clean" : "dirty", (long long)a->resync_sector,
		   a->degraded, a->raid_disks,
		   (unsigned long long)a->member_sectors, a->uuid);
	list_for_each_entry(leg, &a->legs, list)
		dump_leg(leg);
	if (a->intent)
		intent_dump(a->intent);
}

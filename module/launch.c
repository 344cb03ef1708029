// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run and stop, the modes in between, and the bitmap file. md-abi.md 2.4, 3.1
 */
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>

#include "array_impl.h"
#include "attr.h"
#include "disk.h"
#include "intent.h"
#include "raid1.h"
#include "resync.h"
#include "store.h"
#include "trace.h"

static bool start_ro;
module_param(start_ro, bool, 0644);
MODULE_PARM_DESC(start_ro, "arrays start read-only, until the first write");

/* --- modes -------------------------------------------------------------------------- */

static const char *const mode_words[] = {
	[ARRAY_STOPPED] = "stopped",
	[ARRAY_READONLY] = "readonly",
	[ARRAY_READ_AUTO] = "read-auto",
	[ARRAY_RW] = "active",
};

static void mode_changed(struct array *a, enum array_mode old, enum array_mode mode)
{
	if (old == mode)
		return;
	trace_array_mode(a, mode_words[old], mode_words[mode]);
	attr_notify_state(a);
	stat_changed();
}

void launch_set_mode(struct array *a, enum array_mode mode)
{
	enum array_mode old;

	spin_lock_irq(&a->state_lock);
	old = a->mode;
	WRITE_ONCE(a->mode, mode);
	spin_unlock_irq(&a->state_lock);
	if (mode != ARRAY_STOPPED)
		disk_set_readonly(a, mode == ARRAY_READONLY);
	mode_changed(a, old, mode);
	if (mode == ARRAY_RW)
		set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
}

void array_set_mode(struct array *a, enum array_mode mode)
{
	lockdep_assert_held(&a->lock);
	launch_set_mode(a, mode);
}

void array_become_rw(struct array *a)
{
	bool changed;

	spin_lock_irq(&a->state_lock);
	changed = a->mode == ARRAY_READ_AUTO;
	if (changed)
		WRITE_ONCE(a->mode, ARRAY_RW);
	spin_unlock_irq(&a->state_lock);
	if (!changed)
		return;
	mode_changed(a, ARRAY_READ_AUTO, ARRAY_RW);
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
}

/* --- before it runs ------------------------------------------------------------------- */

static int refuse(struct array *a, int err, const char *why)
{
	array_err(a, "not started: %s\n", why);
	return err;
}

static bool is_raid1(struct array *a)
{
	return a->level == 1 ||
	       (a->level == LEVEL_NONE && !strcmp(a->level_name, "raid1"));
}

static int check_members(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->sectors < a->member_sectors) {
			array_err(a, "not started: %s is too small\n", leg->kname);
			return -EINVAL;
		}
	return 0;
}

static int check_config(struct array *a)
{
	if (!is_raid1(a))
		return refuse(a, -EINVAL, "only level 1 is supported");
	if (a->raid_disks < 1 || a->raid_disks > MEMBER_MAX_SLOTS)
		return refuse(a, -EINVAL, "that many raid devices are not supported");
	if (!a->member_sectors)
		return refuse(a, -EINVAL, "its size is zero");
	a->level = 1;
	return check_members(a);
}

static enum array_mode choose_mode(struct array *a, enum array_mode wanted)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (bdev_read_only(leg->bdev)) {
			array_warn(a, "%s is read-only, and so is the array\n", leg->kname);
			return ARRAY_READONLY;
		}
	return wanted == ARRAY_RW && start_ro ? ARRAY_READ_AUTO : wanted;
}

static unsigned int count_in_sync(struct array *a)
{
	unsigned int n = 0;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		n += leg->slot >= 0 && leg_in_sync(leg);
	return n;
}

/* What others have cached of members is not what the array will hold. */
static void drop_caches(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		sync_blockdev(leg->bdev);
		invalidate_bdev(leg->bdev);
	}
}

static void reset_run(struct array *a)
{
	clear_bit(ARRAY_BROKEN, &a->flags);
	clear_bit(ARRAY_SUPER_PENDING, &a->flags);
	clear_bit(ARRAY_SUPER_CLEAN, &a->flags);
	clear_bit(ARRAY_STORE_FAILED, &a->flags);
	clear_bit(ARRAY_SYNC_FROZEN, &a->flags);
	clear_bit(ARRAY_NO_ZEROES, &a->flags);
	spin_lock_irq(&a->state_lock);
	WRITE_ONCE(a->in_sync, true);
	array_count_degraded(a);
	spin_unlock_irq(&a->state_lock);
	/*
	 * A member that is absent must not be taken for one that saw the next change; nor
	 * may a bitmap file that is absent, and may be one event ahead.
	 */
	a->super_behind = a->degraded > 0 || !a->bitmap_file;
	a->was_whole = !a->degraded;
	a->suspend_lo = a->suspend_hi = 0;
	a->safemode = false;
	a->write_behind_used = 0;
}

/* --- start ------------------------------------------------------------------------------ */

/* With a bitmap its bits say what owes a sync; one member has nobody to differ from. */
static void choose_resync_sector(struct array *a, struct intent *in)
{
	/* After a crash these may differ where they had been copied to, too. */
	if (in && a->resync_sector != NO_SECTOR)
		resync_lower_recovery(a, intent_next_owed(in, 0));
	if (count_in_sync(a) < 2)
		a->resync_sector = NO_SECTOR;
	else if (in)
		a->resync_sector = intent_next_owed(in, 0);
}

static int start_bitmap(struct array *a, struct intent *in)
{
	sector_t sector = a->resync_sector;
	int err;

	if (!in)
		return 0;
	err = intent_load(in, sector == NO_SECTOR, false);
	if (err)
		array_err(a, "not started: bitmap file cannot be loaded: error %d\n", err);
	return err;
}

static void publish(struct array *a, struct intent *in, enum array_mode mode)
{
	array_roster_lock(a);
	spin_lock_irq(&a->state_lock);
	a->pers = &raid1_personality;
	a->intent = in;
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
	launch_set_mode(a, mode);
}

/* All that can fail, in order; what was done is undone. Suspended. */
static int start(struct array *a, struct intent **out)
{
	struct intent *in = NULL;
	int err;

	err = resync_init_array(a);
	if (err)
		return err;
	if (a->bitmap_file)
		err = intent_create(a, a->bitmap_file, &in);
	if (err)
		goto resync;
	err = raid1_personality.run(a);
	if (err)
		goto intent;
	err = start_bitmap(a, in);
	if (err)
		goto pers;
	err = disk_set_limits(a);
	if (err)
		goto pers;
	a->manager = manager_create(a);
	err = PTR_ERR_OR_ZERO(a->manager);
	if (err)
		goto manager;
	err = attr_add_running(a);
	if (err)
		goto thread;
	*out = in;
	return 0;
thread:
	kthread_stop(a->manager);
manager:
	a->manager = NULL;
pers:
	raid1_personality.stop(a);
intent:
	if (in)
		intent_destroy(in);
resync:
	resync_free_array(a);
	return err;
}

static void link_slots(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->slot >= 0)
			attr_link_slot(leg);
}

static void announce(struct array *a)
{
	array_info(a, "raid1 with %d of %d members%s%s\n",
		   a->raid_disks - a->degraded, a->raid_disks,
		   a->resync_sector == NO_SECTOR ? "" : ", owes a resync",
		   a->intent ? ", bitmap file" : "");
	attr_notify_action(a);
	stat_changed();
	disk_changed(a);
}

static int prepare(struct array *a)
{
	int err = 0;

	if (array_running(a))
		return -EBUSY;
	if (list_empty(&a->legs))
		return refuse(a, -EINVAL, "it has no members");
	clear_bit(ARRAY_SUPER_DIRTY, &a->flags);
	if (!a->raid_disks)
		err = roster_analyse(a);
	err = err ?: check_config(a);
	if (!err && !a->wq) {
		a->wq = alloc_workqueue("mdbitmap_io_%s", WQ_MEM_RECLAIM | WQ_UNBOUND,
					0, array_name(a));
		err = a->wq ? 0 : -ENOMEM;
	}
	return err;
}

int array_run(struct array *a, enum array_mode wanted)
{
	struct intent *in;
	int err;

	lockdep_assert_held(&a->lock);
	err = prepare(a);
	if (err)
		return err;
	drop_caches(a);
	wanted = choose_mode(a, wanted);
	array_suspend(a);
	reset_run(a);
	err = start(a, &in);
	if (!err) {
		choose_resync_sector(a, in);
		a->array_sectors = raid1_personality.size(a, a->member_sectors);
		publish(a, in, wanted);
	}
	array_resume(a);
	if (err)
		return err;
	wake_up_process(a->manager);
	link_slots(a);
	disk_set_capacity(a, a->array_sectors);
	announce(a);
	return 0;
}

/* --- stop -------------------------------------------------------------------------------- */

/* Suspended. The bits are on the medium, then "clean" is recorded. */
static void settle(struct array *a)
{
	if (a->mode != ARRAY_RW)
		return;
	resync_look_for_owed(a);
	if (a->intent && !intent_failed(a->intent) && intent_flush(a->intent))
		array_warn(a, "bitmap file could not be flushed\n");
	/* Without a bitmap nothing has flushed the members; their superblocks do. */
	if (a->in_sync && !array_super_is_owed(a) && !a->intent)
		return;
	spin_lock_irq(&a->state_lock);
	if (!test_bit(ARRAY_BROKEN, &a->flags))
		WRITE_ONCE(a->in_sync, true);
	set_bit(ARRAY_SUPER_CLEAN, &a->flags);
	spin_unlock_irq(&a->state_lock);
	array_update_super(a);
}

static struct intent *withdraw_intent(struct array *a)
{
	struct intent *in;

	array_roster_lock(a);
	spin_lock_irq(&a->state_lock);
	in = a->intent;
	a->intent = NULL;
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
	return in;
}

static void unlink_slots(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->slot >= 0)
			attr_unlink_slot(leg);
}

static void stop_manager(struct array *a)
{
	kthread_stop(a->manager);
	a->manager = NULL;
	/* Which that may have started. */
	timer_delete_sync(&a->safemode_timer);
}

static void withdraw_pers(struct array *a)
{
	array_roster_lock(a);
	a->pers->stop(a);
	spin_lock_irq(&a->state_lock);
	a->pers = NULL;
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
}

/* The reverse of start(). */
static void stop_running(struct array *a)
{
	struct intent *in;

	resync_stop(a, true);
	array_suspend(a);
	settle(a);
	attr_remove_running(a);
	stop_manager(a);
	launch_set_mode(a, ARRAY_STOPPED);
	withdraw_pers(a);
	in = withdraw_intent(a);
	if (in)
		intent_destroy(in);
	array_roster_lock(a);
	resync_free_array(a);
	array_roster_unlock(a);
	/* The file may not be believed at the next start. */
	roster_forget(a);
	unlink_slots(a);
	array_resume(a);
	/* Whatever waited for a gate finds the array gone. */
	flush_work(&a->park_work);
	disk_set_capacity(a, 0);
	disk_set_readonly(a, false);
	array_info(a, "stopped\n");
}

static void drop_members(struct array *a)
{
	struct leg *leg, *next;

	list_for_each_entry_safe(leg, next, &a->legs, list)
		roster_drop(a, leg);
}

int array_stop(struct array *a, bool keep_config)
{
	lockdep_assert_held(&a->lock);
	if (array_running(a))
		stop_running(a);
	if (!keep_config) {
		drop_members(a);
		launch_drop_file(a);
		array_reset(a);
	}
	attr_notify_state(a);
	stat_changed();
	disk_changed(a);
	return 0;
}

int array_stop_ro(struct array *a)
{
	lockdep_assert_held(&a->lock);
	if (!array_running(a))
		return 0;
	if (a->mode == ARRAY_READONLY)
		return -ENXIO;
	resync_stop(a, false);
	array_suspend(a);
	settle(a);
	array_set_mode(a, ARRAY_READONLY);
	array_resume(a);
	return 0;
}

void array_rest(struct array *a)
{
	lockdep_assert_held(&a->lock);
	if (!array_running(a) || a->mode != ARRAY_RW)
		return;
	resync_stop(a, true);
	array_suspend(a);
	settle(a);
	array_resume(a);
}

int array_may_restart(struct array *a)
{
	struct leg *leg;

	lockdep_assert_held(&a->lock);
	if (list_empty(&a->legs))
		return -ENXIO;
	if (!array_running(a))
		return -EINVAL;
	if (a->mode == ARRAY_RW)
		return -EBUSY;
	list_for_each_entry(leg, &a->legs, list)
		if (bdev_read_only(leg->bdev) && !test_bit(LEG_FAULTY, &leg->flags))
			return -EROFS;
	if (a->intent && !a->persistent && intent_failed(a->intent)) {
		array_err(a, "stays read-only: its bitmap file has failed; detach it first\n");
		return -EIO;
	}
	return 0;
}

int array_restart_rw(struct array *a)
{
	int err = array_may_restart(a);

	if (!err)
		array_set_mode(a, ARRAY_RW);
	return err;
}

/* --- the bitmap file ------------------------------------------------------------------------- */

static void set_file(struct array *a, struct file *file)
{
	spin_lock_irq(&a->state_lock);
	a->bitmap_file = file;
	spin_unlock_irq(&a->state_lock);
}

void launch_drop_file(struct array *a)
{
	struct file *file = a->bitmap_file;

	if (!file)
		return;
	set_file(a, NULL);
	store_close(a->store);
	a->store = NULL;
	fput(file);
}

/* Members are equal, on the medium too, and no I/O is under way: no bit need be set. */
static int attach_suspended(struct array *a)
{
	struct intent *in;
	int err;

	err = array_flush_legs(a);
	if (err)
		return err;
	/* Who is absent may differ, and is not to have the events of a file without bits. */
	if (a->persistent && a->degraded) {
		set_bit(ARRAY_SUPER_DIRTY, &a->flags);
		err = array_update_super(a);
		if (err)
			return err;
	}
	err = intent_create(a, a->bitmap_file, &in);
	if (err)
		return err;
	roster_forget(a);
	/* Without metadata nothing else would keep an absent member from coming back by it. */
	err = intent_load(in, a->persistent || !a->degraded, true);
	if (err) {
		intent_destroy(in);
		clear_bit(ARRAY_STORE_FAILED, &a->flags);
		return err;
	}
	array_roster_lock(a);
	spin_lock_irq(&a->state_lock);
	a->intent = in;
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
	return 0;
}

static int attach_running(struct array *a)
{
	int err;

	array_suspend(a);
	err = attach_suspended(a);
	array_resume(a);
	if (err) {
		launch_drop_file(a);
		return err;
	}
	array_super_owed(a);
	disk_changed(a);
	return 0;
}

static int take_file(struct array *a, struct file *file)
{
	int err;

	if (a->intent || a->bitmap_file)
		return -EEXIST;
	err = store_open(a, file, &a->store);
	if (err)
		return err;
	get_file(file);
	set_file(a, file);
	return array_running(a) ? attach_running(a) : 0;
}

static int attach_fd(struct array *a, int fd)
{
	struct file *file = fget(fd);
	int err;

	if (!file)
		return a->intent || a->bitmap_file ? -EEXIST : -EBADF;
	err = take_file(a, file);
	fput(file);
	return err;
}

/*
 * The members' events go past the file's, which may be one ahead, and is stale from then
 * on: no write before that.
 */
static void disown_file(struct array *a)
{
	mutex_lock(&a->super_lock);
	a->super_behind = true;
	mutex_unlock(&a->super_lock);
	spin_lock_irq(&a->state_lock);
	array_super_awaited(a);
	spin_unlock_irq(&a->state_lock);
}

static int detach(struct array *a)
{
	struct intent *in;

	if (!a->intent)
		return -ENOENT;
	array_suspend(a);
	resync_look_for_owed(a); /* without a bitmap it is all from there on */
	if (!intent_failed(a->intent) && intent_flush(a->intent))
		array_warn(a, "bitmap file could not be flushed\n");
	if (!a->persistent && intent_write_stale(a->intent))
		array_warn(a, "bitmap file could not be marked stale, which it is from now on\n");
	in = withdraw_intent(a);
	intent_destroy(in);
	/* A failure is not the next file's. */
	clear_bit(ARRAY_STORE_FAILED, &a->flags);
	roster_forget(a);
	a->write_behind_max = 0;
	disk_no_zeroes(a);
	disown_file(a);
	array_resume(a);
	launch_drop_file(a);
	disk_changed(a);
	return 0;
}

int array_set_bitmap(struct array *a, int fd)
{
	int err;

	lockdep_assert_held(&a->lock);
	if (array_running(a) && (resync_running(a) ||
				 resync_action(a) != SYNC_IDLE)) {
		array_err(a, "bitmap file: not while a sync runs or is owed\n");
		return -EBUSY;
	}
	if (fd >= 0 && array_running(a) && a->resync_sector != NO_SECTOR) {
		array_err(a, "bitmap file: not while members may differ: a resync was given up\n");
		return -EBUSY;
	}
	err = fd < 0 ? detach(a) : attach_fd(a, fd);
	if (!err)
		stat_changed();
	return err;
}

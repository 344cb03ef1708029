// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members: how they come, who they are, how they leave. md-abi.md 2.4, 5.9, 8.5
 */
#include <linux/slab.h>

#include "array_impl.h"
#include "attr.h"
#include "disk.h"
#include "intent.h"
#include "resync.h"
#include "trace.h"

/* --- finding --------------------------------------------------------------------- */

struct leg *array_find_leg(struct array *a, dev_t dev)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->dev == dev)
			return leg;
	return NULL;
}

struct leg *array_find_number(struct array *a, int number)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->number == number)
			return leg;
	return NULL;
}

static unsigned int count_legs(struct array *a)
{
	unsigned int n = 0;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		n++;
	return n;
}

static int refuse(struct array *a, struct leg *leg, int err, const char *why)
{
	array_err(a, "%s refused: %s\n", leg->kname, why);
	return err;
}

/* --- onto the list, and off --------------------------------------------------------- */

static int max_numbers(struct array *a)
{
	return a->persistent && a->format == MEMBER_0_90 ? 27 : MEMBER_MAX_SLOTS;
}

static int choose_number(struct array *a, struct leg *leg)
{
	if (leg->number < 0) {
		leg->number = array_running(a) ? a->raid_disks : 0;
		while (array_find_number(a, leg->number))
			leg->number++;
	} else if (array_find_number(a, leg->number)) {
		array_err(a, "%s refused: a member has its number %d\n",
			  leg->kname, leg->number);
		return -EBUSY;
	}
	if (leg->number >= max_numbers(a))
		return refuse(a, leg, -EBUSY, "too many members");
	return 0;
}

static int show_leg(struct leg *leg)
{
	int err = attr_add_leg(leg);

	if (err)
		return err;
	err = disk_link_leg(leg);
	if (err)
		attr_remove_leg(leg);
	return err;
}

/* Both in a scope without I/O, if the array is suspended. */
static int join_list(struct array *a, struct leg *leg)
{
	int err;

	array_roster_lock(a);
	err = super_reserve(a, count_legs(a) + 1);
	if (!err) {
		spin_lock_irq(&a->state_lock);
		list_add(&leg->list, &a->legs);
		array_count_degraded(a);
		spin_unlock_irq(&a->state_lock);
	}
	array_roster_unlock(a);
	return err;
}

/* Sysfs finds it on the list, so that it is there last and gone first. */
static int attach(struct array *a, struct leg *leg)
{
	int err = choose_number(a, leg);

	if (err)
		return err;
	err = show_leg(leg);
	if (err)
		return err;
	if (array_running(a)) {
		array_suspend(a);
		err = disk_add_limits(a, leg);
		err = err ?: join_list(a, leg);
		array_resume(a);
	} else {
		err = join_list(a, leg);
	}
	if (err) {
		disk_unlink_leg(leg);
		attr_remove_leg(leg);
		return err;
	}
	trace_leg_added(leg, "attached");
	stat_changed();
	return 0;
}

/* From now on neither I/O nor superblocks know it. */
static void leave_list(struct array *a, struct leg *leg)
{
	if (array_running(a))
		array_suspend(a);
	array_roster_lock(a);
	/* Of a failure that nobody has recorded its events must tell. */
	if (test_bit(LEG_FAULTY, &leg->flags) && !test_bit(LEG_FAILURE_RECORDED, &leg->flags))
		a->super_behind = true;
	spin_lock_irq(&a->state_lock);
	list_del_init(&leg->list);
	array_count_degraded(a);
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
	if (array_running(a))
		array_resume(a);
}

/* By what it is known when it comes back; false: by nothing. */
static bool identify(struct array *a, const struct leg *leg, u8 id[UUID_BYTES])
{
	memset(id, 0, UUID_BYTES);
	if (!a->persistent)
		memcpy(id, &leg->dev, sizeof(leg->dev));
	else if (leg->super)
		memcpy(id, leg->super->device_uuid, UUID_BYTES);
	return memchr_inv(id, 0, UUID_BYTES);
}

/*
 * It leaves while the bitmap still knows all that it lacks. Its superblock cannot say
 * so of a member that was being recovered (see super.c), nor of anyone if there is
 * none: hence we remember it while the array runs.
 */
static void remember(struct array *a, struct leg *leg)
{
	u8 id[UUID_BYTES];
	size_t i;

	if (!identify(a, leg, id))
		return;
	/* What was true of it when it left before need not be now. */
	for (i = 0; i < ARRAY_SIZE(a->returning); i++)
		if (!memcmp(a->returning[i], id, UUID_BYTES))
			memset(a->returning[i], 0, UUID_BYTES);
	if (!a->intent || test_bit(LEG_FULL_SYNC, &leg->flags))
		return;
	if (a->persistent ? !test_bit(LEG_BITMAP_SYNC, &leg->flags) :
			    !test_bit(LEG_FAULTY, &leg->flags) || leg->saved_slot < 0)
		return;
	memcpy(a->returning[a->returning_next++ % ARRAY_SIZE(a->returning)], id, UUID_BYTES);
}

static bool is_remembered(struct array *a, const struct leg *leg)
{
	u8 id[UUID_BYTES];
	size_t i;

	if (!identify(a, leg, id))
		return false;
	for (i = 0; i < ARRAY_SIZE(a->returning); i++)
		if (!memcmp(a->returning[i], id, UUID_BYTES))
			return true;
	return false;
}

void roster_forget(struct array *a)
{
	struct leg *leg;

	memset(a->returning, 0, sizeof(a->returning));
	list_for_each_entry(leg, &a->legs, list) {
		if (leg_in_sync(leg))
			continue;
		clear_bit(LEG_BITMAP_SYNC, &leg->flags);
		set_bit(LEG_FULL_SYNC, &leg->flags);
	}
}

void roster_drop(struct array *a, struct leg *leg)
{
	remember(a, leg);
	trace_leg_removed(leg, "detached");
	leave_list(a, leg);
	disk_unlink_leg(leg);
	attr_remove_leg(leg);
	leg_close(leg);
	stat_changed();
}

/* --- what a superblock says of its device -------------------------------------------- */

static struct leg *freshest(struct array *a)
{
	struct leg *leg, *best = NULL;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->super && leg->super->role < MEMBER_ROLE_MAX &&
		    (!best || leg->super->events > best->super->events))
			best = leg;
	return best;
}

static bool same_array(const struct member_super *x, const struct member_super *y)
{
	return !memcmp(x->uuid, y->uuid, UUID_BYTES) && x->level == y->level &&
	       x->layout == y->layout && x->chunk_bytes == y->chunk_bytes;
}

/* Is number @number of its array in the place @role, as far as @ms knows? */
static bool knows_as(const struct member_super *ms, u32 number, u16 role)
{
	return number < ms->max_devices && ms->roles[number] == role;
}

static void take_array(struct array *a, const struct member_super *ms)
{
	a->persistent = true;
	a->major_version = ms->major_version;
	a->minor_version = ms->minor_version;
	a->format = ms->format;
	a->level = ms->level;
	a->layout = ms->layout;
	a->chunk_bytes = ms->chunk_bytes;
	a->raid_disks = ms->raid_disks;
	a->member_sectors = ms->size_sectors;
	a->ctime = ms->ctime_s;
	a->utime = ms->utime;
	a->utime_before = 0;
	a->events = ms->events;
	/* One less is tolerated of the others. */
	a->events_recorded = ms->events ? ms->events - 1 : 0;
	a->resync_sector = ms->resync_sector == MEMBER_IN_SYNC ?
		NO_SECTOR : ms->resync_sector;
	a->max_devices = ms->max_devices;
	memcpy(a->uuid, ms->uuid, UUID_BYTES);
	strscpy(a->set_name, ms->name, sizeof(a->set_name));
}

/* A member that is older than @best is what @best says. */
static u16 role_by(const struct leg *leg, const struct member_super *best)
{
	const struct member_super *ms = leg->super;

	if (ms->events >= best->events)
		return ms->role;
	return ms->number < best->max_devices ? best->roles[ms->number] :
						 MEMBER_ROLE_SPARE;
}

/*
 * A superblock that is one update behind may tell of a spare what newer ones
 * tell of a member that has a slot by now: it is being recovered.
 */
static void take_slot(struct array *a, struct leg *leg, u16 role)
{
	const struct member_super *ms = leg->super;
	bool in_sync = ms->role == role &&
		       !(ms->features & MEMBER_FEATURE_RECOVERY_OFFSET);

	leg->slot = role < a->raid_disks ? role : -1;
	leg->saved_slot = leg->slot;
	if (leg->slot < 0)
		return;
	if (in_sync) {
		leg->recovery_sector = NO_SECTOR;
		set_bit(LEG_IN_SYNC, &leg->flags);
	} else {
		leg->recovery_sector = ms->role == role ? ms->recovery_sector : 0;
		set_bit(LEG_FULL_SYNC, &leg->flags);
	}
}

/*
 * Both have gone on, each as the only one. Then their events may be the same, and
 * neither superblock has the other in its place; or it is one update behind, in sync,
 * and to @best no member (@role): who was one would be called faulty first.
 */
static bool went_its_own_way(const struct member_super *ms, u16 role,
			     const struct member_super *best)
{
	if (ms == best || ms->role >= MEMBER_ROLE_MAX)
		return false;
	if (ms->events == best->events)
		return !knows_as(ms, best->number, best->role);
	return role == MEMBER_ROLE_SPARE && !(ms->features & MEMBER_FEATURE_RECOVERY_OFFSET);
}

/* False: it is no member any more. */
static bool place(struct array *a, struct leg *leg, const struct member_super *best)
{
	u16 role = role_by(leg, best);

	if (leg->super->role < MEMBER_ROLE_MAX &&
	    best->events - leg->super->events > 1) {
		array_warn(a, "%s is out of date (events %llu, the array has %llu): left out\n",
			   leg->kname, (unsigned long long)leg->super->events,
			   (unsigned long long)best->events);
		return false;
	}
	if (went_its_own_way(leg->super, role, best)) {
		array_warn(a, "%s has run without the others, and they without it: left out\n",
			   leg->kname);
		return false;
	}
	if (role == MEMBER_ROLE_FAULTY) {
		array_warn(a, "%s is faulty, its superblock or a newer one says: left out\n",
			   leg->kname);
		return false;
	}
	if (leg->super->size_sectors > leg->sectors ||
	    a->member_sectors > leg->sectors) {
		array_warn(a, "%s is too small: left out\n", leg->kname);
		return false;
	}
	take_slot(a, leg, role);
	return true;
}

/*
 * Who is not in sync, and was with others that @best is not one of: these may come next, and
 * know of it what it no longer is.
 */
static void outrun_strangers(struct array *a, const struct member_super *best)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (!test_bit(LEG_IN_SYNC, &leg->flags) && leg->super->events &&
		    !knows_as(leg->super, best->number, best->role))
			array_outrun(a, leg->super->events);
}

int roster_analyse(struct array *a)
{
	struct leg *leg, *next, *best = freshest(a);

	if (!best) {
		array_err(a, "no member has a slot\n");
		return -EINVAL;
	}
	take_array(a, best->super);
	a->outrun = 0;
	/* Whoever else is there may be older. */
	if (!place(a, best, best->super)) {
		array_err(a, "not started without its freshest member\n");
		return -EINVAL;
	}
	list_for_each_entry_safe(leg, next, &a->legs, list) {
		if (leg == best)
			continue;
		if (!leg->super || !place(a, leg, best->super))
			roster_drop(a, leg);
		else if (leg->super->events != best->super->events)
			set_bit(ARRAY_SUPER_DIRTY, &a->flags);
	}
	outrun_strangers(a, best->super);
	return 0;
}

/* --- ADD_NEW_DISK, not running --------------------------------------------------------- */

/* RUN_ARRAY will ask the superblocks who they are. */
static int add_by_super(struct array *a, dev_t dev)
{
	struct leg *leg, *first;
	int err;

	err = leg_open(a, dev, a->format, &leg);
	if (err)
		return err;
	first = list_first_entry_or_null(&a->legs, struct leg, list);
	if (first && (!first->super || !same_array(first->super, leg->super)))
		err = refuse(a, leg, -EINVAL, "it belongs to another array than the other members");
	err = err ?: attach(a, leg);
	if (err)
		leg_close(leg);
	return err;
}

static void take_info(struct leg *leg, const mdu_disk_info_t *disk)
{
	if (disk->state & (1 << MD_DISK_WRITEMOSTLY))
		set_bit(LEG_WRITE_MOSTLY, &leg->flags);
	else
		clear_bit(LEG_WRITE_MOSTLY, &leg->flags);
	if (disk->state & (1 << MD_DISK_FAILFAST))
		set_bit(LEG_FAILFAST, &leg->flags);
	else
		clear_bit(LEG_FAILFAST, &leg->flags);
}

static bool says_in_sync(const mdu_disk_info_t *disk)
{
	return disk->state & (1 << MD_DISK_SYNC);
}

/* The caller knows what it is. */
static int add_by_word(struct array *a, dev_t dev, const mdu_disk_info_t *disk)
{
	struct leg *leg;
	int err;

	if (a->major_version)
		return -EINVAL;
	if (disk->state & (1 << MD_DISK_FAULTY))
		return 0;
	err = leg_open(a, dev, MEMBER_FORMATS, &leg);
	if (err)
		return err;
	leg->number = disk->number;
	if (disk->raid_disk >= 0 && disk->raid_disk < a->raid_disks)
		leg->slot = leg->saved_slot = disk->raid_disk;
	if (leg->slot >= 0 && says_in_sync(disk)) {
		set_bit(LEG_IN_SYNC, &leg->flags);
		leg->recovery_sector = NO_SECTOR;
	} else if (leg->slot >= 0) {
		set_bit(LEG_FULL_SYNC, &leg->flags);
	}
	take_info(leg, disk);
	err = attach(a, leg);
	if (err) {
		leg_close(leg);
		return err;
	}
	if (!a->member_sectors || a->member_sectors > leg->sectors)
		a->member_sectors = leg->sectors;
	return 0;
}

/* --- ADD_NEW_DISK, running ----------------------------------------------------------------- */

/*
 * Did it leave one of those that are in sync now? What has run without any of them went
 * its own way, though its events may be no more than ours.
 */
static bool left_us(struct array *a, const struct member_super *ms)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg_in_sync(leg) && leg->number >= 0 &&
		    knows_as(ms, leg->number, leg->slot))
			return true;
	return false;
}

/* As many events as we have, and not from the same update: it had them elsewhere. */
static bool was_told_elsewhere(struct array *a, const struct member_super *ms)
{
	bool elsewhere;

	mutex_lock(&a->super_lock);
	elsewhere = ms->events == a->events && member_microseconds(ms->utime) &&
		    member_microseconds(a->utime) && ms->utime != a->utime;
	mutex_unlock(&a->super_lock);
	return elsewhere;
}

/*
 * Has it everything that was written before it left, and do we know what was
 * written since? It can come back then: by the bitmap, or, if nothing was
 * written, as it is.
 */
static bool can_come_back(struct array *a, struct leg *leg)
{
	const struct member_super *ms = leg->super;

	if (ms->role >= a->raid_disks || ms->events > a->events || !left_us(a, ms))
		return false;
	/* They are to be outrun, and it may be one of them. */
	if (ms->events < READ_ONCE(a->outrun) || was_told_elsewhere(a, ms))
		return false;
	if (ms->features & MEMBER_FEATURE_RECOVERY_OFFSET &&
	    !(a->intent && is_remembered(a, leg)))
		return false;
	if (a->intent)
		return intent_can_re_add(a->intent, ms->events);
	return ms->events == a->events && ms->resync_sector == MEMBER_IN_SYNC;
}

static int recognise(struct array *a, struct leg *leg, const mdu_disk_info_t *disk)
{
	if (!a->persistent) {
		if (says_in_sync(disk) && disk->raid_disk >= 0 &&
		    disk->raid_disk < a->raid_disks)
			leg->saved_slot = disk->raid_disk;
		/* The word of its user stands until the array has been whole without it. */
		if (leg->saved_slot >= 0 && a->intent &&
		    (!a->was_whole || is_remembered(a, leg)))
			set_bit(LEG_BITMAP_SYNC, &leg->flags);
		return 0;
	}
	if (can_come_back(a, leg)) {
		leg->saved_slot = leg->super->role;
		set_bit(LEG_BITMAP_SYNC, &leg->flags);
	}
	if (says_in_sync(disk) && leg->saved_slot != disk->raid_disk)
		return refuse(a, leg, -EINVAL, "it cannot be re-added: it is out of date");
	return 0;
}

static int check_fit(struct array *a, struct leg *leg)
{
	if (leg->sectors < a->member_sectors)
		return refuse(a, leg, -ENOSPC, "it is too small");
	if (bdev_read_only(leg->bdev))
		return refuse(a, leg, -EROFS, "it is read-only");
	return 0;
}

/* Nothing has been written since it left: in its slot, and in sync. */
static void take_back_whole(struct array *a, struct leg *leg)
{
	int err;

	array_suspend(a);
	array_roster_lock(a);
	clear_bit(LEG_BITMAP_SYNC, &leg->flags);
	/* Written to since it was looked at: a spare, and all is copied. */
	err = leg->super->events == a->events ? a->pers->add(a, leg) : -EAGAIN;
	if (!err) {
		spin_lock_irq(&a->state_lock);
		clear_bit(LEG_FULL_SYNC, &leg->flags);
		leg->recovery_sector = NO_SECTOR;
		set_bit(LEG_IN_SYNC, &leg->flags);
		array_count_degraded(a);
		spin_unlock_irq(&a->state_lock);
	}
	array_roster_unlock(a);
	array_resume(a);
	if (!err)
		attr_link_slot(leg);
}

static void look_for_sync(struct array *a)
{
	array_super_owed(a);
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
}

bool array_has_free_slot(struct array *a)
{
	struct leg *leg;
	int filled = 0;

	list_for_each_entry(leg, &a->legs, list)
		filled += leg->slot >= 0;
	return filled < a->raid_disks;
}

/*
 * It was a member of this array, or a spare, and yet never left those who are in sync now:
 * it has run with others, who may come next, and know of it what it no longer is.
 */
static void outrun_stranger(struct array *a, const struct member_super *ms)
{
	if (a->persistent && ms->events && !memcmp(ms->uuid, a->uuid, UUID_BYTES) &&
	    (ms->events > a->events || was_told_elsewhere(a, ms) || !left_us(a, ms)))
		array_outrun(a, ms->events);
}

/*
 * A member has joined: into its slot at once, or by way of a recovery. Who comes
 * back by the bitmap takes a free slot, and until then the array is degraded. As a
 * spare it would miss what is cleared meanwhile.
 */
static void welcome(struct array *a, struct leg *leg)
{
	bool whole = test_bit(LEG_BITMAP_SYNC, &leg->flags) && !a->intent &&
		     a->mode == ARRAY_RW && !resync_running(a);

	if (leg->super && !test_bit(LEG_BITMAP_SYNC, &leg->flags))
		outrun_stranger(a, leg->super);
	if (whole)
		take_back_whole(a, leg);
	else if (!a->intent || !array_has_free_slot(a))
		clear_bit(LEG_BITMAP_SYNC, &leg->flags);
	array_info(a, "%s joined as number %d%s\n", leg->kname, leg->number,
		   whole ? ", in sync" :
		   test_bit(LEG_BITMAP_SYNC, &leg->flags) ? ", by the bitmap" : "");
	if (a->intent)
		intent_kick(a->intent);
	look_for_sync(a);
}

static int check_member(struct array *a, struct leg *leg)
{
	const struct member_super *ms = leg->super;

	if (!a->persistent || (!memcmp(ms->uuid, a->uuid, UUID_BYTES) &&
			       ms->level == a->level && ms->layout == a->layout))
		return 0;
	return refuse(a, leg, -EINVAL, "it belongs to another array");
}

static int add_running(struct array *a, dev_t dev, const mdu_disk_info_t *disk)
{
	struct leg *leg;
	int err;

	err = leg_open(a, dev, a->persistent ? a->format : MEMBER_FORMATS, &leg);
	if (err)
		return err;
	err = check_member(a, leg);
	err = err ?: check_fit(a, leg);
	err = err ?: recognise(a, leg, disk);
	if (!err) {
		/* In 0.90 a number is what the member is now. */
		if (a->major_version == 0)
			leg->number = -1;
		take_info(leg, disk);
		err = attach(a, leg);
	}
	if (err) {
		leg_close(leg);
		return err;
	}
	welcome(a, leg);
	return 0;
}

static int check_state(struct array *a, const mdu_disk_info_t *disk)
{
	const unsigned int cluster = 1 << MD_DISK_CLUSTER_ADD | 1 << MD_DISK_CANDIDATE;

	if (disk->state & (cluster | 1 << MD_DISK_JOURNAL)) {
		array_err(a, "member refused: neither clusters nor journals are supported\n");
		return -EINVAL;
	}
	return 0;
}

int array_add_disk(struct array *a, const mdu_disk_info_t *disk)
{
	dev_t dev = MKDEV(disk->major, disk->minor);
	int err;

	if (disk->major != MAJOR(dev) || disk->minor != MINOR(dev))
		return -EOVERFLOW;
	err = check_state(a, disk);
	if (err)
		return err;
	if (array_find_leg(a, dev))
		return -EBUSY; /* as any other device in use */
	if (array_running(a))
		return add_running(a, dev, disk);
	if (!a->raid_disks)
		return add_by_super(a, dev);
	return add_by_word(a, dev, disk);
}

int array_hot_add(struct array *a, dev_t dev)
{
	struct leg *leg;
	int err;

	if (!array_running(a))
		return -ENODEV;
	if (a->major_version) {
		array_err(a, "HOT_ADD_DISK is for metadata 0.90 or none: use ADD_NEW_DISK\n");
		return -EINVAL;
	}
	if (array_find_leg(a, dev) || leg_open(a, dev, MEMBER_FORMATS, &leg))
		return -EINVAL;
	err = check_fit(a, leg);
	err = err ?: attach(a, leg);
	if (err) {
		leg_close(leg);
		return err;
	}
	welcome(a, leg);
	return 0;
}

/* --- leaving -------------------------------------------------------------------------------- */

static bool is_active(struct array *a, struct leg *leg)
{
	if (leg->slot < 0 || test_bit(LEG_FAULTY, &leg->flags))
		return false;
	return test_bit(LEG_IN_SYNC, &leg->flags) || resync_running(a);
}

/* Array running. Afterwards no I/O knows it. */
static int leave_slot(struct array *a, struct leg *leg)
{
	int err;

	if (leg->slot < 0)
		return 0;
	array_suspend(a);
	attr_unlink_slot(leg);
	array_roster_lock(a);
	leg->saved_slot = leg->slot;
	err = a->pers->remove(a, leg);
	if (!err) {
		spin_lock_irq(&a->state_lock);
		leg->slot = -1;
		/* The sync that ran for it tells nothing of it when it comes back. */
		clear_bit(LEG_RECOVERING, &leg->flags);
		array_count_degraded(a);
		spin_unlock_irq(&a->state_lock);
	}
	array_roster_unlock(a);
	if (err)
		attr_link_slot(leg);
	array_resume(a);
	return err;
}

int array_remove_leg(struct array *a, struct leg *leg)
{
	int err = 0;

	if (array_running(a)) {
		if (is_active(a, leg)) {
			array_err(a, "%s is active and cannot be removed\n", leg->kname);
			return -EBUSY;
		}
		err = leave_slot(a, leg);
		if (err)
			return err;
		array_super_owed(a);
	}
	roster_drop(a, leg);
	return 0;
}

int array_hot_remove(struct array *a, dev_t dev)
{
	struct leg *leg;

	if (!array_running(a))
		return -ENODEV;
	leg = array_find_leg(a, dev);
	return leg ? array_remove_leg(a, leg) : -ENXIO;
}

/* Not the last one: that would take the array from its users. roster_lock held. */
static int fail_by_hand(struct array *a, struct leg *leg)
{
	if (array_fail_unless_last(a, leg, "by hand"))
		return 0;
	array_err(a, "%s is the last member that works: not failed\n", leg->kname);
	return -EBUSY;
}

int array_set_faulty(struct array *a, dev_t dev)
{
	struct leg *leg;
	int err = -ENODEV;

	mutex_lock(&a->roster_lock);
	leg = a->pers ? array_find_leg(a, dev) : NULL;
	if (leg)
		err = fail_by_hand(a, leg);
	mutex_unlock(&a->roster_lock);
	return err;
}

void roster_retire(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (leg->slot < 0 || !test_bit(LEG_FAULTY, &leg->flags) ||
		    !test_bit(LEG_FAILURE_RECORDED, &leg->flags) ||
		    test_bit(LEG_BLOCKED, &leg->flags))
			continue;
		if (!leave_slot(a, leg))
			set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	}
}

/* --- a faulty member that is still attached comes back ------------------------------------------ */

static void reset_leg(struct array *a, struct leg *leg, bool by_bitmap)
{
	array_roster_lock(a);
	spin_lock_irq(&a->state_lock);
	clear_bit(LEG_FULL_SYNC, &leg->flags);
	clear_bit(LEG_WRITE_ERROR, &leg->flags);
	clear_bit(LEG_WANT_REPLACEMENT, &leg->flags);
	if (by_bitmap)
		set_bit(LEG_BITMAP_SYNC, &leg->flags);
	else
		clear_bit(LEG_BITMAP_SYNC, &leg->flags);
	leg->recovery_sector = 0;
	clear_bit(LEG_FAULTY, &leg->flags);
	clear_bit(LEG_FAILURE_RECORDED, &leg->flags);
	spin_unlock_irq(&a->state_lock);
	array_roster_unlock(a);
}

/* Superblocks that say its failure are written: its events tell what it lacks. */
int array_re_add(struct array *a, struct leg *leg)
{
	bool by_bitmap;

	if (!array_running(a) || !test_bit(LEG_FAULTY, &leg->flags) ||
	    !test_bit(LEG_FAILURE_RECORDED, &leg->flags) || leg->slot >= 0 ||
	    leg->saved_slot < 0)
		return -EBUSY;
	/* Of one that was being rebuilt the bitmap does not know all that it lacks. */
	by_bitmap = a->intent && array_has_free_slot(a) &&
		    !test_bit(LEG_FULL_SYNC, &leg->flags) &&
		    (a->persistent ? intent_can_re_add(a->intent, leg->events) :
				     !intent_failed(a->intent));
	reset_leg(a, leg, by_bitmap);
	attr_notify_leg(leg);
	stat_changed();
	look_for_sync(a);
	return 0;
}

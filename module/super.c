// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of superblocks (P5): array_update_super() alone holds it. The
 * bitmap's first, durable; then those of all members that work, in turns (turn_of()),
 * each behind a flush of its member and itself durable. A member that cannot
 * be written to is failed, and the others are told so.
 */
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "array_impl.h"
#include "attr.h"
#include "core/member_super_update.h"
#include "intent.h"
#include "resync.h"
#include "trace.h"

int super_reserve(struct array *a, unsigned int legs)
{
	struct member_update_disk *roles;

	lockdep_assert_held(&a->super_lock);
	if (legs <= a->roles_room)
		return 0;
	roles = kvcalloc(legs, sizeof(*roles), GFP_KERNEL);
	if (!roles)
		return -ENOMEM;
	kvfree(a->roles);
	a->roles = roles;
	a->roles_room = legs;
	return 0;
}

/* --- what is owed -------------------------------------------------------------- */

static bool may_record(struct array *a)
{
	/* Without metadata that writes nothing, and somebody may wait for it. */
	return READ_ONCE(a->mode) == ARRAY_RW || !a->persistent;
}

bool array_super_is_owed(struct array *a)
{
	return may_record(a) &&
	       (test_bit(ARRAY_SUPER_DIRTY, &a->flags) ||
		test_bit(ARRAY_SUPER_CLEAN, &a->flags));
}

void array_super_owed(struct array *a)
{
	set_bit(ARRAY_SUPER_DIRTY, &a->flags);
	array_wake(a);
}

void array_super_awaited(struct array *a)
{
	lockdep_assert_held(&a->state_lock);
	set_bit(ARRAY_SUPER_DIRTY, &a->flags);
	set_bit(ARRAY_SUPER_PENDING, &a->flags);
}

bool array_super_settled(struct array *a)
{
	return !test_bit(ARRAY_SUPER_PENDING, &a->flags) ||
	       test_bit(ARRAY_BROKEN, &a->flags) || !may_record(a);
}

/* --- what they say --------------------------------------------------------------- */

enum turn { TURN_BEHIND, TURN_IN_SYNC, TURN_OTHERS, TURNS };

/*
 * When this update is written to it. Those come first that a power cut in the last one left
 * one behind: with two they would be out of date. Those in sync before the others: the
 * freshest must be one that the array can be started with.
 */
static enum turn turn_of(const struct leg *leg)
{
	if (!leg->told_in_sync)
		return TURN_OTHERS;
	return leg->events + 1 < leg->array->events ? TURN_BEHIND : TURN_IN_SYNC;
}

/* What this update says of it. */
static void tell(struct leg *leg)
{
	leg->told = test_bit(LEG_FAULTY, &leg->flags);
	leg->told_in_sync = test_bit(LEG_IN_SYNC, &leg->flags);
	leg->turn = turn_of(leg);
}

static u16 role_of(const struct leg *leg)
{
	if (leg->told)
		return MEMBER_ROLE_FAULTY;
	return leg->slot < 0 ? MEMBER_ROLE_SPARE : leg->slot;
}

/*
 * That a bitmap file has the rest of a recovery is never written: a driver
 * that does not know the file would believe the member to be complete.
 */
static void describe(struct leg *leg, struct member_update_disk *d)
{
	tell(leg);
	*d = (struct member_update_disk){
		.number = leg->number,
		.role = role_of(leg),
		.devflags =
			(test_bit(LEG_WRITE_MOSTLY, &leg->flags) ? MEMBER_WRITE_MOSTLY : 0) |
			(test_bit(LEG_FAILFAST, &leg->flags) ? MEMBER_FAILFAST : 0),
		.recovery_sector = leg->told_in_sync ? MEMBER_IN_SYNC :
			min_t(u64, READ_ONCE(leg->recovery_sector),
			      leg->array->member_sectors),
		.corrected_reads = atomic_read(&leg->corrected),
		.major = MAJOR(leg->dev),
		.minor = MINOR(leg->dev),
	};
}

static unsigned int describe_all(struct array *a)
{
	unsigned int n = 0;
	struct leg *leg;

	a->lowered = false;
	list_for_each_entry(leg, &a->legs, list) {
		describe(leg, &a->roles[n]);
		a->lowered |= !leg->told && a->roles[n].recovery_sector < leg->told_recovery;
		n++;
	}
	return n;
}

/* 0.90 numbers its members by what they are now. */
static int renumber(struct array *a, unsigned int n)
{
	struct leg *leg;
	int err;

	if (a->format != MEMBER_0_90)
		return 0;
	err = member_update_number_v0(a->roles, n, a->raid_disks);
	if (err)
		return err;
	n = 0;
	list_for_each_entry(leg, &a->legs, list)
		leg->number = a->roles[n++].number;
	return 0;
}

static int describe_array(struct array *a, struct member_update *u, bool clean,
			  sector_t resync_sector)
{
	unsigned int n = describe_all(a);

	*u = (struct member_update){
		.events = a->events,
		.utime = a->utime,
		.resync_sector = !clean || a->lowered ? 0 : resync_sector == NO_SECTOR ?
			MEMBER_IN_SYNC : resync_sector,
		.level = a->level,
		.layout = a->layout,
		.raid_disks = a->raid_disks,
		.size_sectors = a->member_sectors,
		.chunk_bytes = a->chunk_bytes,
		.disks = a->roles,
		.ndisks = n,
	};
	return renumber(a, n);
}

/* @self: its place in u->disks. The first superblock of a member is made, others are changed. */
static int make_super(struct leg *leg, const struct member_update *u, u32 self)
{
	struct array *a = leg->array;

	if (a->format == MEMBER_0_90 && !*(u32 *)leg->raw)
		return member_super_make_v0(leg->raw, u, self, a->uuid, a->ctime,
					    a->minor);
	return member_super_update(leg->raw, a->format, u, self);
}

/* --- flushes ----------------------------------------------------------------------------- */

static void send_flushes(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		leg->sent = !test_bit(LEG_FAULTY, &leg->flags);
		if (leg->sent)
			leg_flush(leg);
	}
}

static int wait_flushes(struct array *a)
{
	struct leg *leg;
	int err = 0;

	list_for_each_entry(leg, &a->legs, list) {
		if (!leg->sent || !leg_wait(leg))
			continue;
		if (test_bit(LEG_IN_SYNC, &leg->flags))
			err = -EIO;
		array_fail_leg(a, leg, "flush error");
	}
	return err;
}

int array_flush_legs(struct array *a)
{
	int err;

	mutex_lock(&a->super_lock);
	send_flushes(a);
	err = wait_flushes(a);
	mutex_unlock(&a->super_lock);
	return err;
}

/* --- one pass ---------------------------------------------------------------------- */

/*
 * A member that failed keeps the count it was last sent, which must stay
 * behind by two: one is tolerated when an array is assembled. One that had more
 * than the array when it joined, and was sent none, is not to be outrun.
 */
static u64 wanted_events(struct array *a)
{
	u64 events = a->events + 1 + a->super_behind;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (test_bit(LEG_FAULTY, &leg->flags) && leg->events <= a->events &&
		    !test_bit(LEG_FAILURE_RECORDED, &leg->flags))
			events = max(events, leg->events + 2);
	a->super_behind = false;
	return events;
}

/* Nobody counts so far, whatever a superblock says. */
static const u64 EVENTS_MAX = 1ULL << 62;

/*
 * So far past those that are to be outrun that nobody who knows them counts as many before he
 * comes: two are enough for one who is there, but others may have gone on with him.
 */
static const u64 OUTRUN_BY = 1 << 20;

void array_outrun(struct array *a, u64 events)
{
	events = min_t(u64, events, EVENTS_MAX) + OUTRUN_BY;
	spin_lock_irq(&a->state_lock);
	a->outrun = max(a->outrun, events);
	spin_unlock_irq(&a->state_lock);
	set_bit(ARRAY_SUPER_DIRTY, &a->flags);
}

static u64 take_outrun(struct array *a)
{
	u64 events;

	spin_lock_irq(&a->state_lock);
	events = a->outrun;
	a->outrun = 0;
	spin_unlock_irq(&a->state_lock);
	return events;
}

/* What this pass records, and that it is not owed any more. */
static bool take_owed(struct array *a, sector_t *resync_sector)
{
	bool clean;

	spin_lock_irq(&a->state_lock);
	clear_bit(ARRAY_SUPER_DIRTY, &a->flags);
	clear_bit(ARRAY_SUPER_CLEAN, &a->flags);
	clean = a->in_sync;
	*resync_sector = a->resync_sector;
	spin_unlock_irq(&a->state_lock);
	return clean;
}

static bool send_super(struct leg *leg, const struct member_update *u, u32 self)
{
	int err = make_super(leg, u, self);

	if (err) {
		array_err(leg->array, "%s: no room for a superblock of %u members: error %d\n",
			  leg->kname, u->ndisks, err);
		array_fail_leg(leg->array, leg, "superblock");
		return false;
	}
	leg->events = u->events;
	leg->told_recovery = leg->told_in_sync || leg->slot < 0 ? 0 :
		u->disks[self].recovery_sector;
	leg_write_super(leg);
	return true;
}

/* True if all that are in sync succeeded. */
static bool wait_supers(struct array *a)
{
	bool ok = true;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (!leg->sent)
			continue;
		if (leg_wait(leg)) {
			ok &= !test_bit(LEG_IN_SYNC, &leg->flags);
			array_fail_leg(a, leg, "superblock write error");
		}
	}
	return ok;
}

/* True if all that are in sync succeeded. */
static bool write_supers(struct array *a, const struct member_update *u, enum turn turn)
{
	struct leg *leg;
	u32 i = 0;

	list_for_each_entry(leg, &a->legs, list) {
		leg->sent = u->disks[i].role != MEMBER_ROLE_FAULTY &&
			    leg->turn == turn && send_super(leg, u, i);
		i++;
	}
	return wait_supers(a);
}

static void mark_recorded(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (leg->told)
			set_bit(LEG_FAILURE_RECORDED, &leg->flags);
		if (leg->told_in_sync)
			clear_bit(LEG_JOINING, &leg->flags);
	}
}

static void write_bitmap_super(struct array *a, bool forget)
{
	int err;

	if (!a->intent)
		return;
	/* An error leaves the file older than the members: stale, as it should be. */
	err = intent_write_super(a->intent, a->events, forget);
	trace_bitmap_super_write(a, a->events, err);
}

/*
 * Before some members say that all are in sync, and others do not yet: what these have only
 * in their caches would be lost unnoticed. The bitmap says where, but the next start may be
 * without it.
 */
static void flush_before_telling(struct array *a)
{
	send_flushes(a);
	wait_flushes(a);
}

/* This update says that nobody is in sync but those that writes may be behind on. */
static bool tells_of_laggards_only(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->slot >= 0 && !leg->told && leg->told_in_sync &&
		    !test_bit(LEG_WRITE_MOSTLY, &leg->flags))
			return false;
	return true;
}

/*
 * What they lack then, of writes that were acknowledged, only a member has that no start
 * would look at: so they get it first, on their media. Later writes wait for the update.
 */
static void await_laggards(struct array *a)
{
	/* After the look who is faulty, which is pending before it can be seen. */
	smp_mb();
	wait_event(a->super_wait, !atomic_read(&a->behind_told));
	flush_before_telling(a);
}

static int write_members(struct array *a, bool clean, sector_t resync_sector)
{
	u64 stamp = a->intent ? intent_flush_begin(a->intent) : 0;
	struct member_update u;
	enum turn turn;
	int err;

	if (clean)
		flush_before_telling(a);
	err = describe_array(a, &u, clean, resync_sector);
	if (!err && tells_of_laggards_only(a)) {
		await_laggards(a);
		err = describe_array(a, &u, clean, resync_sector);
	}
	if (err) {
		array_err(a, "superblocks cannot hold so many members: error %d\n", err);
		return err;
	}
	for (turn = 0; turn < TURNS && !err; turn++)
		if (!write_supers(a, &u, turn))
			err = -EIO;
	if (!err && a->intent)
		intent_flush_done(a->intent, stamp);
	trace_super_write(a, a->events, err);
	return err;
}

/* Without metadata there is nobody to tell but the bitmap's superblock. */
static int record_nowhere(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		tell(leg);
	write_bitmap_super(a, false);
	return 0;
}

/* Microseconds tell whose update it is, and which: see bitmap_super_is_of(). */
static void take_time(struct array *a)
{
	struct timespec64 now;

	ktime_get_real_ts64(&now);
	a->utime_before = a->utime;
	a->utime = member_time(now.tv_sec, now.tv_nsec / NSEC_PER_USEC ?: 1);
}

/*
 * Up to @events, one by one: whatever member a power cut keeps from being told,
 * it must not be behind those that were by more than is tolerated. But those who have
 * run without us may be ahead by any number: a power cut just then has a member left out.
 * Where a checkpoint is lowered "clean" waits for the next one: members in sync get that
 * first, and the next start would believe the higher checkpoint, if it is without the bitmap.
 */
static int write_events(struct array *a, u64 events, bool clean, sector_t resync_sector)
{
	u64 outrun = take_outrun(a);
	int err;

	WRITE_ONCE(a->events, max(a->events, outrun));
	do {
		WRITE_ONCE(a->events, a->events + 1);
		take_time(a);
		write_bitmap_super(a, outrun);
		err = write_members(a, clean, resync_sector);
		if (!err)
			WRITE_ONCE(a->events_recorded, a->events);
	} while (!err && (a->events < events || (clean && a->lowered)));
	return err;
}

static int write_pass(struct array *a)
{
	sector_t resync_sector;
	bool clean = take_owed(a, &resync_sector);
	int err;

	if (!a->persistent)
		err = record_nowhere(a);
	else
		err = write_events(a, wanted_events(a), clean, resync_sector);
	if (!err)
		mark_recorded(a);
	return err;
}

/* --- until nothing is owed ------------------------------------------------------------ */

static bool more_owed(struct array *a)
{
	return test_bit(ARRAY_SUPER_DIRTY, &a->flags) ||
	       test_bit(ARRAY_SUPER_CLEAN, &a->flags);
}

/* Writes may go on, unless something has come up since. */
static void settle(struct array *a, int err)
{
	spin_lock_irq(&a->state_lock);
	if (err) { /* nobody is left to tell: see array_super_settled() */
		clear_bit(ARRAY_SUPER_DIRTY, &a->flags);
		clear_bit(ARRAY_SUPER_CLEAN, &a->flags);
		set_bit(ARRAY_BROKEN, &a->flags);
		/* Who sees nothing pending sees why: admit_write(). */
		smp_mb__after_atomic();
	}
	if (!more_owed(a))
		clear_bit(ARRAY_SUPER_PENDING, &a->flags);
	spin_unlock_irq(&a->state_lock);
}

/* A pass that fails a member owes another one. */
static int update(struct array *a)
{
	int err;

	do {
		err = write_pass(a);
	} while (err && more_owed(a) && !test_bit(ARRAY_BROKEN, &a->flags));
	if (err)
		array_err(a, "superblocks could not be written: error %d\n", err);
	settle(a, err);
	return err;
}

int array_update_super(struct array *a)
{
	int err = 0;

	mutex_lock(&a->super_lock);
	if (may_record(a))
		err = update(a);
	mutex_unlock(&a->super_lock);
	wake_up_all(&a->super_wait);
	array_unpark(a);
	attr_notify_state(a);
	/* Failed writes may wait for what somebody else has recorded now. */
	if (array_super_is_owed(a) || current != a->manager)
		array_wake(a);
	return err;
}

/* --- failures ------------------------------------------------------------------------------ */

int array_count_degraded(struct array *a)
{
	int working = 0, before = a->degraded;
	struct leg *leg;

	lockdep_assert_held(&a->state_lock);
	list_for_each_entry(leg, &a->legs, list)
		working += leg->slot >= 0 && leg_in_sync(leg);
	a->degraded = max(a->raid_disks - working, 0);
	if (a->degraded != before)
		attr_notify_degraded(a);
	return a->degraded;
}

/* state_lock held. False: it is the last one. */
static bool set_faulty(struct array *a, struct leg *leg)
{
	if (a->pers && !a->pers->may_fail(a, leg))
		return false;
	/* First: a write that passes it by is to find that this is not recorded. */
	array_super_awaited(a);
	clear_bit(LEG_FAILURE_RECORDED, &leg->flags);
	smp_mb__after_atomic();
	set_bit(LEG_FAULTY, &leg->flags);
	clear_bit(LEG_IN_SYNC, &leg->flags);
	/* The events of a spare do not tell what it lacks. */
	if (leg->slot < 0 && !test_bit(LEG_BITMAP_SYNC, &leg->flags))
		set_bit(LEG_FULL_SYNC, &leg->flags);
	array_count_degraded(a);
	if (a->degraded >= a->raid_disks)
		set_bit(ARRAY_BROKEN, &a->flags);
	return true;
}

static void tell_failure(struct array *a, struct leg *leg, const char *why)
{
	trace_leg_failed(leg, why);
	array_warn(a, "member %s failed (%s), %d of %d work\n", leg->kname, why,
		   a->raid_disks - a->degraded, a->raid_disks);
	if (leg->slot >= 0)
		resync_interrupt(a);
	if (a->intent)
		intent_kick(a->intent);
	attr_notify_leg(leg);
	attr_notify_state(a);
	stat_changed();
	array_wake(a);
}

static void tell_broken(struct array *a, struct leg *leg, const char *why)
{
	array_err(a, "last member %s: %s: no more writes\n", leg->kname, why);
	array_dump(a, "broken");
	attr_notify_state(a);
	stat_changed();
	array_wake(a);
	array_unpark(a);
}

static bool fail_leg(struct array *a, struct leg *leg, const char *why, bool breaks)
{
	bool failed = true, broken = false, before;
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	before = test_bit(LEG_FAULTY, &leg->flags);
	if (!before)
		failed = set_faulty(a, leg);
	if (!failed && breaks)
		broken = !test_and_set_bit(ARRAY_BROKEN, &a->flags);
	spin_unlock_irqrestore(&a->state_lock, irq);
	if (broken)
		tell_broken(a, leg, why);
	else if (failed && !before)
		tell_failure(a, leg, why);
	return failed;
}

bool array_fail_leg(struct array *a, struct leg *leg, const char *why)
{
	return fail_leg(a, leg, why, true);
}

bool array_fail_unless_last(struct array *a, struct leg *leg, const char *why)
{
	return fail_leg(a, leg, why, false);
}

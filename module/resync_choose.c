// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which sync an array owes, and what the end of one means for its members.
 * All with a->lock held.
 */
#include "array_impl.h"
#include "attr.h"
#include "intent.h"
#include "resync_impl.h"
#include "stat.h"
#include "trace.h"

static unsigned int count_in_sync(struct array *a)
{
	struct leg *leg;
	unsigned int n = 0;

	list_for_each_entry(leg, &a->legs, list)
		n += leg->slot >= 0 && leg_in_sync(leg);
	return n;
}

static bool is_lacking(const struct leg *leg)
{
	return leg->slot >= 0 && !test_bit(LEG_FAULTY, &leg->flags) &&
	       !test_bit(LEG_IN_SYNC, &leg->flags);
}

static bool any_lacking(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (is_lacking(leg))
			return true;
	return false;
}

/* --- spares take free slots --------------------------------------------- */

static bool is_spare(const struct leg *leg)
{
	return leg->slot < 0 && !test_bit(LEG_FAULTY, &leg->flags);
}

static bool spares_are_wanted(struct array *a)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (is_spare(leg))
			return array_has_free_slot(a);
	return false;
}

/*
 * Who finds no slot now could not come back by the bitmap later; nor can anybody
 * once writes have gone by that it does not know of.
 */
static bool add_spares(struct array *a)
{
	struct leg *leg;
	bool added = false;

	list_for_each_entry(leg, &a->legs, list) {
		if (!is_spare(leg))
			continue;
		if (a->intent && intent_failed(a->intent))
			clear_bit(LEG_BITMAP_SYNC, &leg->flags);
		if (a->pers->add(a, leg)) {
			clear_bit(LEG_BITMAP_SYNC, &leg->flags);
			continue;
		}
		attr_link_slot(leg);
		added = true;
	}
	return added;
}

static void take_spares(struct array *a)
{
	unsigned long irq;
	bool added;

	array_suspend(a);
	array_roster_lock(a);
	added = add_spares(a);
	spin_lock_irqsave(&a->state_lock, irq);
	array_count_degraded(a);
	spin_unlock_irqrestore(&a->state_lock, irq);
	array_roster_unlock(a);
	/* What one that comes back had in its cache may be gone. */
	if (added && a->intent)
		intent_member_returns(a->intent);
	/* Its own superblock may say that it is in sync, and it is written to from here on. */
	if (added) {
		array_super_owed(a);
		array_update_super(a);
	}
	array_resume(a);
	stat_changed();
}

/* --- the end of a sync -------------------------------------------------- */

static void join(struct array *a, struct leg *leg)
{
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	if (!test_bit(LEG_FAULTY, &leg->flags)) {
		WRITE_ONCE(leg->recovery_sector, NO_SECTOR);
		clear_bit(LEG_BITMAP_SYNC, &leg->flags);
		clear_bit(LEG_FULL_SYNC, &leg->flags);
		set_bit(LEG_JOINING, &leg->flags);
		smp_mb__after_atomic();
		set_bit(LEG_IN_SYNC, &leg->flags);
		leg->saved_slot = leg->slot;
	}
	array_count_degraded(a);
	spin_unlock_irqrestore(&a->state_lock, irq);
	trace_leg_in_sync(leg, "recovered");
	attr_notify_leg(leg);
}

static void end_targets(struct array *a, bool complete)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (!test_and_clear_bit(LEG_RECOVERING, &leg->flags))
			continue;
		if (complete)
			join(a, leg);
	}
	/* Bits are cleared from here on, and no events tell who lacks what they said. */
	if (!a->persistent && !a->degraded) {
		roster_forget(a);
		a->was_whole = true;
	}
}

/* From there on members may differ; NO_SECTOR: nowhere. */
static void set_resync_sector(struct array *a, sector_t sector)
{
	unsigned long irq;

	spin_lock_irqsave(&a->state_lock, irq);
	a->resync_sector = sector;
	spin_unlock_irqrestore(&a->state_lock, irq);
}

/*
 * Those that are in sync owe each other a sync, which a recovery is not; or what a
 * recovery has copied already owes another.
 */
static bool owed_to_others(struct array *a)
{
	return a->intent && a->resync->action == SYNC_RECOVER &&
	       (test_bit(ARRAY_CHUNK_OWED, &a->flags) ||
		(count_in_sync(a) > 1 && a->resync_sector != NO_SECTOR));
}

/* What a resync may have passed already; its checkpoint does not tell of it. */
static bool owed_behind(struct array *a)
{
	return a->intent && a->resync->action == SYNC_RESYNC &&
	       test_bit(ARRAY_CHUNK_OWED, &a->flags);
}

/* Bits go only when it is on disk that their members are in sync. */
static void settle_engine(struct array *a, bool complete, bool owed)
{
	if (!a->intent)
		return;
	if (complete)
		intent_sync_finish(a->intent, owed || a->degraded > 0);
	else
		intent_sync_abort(a->intent);
	intent_kick(a->intent);
}

static void conclude(struct resync *r, bool complete)
{
	struct array *a = r->array;
	bool owed = owed_to_others(a);

	if (r->action != SYNC_RESYNC && r->action != SYNC_RECOVER)
		return;
	if (owed_behind(a))
		set_resync_sector(a, min(a->resync_sector, intent_next_owed(a->intent, 0)));
	resync_record(r, resync_mark(r));
	if (r->action == SYNC_RESYNC && complete)
		set_resync_sector(a, NO_SECTOR);
	end_targets(a, complete);
	array_super_owed(a);
	array_update_super(a);
	settle_engine(a, complete, owed);
}

static void log_end(struct resync *r, bool complete)
{
	struct array *a = r->array;
	const char *name = sync_action_names[r->action];

	trace_sync_end(a, r->action, resync_mark(r), complete ? 0 :
		       test_bit(RESYNC_UNREADABLE, &r->flags) ? -EIO : -EINTR);
	if (complete)
		array_info(a, "%s done\n", name);
	else if (test_bit(RESYNC_UNREADABLE, &r->flags))
		array_err(a, "%s given up\n", name);
	else
		array_info(a, "%s interrupted\n", name);
}

/* A check that was interrupted goes on from there when it is asked for again. */
static void keep_range(struct resync *r, bool complete)
{
	struct array *a = r->array;

	if (complete)
		WRITE_ONCE(a->sync_max, NO_SECTOR);
	if (r->action == SYNC_CHECK || r->action == SYNC_REPAIR)
		a->sync_min = complete ? 0 : round_down(resync_mark(r),
							(sector_t)PAGE_SIZE >> SECTOR_SHIFT);
}

static void reap(struct resync *r)
{
	struct array *a = r->array;
	bool complete;

	resync_wait_thread(r);
	complete = test_bit(RESYNC_COMPLETE, &r->flags) && !owed_behind(a);
	conclude(r, complete);
	log_end(r, complete);
	keep_range(r, complete);
	if (r->action == SYNC_RESYNC || r->action == SYNC_RECOVER)
		r->hopeless = test_bit(RESYNC_UNREADABLE, &r->flags);
	if (r->action == r->requested)
		r->requested = SYNC_IDLE;
	r->last = r->action;
	/* Until the manager has looked, nobody shall think that this was all. */
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	/*
	 * What became owed behind it. While one is lacking, bits say nothing of the
	 * others; of a store that failed they say the same for ever.
	 */
	if (!a->degraded && a->intent && !intent_failed(a->intent))
		set_bit(ARRAY_CHUNK_OWED, &a->flags);
	clear_bit(RESYNC_RUNNING, &r->flags);
	attr_notify_action(a);
	attr_notify_completed(a);
	stat_changed();
	array_wake(a);
}

/* --- the start of one --------------------------------------------------- */

void resync_lower_recovery(struct array *a, sector_t sector)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (is_lacking(leg) && leg->recovery_sector > sector)
			WRITE_ONCE(leg->recovery_sector, sector);
}

void resync_look_for_owed(struct array *a)
{
	sector_t sector;
	bool told;

	lockdep_assert_held(&a->lock);
	/* What a sync that runs may have passed: it is interrupted first: let_owed_go_first(). */
	if (resync_running(a) && (a->resync->action == SYNC_RESYNC ||
				  a->resync->action == SYNC_RECOVER))
		return;
	told = test_and_clear_bit(ARRAY_CHUNK_OWED, &a->flags);
	if (!a->intent)
		return;
	/* Then all that a member missed has bits, too; or bits stay that no commit follows. */
	if ((a->degraded || intent_failed(a->intent)) && !told)
		return;
	sector = intent_next_owed(a->intent, 0);
	/* Nor can who is being recovered be told to have it, where no bitmap may say so. */
	if (a->degraded) {
		resync_lower_recovery(a, sector);
		array_super_owed(a);
	}
	if (sector >= a->resync_sector || count_in_sync(a) < 2)
		return;
	set_resync_sector(a, sector);
	array_super_owed(a);
}

/*
 * One member alone has nobody to differ from but those that are recovering:
 * these were given what another held there.
 */
static bool owes_resync(struct array *a)
{
	if (a->resync_sector == NO_SECTOR)
		return false;
	if (count_in_sync(a) > 1)
		return true;
	if (!a->intent)
		resync_lower_recovery(a, a->resync_sector);
	set_resync_sector(a, NO_SECTOR);
	array_super_owed(a);
	return false;
}

static enum sync_action choose(struct array *a)
{
	struct resync *r = a->resync;

	if (!r->hopeless && owes_resync(a))
		return SYNC_RESYNC;
	if (!r->hopeless && any_lacking(a))
		return SYNC_RECOVER;
	return r->requested;
}

static sector_t mark_targets(struct array *a)
{
	sector_t start = a->array_sectors;
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list) {
		if (!is_lacking(leg))
			continue;
		set_bit(LEG_RECOVERING, &leg->flags);
		start = min(start, leg->recovery_sector);
	}
	return start;
}

static sector_t first_sector(struct array *a, enum sync_action action)
{
	sector_t start;

	switch (action) {
	case SYNC_RESYNC:
		return a->intent ? 0 : a->resync_sector;
	case SYNC_RECOVER:
		start = mark_targets(a);
		/* What the bits say counts below the checkpoint, too. */
		return a->intent ? 0 : start;
	default:
		return a->sync_min;
	}
}

static sector_t engine_chunk(struct array *a)
{
	struct intent_status st;

	if (!a->intent)
		return 1;
	intent_get_status(a->intent, &st);
	return st.chunk_bytes >> SECTOR_SHIFT;
}

static void start(struct array *a, enum sync_action action)
{
	struct resync *r = a->resync;
	int err;

	r->action = action;
	r->start = min(first_sector(a, action), a->array_sectors);
	r->end = a->array_sectors;
	r->chunk_sectors = engine_chunk(a);
	if (action == r->requested)
		atomic64_set(&a->mismatches, 0);
	err = resync_turn_prepare(r) ?: resync_start_thread(r);
	if (err) {
		array_err(a, "no memory for a %s\n", sync_action_names[action]);
		resync_turn_forget(r);
		end_targets(a, false);
		r->hopeless = true;
		return;
	}
	array_info(a, "%s started at sector %llu\n", sync_action_names[action],
		   (unsigned long long)r->start);
	trace_sync_start(a, action, r->start);
	attr_notify_action(a);
	stat_changed();
}

static bool may_sync(struct array *a)
{
	return a->mode == ARRAY_RW && !test_bit(ARRAY_SYNC_FROZEN, &a->flags) &&
	       !test_bit(ARRAY_BROKEN, &a->flags);
}

/*
 * A chunk in which those that are in sync differ is made equal before it is copied
 * from one of them, for the copy ends with its bit.
 */
static void let_owed_go_first(struct array *a)
{
	if (owed_to_others(a) || owed_behind(a))
		resync_interrupt(a);
}

void resync_manage(struct array *a)
{
	struct resync *r = a->resync;
	enum sync_action action;

	if (r->thread) {
		if (!test_bit(RESYNC_ENDED, &r->flags)) {
			let_owed_go_first(a);
			return;
		}
		reap(r);
	}
	if (test_bit(ARRAY_CHUNK_OWED, &a->flags))
		resync_look_for_owed(a);
	if (!may_sync(a))
		return;
	if (spares_are_wanted(a)) {
		take_spares(a);
		r->hopeless = false;
	}
	action = choose(a);
	if (action != SYNC_IDLE)
		start(a, action);
	clear_bit(ARRAY_SYNC_NEEDED, &a->flags);
}

/* --- what users want ---------------------------------------------------- */

enum sync_action resync_action(struct array *a)
{
	struct resync *r = a->resync;

	if (resync_running(a))
		return r->action;
	if (test_bit(ARRAY_SYNC_FROZEN, &a->flags))
		return SYNC_FROZEN;
	if (!r || a->mode != ARRAY_RW || !test_bit(ARRAY_SYNC_NEEDED, &a->flags))
		return SYNC_IDLE;
	if (a->resync_sector != NO_SECTOR)
		return SYNC_RESYNC;
	return a->degraded ? SYNC_RECOVER : r->requested;
}

enum sync_action resync_last(struct array *a)
{
	return a->resync ? a->resync->last : SYNC_IDLE;
}

static void look_again(struct array *a)
{
	a->resync->hopeless = false;
	set_bit(ARRAY_SYNC_NEEDED, &a->flags);
	array_wake(a);
}

void resync_stop(struct array *a, bool freeze)
{
	struct resync *r = a->resync;

	if (freeze)
		set_bit(ARRAY_SYNC_FROZEN, &a->flags);
	if (!r || !r->thread)
		return;
	resync_interrupt(a);
	reap(r);
}

void resync_thaw(struct array *a)
{
	clear_bit(ARRAY_SYNC_FROZEN, &a->flags);
	if (a->resync)
		look_again(a);
}

static int request_start(struct array *a, enum sync_action action)
{
	if (a->resync->thread)
		return -EBUSY;
	clear_bit(ARRAY_SYNC_FROZEN, &a->flags);
	if (action == SYNC_CHECK || action == SYNC_REPAIR)
		a->resync->requested = action;
	if (a->mode == ARRAY_READ_AUTO)
		array_become_rw(a);
	look_again(a);
	return 0;
}

int resync_request(struct array *a, enum sync_action action)
{
	if (!a->resync || !a->pers)
		return -EINVAL;
	switch (action) {
	case SYNC_FROZEN:
		resync_stop(a, true);
		return 0;
	case SYNC_IDLE:
		a->resync->requested = SYNC_IDLE;
		resync_stop(a, false);
		resync_thaw(a);
		return 0;
	case SYNC_RESYNC:
	case SYNC_RECOVER:
	case SYNC_CHECK:
	case SYNC_REPAIR:
		return request_start(a, action);
	default:
		return -EINVAL;
	}
}

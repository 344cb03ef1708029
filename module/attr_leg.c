// SPDX-License-Identifier: GPL-2.0-only
/*
 * md/dev-XXX/: a member. md-abi.md 7.5.
 */
#include "array.h"
#include "attr.h"
#include "attr_impl.h"
#include "intent.h"
#include "leg.h"

/* --- state ---------------------------------------------------------------------- */

static const struct {
	enum leg_flag flag;
	const char *word;
} state_flags[] = {	/* in the order of stock md's list */
	{ LEG_FAULTY, "faulty" },
	{ LEG_IN_SYNC, "in_sync" },
	{ LEG_WRITE_MOSTLY, "write_mostly" },
	{ LEG_BLOCKED, "blocked" },
	{ LEG_WRITE_ERROR, "write_error" },
	{ LEG_WANT_REPLACEMENT, "want_replacement" },
	{ LEG_FAILFAST, "failfast" },
};

static ssize_t state_show(struct leg *leg, char *page)
{
	unsigned long flags = READ_ONCE(leg->flags);
	const char *comma = "";
	size_t i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(state_flags); i++) {
		if (!(flags & BIT(state_flags[i].flag)))
			continue;
		n += sysfs_emit_at(page, n, "%s%s", comma, state_flags[i].word);
		comma = ",";
	}
	if (!(flags & (BIT(LEG_FAULTY) | BIT(LEG_IN_SYNC))))
		n += sysfs_emit_at(page, n, "%sspare", comma);
	return n + sysfs_emit_at(page, n, "\n");
}

static int state_faulty(struct leg *leg, enum leg_flag flag)
{
	return array_set_faulty(leg->array, leg->dev);
}

static int state_remove(struct leg *leg, enum leg_flag flag)
{
	return array_remove_leg(leg->array, leg);
}

static int state_re_add(struct leg *leg, enum leg_flag flag)
{
	if (!test_bit(LEG_FAULTY, &leg->flags) || leg->slot >= 0 || leg->saved_slot < 0)
		return -EBUSY;
	return array_re_add(leg->array, leg);
}

/* P4: where members may differ it must always be the same one that is read from. */
static bool owes_sync(struct array *a)
{
	return a->resync_sector != NO_SECTOR ||
	       (a->intent && intent_next_owed(a->intent, 0) != NO_SECTOR);
}

/* Marks that superblocks keep. */
static int state_mark(struct leg *leg, enum leg_flag flag)
{
	set_bit(flag, &leg->flags);
	array_super_owed(leg->array);
	return 0;
}

static int state_unmark(struct leg *leg, enum leg_flag flag)
{
	clear_bit(flag, &leg->flags);
	array_super_owed(leg->array);
	return 0;
}

/*
 * Suspended, and flushed: who is read from first, and copied from after a power cut, may
 * be another one from there on, and nothing may be behind on that one.
 */
static int change_mostly(struct leg *leg, bool on)
{
	struct array *a = leg->array;
	int err = 0;

	array_suspend(a);
	if (owes_sync(a))
		err = -EBUSY;
	else if (a->mode == ARRAY_RW)
		array_flush_legs(a); /* who cannot is faulty */
	if (!err)
		assign_bit(LEG_WRITE_MOSTLY, &leg->flags, on);
	array_resume(a);
	return err;
}

static int state_mostly(struct leg *leg, enum leg_flag flag)
{
	int err = array_running(leg->array) ? change_mostly(leg, true) : 0;

	return err ?: state_mark(leg, flag);
}

static int state_not_mostly(struct leg *leg, enum leg_flag flag)
{
	int err = array_running(leg->array) ? change_mostly(leg, false) : 0;

	return err ?: state_unmark(leg, flag);
}

static int state_set(struct leg *leg, enum leg_flag flag)
{
	set_bit(flag, &leg->flags);
	return 0;
}

static int state_clear(struct leg *leg, enum leg_flag flag)
{
	clear_bit(flag, &leg->flags);
	array_wake(leg->array);
	return 0;
}

/* While the array is put together by hand, before it runs. */
static int state_insync(struct leg *leg, enum leg_flag flag)
{
	if (leg->slot >= 0 || array_running(leg->array))
		return -EINVAL;
	leg->recovery_sector = NO_SECTOR;
	return state_set(leg, flag);
}

static int state_not_insync(struct leg *leg, enum leg_flag flag)
{
	if (leg->slot < 0 || array_running(leg->array))
		return -EINVAL;
	clear_bit(flag, &leg->flags);
	leg->saved_slot = leg->slot;
	leg->slot = -1;
	return 0;
}

/* RAID1 of ours knows none. */
static int state_replacement(struct leg *leg, enum leg_flag flag)
{
	return array_running(leg->array) ? -EBUSY : -EINVAL;
}

static const struct {
	const char *word;
	int (*store)(struct leg *leg, enum leg_flag flag);
	enum leg_flag flag;
} state_words[] = {
	{ "faulty", state_faulty },
	{ "remove", state_remove },
	{ "re-add", state_re_add },
	{ "writemostly", state_mostly, LEG_WRITE_MOSTLY },
	{ "-writemostly", state_not_mostly, LEG_WRITE_MOSTLY },
	{ "failfast", state_mark, LEG_FAILFAST },
	{ "-failfast", state_unmark, LEG_FAILFAST },
	{ "blocked", state_set, LEG_BLOCKED },
	{ "-blocked", state_clear, LEG_BLOCKED },
	{ "write_error", state_set, LEG_WRITE_ERROR },
	{ "-write_error", state_clear, LEG_WRITE_ERROR },
	{ "replacement", state_replacement },
	{ "-replacement", state_replacement },
	{ "insync", state_insync, LEG_IN_SYNC },
	{ "-insync", state_not_insync, LEG_IN_SYNC },
};

static int state_store(struct leg *leg, const char *text)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(state_words); i++) {
		if (!sysfs_streq(text, state_words[i].word))
			continue;
		err = state_words[i].store(leg, state_words[i].flag);
		if (!err)
			attr_notify_leg(leg);
		return err;
	}
	return -EINVAL;
}
LEG_RW(state);

/* --- place ------------------------------------------------------------------------ */

static ssize_t slot_show(struct leg *leg, char *page)
{
	if (leg->slot < 0)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%d\n", leg->slot);
}

static bool slot_taken(struct array *a, int slot)
{
	struct leg *leg;

	list_for_each_entry(leg, &a->legs, list)
		if (leg->slot == slot)
			return true;
	return false;
}

static int slot_store(struct leg *leg, const char *text)
{
	struct array *a = leg->array;
	int slot = -1;

	if (!sysfs_streq(text, "none") && (kstrtoint(text, 10, &slot) || slot < 0))
		return -EINVAL;
	if (array_running(a))
		return slot < 0 && leg->slot < 0 ? -EEXIST : -EBUSY;
	if (slot >= max(a->raid_disks, 0))
		return -ENOSPC;
	if (slot >= 0 && slot != leg->slot && slot_taken(a, slot))
		return -EBUSY;
	leg->slot = slot;
	return 0;
}
LEG_RW(slot);

static ssize_t offset_show(struct leg *leg, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)leg->data_sector);
}

static int offset_store(struct leg *leg, const char *text)
{
	unsigned long long sector;

	if (kstrtoull(text, 10, &sector))
		return -EINVAL;
	if (sector == leg->data_sector)
		return 0;
	if (array_running(leg->array) || leg->array->persistent)
		return -EBUSY;
	if (sector >= bdev_nr_sectors(leg->bdev))
		return -ENOSPC;
	leg->data_sector = sector;
	leg->sectors = min(leg->sectors, bdev_nr_sectors(leg->bdev) - leg->data_sector);
	return 0;
}
LEG_RW(offset);

static ssize_t new_offset_show(struct leg *leg, char *page)
{
	return offset_show(leg, page);
}

static int new_offset_store(struct leg *leg, const char *text)
{
	return attr_same_number(text, leg->data_sector);
}
LEG_RW(new_offset);

static ssize_t size_show(struct leg *leg, char *page)
{
	return sysfs_emit(page, "%llu\n", (unsigned long long)leg->sectors / 2);
}

static int size_store(struct leg *leg, const char *text)
{
	unsigned long long kib;

	if (kstrtoull(text, 10, &kib) || !kib)
		return -EINVAL;
	if (kib > leg->sectors / 2)
		return -ENOSPC;
	if (kib == leg->sectors / 2)
		return 0;
	if (array_running(leg->array))
		return -EBUSY;
	leg->sectors = kib * 2;
	return 0;
}
LEG_RW(size);

/* --- condition --------------------------------------------------------------------- */

static ssize_t recovery_start_show(struct leg *leg, char *page)
{
	if (test_bit(LEG_IN_SYNC, &leg->flags) || leg->recovery_sector == NO_SECTOR)
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%llu\n", (unsigned long long)leg->recovery_sector);
}

static int recovery_start_store(struct leg *leg, const char *text)
{
	sector_t sector;

	if (attr_parse_sector(text, "none", &sector))
		return -EINVAL;
	if (array_running(leg->array) && leg->slot >= 0)
		return -EBUSY;
	leg->recovery_sector = sector;
	if (sector == NO_SECTOR)
		set_bit(LEG_IN_SYNC, &leg->flags);
	else
		clear_bit(LEG_IN_SYNC, &leg->flags);
	return 0;
}
LEG_RW(recovery_start);

static ssize_t errors_show(struct leg *leg, char *page)
{
	return sysfs_emit(page, "%d\n", atomic_read(&leg->corrected));
}

static int errors_store(struct leg *leg, const char *text)
{
	unsigned int n;

	if (kstrtouint(text, 10, &n) || n > INT_MAX)
		return -EINVAL;
	atomic_set(&leg->corrected, n);
	return 0;
}
LEG_RW(errors);

/* --- what stock md has, and we do not ------------------------------------------------ */

static int refuse_store(struct leg *leg, const char *text)
{
	return -EINVAL;
}

static ssize_t bad_blocks_show(struct leg *leg, char *page)
{
	return 0;
}
#define bad_blocks_store refuse_store
LEG_RW(bad_blocks);

#define unacknowledged_bad_blocks_show bad_blocks_show
#define unacknowledged_bad_blocks_store refuse_store
LEG_RW(unacknowledged_bad_blocks);

static ssize_t ppl_sector_show(struct leg *leg, char *page)
{
	return sysfs_emit(page, "0\n");
}
#define ppl_sector_store refuse_store
LEG_RW(ppl_sector);

#define ppl_size_show ppl_sector_show
#define ppl_size_store refuse_store
LEG_RW(ppl_size);

static struct attribute *leg_attrs[] = {
	&entry_state.attr,
	&entry_slot.attr,
	&entry_offset.attr,
	&entry_new_offset.attr,
	&entry_size.attr,
	&entry_recovery_start.attr,
	&entry_errors.attr,
	&entry_bad_blocks.attr,
	&entry_unacknowledged_bad_blocks.attr,
	&entry_ppl_sector.attr,
	&entry_ppl_size.attr,
	NULL,
};

static const struct attribute_group leg_group = { .attrs = leg_attrs };

const struct attribute_group *attr_leg_groups[] = { &leg_group, NULL };

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choice of members. Judged one rule after the other; the first that knows
 * an answer gives it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "choose.h"
#include "report.h"

const char *choice_text(enum choice choice)
{
	static const char *const text[] = {
		[CHOICE_ACTIVE] = "active",
		[CHOICE_SPARE] = "spare",
		[CHOICE_BEHIND] = "behind",
		[CHOICE_FAULTY] = "faulty",
		[CHOICE_DUPLICATE] = "duplicate",
		[CHOICE_DIVERGED] = "diverged",
	};

	return text[choice];
}

static const struct member_super *super_of(const struct candidate *c)
{
	return &c->member->super;
}

static bool has_slot(const struct member_super *ms)
{
	return ms->role < ms->raid_disks;
}

static bool same_device(const struct member *a, const struct member *b)
{
	if (a->rdev || b->rdev)
		return a->rdev == b->rdev;
	return !strcmp(a->path, b->path);
}

static int check_pair(const struct member *a, const struct member *b)
{
	const struct member_super *x = &a->super, *y = &b->super;

	if (same_device(a, b))
		return fail(-EEXIST, "%s and %s are one device: name it once",
			    safe(a->path), safe(b->path));
	if (memcmp(x->uuid, y->uuid, UUID_BYTES))
		return fail(-ESTALE, "%s and %s belong to different arrays: UUID %s "
			    "and %s; leave one out", safe(a->path), safe(b->path),
			    member_uuid_text(x), member_uuid_text(y));
	if (x->format != y->format)
		return fail(-ESTALE, "%s and %s have different metadata: %s and %s; "
			    "leave one out", safe(a->path), safe(b->path),
			    member_format_text(x), member_format_text(y));
	return 0;
}

static int check_pairs(const struct candidate *c, size_t count)
{
	size_t i, j;
	int err;

	for (i = 1; i < count; i++)
		for (j = 0; j < i; j++) {
			err = check_pair(c[j].member, c[i].member);
			if (err)
				return err;
		}
	return 0;
}

/* Whole members before those still being rebuilt, originals before stand-ins. */
static unsigned int rank(const struct member_super *ms)
{
	return !(ms->features & MEMBER_FEATURE_RECOVERY_OFFSET) * 2u +
	       !(ms->features & MEMBER_FEATURE_REPLACEMENT);
}

static bool better(const struct member_super *a, const struct member_super *b)
{
	if (a->events != b->events)
		return a->events > b->events;
	return rank(a) > rank(b);
}

static int find_freshest(const struct candidate *c, size_t count, size_t *freshest)
{
	size_t i, best = SIZE_MAX;

	for (i = 0; i < count; i++)
		if (has_slot(super_of(&c[i])) &&
		    (best == SIZE_MAX || better(super_of(&c[i]), super_of(&c[best]))))
			best = i;
	if (best == SIZE_MAX)
		return fail(-ENODEV, count ? "none of the devices given holds a place in "
			    "the array: spares and faulty members only; name more" :
			    "no member given");
	*freshest = best;
	return 0;
}

static uint16_t role_in(const struct member_super *table, uint32_t number)
{
	return number < table->max_devices ? table->roles[number] : MEMBER_ROLE_SPARE;
}

static bool knows_slot(const struct member_super *table, unsigned int slot)
{
	uint32_t i;

	for (i = 0; i < table->max_devices; i++)
		if (table->roles[i] == slot)
			return true;
	return false;
}

/* md tolerates one event: the crash came between two superblock writes. */
static bool is_behind(const struct member_super *ms, const struct member_super *fresh)
{
	return fresh->events - ms->events > 1;
}

static enum choice judge_spare(const struct member_super *ms,
			       const struct member_super *fresh, unsigned int *slot)
{
	uint16_t role = role_in(fresh, ms->number);

	if (ms->role == MEMBER_ROLE_FAULTY || role == MEMBER_ROLE_FAULTY)
		return CHOICE_FAULTY;
	/*
	 * Promoted by an update that it did not get. By the table alone, md
	 * would take it for in sync; joining later it is rebuilt.
	 */
	if (ms->role == MEMBER_ROLE_SPARE && role < fresh->raid_disks) {
		*slot = role;
		return CHOICE_BEHIND;
	}
	return CHOICE_SPARE;
}

static enum choice judge(const struct member_super *ms,
			 const struct member_super *fresh, unsigned int *slot)
{
	uint16_t role = role_in(fresh, ms->number);

	if (!has_slot(ms))
		return judge_spare(ms, fresh, slot);
	*slot = ms->role;
	if (is_behind(ms, fresh))
		return CHOICE_BEHIND;
	if (role >= fresh->raid_disks)
		return CHOICE_FAULTY;
	*slot = role;
	return CHOICE_ACTIVE;
}

/* A member that is not too old has to agree on what the array is. */
static int check_shape(const struct candidate *c, const struct candidate *fresh)
{
	const struct member_super *x = super_of(c), *y = super_of(fresh);

	if (c->choice != CHOICE_ACTIVE ||
	    (x->level == y->level && x->layout == y->layout &&
	     x->chunk_bytes == y->chunk_bytes))
		return 0;
	return fail(-ESTALE, "%s and %s disagree about the array: level %d, layout "
		    "%#x, chunk %" PRIu64 " B and %d, %#x, %" PRIu64
		    " B; leave one out", safe(c->member->path),
		    safe(fresh->member->path), x->level, x->layout,
		    (uint64_t)x->chunk_bytes, y->level, y->layout,
		    (uint64_t)y->chunk_bytes);
}

static bool same_place(const struct candidate *a, const struct candidate *b)
{
	const struct member_super *x = super_of(a), *y = super_of(b);

	if (a->choice == CHOICE_ACTIVE && b->choice == CHOICE_ACTIVE &&
	    a->slot == b->slot &&
	    !((x->features ^ y->features) & MEMBER_FEATURE_REPLACEMENT))
		return true;
	return x->number == y->number;
}

/* Goes in now or may later. The enum's order is the order of preference. */
static bool competes(const struct candidate *c)
{
	return c->choice == CHOICE_ACTIVE || c->choice == CHOICE_SPARE ||
	       c->choice == CHOICE_BEHIND;
}

/* Of two devices for one place: the more useful, the fresher, the one named first. */
static void settle(struct candidate *a, struct candidate *b)
{
	bool keep_a;

	if (!competes(a) || !competes(b) || !same_place(a, b))
		return;
	if (a->choice != b->choice)
		keep_a = a->choice < b->choice;
	else
		keep_a = !better(super_of(b), super_of(a));
	(keep_a ? b : a)->choice = CHOICE_DUPLICATE;
}

static void find_duplicates(struct candidate *c, size_t count)
{
	size_t i, j;

	for (i = 1; i < count; i++)
		for (j = 0; j < i; j++)
			settle(&c[j], &c[i]);
}

/*
 * A member fails out of an array in which another one still works, and says
 * so until its end. One whose own table knows none of the members chosen
 * went on alone.
 */
static bool diverged(const struct candidate *self, const struct candidate *c,
		     size_t count)
{
	const struct member_super *table = super_of(self);
	bool others = false;
	size_t i;

	for (i = 0; i < count; i++) {
		if (&c[i] == self || c[i].choice != CHOICE_ACTIVE ||
		    c[i].slot == table->role)
			continue;
		if (role_in(table, super_of(&c[i])->number) == c[i].slot)
			return false;
		others = true;
	}
	return others;
}

/* One generation has one role table: equally fresh, it must know the other. */
static bool contradicts(const struct candidate *self, const struct candidate *fresh)
{
	return super_of(self)->events == super_of(fresh)->events &&
	       role_in(super_of(self), super_of(fresh)->number) != fresh->slot;
}

static void find_diverged(struct candidate *c, size_t count, size_t freshest)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (c[i].choice == CHOICE_ACTIVE && i != freshest &&
		    contradicts(&c[i], &c[freshest]))
			c[i].choice = CHOICE_DIVERGED;
	for (i = 0; i < count; i++)
		if ((c[i].choice == CHOICE_BEHIND || c[i].choice == CHOICE_FAULTY) &&
		    has_slot(super_of(&c[i])) && diverged(&c[i], c, count))
			c[i].choice = CHOICE_DIVERGED;
}

static unsigned int count_active(const struct candidate *c, size_t count,
				 unsigned int slots)
{
	unsigned int slot, active = 0;
	size_t i;

	for (slot = 0; slot < slots; slot++)
		for (i = 0; i < count; i++)
			if (c[i].choice == CHOICE_ACTIVE && c[i].slot == slot) {
				active++;
				break;
			}
	return active;
}

static unsigned int count_expected(const struct member_super *fresh)
{
	unsigned int slot, expected = 0;

	for (slot = 0; slot < fresh->raid_disks; slot++)
		expected += knows_slot(fresh, slot);
	return expected;
}

int choose_members(struct candidate *candidates, size_t count, struct selection *out)
{
	const struct member_super *fresh;
	size_t i, freshest = 0;
	int err;

	err = check_pairs(candidates, count);
	if (!err)
		err = find_freshest(candidates, count, &freshest);
	if (err)
		return err;
	fresh = super_of(&candidates[freshest]);
	for (i = 0; i < count; i++) {
		struct candidate *c = &candidates[i];

		c->slot = 0;
		c->choice = judge(super_of(c), fresh, &c->slot);
		err = check_shape(c, &candidates[freshest]);
		if (err)
			return err;
	}
	find_duplicates(candidates, count);
	find_diverged(candidates, count, freshest);
	*out = (struct selection) {
		.candidates = candidates,
		.count = count,
		.freshest = freshest,
		.active = count_active(candidates, count, fresh->raid_disks),
		.expected = count_expected(fresh),
		.slots = fresh->raid_disks,
	};
	return 0;
}

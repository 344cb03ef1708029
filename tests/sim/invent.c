// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scripts that luck makes up: anything, with power cuts at any time; feuds, in
 * which members run apart, with the bitmap file or without it, and meet again; and
 * brawls, of all that, with any members at each start.
 */
#include "script.h"

static u32 pick(const u32 *from, size_t n)
{
	return from[random_below(n)];
}

#define PICK(...) pick((const u32[]){ __VA_ARGS__ }, sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))

static void any_config(struct config *c)
{
	c->members = PICK(2, 2, 3);
	c->spares = c->members == 3 && chance(500);
	c->chunks = PICK(16, 32, 64, 64, 64, 200);
	c->chunk_sectors = PICK(1, 2, 2, 4, 8);
	/* More than one page of words; more than one block of bits: slow. */
	if (chance(40))
		c->chunks = 4097;
	if (chance(5)) {
		c->chunks = 40000;
		c->chunk_sectors = 1;
	}
	c->budget = chance(700) ? 0 : random_below(c->chunks + 1);
	c->delay_ms = PICK(200, 1000, 5000);
	c->quantum = PICK(10, 40, 150, 1000);
	c->nomem = chance(200) ? 50 : 0;
	c->mostly = chance(300) ? 1 + (c->members == 3 && chance(300)) : 0;
	c->behind = c->mostly && chance(700) ? 16 : 0;
	c->lazy = PICK(0, 0, 1, 2);
	c->fua = chance(600);
	c->direct = chance(800);
	c->blockdev = chance(200);
	/* A resync of many chunks is many steps, and each of its cuts takes one. */
	c->cut = c->chunks > 1000 ? c->chunks / 2 : PICK(5, 10, 20, 40);
	c->tries = c->chunks > 1000 ? 2 : PICK(2, 4, 8);
	c->unlogged = PICK(0, 100, 400);
	c->halfway = PICK(0, 100, 300);
	/* So many bits are set ahead as were written: up to 1/32 of the budget. */
	if (chance(200)) {
		c->stream = PICK(300, 800);
		c->budget = 32 * PICK(4, 16, c->chunks);
	}
}

/* Of disks that are less than perfect, and of starts after power cuts. */
static void any_trouble(struct config *c)
{
	c->patience = PICK(0, 0, 3, 20);
	if (chance(100))
		c->nomem = PICK(50, 200, 600);
	if (c->behind)
		c->behind = PICK(1, 2, 16);
	c->lazy = PICK(0, 0, 1, 2, 3);
	c->zeroes = PICK(0, 0, 100, 300);
	c->nowait = PICK(0, 0, 150);
	c->order = random_below(6);
	c->nested = PICK(0, 30, 100);
	c->used = PICK(0, 300);
}

static void append(struct script *s, enum verbs verb, u32 x, u32 y)
{
	if (s->n < ACTIONS_MAX)
		s->actions[s->n++] = (struct action){ .verb = &verbs[verb], .args = { x, y } };
}

/* With write-behind the one that is not behind may have the only copy: it is not to fail then. */
static void power_cut(struct script *s)
{
	append(s, chance(500) ? POWERCUT : POWERCUT_UNLOGGED, 0, 0);
	if (s->config.behind)
		append(s, SYNC, 0, 0);
}

/* One goes, and comes back, in some way. */
static void member_trip(struct script *s)
{
	u32 m = random_below(s->config.members);

	append(s, chance(500) ? FAIL : BREAK, m, 0);
	append(s, SLEEP, random_below(3000), 0);
	if (chance(300)) {
		append(s, RE_ADD, m, 0);
		return;
	}
	append(s, REMOVE, m, 0);
	if (chance(500))
		append(s, SLEEP, random_below(3000), 0);
	if (chance(500))
		append(s, LOSE, m, 0);
	if (chance(900))
		append(s, ADD, m, 0);
	if (chance(500))
		append(s, SYNC, 0, 0);
}

static void store_trip(struct script *s)
{
	if (chance(500)) {
		append(s, STOREFAIL, 0, 0);
		append(s, SLEEP, random_below(3000), 0);
	}
	if (chance(300))
		append(s, WAIT, 0, 0);
	append(s, DETACH, 0, 0);
	if (chance(500))
		append(s, SLEEP, random_below(1000), 0);
	append(s, ATTACH, 0, 0);
}

static void any_load(struct script *s)
{
	append(s, LOAD, 1 + random_below(4), 2 + random_below(15));
}

/* One member is on its own for a while. */
static void part_trip(struct script *s)
{
	append(s, PART, random_below(MEMBERS_MAX), chance(400));
	if (chance(500))
		append(s, READ_AUTO, 0, 0);
	if (chance(700))
		any_load(s);
	if (chance(500))
		append(s, SLEEP, random_below(3000), 0);
	append(s, ADD_ALL, 0, 0);
	if (chance(300))
		append(s, SYNC, 0, 0);
	if (chance(500))
		append(s, ATTACH, 0, 0);
}

/* The bitmap is left out for a while. */
static void unlogged_trip(struct script *s)
{
	append(s, RESTART_UNLOGGED, 0, 0);
	if (chance(500))
		any_load(s);
	if (chance(500))
		member_trip(s);
	append(s, SLEEP, random_below(3000), 0);
	append(s, ATTACH, 0, 0);
}

/* What comes back is recovered up to somewhere. */
static void slow_trip(struct script *s)
{
	append(s, SYNC_MAX, 1 + random_below(s->config.chunks * s->config.chunk_sectors), 0);
	member_trip(s);
	append(s, SYNC_MAX, 0, 0);
}

/* Of the array as a whole. */
static void any_turn(struct script *s)
{
	u32 luck = random_below(8);

	if (luck < 2)
		part_trip(s);
	else if (luck < 4)
		append(s, REACTIVATE, 0, 0);
	else if (luck < 5)
		append(s, READ_ONLY, random_below(2000), 0);
	else if (luck < 6)
		append(s, READ_AUTO, 0, 0);
	else if (luck < 7)
		unlogged_trip(s);
	else
		slow_trip(s);
}

/* Two fail, one after the other, and come back. */
static void two_trip(struct script *s)
{
	u32 m = random_below(s->config.members), n = random_below(s->config.members);

	append(s, chance(500) ? FAIL : KILL, m, 0);
	append(s, SLEEP, random_below(300), 0);
	if (chance(500))
		append(s, LOSE, m, 0);
	append(s, BREAK, n, random_below(6));
	append(s, SLEEP, random_below(3000), 0);
	if (chance(500)) {
		append(s, REMOVE, n, 0);
		append(s, ADD, n, 0);
	} else {
		append(s, RE_ADD, n, 0);
	}
	append(s, RE_ADD, m, 0);
	append(s, ADD_ALL, 0, 0);
}

/* One fails while the bitmap does. */
static void member_and_store_trip(struct script *s)
{
	u32 m = random_below(s->config.members);

	append(s, STOREFAIL, random_below(8), 0);
	append(s, FAIL, m, 0);
	append(s, SLEEP, random_below(1000), 0);
	append(s, RE_ADD, m, 0);
	append(s, SLEEP, random_below(1000), 0);
	if (chance(500))
		append(s, DETACH, 0, 0);
	append(s, ATTACH, 0, 0);
}

static void any_fault(struct script *s)
{
	u32 m = random_below(s->config.members), n;

	switch (random_below(8)) {
	case 0:
		/* Always the same member: what nobody can read, no sync makes equal. */
		m = s->seed % s->config.members;
		for (n = random_below(4); n; n--)
			append(s, SPOIL, m, random_below(s->config.chunks * s->config.chunk_sectors));
		break;
	case 1:
		append(s, REFUSE, m, chance(700));
		break;
	case 2:
		append(s, BREAK_FLUSH, m, 0);
		append(s, SLEEP, random_below(3000), 0);
		append(s, RE_ADD, m, 0);
		break;
	case 3:
		two_trip(s);
		break;
	case 4:
		member_and_store_trip(s);
		break;
	case 5:
		append(s, REPAIR, 0, 0);
		break;
	case 6:
		append(s, chance(500) ? FREEZE : ASK_FOR_CLEAN, 0, 0);
		break;
	default:
		append(s, READ_AUTO, 1, 0);
		break;
	}
}

static void any_action(struct script *s)
{
	u32 luck = random_below(125);

	if (chance(200))
		any_fault(s);
	else if (luck < 30)
		any_load(s);
	else if (luck < 50)
		append(s, SLEEP, random_below(8000), 0);
	else if (luck < 75)
		member_trip(s);
	else if (luck < 80)
		store_trip(s);
	else if (luck < 85)
		append(s, RESTART, 0, 0);
	else if (luck < 90)
		power_cut(s);
	else if (luck < 93)
		append(s, CHECK, 0, 0);
	else if (luck < 95)
		append(s, MARK, random_below(s->config.chunks), 1 + random_below(4));
	else if (luck >= 100)
		any_turn(s);
	else if (s->config.stream)
		append(s, BUDGET, PICK(0, 1, 32) * random_below(s->config.chunks), 0);
	else
		append(s, SYNC, 0, 0);
}

static void any_writes(struct script *s)
{
	u32 n;

	for (n = random_below(4); n; n--)
		append(s, WRITE, random_below(s->config.chunks * s->config.chunk_sectors - 1), 2);
	if (chance(200))
		append(s, SLEEP, PICK(300, 3000, 9000), 0);
}

/*
 * Who is added is synced at once: who has not everything cannot be started alone.
 * @attached, @whole: masks of members.
 */
static void any_feud(struct script *s)
{
	unsigned int members = s->config.members, whole = (1 << members) - 1, attached = whole;
	unsigned int n;

	for (n = 3 + random_below(7); n; n--) {
		u32 luck = random_below(100), m = random_below(members);

		if (luck < 70) {
			append(s, chance(500) ? ALONE : ALONE_UNLOGGED, m, 0);
			attached = 1 << m;
		} else if (luck < 85 && !(attached & 1 << m)) {
			append(s, ADD, m, 0);
			append(s, SYNC, 0, 0);
			attached |= 1 << m;
		} else if (luck < 90) {
			append(s, RESTART, 0, 0);
			attached = whole;
		} else if (luck < 95) {
			append(s, ADD_ALL, 0, 0);
			append(s, SYNC, 0, 0);
			attached = whole;
		} else {
			power_cut(s);
			append(s, SYNC, 0, 0);
			attached = whole;
		}
		any_writes(s);
	}
}

/* --- whole scripts ---------------------------------------------------------------- */

static void invent_any(struct script *s)
{
	unsigned int n;

	any_config(&s->config);
	if (chance(500))
		any_trouble(&s->config);
	append(s, CUTS, 0, 0);
	append(s, LOAD, 1 + random_below(4), 5 + random_below(20));
	for (n = 1 + random_below(8); n; n--)
		any_action(s);
	append(s, WAIT, 0, 0);
}

static void invent_feud(struct script *s)
{
	s->config.members = PICK(2, 3, 3, 3);
	any_feud(s);
	append(s, ADD_ALL, 0, 0);
}

/* Nothing that was acknowledged needs to be left, where the one who had it is. */
static void invent_brawl(struct script *s)
{
	u32 whole, n;

	any_config(&s->config);
	any_trouble(&s->config);
	s->config.chunks = PICK(16, 64);
	s->config.chunk_sectors = 2;
	s->config.lossy = 1;
	s->config.cut = PICK(10, 20, 40);
	s->config.tries = 2;
	whole = (1 << s->config.members) - 1;
	if (chance(500))
		append(s, CUTS, 0, 0);
	for (n = 3 + random_below(7); n; n--) {
		u32 luck = random_below(100);

		if (luck < 25)
			append(s, SUBSET, 1 + random_below(whole - 1), chance(300));
		else if (luck < 50)
			append(s, chance(500) ? ALONE : ALONE_UNLOGGED, random_below(s->config.members), 0);
		else if (luck < 60)
			append(s, ADD, random_below(s->config.members), 0);
		else if (luck < 70)
			append(s, ADD_ALL, 0, 0);
		else
			any_action(s);
		if (chance(300))
			any_load(s);
		else
			any_writes(s);
	}
	append(s, ADD_ALL, 0, 0);
}

static struct script *invent(u64 seed, void (*fn)(struct script *s))
{
	struct script *s = script_new();
	struct machine luck = { .random = seed };

	machine = &luck;
	s->seed = seed;
	fn(s);
	machine = NULL;
	return s;
}

struct script *script_random(u64 seed)
{
	return invent(seed, invent_any);
}

struct script *script_feud(u64 seed)
{
	return invent(seed, invent_feud);
}

struct script *script_brawl(u64 seed)
{
	return invent(seed, invent_brawl);
}

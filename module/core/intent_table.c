// SPDX-License-Identifier: GPL-2.0-only
#include "intent_table.h"

#define ROW(next, flags) { .state = INTENT_##next, .effects = (flags) }
#define REFUSE(stay) ROW(stay, INTENT_REFUSED)

/* What all durable states share: writes come and go, and need no commit. */
#define WRITES(stay) \
	[INTENT_START] = ROW(stay, INTENT_COUNT_UP | INTENT_YOUNG), \
	[INTENT_COMMITTED] = ROW(stay, 0), \
	[INTENT_END] = ROW(stay, INTENT_COUNT_DOWN), \
	[INTENT_UNDO] = ROW(stay, INTENT_COUNT_DOWN), \
	/* Any write that missed a slot owes a sync, whatever the sync in \
	 * progress has read of it. */ \
	[INTENT_END_MISSED] = ROW(NEEDED, INTENT_COUNT_DOWN), \
	[INTENT_LOAD] = ROW(NEEDED, 0), \
	[INTENT_MARK] = ROW(NEEDED, 0)

/* No sync is under way here: its events are the caller's mistake. */
#define NO_SYNC(stay) \
	[INTENT_SYNC_END] = REFUSE(stay), \
	[INTENT_SYNC_KEEP] = REFUSE(stay), \
	[INTENT_SYNC_ABORT] = REFUSE(stay)

#define NEVER_CLEARED(stay) \
	[INTENT_AGE] = REFUSE(stay), \
	[INTENT_CLEAR] = REFUSE(stay)

#define CLEAN_ROWS { \
	[INTENT_START] = ROW(SETTING, INTENT_COUNT_UP | INTENT_YOUNG | \
				      INTENT_SET_BIT | INTENT_WAIT), \
	[INTENT_COMMITTED] = ROW(CLEAN, 0), \
	/* Nothing is in flight, so nothing ends. */ \
	[INTENT_END] = REFUSE(CLEAN), \
	[INTENT_END_MISSED] = REFUSE(CLEAN), \
	[INTENT_UNDO] = REFUSE(CLEAN), \
	NEVER_CLEARED(CLEAN), \
	/* Durable, since it was read from there: the one way past SETTING. */ \
	[INTENT_LOAD] = ROW(NEEDED, INTENT_YOUNG), \
	/* Not durable yet, so that a write that comes now waits like any. */ \
	[INTENT_MARK] = ROW(SETTING_NEEDED, INTENT_YOUNG | INTENT_SET_BIT), \
	[INTENT_SYNC_START] = REFUSE(CLEAN), \
	NO_SYNC(CLEAN), \
}

/*
 * Writes can end here, unsent as a rule, but sent too when the store has
 * failed and the members carry what makes the file stale: the bit is still
 * not on the medium, so the state stays, and remembers a missed slot.
 * The sync has to wait, not to skip: what it copies is known to differ only
 * by a bit that a power cut would lose.
 */
#define SETTING_ROWS(stay, then) { \
	[INTENT_START] = ROW(stay, INTENT_COUNT_UP | INTENT_YOUNG | INTENT_WAIT), \
	[INTENT_COMMITTED] = ROW(then, 0), \
	[INTENT_END] = ROW(stay, INTENT_COUNT_DOWN), \
	[INTENT_END_MISSED] = ROW(SETTING_NEEDED, INTENT_COUNT_DOWN), \
	[INTENT_UNDO] = ROW(stay, INTENT_COUNT_DOWN), \
	NEVER_CLEARED(stay), \
	[INTENT_LOAD] = ROW(SETTING_NEEDED, 0), \
	[INTENT_MARK] = ROW(SETTING_NEEDED, 0), \
	[INTENT_SYNC_START] = REFUSE(stay), \
	NO_SYNC(stay), \
}

/* Degraded, a write that reached every slot that is there leaves a bit too. */
#define DIRTY_ROWS(clear) { \
	WRITES(DIRTY), \
	[INTENT_AGE] = ROW(DIRTY, INTENT_OLDER | INTENT_IF_IDLE), \
	[INTENT_CLEAR] = clear, \
	[INTENT_SYNC_START] = REFUSE(DIRTY), \
	NO_SYNC(DIRTY), \
}

#define CLEAR_IF_AGED ROW(CLEAN, INTENT_YOUNG | INTENT_CLEAR_BIT | \
				 INTENT_IF_IDLE | INTENT_IF_AGED)

/*
 * A sync may end here: a write missed a slot, or somebody marked the chunk,
 * while it ran. What it copied is no longer enough.
 */
#define NEEDED_ROWS { \
	WRITES(NEEDED), \
	NEVER_CLEARED(NEEDED), \
	[INTENT_SYNC_START] = ROW(SYNCING, 0), \
	[INTENT_SYNC_END] = ROW(NEEDED, 0), \
	[INTENT_SYNC_KEEP] = ROW(NEEDED, 0), \
	[INTENT_SYNC_ABORT] = ROW(NEEDED, 0), \
}

/*
 * The sync's own writes are as volatile as any: its end makes the chunk
 * young, and only a sweep and a flush from there on clear the bit.
 */
#define SYNCING_ROWS(end) { \
	WRITES(SYNCING), \
	NEVER_CLEARED(SYNCING), \
	[INTENT_SYNC_START] = ROW(SYNCING, 0), \
	[INTENT_SYNC_END] = end, \
	[INTENT_SYNC_KEEP] = ROW(NEEDED, INTENT_YOUNG), \
	[INTENT_SYNC_ABORT] = ROW(NEEDED, 0), \
}

const struct intent_row
intent_table[2][INTENT_STATES][INTENT_EVENTS] = {
	[false] = {
		[INTENT_CLEAN] = CLEAN_ROWS,
		[INTENT_SETTING] = SETTING_ROWS(SETTING, DIRTY),
		[INTENT_SETTING_NEEDED] = SETTING_ROWS(SETTING_NEEDED, NEEDED),
		[INTENT_DIRTY] = DIRTY_ROWS(CLEAR_IF_AGED),
		[INTENT_NEEDED] = NEEDED_ROWS,
		[INTENT_SYNCING] = SYNCING_ROWS(ROW(DIRTY, INTENT_YOUNG)),
	},
	/* A missing slot will want to know what it missed: nothing is cleared,
	 * and a sync settles nothing. */
	[true] = {
		[INTENT_CLEAN] = CLEAN_ROWS,
		[INTENT_SETTING] = SETTING_ROWS(SETTING, DIRTY),
		[INTENT_SETTING_NEEDED] = SETTING_ROWS(SETTING_NEEDED, NEEDED),
		[INTENT_DIRTY] = DIRTY_ROWS(REFUSE(DIRTY)),
		[INTENT_NEEDED] = NEEDED_ROWS,
		[INTENT_SYNCING] = SYNCING_ROWS(ROW(NEEDED, INTENT_YOUNG)),
	},
};

const char *const intent_state_names[INTENT_STATES] = {
	[INTENT_CLEAN] = "clean",
	[INTENT_SETTING] = "setting",
	[INTENT_SETTING_NEEDED] = "setting, sync needed",
	[INTENT_DIRTY] = "dirty",
	[INTENT_NEEDED] = "sync needed",
	[INTENT_SYNCING] = "syncing",
};

const char *const intent_event_names[INTENT_EVENTS] = {
	[INTENT_START] = "write starts",
	[INTENT_COMMITTED] = "bit is durable",
	[INTENT_END] = "write ended",
	[INTENT_END_MISSED] = "write ended, missed a slot",
	[INTENT_UNDO] = "write undone",
	[INTENT_AGE] = "sweep",
	[INTENT_CLEAR] = "clear",
	[INTENT_LOAD] = "load",
	[INTENT_MARK] = "mark",
	[INTENT_SYNC_START] = "sync starts",
	[INTENT_SYNC_END] = "sync ended",
	[INTENT_SYNC_KEEP] = "sync ended, a slot is missing",
	[INTENT_SYNC_ABORT] = "sync aborted",
};

static_assert(INTENT_STATES <= 1 << (16 - INTENT_STATE_SHIFT), "three bits");

/* Why the row's event may not happen to this word now: effects, or 0. */
static unsigned int refusal(u16 word, unsigned int effects)
{
	unsigned int count = intent_count_of(word);

	if (effects & INTENT_REFUSED ||
	    (effects & INTENT_COUNT_DOWN && !count) ||
	    (effects & INTENT_IF_IDLE && count) ||
	    (effects & INTENT_IF_AGED && !intent_age_of(word)))
		return INTENT_REFUSED;
	if (effects & INTENT_COUNT_UP && count == INTENT_COUNT_MAX)
		return INTENT_FULL;
	return 0;
}

u16 intent_next(u16 word, enum intent_event event, bool degraded,
		unsigned int *effects)
{
	const struct intent_row *row;
	unsigned int count = intent_count_of(word), age = intent_age_of(word);

	/* No such state: only a word that is not ours. */
	if (intent_state_of(word) >= INTENT_STATES) {
		*effects = INTENT_REFUSED;
		return word;
	}
	row = &intent_table[degraded][intent_state_of(word)][event];
	*effects = refusal(word, row->effects);
	if (*effects)
		return word;
	*effects = row->effects;
	if (row->effects & INTENT_COUNT_UP)
		count++;
	if (row->effects & INTENT_COUNT_DOWN)
		count--;
	if (row->effects & INTENT_YOUNG)
		age = 0;
	if (row->effects & INTENT_OLDER && age < INTENT_AGE_MAX)
		age++;
	return intent_word(row->state, age, count);
}

unsigned int intent_apply(u16 *word, enum intent_event event, bool degraded)
{
	u16 old = port_load16(word), new;
	unsigned int effects;

	do {
		new = intent_next(old, event, degraded, &effects);
		if (effects & (INTENT_REFUSED | INTENT_FULL))
			break;
	} while (!port_try_cmpxchg16(word, &old, new));
	return effects;
}

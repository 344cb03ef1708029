/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a chunk of the array is, and what each event makes of it: const data
 * and the one interpreter that reads it. Every chunk has a word of 16 bits:
 *
 *	bits  0-10	writes in flight
 *	bits 11-12	age: sweeps since the last write began, at most 3
 *	bits 13-15	enum intent_state
 *
 * so that a write to a chunk whose bit is durable costs one atomic operation
 * when it starts and one when it ends. A word of zero is a clean chunk that
 * nobody writes to: memory for words is needed only where there are others.
 *
 * Which transitions may run without the engine's lock: those from and to
 * states whose bit is durable (intent_durable()). The others change the
 * image's bit together with the word, under that lock. Both kinds meet in
 * INTENT_CLEAR: it runs under the lock, but on a word that writes may start
 * on meanwhile, and the compare-and-exchange in intent_apply() decides.
 */
#ifndef CORE_INTENT_TABLE_H
#define CORE_INTENT_TABLE_H

#include "port.h"

enum intent_state {
	INTENT_CLEAN,		/* bit clear in the image */
	INTENT_SETTING,		/* bit set in the image, not yet durable: writes wait */
	INTENT_SETTING_NEEDED,	/* the same, and a sync will be owed when it is */
	INTENT_DIRTY,		/* durable: members may differ after a crash */
	INTENT_NEEDED,		/* durable, and a sync is owed */
	INTENT_SYNCING,		/* durable, and the sync is under way */
	INTENT_STATES,
};

enum intent_event {
	INTENT_START,		/* a write begins */
	INTENT_COMMITTED,	/* the commit that carries the bit is durable */
	INTENT_END,		/* a write ended, and every slot has it */
	INTENT_END_MISSED,	/* a write ended, and some slot lacks it */
	INTENT_UNDO,		/* a write that began was never sent to a member */
	INTENT_AGE,		/* a sweep passes */
	INTENT_CLEAR,		/* a sweep would like the bit cleared */
	INTENT_LOAD,		/* the store was read, and has the bit set */
	INTENT_MARK,		/* members are known to differ, or may */
	INTENT_SYNC_START,	/* the sync reads the chunk */
	INTENT_SYNC_END,	/* the sync made its members equal */
	INTENT_SYNC_KEEP,	/* it did, of those that are there; some slot lacks it */
	INTENT_SYNC_ABORT,	/* the sync was interrupted, or failed */
	INTENT_EVENTS,
};

/*
 * What the event does to the word (interpreter), or refuses to do, and what
 * the caller owes when it has happened.
 */
enum {
	INTENT_COUNT_UP = 1 << 0,	/* interpreter: one write more in flight */
	INTENT_COUNT_DOWN = 1 << 1,	/* interpreter: one less */
	INTENT_YOUNG = 1 << 2,		/* interpreter: age becomes 0 */
	INTENT_OLDER = 1 << 3,		/* interpreter: age grows, up to 3 */
	INTENT_IF_IDLE = 1 << 4,	/* interpreter: only if no write is in flight */
	INTENT_SET_BIT = 1 << 5,	/* caller: set the image's bit, take a new ticket */
	INTENT_CLEAR_BIT = 1 << 6,	/* caller: clear the image's bit */
	INTENT_WAIT = 1 << 7,		/* caller: the write waits for the bit's commit */
	INTENT_REFUSED = 1 << 8,	/* nothing happened: not in this state, or busy */
	INTENT_FULL = 1 << 9,		/* nothing happened: too many writes in flight */
	INTENT_IF_AGED = 1 << 10,	/* interpreter: only if a sweep found it idle */
};

enum {
	INTENT_COUNT_MAX = (1 << 11) - 1,
	INTENT_AGE_SHIFT = 11,
	INTENT_AGE_MAX = 3,
	INTENT_STATE_SHIFT = 13,
};

struct intent_row {
	u8 state;		/* enum intent_state after the event */
	u16 effects;
};

/* [degraded: is some slot without an in-sync member?][state][event] */
extern const struct intent_row
intent_table[2][INTENT_STATES][INTENT_EVENTS];

static inline enum intent_state intent_state_of(u16 word)
{
	return word >> INTENT_STATE_SHIFT;
}

static inline unsigned int intent_age_of(u16 word)
{
	return word >> INTENT_AGE_SHIFT & INTENT_AGE_MAX;
}

static inline unsigned int intent_count_of(u16 word)
{
	return word & INTENT_COUNT_MAX;
}

static inline u16 intent_word(enum intent_state state, unsigned int age,
			      unsigned int count)
{
	return (u16)(state << INTENT_STATE_SHIFT | age << INTENT_AGE_SHIFT | count);
}

/* Is the bit on the medium, so that members may be written to? */
static inline bool intent_durable(u16 word)
{
	return intent_state_of(word) >= INTENT_DIRTY;
}

/*
 * The word after @event, and *effects. The word is unchanged with
 * INTENT_REFUSED or INTENT_FULL. Pure.
 */
u16 intent_next(u16 word, enum intent_event event, bool degraded,
		unsigned int *effects);

/*
 * The same on a word that others change at the same time: an atomic
 * read-modify-write, fully ordered where it changes the word. Returns the
 * effects. For words whose bit is durable no lock is needed.
 */
unsigned int intent_apply(u16 *word, enum intent_event event, bool degraded);

/*
 * The fast path of a write: START on a word whose bit is durable. False if it
 * is not, or if too many writes are in flight: then take the slow path.
 */
static inline bool intent_start_fast(u16 *word)
{
	u16 old = port_load16(word);

	do {
		if (!intent_durable(old) ||
		    intent_count_of(old) == INTENT_COUNT_MAX)
			return false;
	} while (!port_try_cmpxchg16(word, &old,
				     (u16)((old & ~(INTENT_AGE_MAX << INTENT_AGE_SHIFT)) + 1)));
	return true;
}

/* The same for its INTENT_END: false if the table has to be asked. */
static inline bool intent_end_fast(u16 *word)
{
	u16 old = port_load16(word);

	do {
		if (!intent_durable(old) || !intent_count_of(old))
			return false;
	} while (!port_try_cmpxchg16(word, &old, (u16)(old - 1)));
	return true;
}

/* Names for status, log and the man page's table. */
extern const char *const intent_state_names[INTENT_STATES];
extern const char *const intent_event_names[INTENT_EVENTS];

#endif

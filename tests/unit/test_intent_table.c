// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state table of a chunk: every word, every event, degraded or not. And
 * all interleavings of a few writers, a committer, a sweeper, flushes and a
 * sync on one chunk, against the one invariant: members that may differ after
 * a power cut have the bit set in whatever is on the medium then.
 */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "module/core/commit.h"
#include "module/core/intent_table.h"

/* ---- one event ------------------------------------------------------------ */

enum { WORDS = INTENT_STATES << INTENT_STATE_SHIFT };

struct step {
	u16 from, to;
	enum intent_event event;
	bool degraded;
	unsigned int effects;
};

static bool refused(const struct step *s)
{
	return s->effects & (INTENT_REFUSED | INTENT_FULL);
}

static bool owes_sync(u16 word)
{
	enum intent_state state = intent_state_of(word);

	return state == INTENT_SETTING_NEEDED || state == INTENT_NEEDED ||
	       state == INTENT_SYNCING;
}

static unsigned int changed_count(const struct step *s)
{
	return intent_count_of(s->to) - intent_count_of(s->from);
}

/* @check sees every word there can be, with every event. */
static void for_each_step(void (*check)(const struct step *))
{
	struct step s;
	unsigned int word, event, degraded;

	for (word = 0; word < WORDS; word++)
		for (event = 0; event < INTENT_EVENTS; event++)
			for (degraded = 0; degraded < 2; degraded++) {
				s.from = (u16)word;
				s.event = event;
				s.degraded = degraded;
				s.to = intent_next(s.from, event, degraded,
						   &s.effects);
				check(&s);
			}
}

static void check_clear(const struct step *s)
{
	if (intent_state_of(s->from) == INTENT_CLEAN ||
	    intent_state_of(s->to) != INTENT_CLEAN)
		return;
	assert_int_equal(s->event, INTENT_CLEAR);
	assert_int_equal(intent_count_of(s->from), 0);
	assert_int_equal(intent_state_of(s->from), INTENT_DIRTY);
	assert_true(intent_age_of(s->from) > 0);
	assert_false(s->degraded);
	assert_int_equal(s->to, 0);
}

static void a_chunk_is_cleared_only_when_idle_aged_and_nothing_is_owed_or_missing(void **state)
{
	for_each_step(check_clear);
}

static void check_clears_at_all(const struct step *s)
{
	if (s->event == INTENT_CLEAR && !s->degraded &&
	    intent_state_of(s->from) == INTENT_DIRTY &&
	    !intent_count_of(s->from) && intent_age_of(s->from))
		assert_int_equal(s->to, 0);
}

static void a_dirty_chunk_that_a_sweep_found_idle_can_be_cleared(void **state)
{
	for_each_step(check_clears_at_all);
}

static void check_count(const struct step *s)
{
	unsigned int change = 0;

	if (s->effects & INTENT_COUNT_UP)
		change = 1;
	if (s->effects & INTENT_COUNT_DOWN)
		change = -1U;
	assert_int_equal(changed_count(s), change);
	if (!refused(s))
		assert_int_equal(change, s->event == INTENT_START ? 1U :
					 s->event == INTENT_END ||
					 s->event == INTENT_END_MISSED ||
					 s->event == INTENT_UNDO ? -1U : 0U);
	if (change == 1)
		assert_true(intent_count_of(s->from) < INTENT_COUNT_MAX);
	if (change == -1U)
		assert_true(intent_count_of(s->from) > 0);
}

static void the_count_never_wraps_and_only_writes_change_it(void **state)
{
	for_each_step(check_count);
}

static void check_writes(const struct step *s)
{
	unsigned int count = intent_count_of(s->from);
	bool clean = intent_state_of(s->from) == INTENT_CLEAN;

	if (s->event == INTENT_START)
		assert_int_equal(s->effects & (INTENT_REFUSED | INTENT_FULL),
				 count == INTENT_COUNT_MAX ? INTENT_FULL : 0);
	if (s->event == INTENT_END || s->event == INTENT_END_MISSED ||
	    s->event == INTENT_UNDO)
		assert_int_equal(refused(s), !count || clean);
}

static void a_write_may_always_start_and_what_started_may_end(void **state)
{
	for_each_step(check_writes);
}

static void check_refused(const struct step *s)
{
	if (!refused(s))
		return;
	assert_int_equal(s->to, s->from);
	assert_true(s->effects == INTENT_REFUSED || s->effects == INTENT_FULL);
}

static void what_is_refused_changes_nothing(void **state)
{
	for_each_step(check_refused);
}

static void check_missed(const struct step *s)
{
	if (s->event == INTENT_END_MISSED && !refused(s))
		assert_true(owes_sync(s->to) &&
			    intent_state_of(s->to) != INTENT_SYNCING);
	if ((s->event == INTENT_MARK || s->event == INTENT_LOAD))
		assert_true(!refused(s) && owes_sync(s->to) &&
			    intent_state_of(s->to) != INTENT_SYNCING);
	if (owes_sync(s->from) && !owes_sync(s->to)) {
		assert_int_equal(intent_state_of(s->from), INTENT_SYNCING);
		assert_int_equal(s->event, INTENT_SYNC_END);
		assert_false(s->degraded);
	}
}

static void a_missed_slot_owes_a_sync_until_one_that_began_later_has_ended(void **state)
{
	for_each_step(check_missed);
}

static void check_sync(const struct step *s)
{
	if (intent_state_of(s->to) == INTENT_SYNCING &&
	    intent_state_of(s->from) != INTENT_SYNCING) {
		assert_int_equal(intent_state_of(s->from), INTENT_NEEDED);
		assert_int_equal(s->event, INTENT_SYNC_START);
	}
	if (s->event == INTENT_SYNC_END &&
	    intent_state_of(s->from) == INTENT_SYNCING && !s->degraded) {
		assert_int_equal(intent_state_of(s->to), INTENT_DIRTY);
		assert_int_equal(intent_age_of(s->to), 0);
	}
	if ((s->event == INTENT_SYNC_KEEP || s->event == INTENT_SYNC_ABORT) &&
	    intent_state_of(s->from) == INTENT_SYNCING)
		assert_int_equal(intent_state_of(s->to), INTENT_NEEDED);
}

static void only_a_whole_sync_settles_what_is_owed(void **state)
{
	for_each_step(check_sync);
}

static void check_bit(const struct step *s)
{
	bool had = intent_state_of(s->from) != INTENT_CLEAN;
	bool has = intent_state_of(s->to) != INTENT_CLEAN;
	bool loads = s->event == INTENT_LOAD;

	assert_int_equal(!!(s->effects & INTENT_SET_BIT), !had && has && !loads);
	assert_int_equal(!!(s->effects & INTENT_CLEAR_BIT), had && !has);
}

static void the_bit_follows_the_state(void **state)
{
	for_each_step(check_bit);
}

static void check_durable(const struct step *s)
{
	if (intent_durable(s->to) && !intent_durable(s->from))
		assert_true(s->event == INTENT_COMMITTED ||
			    (s->event == INTENT_LOAD &&
			     intent_state_of(s->from) == INTENT_CLEAN));
	if (intent_durable(s->from) && !intent_durable(s->to))
		assert_int_equal(s->event, INTENT_CLEAR);
}

static void a_bit_becomes_durable_by_a_commit_or_by_being_loaded(void **state)
{
	for_each_step(check_durable);
}

static void check_wait(const struct step *s)
{
	bool waits = s->effects & INTENT_WAIT;

	if (s->event == INTENT_START && !refused(s))
		assert_int_equal(waits, !intent_durable(s->to));
	else
		assert_false(waits);
}

static void a_write_waits_exactly_while_its_bit_is_not_durable(void **state)
{
	for_each_step(check_wait);
}

static void check_age(const struct step *s)
{
	unsigned int from = intent_age_of(s->from), to = intent_age_of(s->to);

	if (s->event == INTENT_START && !refused(s))
		assert_int_equal(to, 0);
	if (to <= from)
		return;
	assert_int_equal(s->event, INTENT_AGE);
	assert_int_equal(to, from + 1);
	assert_int_equal(intent_count_of(s->from), 0);
}

static void only_sweeps_age_a_chunk_and_a_write_makes_it_young(void **state)
{
	for_each_step(check_age);
	assert_int_equal(intent_next(intent_word(INTENT_DIRTY, 3, 0), INTENT_AGE,
				     false, &(unsigned int){ 0 }),
			 intent_word(INTENT_DIRTY, 3, 0));
}

static void check_same_when_degraded(const struct step *s)
{
	unsigned int effects;
	u16 to = intent_next(s->from, s->event, true, &effects);

	if (s->degraded || s->event == INTENT_CLEAR || s->event == INTENT_SYNC_END)
		return;
	assert_int_equal(to, s->to);
	assert_int_equal(effects, s->effects);
}

static void a_missing_slot_matters_to_clearing_and_to_the_end_of_a_sync_only(void **state)
{
	for_each_step(check_same_when_degraded);
}

static void check_fast(const struct step *s, bool (*fast)(u16 *word))
{
	bool durable = intent_durable(s->from) && !refused(s);
	u16 word = s->from;

	assert_int_equal(fast(&word), durable);
	assert_int_equal(word, durable ? s->to : s->from);
}

static void check_apply(const struct step *s)
{
	u16 word = s->from;

	assert_int_equal(intent_apply(&word, s->event, s->degraded), s->effects);
	assert_int_equal(word, s->to);
	if (s->event == INTENT_START)
		check_fast(s, intent_start_fast);
	if (s->event == INTENT_END)
		check_fast(s, intent_end_fast);
}

static void the_fast_paths_do_what_the_table_says(void **state)
{
	for_each_step(check_apply);
}

static void a_word_with_no_state_of_ours_is_refused(void **state)
{
	unsigned int word, event, effects;

	for (word = WORDS; word <= 0xffff; word++)
		for (event = 0; event < INTENT_EVENTS; event++) {
			assert_int_equal(intent_next((u16)word, event, false,
						     &effects), word);
			assert_int_equal(effects, INTENT_REFUSED);
		}
}

/* Memory for words may be given back where all are zero. */
static void a_clean_chunk_is_a_word_of_zero(void **state)
{
	static u16 queue[1 << 16];
	static bool seen[1 << 16];
	unsigned int head = 0, tail = 1, event, degraded, effects;

	for (seen[0] = true; head < tail; head++)
		for (event = 0; event < INTENT_EVENTS; event++)
			for (degraded = 0; degraded < 2; degraded++) {
				u16 to = intent_next(queue[head], event,
						     degraded, &effects);

				if (seen[to])
					continue;
				seen[to] = true;
				queue[tail++] = to;
				assert_true(intent_state_of(to) != INTENT_CLEAN);
			}
	assert_true(seen[intent_word(INTENT_SYNCING, 0, INTENT_COUNT_MAX)]);
}

static void states_and_events_have_names_of_their_own(void **state)
{
	unsigned int i, j;

	for (i = 0; i < INTENT_STATES; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(intent_state_names[i],
						intent_state_names[j]);
	for (i = 0; i < INTENT_EVENTS; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(intent_event_names[i],
						intent_event_names[j]);
}

/* ---- all interleavings ----------------------------------------------------- */

enum { WRITERS = 3 };

enum phase {
	IDLE,
	WAITING,		/* started, its bit not durable */
	STARTED,		/* may be sent to the members */
	SENT,			/* at the members */
	DONE,			/* members have it; the engine does not know yet */
	DONE_MISSED,		/* one of them does not have it */
};

struct writer {
	u8 phase, ticket, left;
};

enum sync { NO_SYNC, COPYING, COPIED };

/* One chunk and everybody who works on it; compared and hashed as bytes. */
struct world {
	u16 word;
	u8 image, medium;	/* the bit: in memory, and surely stored */
	u8 writing;		/* what a commit under way is storing */
	u8 ticket;		/* generation that carries the bit */
	u8 open, durable, busy, wanted;		/* struct commit */
	u8 sweep, flushed;			/* struct epoch */
	u8 clearing;		/* the sweep has decided to clear */
	u8 sweeps_left, failures_left, misses_left, marks_left;
	/*
	 * Writes that members completed, but may lose: 1 all of them before the
	 * flush under way was submitted, 2 some after.
	 */
	u8 unflushed;
	u8 flushing, stamp;
	u8 degraded, differs;	/* a slot is missing; a member lacks a write */
	u8 sync, sync_missed;	/* a write was missed since the copy began */
	struct writer writers[WRITERS];
	u8 pad;			/* no byte of chance */
};

static struct {
	struct world *worlds;
	u32 n, room;
	u32 *index;		/* hash table of n + 1; 0 empty */
	u32 mask;
	u64 moves;
	u64 ends, cleared, failed, missed, settled;	/* so that no promise is empty */
} all;

static u32 hash(const struct world *w)
{
	const u8 *p = (const u8 *)w;
	u32 h = 2166136261u;
	size_t i;

	for (i = 0; i < sizeof(*w); i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}

static void place(u32 n)
{
	u32 h = hash(&all.worlds[n]);

	while (all.index[h & all.mask])
		h++;
	all.index[h & all.mask] = n + 1;
}

static void grow(void)
{
	u32 i;

	all.room = all.room ? all.room * 2 : 1 << 16;
	all.worlds = realloc(all.worlds, all.room * sizeof(*all.worlds));
	free(all.index);
	all.mask = all.room * 2 - 1;
	all.index = calloc(all.mask + 1, sizeof(*all.index));
	assert_non_null(all.worlds);
	assert_non_null(all.index);
	for (i = 0; i < all.n; i++)
		place(i);
}

static void print_world(const struct world *w)
{
	unsigned int i;

	print_error("%s age %u count %u, image %u medium %u writing %u/%u, open %u durable %u, sweep %u flushed %u, unflushed %u differs %u degraded %u\n",
		    intent_state_names[intent_state_of(w->word)],
		    intent_age_of(w->word), intent_count_of(w->word), w->image,
		    w->medium, w->busy, w->writing, w->open, w->durable,
		    w->sweep, w->flushed, w->unflushed, w->differs, w->degraded);
	for (i = 0; i < WRITERS; i++)
		print_error("writer %u: phase %u, %u left\n", i,
			    w->writers[i].phase, w->writers[i].left);
}

/* I1: in every state of the medium that could survive a cut now. */
static void check_world(const struct world *w)
{
	bool differ = w->unflushed || w->differs;
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		differ |= w->writers[i].phase >= SENT;
	if (differ && (!w->medium || (w->busy && !w->writing))) {
		print_world(w);
		assert_true(w->medium);
		assert_true(!w->busy || w->writing);
	}
}

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct writer));
}

/* A world that this one may become; each is looked at once. */
static void visit(const struct world *next)
{
	struct world w = *next;
	u32 h, i;

	all.moves++;
	qsort(w.writers, WRITERS, sizeof(*w.writers), order);	/* all alike */
	for (h = hash(&w); (i = all.index[h & all.mask]); h++)
		if (!memcmp(&all.worlds[i - 1], &w, sizeof(w)))
			return;
	check_world(&w);
	if (all.n == all.room)
		grow();
	all.worlds[all.n] = w;
	place(all.n++);
}

static struct commit get_commit(const struct world *w)
{
	return (struct commit){ w->open, w->durable, w->busy, w->wanted };
}

static void put_commit(struct world *w, const struct commit *c)
{
	w->open = (u8)c->open;
	w->durable = (u8)c->durable;
	w->busy = c->busy;
	w->wanted = c->wanted;
}

static struct epoch get_epoch(const struct world *w)
{
	return (struct epoch){ w->sweep, w->flushed };
}

static void put_epoch(struct world *w, const struct epoch *e)
{
	w->sweep = (u8)e->sweep;
	w->flushed = (u8)e->flushed;
}

/* Under the engine's lock: the word, the image's bit and the ticket at once. */
static unsigned int apply(struct world *w, enum intent_event event)
{
	struct commit c = get_commit(w);
	unsigned int effects = intent_apply(&w->word, event, w->degraded);

	if (effects & INTENT_SET_BIT) {
		w->image = 1;
		w->ticket = (u8)commit_ticket(&c);
	}
	if (effects & INTENT_CLEAR_BIT) {
		w->image = 0;
		all.cleared++;
	}
	put_commit(w, &c);
	return effects;
}

static void start_write(struct world *w, struct writer *me)
{
	if (intent_start_fast(&w->word)) {
		me->phase = STARTED;
		return;
	}
	me->phase = apply(w, INTENT_START) & INTENT_WAIT ? WAITING : STARTED;
	me->ticket = w->ticket;
}

static void end_write(struct world *w, struct writer *me, enum intent_event event)
{
	if (event != INTENT_END || !intent_end_fast(&w->word))
		assert_false(apply(w, event) & INTENT_REFUSED);
	me->phase = IDLE;
	me->ticket = 0;
	me->left--;
}

static void miss_a_slot(struct world *w, struct writer *me)
{
	me->phase = DONE_MISSED;
	w->misses_left--;
	all.missed++;
	w->unflushed = 2;
	w->degraded = 1;
	w->differs = 1;
	if (w->sync == COPYING)
		w->sync_missed = 1;
}

static void writer_steps(const struct world *from, unsigned int i)
{
	struct world w = *from;
	struct writer *me = &w.writers[i];
	struct commit c = get_commit(from);

	switch (me->phase) {
	case IDLE:
		if (!me->left)
			return;
		start_write(&w, me);
		break;
	case WAITING:
		if (!commit_done(&c, me->ticket))
			return;
		me->phase = STARTED;
		break;
	case STARTED:
		me->phase = SENT;
		visit(&w);
		w = *from;
		end_write(&w, me, INTENT_UNDO);
		break;
	case SENT:
		if (w.misses_left) {
			miss_a_slot(&w, me);
			visit(&w);
			w = *from;
		}
		me->phase = DONE;
		w.unflushed = 2;
		break;
	case DONE:
		end_write(&w, me, INTENT_END);
		break;
	case DONE_MISSED:
		end_write(&w, me, INTENT_END_MISSED);
		break;
	}
	visit(&w);
}

static void end_commit(const struct world *from, bool ok)
{
	struct world w = *from;
	struct commit c = get_commit(from);

	commit_end(&c, ok);
	put_commit(&w, &c);
	if (ok) {
		w.medium = w.writing;
	} else if (w.medium != w.writing) {
		/* Written or not: the medium may say either from now on. */
		w.failures_left--;
		all.failed++;
		visit(&w);
		w.medium = w.writing;
	}
	w.writing = 0;
	visit(&w);
}

static void committer_steps(const struct world *from)
{
	struct world w = *from;
	struct commit c = get_commit(from);

	if (c.busy) {
		end_commit(from, true);
		if (w.failures_left && w.medium != w.writing)
			end_commit(from, false);
	} else if (c.wanted || w.image != w.medium) {
		assert_int_equal(commit_begin(&c), from->open);
		put_commit(&w, &c);
		w.writing = w.image;
		visit(&w);
	}
}

/* The engine hears of the commit: later than the first writes that do, maybe. */
static void settle_steps(const struct world *from)
{
	struct world w = *from;
	struct commit c = get_commit(from);

	if (intent_state_of(w.word) == INTENT_CLEAN || intent_durable(w.word) ||
	    !commit_done(&c, w.ticket))
		return;
	if (intent_state_of(w.word) == INTENT_SETTING_NEEDED)
		w.differs = 1;
	apply(&w, INTENT_COMMITTED);
	visit(&w);
}

/* It looks at the chunk and acts on what it saw, with time in between. */
static void sweeper_steps(const struct world *from)
{
	struct world w = *from;
	struct epoch e = get_epoch(from);
	unsigned int age = intent_age_of(w.word);

	if (!w.sweeps_left)
		return;
	if (!w.clearing && age && epoch_covers(&e, e.sweep + 1 - age)) {
		w.clearing = 1;
		visit(&w);
		return;
	}
	apply(&w, w.clearing ? INTENT_CLEAR : INTENT_AGE);
	w.clearing = 0;
	w.sweeps_left--;
	epoch_sweep(&e);
	put_epoch(&w, &e);
	visit(&w);
}

static void flush_steps(const struct world *from)
{
	struct world w = *from;
	struct epoch e = get_epoch(from);

	if (w.flushing) {
		if (w.unflushed == 1)
			w.unflushed = 0;
		epoch_flushed(&e, w.stamp);
		put_epoch(&w, &e);
		w.flushing = 0;
		w.stamp = 0;
	} else if (w.unflushed || e.flushed < e.sweep) {
		w.flushing = 1;
		w.stamp = (u8)epoch_stamp(&e);
		if (w.unflushed)
			w.unflushed = 1;
	} else {
		return;
	}
	visit(&w);
}

static void sync_steps(const struct world *from)
{
	struct world w = *from;

	switch (w.sync) {
	case NO_SYNC:
		if (w.degraded) {
			w.degraded = 0;		/* the member is back */
			visit(&w);
			return;
		}
		if (apply(&w, INTENT_SYNC_START) & INTENT_REFUSED)
			return;
		w.sync = COPYING;
		break;
	case COPYING:
		if (!w.degraded && !w.sync_missed)
			w.differs = 0;
		w.unflushed = 2;
		w.sync = COPIED;
		w.sync_missed = 0;
		break;
	case COPIED:
		if (!(apply(&w, INTENT_SYNC_END) & INTENT_REFUSED))
			all.settled++;
		w.sync = NO_SYNC;
		break;
	}
	visit(&w);
}

/* Somebody says that members differ here; from when the mark is durable, it holds. */
static void mark_steps(const struct world *from)
{
	struct world w = *from;

	if (!w.marks_left)
		return;
	w.marks_left--;
	assert_false(apply(&w, INTENT_MARK) & INTENT_REFUSED);
	if (intent_durable(w.word))
		w.differs = 1;
	if (w.sync == COPYING)
		w.sync_missed = 1;
	visit(&w);
}

/* Nobody is left behind, and what is over is over. */
static void check_last(const struct world *w)
{
	unsigned int i;

	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(w->writers[i].phase, IDLE);
		assert_int_equal(w->writers[i].left, 0);
	}
	assert_int_equal(intent_count_of(w->word), 0);
	assert_false(owes_sync(w->word));
	assert_false(w->degraded);
	assert_false(w->differs);
	assert_int_equal(w->image, w->medium);
	assert_int_equal(w->image, intent_state_of(w->word) != INTENT_CLEAN);
}

static void all_steps(const struct world *w)
{
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		writer_steps(w, i);
	committer_steps(w);
	settle_steps(w);
	sweeper_steps(w);
	flush_steps(w);
	sync_steps(w);
	mark_steps(w);
}

/* Every world that @w may become. */
static void explore(struct world w)
{
	struct commit c;
	u32 i;

	commit_init(&c);
	put_commit(&w, &c);
	memset(&all, 0, sizeof(all));
	grow();
	visit(&w);
	for (i = 0; i < all.n; i++) {
		struct world now = all.worlds[i];
		u64 moves = all.moves;

		all_steps(&now);
		if (moves == all.moves) {
			all.ends++;
			check_last(&now);
		}
	}
	assert_true(all.ends > 0);
	free(all.worlds);
	free(all.index);
}

static void writers_committer_and_sweeper_never_leave_a_difference_unmarked(void **state)
{
	explore((struct world){
		.sweeps_left = 4,
		.writers = { { .left = 1 }, { .left = 1 }, { .left = 1 } },
	});
	assert_true(all.cleared > 0);
}

static void nor_do_writers_that_come_again_with_commits_that_fail(void **state)
{
	explore((struct world){
		.sweeps_left = 4,
		.failures_left = 2,
		.writers = { { .left = 2 }, { .left = 2 } },
	});
	assert_true(all.cleared > 0);
	assert_true(all.failed > 0);
}

static void nor_do_writes_that_miss_a_slot_while_a_sync_runs(void **state)
{
	explore((struct world){
		.sweeps_left = 4,
		.misses_left = 2,
		.writers = { { .left = 1 }, { .left = 2 } },
	});
	assert_true(all.cleared > 0);
	assert_true(all.missed > 0);
	assert_true(all.settled > 0);
}

static void nor_does_a_mark_get_lost_before_its_sync(void **state)
{
	explore((struct world){
		.sweeps_left = 4,
		.marks_left = 2,
		.failures_left = 1,
		.writers = { { .left = 1 }, { .left = 1 } },
	});
	assert_true(all.cleared > 0);
	assert_true(all.settled > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_cleared_only_when_idle_aged_and_nothing_is_owed_or_missing),
		cmocka_unit_test(a_dirty_chunk_that_a_sweep_found_idle_can_be_cleared),
		cmocka_unit_test(the_count_never_wraps_and_only_writes_change_it),
		cmocka_unit_test(a_write_may_always_start_and_what_started_may_end),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(a_missed_slot_owes_a_sync_until_one_that_began_later_has_ended),
		cmocka_unit_test(only_a_whole_sync_settles_what_is_owed),
		cmocka_unit_test(the_bit_follows_the_state),
		cmocka_unit_test(a_bit_becomes_durable_by_a_commit_or_by_being_loaded),
		cmocka_unit_test(a_write_waits_exactly_while_its_bit_is_not_durable),
		cmocka_unit_test(only_sweeps_age_a_chunk_and_a_write_makes_it_young),
		cmocka_unit_test(a_missing_slot_matters_to_clearing_and_to_the_end_of_a_sync_only),
		cmocka_unit_test(the_fast_paths_do_what_the_table_says),
		cmocka_unit_test(a_word_with_no_state_of_ours_is_refused),
		cmocka_unit_test(a_clean_chunk_is_a_word_of_zero),
		cmocka_unit_test(states_and_events_have_names_of_their_own),
		cmocka_unit_test(writers_committer_and_sweeper_never_leave_a_difference_unmarked),
		cmocka_unit_test(nor_do_writers_that_come_again_with_commits_that_fail),
		cmocka_unit_test(nor_do_writes_that_miss_a_slot_while_a_sync_runs),
		cmocka_unit_test(nor_does_a_mark_get_lost_before_its_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

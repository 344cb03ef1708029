// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of chunks under threads, watched by ThreadSanitizer: writes start
 * and end without a lock while a committer, a sweeper and a sync work under
 * one. What the words promise to order is kept in plain variables, so that an
 * order that is not there is a data race.
 */
#include <pthread.h>
#include <sched.h>
#include "unit.h"
#include "module/core/commit.h"
#include "module/core/intent_table.h"

/* A race ends the test at once, or it would count as passed. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1";
}

enum {
	CHUNKS = 8,			/* their words share a cache line */
	STARTERS = 2,
	ENDERS = 2,
	WRITES = 10000,			/* of each starter, and on until */
	CLEARS = 100,			/* bits were cleared so many times, */
	WRITES_MAX = 100 * WRITES,	/* but not for ever */
	QUEUE = 64,
};

/* What the engine's lock protects. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t committed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static struct commit commit;
static struct epoch epoch;
static bool image[CHUNKS];
static u64 ticket[CHUNKS];
static unsigned int commits;
static bool stopping;

static u16 words[CHUNKS];

/*
 * Under no lock. The bit on the medium: written by commits, read by whoever
 * has a write in flight. The members: written by writes in flight, read by
 * whoever clears the bit.
 */
static bool medium[CHUNKS];
static u64 members[ENDERS][CHUNKS];

static u64 fast, slow, cleared;		/* atomic */
static unsigned int faults;		/* atomic: writes whose bit was clear */

/* ---- writes on their way from starters to enders -------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int chunk[QUEUE], head, tail;
	bool closed;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static void queue_put(unsigned int chunk)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.tail - queue.head == QUEUE)
		pthread_cond_wait(&queue.changed, &queue.lock);
	queue.chunk[queue.tail++ % QUEUE] = chunk;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
}

static bool queue_get(unsigned int *chunk)
{
	bool got;

	pthread_mutex_lock(&queue.lock);
	while (queue.tail == queue.head && !queue.closed)
		pthread_cond_wait(&queue.changed, &queue.lock);
	got = queue.tail != queue.head;
	if (got)
		*chunk = queue.chunk[queue.head++ % QUEUE];
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	return got;
}

/* ---- the engine in small --------------------------------------------------- */

/* lock held */
static unsigned int apply(unsigned int chunk, enum intent_event event)
{
	unsigned int effects = intent_apply(&words[chunk], event, false);

	if (effects & INTENT_SET_BIT) {
		image[chunk] = true;
		ticket[chunk] = commit_ticket(&commit);
		pthread_cond_signal(&wanted);
	}
	if (effects & INTENT_CLEAR_BIT)
		image[chunk] = false;
	return effects;
}

static void start(unsigned int chunk)
{
	if (intent_start_fast(&words[chunk])) {
		__atomic_fetch_add(&fast, 1, __ATOMIC_RELAXED);
		return;
	}
	__atomic_fetch_add(&slow, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&lock);
	if (apply(chunk, INTENT_START) & INTENT_WAIT) {
		u64 mine = ticket[chunk];

		while (!commit_done(&commit, mine))
			pthread_cond_wait(&committed, &lock);
	}
	pthread_mutex_unlock(&lock);
}

static void check_logged(unsigned int chunk)
{
	if (!medium[chunk])
		__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
}

static bool go_on(unsigned int done)
{
	return done < WRITES ||
	       (done < WRITES_MAX &&
		__atomic_load_n(&cleared, __ATOMIC_RELAXED) < CLEARS);
}

static void *starter(void *arg)
{
	u64 seed = 0x6d746962 + (u64)(size_t)arg;
	unsigned int i, chunk;

	for (i = 0; go_on(i); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		chunk = seed % CHUNKS;
		start(chunk);
		check_logged(chunk);
		if (seed % 64 == 63)
			intent_apply(&words[chunk], INTENT_UNDO, false);
		else
			queue_put(chunk);
	}
	return NULL;
}

static void *ender(void *arg)
{
	u64 *member = members[(size_t)arg];
	unsigned int chunk, n = 0;

	while (queue_get(&chunk)) {
		check_logged(chunk);
		member[chunk]++;
		if (!(++n % 256))
			intent_apply(&words[chunk], INTENT_END_MISSED, false);
		else if (!intent_end_fast(&words[chunk]))
			intent_apply(&words[chunk], INTENT_END, false);
	}
	return NULL;
}

/* Bits that have not changed are not written: they may be in use. */
static void write_medium(const bool *bits)
{
	unsigned int i;

	for (i = 0; i < CHUNKS; i++)
		if (medium[i] != bits[i])
			medium[i] = bits[i];
}

/* lock held, but let go of while it writes */
static void commit_once(void)
{
	bool copy[CHUNKS];
	unsigned int i;

	commit_begin(&commit);
	memcpy(copy, image, sizeof(copy));
	pthread_mutex_unlock(&lock);
	write_medium(copy);
	pthread_mutex_lock(&lock);
	commit_end(&commit, true);
	commits++;
	for (i = 0; i < CHUNKS; i++)
		if (commit_done(&commit, ticket[i]))
			apply(i, INTENT_COMMITTED);
	pthread_cond_broadcast(&committed);
}

static void *committer(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!stopping) {
		if (commit.wanted)
			commit_once();
		else
			pthread_cond_wait(&wanted, &lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* lock held. Whoever clears a bit knows of all that was written before. */
static void clear_chunk(unsigned int chunk)
{
	static u64 known[CHUNKS];
	unsigned int i;
	u64 sum = 0;

	if (!(apply(chunk, INTENT_CLEAR) & INTENT_CLEAR_BIT))
		return;
	for (i = 0; i < ENDERS; i++)
		sum += members[i][chunk];
	if (sum < known[chunk])
		__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
	known[chunk] = sum;
	__atomic_fetch_add(&cleared, 1, __ATOMIC_RELAXED);
}

static void sweep(void)
{
	unsigned int i;

	for (i = 0; i < CHUNKS; i++) {
		unsigned int age = intent_age_of(port_load16(&words[i]));

		pthread_mutex_lock(&lock);
		if (age && epoch_covers(&epoch, epoch.sweep + 1 - age))
			clear_chunk(i);
		else
			apply(i, INTENT_AGE);
		pthread_mutex_unlock(&lock);
	}
	pthread_mutex_lock(&lock);
	epoch_sweep(&epoch);
	epoch_flushed(&epoch, epoch_stamp(&epoch));	/* no caches here */
	pthread_mutex_unlock(&lock);
}

/* No lock: states whose bit is durable. */
static void sync_all(void)
{
	unsigned int i;

	for (i = 0; i < CHUNKS; i++) {
		if (intent_apply(&words[i], INTENT_SYNC_START, false) & INTENT_REFUSED)
			continue;
		check_logged(i);
		intent_apply(&words[i], INTENT_SYNC_END, false);
	}
}

static bool stopped(void)
{
	bool yes;

	pthread_mutex_lock(&lock);
	yes = stopping;
	pthread_mutex_unlock(&lock);
	return yes;
}

static void *sweeper(void *arg)
{
	while (!stopped()) {
		sweep();
		sync_all();
		sched_yield();
	}
	return NULL;
}

static void writes_end_with_counts_of_zero_and_none_ran_unlogged(void **state)
{
	pthread_t threads[2], starters[STARTERS], enders[ENDERS];
	size_t i;

	commit_init(&commit);
	epoch_init(&epoch);
	pthread_create(&threads[0], NULL, committer, NULL);
	pthread_create(&threads[1], NULL, sweeper, NULL);
	for (i = 0; i < ENDERS; i++)
		pthread_create(&enders[i], NULL, ender, (void *)i);
	for (i = 0; i < STARTERS; i++)
		pthread_create(&starters[i], NULL, starter, (void *)i);
	for (i = 0; i < STARTERS; i++)
		pthread_join(starters[i], NULL);
	pthread_mutex_lock(&queue.lock);
	queue.closed = true;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	for (i = 0; i < ENDERS; i++)
		pthread_join(enders[i], NULL);
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_signal(&wanted);
	pthread_mutex_unlock(&lock);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);

	assert_int_equal(faults, 0);
	sync_all();
	for (i = 0; i < 4; i++)
		sweep();
	for (i = 0; i < CHUNKS; i++)
		assert_int_equal(words[i], 0);
	assert_true(fast > 0 && slow > 0 && commits > 0);
	assert_true(cleared >= CLEARS);
}

/* ---- the limit -------------------------------------------------------------- */

enum { CROWD = 4, TRIES = 1000 };

static u16 crowded;

static void *crowd(void *arg)
{
	size_t i, in = 0;

	for (i = 0; i < TRIES; i++)
		in += intent_start_fast(&crowded);
	return (void *)in;
}

static void as_many_writes_start_at_once_as_can_be_counted_and_no_more(void **state)
{
	pthread_t threads[CROWD];
	size_t i, sum = 0;
	void *in;

	crowded = intent_word(INTENT_DIRTY, 3, 0);
	for (i = 0; i < CROWD; i++)
		pthread_create(&threads[i], NULL, crowd, NULL);
	for (i = 0; i < CROWD; i++) {
		pthread_join(threads[i], &in);
		sum += (size_t)in;
	}
	assert_int_equal(sum, INTENT_COUNT_MAX);
	assert_int_equal(crowded, intent_word(INTENT_DIRTY, 0, INTENT_COUNT_MAX));
	assert_int_equal(intent_apply(&crowded, INTENT_START, false), INTENT_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_end_with_counts_of_zero_and_none_ran_unlogged),
		cmocka_unit_test(as_many_writes_start_at_once_as_can_be_counted_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

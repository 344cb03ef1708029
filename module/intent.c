// SPDX-License-Identifier: GPL-2.0-only
/*
 * The write path of the engine: a write to a chunk whose bit is durable passes
 * with one atomic operation; any other takes a ticket on the commit that will
 * carry its bit, and waits for that (P1).
 */
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "intent_impl.h"
#include "trace.h"

/* --- starting ----------------------------------------------------------- */

/* Take back START of the chunks [from, to). */
static void undo(struct intent *in, u64 from, u64 to)
{
	rcu_read_lock();
	for (; from < to; from++)
		intent_apply(chunk_word(in, from), INTENT_UNDO, false);
	rcu_read_unlock();
}

/* How far the fast path gets in [from, to). */
static u64 start_fast(struct intent *in, u64 from, u64 to)
{
	rcu_read_lock();
	for (; from < to; from++) {
		u16 *word = chunk_word(in, from);

		if (!word || !intent_start_fast(word))
			break;
	}
	rcu_read_unlock();
	return from;
}

/* Start one chunk, in->lock held. *ticket: what to wait for, if that is later. Or -EBUSY. */
static int start_chunk(struct intent *in, u64 chunk, u64 *ticket)
{
	u16 *word = chunk_word(in, chunk);
	u64 *gen = &in->set_gen[chunk_block(chunk)];
	unsigned int effects = intent_apply(word, INTENT_START, intent_degraded(in));

	if (effects & INTENT_FULL)
		return -EBUSY;
	if (effects & INTENT_SET_BIT) {
		chunk_set_bit(in, chunk);
		*gen = commit_ticket(&in->commit);
	}
	if (!(effects & INTENT_WAIT))
		return 0;
	if (commit_done(&in->commit, *gen))
		intent_apply(word, INTENT_COMMITTED, intent_degraded(in));
	else
		*ticket = max(*ticket, *gen);
	return 0;
}

/* First chunk behind @w. */
static u64 end_of(const struct intent *in, const struct intent_write *w)
{
	return chunk_of(in, w->end - 1) + 1;
}

/* Those of @w that are set are durable now. Nobody clears what is counted. */
static void committed(struct intent *in, struct intent_write *w)
{
	u64 chunk, to = end_of(in, w);

	rcu_read_lock();
	for (chunk = chunk_of(in, w->sector); chunk < to; chunk++)
		if (chunk != w->look)
			intent_apply(chunk_word(in, chunk), INTENT_COMMITTED,
				     intent_degraded(in));
	rcu_read_unlock();
}

static void stall(struct intent *in, struct intent_write *w)
{
	spin_lock(&in->lock);
	list_add_tail(&w->list, &in->stalled);
	/* Under the lock: without it @w may be gone, and with it our hold on the array. */
	queue_delayed_work(in->wq, &in->retry_work, msecs_to_jiffies(RETRY_MS));
	spin_unlock(&in->lock);
}

/*
 * Start what the fast path has not, [at, to). INTENT_AGAIN: no memory or a
 * full word; everything is undone.
 */
static enum intent_answer start_slow(struct intent *in, struct intent_write *w,
				     u64 from, u64 at, u64 to)
{
	u64 ticket = 0;
	int err = 0;

	spin_lock(&in->lock);
	while (!err && at < to) {
		if (!chunk_provided(in, at)) {
			spin_unlock(&in->lock);
			err = chunk_provide(in, at);
			spin_lock(&in->lock);
			if (err)
				in->stats.waits_memory++;
			continue;
		}
		err = start_chunk(in, at, &ticket);
		if (err)
			in->stats.waits_full++;
		else if (!(++at % HOLD_CHUNKS))
			intent_let_others(in);
	}
	if (!err && commit_done(&in->commit, ticket)) {
		/* What is ahead of it has no writer to ask for a commit. */
		intent_commit_soon(in);
		in->stats.writes_hot += w->kind == INTENT_USER;
		spin_unlock(&in->lock);
		/* Made durable while the lock was let go of. */
		if (ticket)
			committed(in, w);
		return INTENT_GO;
	}
	if (!err && !in->state) {
		w->ticket = ticket;
		list_add_tail(&w->list, &in->waiting[ticket & 1]);
		if (w->kind == INTENT_USER) {
			company_queue(&in->company, ktime_get_ns());
			in->stats.writes_cold++;
		}
		/* What is ahead of a write is carried by its commit, as a rule. */
		if (w->kind != INTENT_AHEAD)
			intent_commit_soon(in);
		sweep_arm(in);
		spin_unlock(&in->lock);
		return INTENT_QUEUED;
	}
	/* A bit set above is carried by the next commit all the same. */
	intent_commit_soon(in);
	spin_unlock(&in->lock);
	undo(in, from, at);
	return INTENT_AGAIN;
}

/* --- ahead of streams --------------------------------------------------- */

static void ahead_end(struct ahead *ahead, u64 bits)
{
	struct intent *in = ahead->in;

	spin_lock(&in->lock);
	in->stats.ahead += bits;
	ahead->write.logged = false;
	streams_done(&in->streams, ahead - in->ahead);
	spin_unlock(&in->lock);
}

/* The bits are durable, or the store has failed. Process context. */
static void ahead_go(struct intent_write *w, int error)
{
	struct ahead *ahead = container_of(w, struct ahead, write);
	u64 from = chunk_of(ahead->in, w->sector), to = end_of(ahead->in, w);

	undo(ahead->in, from, to);
	ahead_end(ahead, to - from);
}

/*
 * in->lock held. What was left to the slow path to see is durable by now, as a rule,
 * and should not wait for what is set next.
 */
static void ahead_seen(struct intent *in, u64 from, u64 to)
{
	for (; from < to; from++) {
		u16 *word = chunk_word(in, from);

		if (word)
			intent_settle(in, from, word);
	}
}

/* in->lock held. What to set ahead of a write to [from, to), or NULL. */
static struct ahead *ahead_plan(struct intent *in, u64 from, u64 to)
{
	bool set = !chunk_test_bit(in, to - 1);
	struct streams_ahead plan;
	struct ahead *ahead;

	/* A member that is missing would have to be given all of it. */
	if (in->state || intent_degraded(in) ||
	    !streams_ahead(&in->streams, from, to, set, in->budget_chunks,
			   in->chunks, &plan))
		return NULL;
	ahead_seen(in, from, to);
	ahead = &in->ahead[plan.stream];
	ahead->write.sector = chunk_start(in, plan.from);
	ahead->write.end = chunk_end(in, plan.to - 1);
	ahead->write.look = plan.look;
	ahead->write.logged = true;
	return ahead;
}

/* A write to [from, to) takes the slow path. If it goes on where others ended: */
static void start_ahead(struct intent *in, u64 from, u64 to)
{
	enum intent_answer answer;
	struct intent_write *w;
	struct ahead *ahead;

	spin_lock(&in->lock);
	ahead = ahead_plan(in, from, to);
	spin_unlock(&in->lock);
	if (!ahead)
		return;
	w = &ahead->write;
	from = chunk_of(in, w->sector);
	answer = start_slow(in, w, from, from, end_of(in, w));
	if (answer == INTENT_GO)
		ahead_go(w, 0);
	else if (answer == INTENT_AGAIN)
		ahead_end(ahead, 0);
}

void intent_ahead_init(struct intent *in)
{
	unsigned int i;

	for (i = 0; i < STREAMS; i++)
		in->ahead[i] = (struct ahead){
			.in = in, .write = { .kind = INTENT_AHEAD, .go = ahead_go },
		};
}

/* Commits have stopped: what they have not come to stays as it is. */
void intent_ahead_stop(struct intent *in)
{
	unsigned int i;

	for (i = 0; i < STREAMS; i++)
		if (in->ahead[i].write.logged)
			list_del(&in->ahead[i].write.list);
}

/* --- starting and ending a write ---------------------------------------- */

/* The engine does not run: wait for the array's verdict, or go by it. */
static enum intent_answer start_failed(struct intent *in, struct intent_write *w,
				       bool nowait)
{
	bool given_up;

	w->logged = false;
	spin_lock(&in->lock);
	given_up = in->state == 2;
	if (!given_up && !nowait)
		list_add_tail(&w->list, &in->stalled);
	spin_unlock(&in->lock);
	if (!given_up)
		return nowait ? INTENT_AGAIN : INTENT_QUEUED;
	if (!in->give_up_error)
		return INTENT_GO;
	w->go(w, in->give_up_error);
	return INTENT_QUEUED;
}

static enum intent_answer start(struct intent *in, struct intent_write *w,
				bool nowait)
{
	u64 from = chunk_of(in, w->sector), to = end_of(in, w), at;
	enum intent_answer answer;

	if (unlikely(READ_ONCE(in->state)))
		return start_failed(in, w, nowait);
	w->logged = true;
	w->look = in->chunks;
	at = start_fast(in, from, to);
	if (likely(at == to)) {
		this_cpu_inc(in->counts->hot);
		return INTENT_GO;
	}
	if (nowait) {
		undo(in, from, at);
		w->logged = false;
		return INTENT_AGAIN;
	}
	/* First: once it is queued, @w may be gone, and with it our hold on the array. */
	if (w->kind == INTENT_USER)
		start_ahead(in, from, to);
	answer = start_slow(in, w, from, at, to);
	if (answer == INTENT_AGAIN)
		w->logged = false;
	return answer;
}

enum intent_answer intent_start(struct intent *in, struct intent_write *w,
				bool nowait)
{
	enum intent_answer answer = start(in, w, nowait);

	if (answer != INTENT_AGAIN || nowait)
		return answer;
	stall(in, w);
	return INTENT_QUEUED;
}

void intent_end(struct intent *in, struct intent_write *w, bool missed)
{
	enum intent_event event = missed ? INTENT_END_MISSED : INTENT_END;
	u64 chunk, to = end_of(in, w);

	if (!w->logged)
		return;
	w->logged = false;
	/* Words that count this write cannot go away. */
	rcu_read_lock();
	for (chunk = chunk_of(in, w->sector); chunk < to; chunk++) {
		u16 *word = chunk_word(in, chunk);

		if (unlikely(missed || !intent_end_fast(word)))
			intent_apply(word, event, intent_degraded(in));
	}
	rcu_read_unlock();
}

/* Try again what found no memory or a full word; or what waits for a verdict. */
static void retry_work(struct work_struct *work)
{
	struct intent *in = container_of(work, struct intent, retry_work.work);
	struct intent_write *w, *next;
	LIST_HEAD(list);

	spin_lock(&in->lock);
	if (in->state != 1)
		list_splice_init(&in->stalled, &list);
	spin_unlock(&in->lock);
	list_for_each_entry_safe(w, next, &list, list) {
		list_del(&w->list);
		if (intent_start(in, w, false) == INTENT_GO)
			w->go(w, 0);
	}
}

bool intent_owes_sync(struct intent *in, sector_t sector, sector_t sectors)
{
	u64 to = chunk_of(in, sector + sectors - 1) + 1;
	bool stopped;

	/* A read is short: it never spans so many pages that the search stops. */
	return chunk_next_owed(in, chunk_of(in, sector), to, &stopped) < to;
}

/* --- commits ------------------------------------------------------------ */

void intent_commit_soon(struct intent *in)
{
	u64 now, until;

	lockdep_assert_held(&in->lock);
	if (!in->commit.wanted || in->commit.busy)
		return;
	now = ktime_get_ns();
	until = in->company.queued ? company_until(&in->company, now) : 0;
	if (!until)
		queue_work(in->wq, &in->commit_work);
	else if (!hrtimer_is_queued(&in->commit_timer)) /* if it runs, that is for others */
		hrtimer_start(&in->commit_timer, ns_to_ktime(until - now),
			      HRTIMER_MODE_REL);
}

/* Nobody else has come. Hard interrupt. */
static enum hrtimer_restart commit_timer(struct hrtimer *timer)
{
	struct intent *in = container_of(timer, struct intent, commit_timer);

	queue_work(in->wq, &in->commit_work);
	return HRTIMER_NORESTART;
}

static void release(struct intent *in, struct list_head *list)
{
	struct intent_write *w, *next;
	struct blk_plug plug;

	blk_start_plug(&plug);
	list_for_each_entry_safe(w, next, list, list) {
		list_del(&w->list);
		committed(in, w);
		w->go(w, 0);
	}
	blk_finish_plug(&plug);
}

static unsigned int bucket(u64 n)
{
	return min_t(unsigned int, n ? fls64(n) - 1 : 0, INTENT_HIST - 1);
}

/* Copy block @b aside: no bit may change while the device reads it. */
static void stage_block(struct intent *in, u64 b, unsigned int at)
{
	summary_remove(&in->changed, b);
	summary_remove(&in->cleared, b);
	memcpy(in->stage + at * STORE_BLOCK, in->image[b], STORE_BLOCK);
}

/* Stage up to STAGE_BLOCKS changed blocks from *from on; how many runs. */
static unsigned int stage(struct intent *in, u64 *from, struct store_run *runs)
{
	unsigned int n = 0, blocks = 0;
	u64 b;

	while (blocks < STAGE_BLOCKS) {
		spin_lock(&in->lock);
		b = summary_next(&in->changed, *from);
		if (b < in->blocks)
			stage_block(in, b, blocks);
		spin_unlock(&in->lock);
		if (b == in->blocks)
			break;
		if (n && runs[n - 1].block + runs[n - 1].blocks == b)
			runs[n - 1].blocks++;
		else
			runs[n++] = (struct store_run){
				.block = b, .blocks = 1,
				.data = in->stage + blocks * STORE_BLOCK,
			};
		blocks++;
		*from = b + 1;
	}
	in->stats.commit_blocks += blocks;
	return n;
}

static int write_changed(struct intent *in)
{
	struct store_run *runs = in->runs;
	u64 from = 0;
	unsigned int n;
	int err = 0;

	do {
		n = stage(in, &from, runs);
		if (n)
			err = store_write(in->store, runs, n);
	} while (!err && n && from < in->blocks);
	return err;
}

/* Once only. The manager makes the file stale, then gives its verdict (P3). */
static void store_failed(struct intent *in, int err)
{
	spin_lock(&in->lock);
	if (!in->state)
		WRITE_ONCE(in->state, 1);
	spin_unlock(&in->lock);
	array_err(in->array, "bitmap file cannot be written: error %d\n", err);
	trace_store_failed(in->array, err);
	intent_dump(in);
	/* What owes a sync now is looked for once more: a resync takes the place of its bits. */
	set_bit(ARRAY_CHUNK_OWED, &in->array->flags);
	set_bit(ARRAY_STORE_FAILED, &in->array->flags);
	array_wake(in->array);
	wake_up_all(&in->wait);
}

int intent_commit(struct intent *in)
{
	u64 gen, bits, ns, us, start = ktime_get_ns();
	LIST_HEAD(ready);
	int err;

	lockdep_assert_held(&in->commit_mutex);
	hrtimer_try_to_cancel(&in->commit_timer);
	if (READ_ONCE(in->state))
		return -EIO;
	spin_lock(&in->lock);
	gen = commit_begin(&in->commit);
	company_begin(&in->company);
	bits = in->sets;
	in->sets = 0;
	spin_unlock(&in->lock);
	trace_commit_begin(in->array, gen, bits);
	err = write_changed(in);
	ns = ktime_get_ns() - start;
	us = div_u64(ns, NSEC_PER_USEC);
	trace_commit_end(in->array, gen, us, err);
	if (err)
		store_failed(in, err);

	spin_lock(&in->lock);
	commit_end(&in->commit, !err);
	if (!err) {
		in->stats.commits++;
		in->stats.commit_bits += bits;
		in->stats.bits_per_commit[bucket(bits)]++;
		in->stats.commit_us[bucket(us)]++;
		list_splice_init(&in->waiting[gen & 1], &ready);
		company_end(&in->company, start + ns, ns);
		intent_commit_soon(in);
	}
	spin_unlock(&in->lock);
	wake_up_all(&in->wait);
	release(in, &ready);
	return err;
}

static void commit_work(struct work_struct *work)
{
	struct intent *in = container_of(work, struct intent, commit_work);
	bool wanted;

	mutex_lock(&in->commit_mutex);
	/* With the lock, as who wants it may rely on the timer that has brought us here. */
	spin_lock(&in->lock);
	wanted = in->commit.wanted;
	spin_unlock(&in->lock);
	if (wanted)
		intent_commit(in);
	mutex_unlock(&in->commit_mutex);
}

/* --- the store has failed ----------------------------------------------- */

bool intent_failed(struct intent *in)
{
	return READ_ONCE(in->state) != 0;
}

void intent_give_up(struct intent *in, int error)
{
	struct intent_write *w, *next;
	LIST_HEAD(list);

	spin_lock(&in->lock);
	in->give_up_error = error;
	WRITE_ONCE(in->state, 2);
	list_splice_init(&in->waiting[0], &list);
	list_splice_init(&in->waiting[1], &list);
	list_splice_init(&in->stalled, &list);
	spin_unlock(&in->lock);
	list_for_each_entry_safe(w, next, &list, list) {
		list_del(&w->list);
		w->go(w, error);
	}
}

/* --- flushes of the members --------------------------------------------- */

u64 intent_flush_begin(struct intent *in)
{
	u64 stamp;

	spin_lock(&in->lock);
	stamp = epoch_stamp(&in->epoch);
	spin_unlock(&in->lock);
	return stamp;
}

/*
 * Not while degraded: who is away did not flush, and may come back without what
 * its cache held (intent_member_returns()). Racy against a smaller stamp at the
 * same time, which costs a flush at most.
 */
void intent_flush_done(struct intent *in, u64 stamp)
{
	if (!intent_degraded(in) && stamp > READ_ONCE(in->epoch.flushed))
		WRITE_ONCE(in->epoch.flushed, stamp);
}

/* --- sync --------------------------------------------------------------- */

/*
 * Begin syncing @chunk, which may owe it. @whole: from its start; if only the rest of
 * it is, because it came to owe this meanwhile, it goes on owing it.
 */
static void sync_begin_chunk(struct intent *in, u64 chunk, bool whole)
{
	spin_lock(&in->lock);
	while (chunk_test_bit(in, chunk) && !chunk_provided(in, chunk)) {
		spin_unlock(&in->lock);
		if (chunk_provide(in, chunk))
			schedule_timeout_uninterruptible(msecs_to_jiffies(RETRY_MS));
		spin_lock(&in->lock);
	}
	if (whole && chunk_test_bit(in, chunk))
		intent_apply(chunk_word(in, chunk), INTENT_SYNC_START, false);
	in->sync_lo = min(in->sync_lo, chunk_start(in, chunk));
	in->sync_hi = max(in->sync_hi, chunk_end(in, chunk));
	spin_unlock(&in->lock);
}

bool intent_sync_begin(struct intent *in, sector_t sector, sector_t *sectors,
		       bool all, bool peek)
{
	u64 chunk = chunk_of(in, sector), next;
	bool stopped = false;

	next = all ? chunk : chunk_next_owed(in, chunk, in->chunks, &stopped);
	if (next == chunk && !stopped) {
		if (!peek)
			sync_begin_chunk(in, chunk, sector == chunk_start(in, chunk));
		*sectors = chunk_end(in, chunk) - sector;
		return true;
	}
	*sectors = min_t(sector_t, chunk_start(in, next), in->sectors) - sector;
	return false;
}

/* @event for all chunks wholly in [from, to) that are being synced. */
static void sync_event(struct intent *in, sector_t from, sector_t to,
		       enum intent_event event)
{
	u64 chunk = chunk_of(in, from + (1ULL << in->chunk_shift) - 1);
	u64 end = to >= in->sectors ? in->chunks : chunk_of(in, to);
	u64 page;

	while (chunk < end) {
		spin_lock(&in->lock);
		page = summary_next(&in->worded, chunk / PAGE_WORDS);
		chunk = max(chunk, page * PAGE_WORDS);
		for (; chunk < end && chunk / PAGE_WORDS == page; chunk++) {
			u16 *word = chunk_word(in, chunk);

			if (intent_state_of(READ_ONCE(*word)) == INTENT_SYNCING)
				intent_apply(word, event, false);
		}
		sweep_arm(in);
		spin_unlock(&in->lock);
		cond_resched();
	}
}

/*
 * While the array is degraded this is a recovery: until its member has become
 * part of the array, and that is recorded, nothing is over. If it is lost
 * again before, another that comes back by bitmap needs the same chunks.
 */
void intent_sync_end(struct intent *in, sector_t from, sector_t to, bool keep)
{
	if (keep)
		sync_event(in, from, to, INTENT_SYNC_KEEP);
	else if (!intent_degraded(in))
		sync_event(in, from, to, INTENT_SYNC_END);
}

static void sync_all(struct intent *in, enum intent_event event)
{
	sync_event(in, in->sync_lo, in->sync_hi, event);
	spin_lock(&in->lock);
	in->sync_lo = in->sectors;
	in->sync_hi = 0;
	spin_unlock(&in->lock);
}

void intent_sync_finish(struct intent *in, bool keep)
{
	sync_all(in, keep ? INTENT_SYNC_KEEP : INTENT_SYNC_END);
}

void intent_sync_abort(struct intent *in)
{
	sync_all(in, INTENT_SYNC_ABORT);
}

sector_t intent_next_owed(struct intent *in, sector_t from)
{
	u64 chunk = chunk_of(in, from);
	bool stopped;

	do {
		chunk = chunk_next_owed(in, chunk, in->chunks, &stopped);
		cond_resched();
	} while (stopped);
	return chunk < in->chunks ? chunk_start(in, chunk) : NO_SECTOR;
}

/*
 * A member that dropped out may have lost what its cache held of writes that
 * it had completed: every chunk that no flush has covered since is owed to it.
 * A sweep under way may have been here already: ages count one more then.
 */
void intent_member_returns(struct intent *in)
{
	unsigned int covered;
	u64 page = 0, chunk;

	for (;;) {
		spin_lock(&in->lock);
		page = summary_next(&in->worded, page);
		if (page == in->npages)
			break;
		covered = sweep_covered_age(in);
		for (chunk = page * PAGE_WORDS;
		     chunk < min(in->chunks, (page + 1) * PAGE_WORDS); chunk++) {
			u16 *word = chunk_word(in, chunk), now = READ_ONCE(*word);

			if (intent_state_of(now) == INTENT_DIRTY &&
			    intent_age_of(now) <= covered)
				intent_apply(word, INTENT_MARK, true);
		}
		spin_unlock(&in->lock);
		page++;
		cond_resched();
	}
	spin_unlock(&in->lock);
}

/* --- marking ------------------------------------------------------------ */

struct mark {
	struct intent_write write;
	struct completion done;
	int error;
};

static void mark_go(struct intent_write *w, int error)
{
	struct mark *mark = container_of(w, struct mark, write);

	mark->error = error;
	complete(&mark->done);
}

/*
 * As if a write went there: so the bit is durable before the chunk's state
 * lets writes pass, and stays while the state changes.
 */
static int mark_range(struct intent *in, u64 first, u64 last)
{
	struct mark mark = {
		.write = {
			.sector = chunk_start(in, first),
			.end = chunk_end(in, last),
			.kind = INTENT_EXACT,
			.go = mark_go,
		},
		.done = COMPLETION_INITIALIZER_ONSTACK(mark.done),
	};

	if (intent_start(in, &mark.write, false) == INTENT_QUEUED)
		wait_for_completion(&mark.done);
	if (!mark.error && !mark.write.logged)
		mark.error = -EIO;
	rcu_read_lock();
	for (; !mark.error && first <= last; first++)
		intent_apply(chunk_word(in, first), INTENT_MARK,
			     intent_degraded(in));
	rcu_read_unlock();
	intent_end(in, &mark.write, false);
	return mark.error;
}

int intent_mark(struct intent *in, u64 first, u64 last)
{
	int err = 0;

	if (first > last || last >= in->chunks)
		return -ERANGE;
	while (!err && first <= last) {
		u64 end = min(last, first + PAGE_WORDS - 1);

		err = mark_range(in, first, end);
		first = end + 1;
		cond_resched();
	}
	return err;
}

/* --- works -------------------------------------------------------------- */

void intent_kick(struct intent *in)
{
	if (!READ_ONCE(in->dying))
		mod_delayed_work(in->wq, &in->sweep_work, 0);
}

int intent_works_init(struct intent *in)
{
	INIT_WORK(&in->commit_work, commit_work);
	hrtimer_setup(&in->commit_timer, commit_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	INIT_DELAYED_WORK(&in->sweep_work, sweep_work);
	INIT_DELAYED_WORK(&in->retry_work, retry_work);
	in->wq = alloc_workqueue("mdbitmap_%s",
				 WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI, 0,
				 array_name(in->array));
	return in->wq ? 0 : -ENOMEM;
}

void intent_works_stop(struct intent *in)
{
	if (!in->wq)
		return;
	WRITE_ONCE(in->dying, true);
	cancel_delayed_work_sync(&in->sweep_work);
	cancel_delayed_work_sync(&in->retry_work);
	hrtimer_cancel(&in->commit_timer);
	cancel_work_sync(&in->commit_work);
	hrtimer_cancel(&in->commit_timer);	/* which that may have started */
	destroy_workqueue(in->wq);
}

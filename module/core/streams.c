// SPDX-License-Identifier: GPL-2.0-only
#include "streams.h"

/* Where one ended the other begins, perhaps in the middle of a chunk. */
static bool continues(const struct stream *st, u64 from, u64 to, bool set)
{
	return from > st->from && from <= st->next && to > st->look &&
	       (set || st->asked);
}

static struct stream *find(struct streams *s, u64 from, u64 to, bool set)
{
	unsigned int i;

	for (i = 0; i < STREAMS; i++)
		if (continues(&s->at[i], from, to, set))
			return &s->at[i];
	return NULL;
}

/* In the place of the one that was found longest ago. */
static void follow(struct streams *s, u64 from, u64 to)
{
	struct stream *st = &s->at[s->turn++ % STREAMS];

	if (!st->busy)
		*st = (struct stream){ .from = from, .next = to, .look = to - 1 };
}

/* @st asks now: what it may have of the budget. */
static u64 share(struct streams *s, struct stream *st, u64 budget)
{
	unsigned int i, asking = 0;

	st->asked = ++s->asked;
	for (i = 0; i < STREAMS; i++)
		asking += s->at[i].asked &&
			  s->at[i].asked + STREAMS_ROUND > s->asked;
	return port_div64(budget * 5, 8 * asking);
}

static u64 length(u64 written, u64 share)
{
	u64 n = port_div64(written > share ? written : share, 20);

	if (n > written)
		n = written;
	return n < share ? n : share;
}

bool streams_ahead(struct streams *s, u64 from, u64 to, bool set, u64 budget,
		   u64 chunks, struct streams_ahead *ahead)
{
	struct stream *st = find(s, from, to, set);
	u64 end;

	if (!st) {
		if (set)
			follow(s, from, to);
		return false;
	}
	if (st->next < to)
		st->next = to;
	if (st->busy)
		return false;
	st->look = st->next - 1;
	if (!st->goes_on) {
		st->goes_on = true;
		return false;
	}
	end = to + length(to - st->from, share(s, st, budget));
	if (end > chunks)
		end = chunks;
	if (end <= st->next)
		return false;
	ahead->from = st->next;
	ahead->to = end;
	ahead->look = end - 1 - (end - st->next) / 8;
	ahead->stream = st - s->at;
	st->busy = true;
	st->next = end;
	st->look = ahead->look;
	return true;
}

void streams_done(struct streams *s, unsigned int stream)
{
	s->at[stream].busy = false;
}

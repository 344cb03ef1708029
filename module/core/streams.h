/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes that go on where others ended: from the third one on, bits are set ahead of
 * them, so that a stream need not wait for the commit of each chunk. The next are set
 * while the last eighth of those is still ahead: a stream seldom waits at all.
 *
 * What is ahead of a stream that ends is copied for nothing after a crash: as much as
 * the stream had written, and no more than a 32nd of the budget, or a 20th of what it
 * had written; and 5/8 of the budget for all streams together.
 *
 * The caller holds one lock over the struct.
 */
#ifndef CORE_STREAMS_H
#define CORE_STREAMS_H

#include "port.h"

enum {
	STREAMS = 8,			/* that are followed at a time */
	STREAMS_ROUND = 2 * STREAMS,	/* who has not asked for so long asks no more */
};

struct stream {
	u64 from, next;		/* chunks; next: the first without its bit */
	u64 look;		/* a write from here on goes on with the stream */
	u64 asked;		/* when bits were set ahead of it; 0: never */
	bool goes_on;		/* has done so */
	bool busy;		/* bits are being set ahead of it */
};

struct streams {
	struct stream at[STREAMS];
	unsigned int turn;	/* who is forgotten for the next new one */
	u64 asked;		/* how often bits were set ahead */
};

/* Bits to be set: those of [from, to). The first write to @look is to be told of. */
struct streams_ahead {
	u64 from, to, look;
	unsigned int stream;	/* < STREAMS */
};

/*
 * A write to chunks [from, to), the last of which had no bit if @set, or else is perhaps
 * where a stream should be looked at. @budget, @chunks: of the array. True: set bits
 * *ahead; streams_done() when that is over, whether they are set or not.
 */
bool streams_ahead(struct streams *s, u64 from, u64 to, bool set, u64 budget,
		   u64 chunks, struct streams_ahead *ahead);
void streams_done(struct streams *s, unsigned int stream);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes that go on where others ended, the third and later ones: for these, bits are
 * set ahead, as many as the stream is long, so that it waits for a commit every now and
 * then and not for each chunk. What is ahead of a stream that ends is copied for nothing
 * after a crash: as much as the stream had written, at most.
 */
#ifndef CORE_STREAMS_H
#define CORE_STREAMS_H

#include "port.h"

enum { STREAMS = 8 };	/* that are followed at a time */

struct streams {
	struct {
		u64 from, next;		/* chunks; next: the first without its bit */
		bool goes_on;		/* has done so */
	} at[STREAMS];
	unsigned int turn;		/* who is forgotten for the next new one */
};

/*
 * A write set the bits of chunks up to @to, and perhaps of all from @from on: how many
 * more to set, @most at most. The caller sets them all.
 */
u64 streams_ahead(struct streams *s, u64 from, u64 to, u64 most);

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include "streams.h"

u64 streams_ahead(struct streams *s, u64 from, u64 to, u64 most)
{
	unsigned int i;
	u64 ahead = 0;

	/* Where one ended the other begins, perhaps in the middle of a chunk. */
	for (i = 0; i < STREAMS; i++)
		if (s->at[i].next - from <= 1 && s->at[i].from < from)
			break;
	if (i == STREAMS) {
		i = s->turn++ % STREAMS;
		s->at[i].from = from;
		s->at[i].goes_on = false;
	} else if (s->at[i].goes_on) {
		ahead = from - s->at[i].from;
		if (ahead > most)
			ahead = most;
	} else {
		s->at[i].goes_on = true;
	}
	s->at[i].next = to + ahead;
	return ahead;
}

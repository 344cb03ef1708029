/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Progress of a long job in one line of text. Pure, but for human(),
 * paint() and safe().
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_LINE_BYTES = 1024 };

struct progress {
	const char *what;		/* "md0 recovery" */
	uint64_t done_bytes, total_bytes;
	uint64_t speed_bytes_s;		/* 0: not known */
};

/* 0 to 100; 0 of nothing is 0. */
double progress_percent(const struct progress *p);

/*
 * "md0 recovery  42.3% [====>     ] 27 MiB / 64 MiB, 31 MiB/s, 0:12 left", no
 * wider than @width columns: what does not fit is left out from the right,
 * the bar takes the rest. Blanks fill the line up to @width.
 */
void progress_bar(const struct progress *p, unsigned int width,
		  char out[PROGRESS_LINE_BYTES]);

/* "md0 recovery 42 %, 27 MiB of 64 MiB, 31 MiB/s, 0:12 left" */
void progress_plain(const struct progress *p, char out[PROGRESS_LINE_BYTES]);

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include "progress.h"
#include "report.h"

enum {
	BAR_LEAST = 10,			/* columns between the brackets */
	BAR_MOST = 60,
	SIZE_COLUMNS = 8,		/* "24.1 MiB" */
	HEAD_BYTES = 128,
	PACE_BYTES = 96,
	TAIL_BYTES = 256,
	WIDTH_MOST = 400,
};

typedef unsigned long long ull;

double progress_percent(const struct progress *p)
{
	if (!p->total_bytes)
		return 0;
	if (p->done_bytes >= p->total_bytes)
		return 100;
	return 100.0 * (double)p->done_bytes / (double)p->total_bytes;
}

/* "0:07", "12:30", "3:05:00" */
static void time_text(uint64_t seconds, char *out, size_t size)
{
	ull s = seconds;

	if (s < 3600)
		snprintf(out, size, "%llu:%02llu", s / 60, s % 60);
	else
		snprintf(out, size, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

/*
 * "31 MiB/s, 0:12 left"; empty while no speed is known. The speed gets
 * @width columns, so that what stands beside it need not move.
 */
static void pace_text(const struct progress *p, int width, char *out, size_t size)
{
	char left[32];

	*out = '\0';
	if (!p->speed_bytes_s || p->done_bytes >= p->total_bytes)
		return;
	time_text((p->total_bytes - p->done_bytes) / p->speed_bytes_s, left,
		  sizeof(left));
	snprintf(out, size, "%*s/s, %s left", width, human(p->speed_bytes_s), left);
}

void progress_plain(const struct progress *p, char out[PROGRESS_LINE_BYTES])
{
	char pace[PACE_BYTES];

	pace_text(p, 0, pace, sizeof(pace));
	snprintf(out, PROGRESS_LINE_BYTES, "%s %.0f %%, %s of %s%s%s", p->what,
		 progress_percent(p), human(p->done_bytes), human(p->total_bytes),
		 *pace ? ", " : "", pace);
}

/* Text behind the bar, the longest of three that leaves room for one. */
static void choose_tail(const struct progress *p, unsigned int room, char *out)
{
	char pace[PACE_BYTES];

	pace_text(p, SIZE_COLUMNS, pace, sizeof(pace));
	snprintf(out, TAIL_BYTES, " %*s / %s%s%s", SIZE_COLUMNS, human(p->done_bytes),
		 human(p->total_bytes), *pace ? ", " : "", pace);
	if (strlen(out) > room)
		snprintf(out, TAIL_BYTES, "%s%s", *pace ? " " : "", pace);
	if (strlen(out) > room)
		*out = '\0';
}

static size_t put(char *out, size_t at, char c, unsigned int count)
{
	memset(out + at, c, count);
	return at + count;
}

static size_t put_text(char *out, size_t at, const char *text)
{
	size_t len = strlen(text);

	memcpy(out + at, text, len);
	return at + len;
}

/* The brackets and @columns between them. */
static size_t put_bar(char *out, size_t at, double percent, unsigned int columns)
{
	unsigned int full = (unsigned int)(percent * columns / 100);

	at = put(out, at, '[', 1);
	at = put_text(out, at, paint(PAINT_GOOD));
	at = put(out, at, '=', full);
	if (full < columns)
		at = put(out, at, '>', 1);
	at = put_text(out, at, paint(PAINT_NONE));
	if (full + 1 < columns)
		at = put(out, at, ' ', columns - full - 1);
	return put(out, at, ']', 1);
}

void progress_bar(const struct progress *p, unsigned int width,
		  char out[PROGRESS_LINE_BYTES])
{
	char head[HEAD_BYTES], tail[TAIL_BYTES] = "";
	unsigned int used, bar = 0;
	size_t at;

	if (width > WIDTH_MOST)
		width = WIDTH_MOST;
	snprintf(head, sizeof(head), "%s %5.1f%%", p->what, progress_percent(p));
	used = (unsigned int)strlen(head);
	if (used > width)
		head[used = width] = '\0';
	if (width >= used + BAR_LEAST + 3) {
		bar = width - used - 3;		/* a blank and the brackets */
		choose_tail(p, bar - BAR_LEAST, tail);
		bar -= (unsigned int)strlen(tail);
		if (bar > BAR_MOST)
			bar = BAR_MOST;
		used += 3 + bar + (unsigned int)strlen(tail);
	}
	at = put_text(out, 0, head);
	if (bar) {
		at = put(out, at, ' ', 1);
		at = put_bar(out, at, progress_percent(p), bar);
	}
	at = put_text(out, at, tail);
	at = put(out, at, ' ', width - used);
	out[at] = '\0';
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trying again until a limit, first at once, then ever more slowly.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	PATIENCE_FIRST_MS = 1,
	PATIENCE_LAST_MS = 200,
};

struct patience {
	int64_t end_ms;			/* CLOCK_MONOTONIC */
	unsigned int delay_ms;		/* of the next wait */
};

static inline int64_t patience_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline struct patience patience_start(unsigned int limit_ms)
{
	return (struct patience){
		.end_ms = patience_now_ms() + limit_ms,
		.delay_ms = PATIENCE_FIRST_MS,
	};
}

/* A signal may shorten it: harmless to those who only poll. */
static inline void patience_sleep_ms(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/*
 * How long to wait before the next try, each time twice as long and never
 * past the limit; 0 once the limit is reached.
 */
static inline unsigned int patience_next_ms(struct patience *p)
{
	int64_t left = p->end_ms - patience_now_ms();
	unsigned int ms = p->delay_ms;

	if (left <= 0)
		return 0;
	p->delay_ms = ms * 2 < PATIENCE_LAST_MS ? ms * 2 : PATIENCE_LAST_MS;
	return left < ms ? (unsigned int)left : ms;
}

/* Wait so; false at once when the limit is reached. */
static inline bool patience_wait(struct patience *p)
{
	unsigned int ms = patience_next_ms(p);

	if (ms)
		patience_sleep_ms(ms);
	return ms;
}

#endif

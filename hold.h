/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps that must not be cut in two: a signal that would end the program
 * waits until they are done. SIGPIPE too, a note may meet a closed pipe.
 */
#ifndef HOLD_H
#define HOLD_H

#include <signal.h>

/* From here on they wait; *old is for hold_end(). */
static inline void hold_start(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, old);
}

static inline void hold_end(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Between again.so.c and who has it preloaded. */
#ifndef AGAIN_H
#define AGAIN_H

enum {
	AGAIN_FD = 9,
	AGAIN_BYTES = 4096,	/* of a command line */
	AGAIN_WORDS = 32,
};

#endif

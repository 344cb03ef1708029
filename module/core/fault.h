/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with a field read from a disk: enough for the caller to
 * print one line with field, found and expected. Core never prints.
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include "port.h"

struct fault {
	const char *field;	/* the field's name in md-format terms */
	u64 found;
	const char *expected;	/* in words: "a power of two" */
};

/* Fill @fault (may be NULL) and return @err, so that a check is one line. */
static inline int fault_set(struct fault *fault, int err, const char *field,
			    u64 found, const char *expected)
{
	if (fault) {
		fault->field = field;
		fault->found = found;
		fault->expected = expected;
	}
	return err;
}

#endif

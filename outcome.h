/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a mode that makes a bitmap file made, or with --dry-run would make:
 * one line, or one JSON object.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "image.h"
#include "options.h"

struct outcome {
	const char *mode, *path;
	const char *verb;		/* "create": "would create FILE: ..." */
	const struct bitmap_super *sb;
	uint64_t dirty;			/* chunks */
};

/* Line: not with --quiet. 0 or -errno after fail(). */
int outcome_print(const struct outcome *out, const struct request *rq);

#endif

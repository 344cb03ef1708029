/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modes that take several files or arrays: each on its own, one failure does
 * not keep the next from its turn.
 */
#ifndef EACH_H
#define EACH_H

#include <json-c/json.h>
#include "options.h"

/*
 * @one for each argument, with an object of the list @key of @root to fill in
 * (both NULL without --json, in which case @root is not looked at). Every
 * error has its line. Prints and frees @root; the largest exit code.
 */
int each_argument(const struct request *rq, struct json_object *root, const char *key,
		  int (*one)(const struct request *rq, const char *argument,
			     struct json_object *o));

#endif

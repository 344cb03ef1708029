// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include "each.h"
#include "report.h"

int each_argument(const struct request *rq, struct json_object *root, const char *key,
		  int (*one)(const struct request *rq, const char *argument,
			     struct json_object *o))
{
	struct json_object *list = root ? json_list(root, key) : NULL;
	enum exit_code worst = EXIT_DONE, code;
	size_t i;

	for (i = 0; i < rq->arg_count; i++) {
		struct json_object *o = root ? json_object_new_object() : NULL;

		code = report_result(o, one(rq, rq->args[i], o));
		if (o)
			json_object_array_add(list, o);
		if (code > worst)
			worst = code;
	}
	if (root && json_finish(root))
		return -EIO;
	return worst;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The set of numbers that finds what is dirty, through any history, against
 * a flag for each number.
 *
 * Input: the bound, then steps: what to do, with which number.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "module/core/summary.h"

enum { BOUND_MAX = 70000, STEPS_MAX = 400 };	/* three levels */

static u64 model_next(const bool *model, u64 bound, u64 from)
{
	const bool *hit = from < bound ? memchr(model + from, true, bound - from) : NULL;

	return hit ? (u64)(hit - model) : bound;
}

static void check_set(const struct summary *s, const bool *model, u64 n)
{
	u64 first = model_next(model, s->bound, 0);

	must(summary_next(s, 0) == first);
	must(summary_empty(s) == (first == s->bound));
	must(summary_next(s, n) == model_next(model, s->bound, n));
	must(summary_next(s, n + 1) == model_next(model, s->bound, n + 1));
	must(summary_next(s, n * n * 64) == model_next(model, s->bound, n * n * 64));
	if (n < s->bound)
		must(summary_has(s, n) == model[n]);
}

static void step(struct fuzz_in *in, struct summary *s, bool *model)
{
	u8 how = fuzz_number(in, 1);
	u64 n = fuzz_below(in, s->bound);

	if (how & 1 && n < s->bound) {
		model[n] = how & 2;
		(model[n] ? summary_add : summary_remove)(s, n);
	}
	check_set(s, model, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	u64 bound = fuzz_below(&in, BOUND_MAX);
	u64 *words = calloc(summary_words(bound), sizeof(*words));
	bool *model = calloc(bound + 1, sizeof(*model));
	struct summary s;
	int i;

	must(words && model);
	summary_init(&s, bound, words);
	must(summary_empty(&s));
	for (i = 0; i < STEPS_MAX && in.left; i++)
		step(&in, &s, model);
	free(words);
	free(model);
	return 0;
}

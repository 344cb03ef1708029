// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any words behind mdbitmap: they become a request, which says what they say
 * and no more, or one line of what is wrong with them. The modes are ours
 * here: nothing is run. Seams: main() has another name, and the functions of
 * the modes are defined in this file.
 *
 * Input: words, a line each.
 */
#include <stdint.h>
#include "fuzz.h"

int mdbitmap_main(int argc, char **argv);

#define main mdbitmap_main
#include "mdbitmap.c"
#undef main

/* A request in plain spelling has a word for each option, -yfqv only one. */
enum { WORDS_MAX = 24, ROOM = WORDS_MAX + OPTION_COUNT + 4 };

static unsigned int runs;

/* What a mode may rely on. */
static int check_call(const struct request *rq, enum mode mode)
{
	int i;

	runs++;
	must(rq->mode == mode);
	must((int)rq->arg_count >= modes[mode].least);
	must(modes[mode].most < 0 || (int)rq->arg_count <= modes[mode].most);
	for (i = 0; i < OPTION_COUNT; i++) {
		const char *field = (const char *)rq + options[i].offset;
		bool given = options[i].kind == KIND_FLAG ? *(const bool *)field :
							    *(char *const *)field != NULL;

		must(!given || options[i].modes & 1u << mode);
	}
	must(!(rq->quiet && rq->verbose));
	must(rq->write_mostly == (rq->write_mostly_from != SIZE_MAX));
	must(rq->write_mostly_from == SIZE_MAX || rq->write_mostly_from <= rq->arg_count);
	return 0;
}

#define MODE(id, ...)                                                          \
	int mode_##id(const struct request *rq)                                \
	{                                                                      \
		return check_call(rq, MODE_##id);                              \
	}
MODES(MODE)
#undef MODE

struct words {
	int argc;
	char *owned[ROOM];
	char *argv[ROOM];	/* the tool may put others in their place */
};

static void take_words(struct fuzz_in *in, struct words *w)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->owned[w->argc++] = strdup("mdbitmap");
	while (in->left && w->argc <= WORDS_MAX)
		w->owned[w->argc++] = fuzz_line(in, 200);
	for (i = 0; i < w->argc; i++)
		w->argv[i] = w->owned[i];
}

static void drop_words(struct words *w)
{
	while (w->argc)
		free(w->owned[--w->argc]);
}

static void read_words(struct words *w, struct request *rq, struct asked *asked, int *err)
{
	memset(asked, 0, sizeof(*asked));
	memset(rq, 0, sizeof(*rq));
	rq->mode = MODE_NONE;
	rq->write_mostly_from = SIZE_MAX;
	rq->args = calloc(w->argc + 1, sizeof(*rq->args));
	fail_clear();
	*err = read_command_line(w->argc, (const char **)w->argv, rq, asked);
	must(*err <= 0);
}

/* Values are ends of words, arguments are words, in their order. */
static void check_words(const struct words *w, const struct request *rq)
{
	int i, j, at = 1;

	must((int)rq->arg_count < w->argc || !rq->arg_count);
	for (i = 0; i < (int)rq->arg_count; i++) {
		while (at < w->argc && strcmp(w->owned[at], rq->args[i]))
			at++;
		must(at++ < w->argc);
	}
	for (i = 0; i < OPTION_COUNT; i++) {
		const char *value = options[i].kind == KIND_FLAG ? NULL :
			*(char *const *)((const char *)rq + options[i].offset);
		bool found = !value || (options[i].value && !strcmp(value, options[i].value));

		for (j = 1; !found && j < w->argc; j++)
			found = strlen(w->owned[j]) >= strlen(value) &&
				!strcmp(w->owned[j] + strlen(w->owned[j]) - strlen(value), value);
		must(found);
	}
}

static void add(struct words *w, const char *dashes, const char *name,
		const char *equals, const char *value)
{
	must(w->argc < ROOM);
	must(asprintf(&w->owned[w->argc], "%s%s%s%s", dashes, name, equals, value) >= 0);
	w->argv[w->argc] = w->owned[w->argc];
	w->argc++;
}

/* The request as words in plain spelling: is it read as the same again? */
static void check_again(const struct request *rq)
{
	struct words w = { 0 };
	struct request again;
	struct asked asked;
	int i, err;

	add(&w, "", "mdbitmap", "", "");
	if (rq->mode != MODE_NONE)
		add(&w, "--", modes[rq->mode].name, "", "");
	for (i = 0; i < OPTION_COUNT; i++) {
		const char *field = (const char *)rq + options[i].offset;

		if (options[i].kind == KIND_FLAG && *(const bool *)field)
			add(&w, "--", options[i].name, "", "");
		else if (options[i].kind != KIND_FLAG && *(char *const *)field)
			add(&w, "--", options[i].name, "=", *(char *const *)field);
	}
	add(&w, "--", "", "", "");
	for (i = 0; i < (int)rq->arg_count; i++)
		add(&w, "", rq->args[i], "", "");
	read_words(&w, &again, &asked, &err);
	must(!err && again.mode == rq->mode && again.arg_count == rq->arg_count);
	for (i = 0; i < (int)rq->arg_count; i++)
		must(!strcmp(again.args[i], rq->args[i]));
	for (i = 0; i < OPTION_COUNT; i++) {
		const char *a = (const char *)rq + options[i].offset;
		const char *b = (const char *)&again + options[i].offset;

		if (options[i].kind == KIND_FLAG)
			must(*(const bool *)a == *(const bool *)b);
		else if (*(char *const *)a)
			must(*(char *const *)b && !strcmp(*(char *const *)a, *(char *const *)b));
		else
			must(!*(char *const *)b);
	}
	free_request(&again);
	drop_words(&w);
}

/* The whole way, as the shell sees it. */
static void check_main(struct words *w)
{
	struct fuzz_said said;
	int i;

	for (i = 0; i < w->argc; i++)
		w->argv[i] = w->owned[i];
	runs = 0;
	fuzz_catch(NULL, 0, &said);
	said.ret = mdbitmap_main(w->argc, w->argv);
	fuzz_caught();
	must(said.ret == EXIT_DONE || said.ret == EXIT_USAGE);
	must(runs <= 1 && (!runs || said.ret == EXIT_DONE));
	fuzz_forget(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct request rq;
	struct words w;
	struct asked asked;
	int err;

	number_options();
	take_words(&in, &w);
	read_words(&w, &rq, &asked, &err);
	if (err) {
		fuzz_check_line();
	} else {
		check_words(&w, &rq);
		check_again(&rq);
	}
	free_request(&rq);
	check_main(&w);
	drop_words(&w);
	return 0;
}

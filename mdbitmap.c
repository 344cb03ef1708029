// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdbitmap: write-intent bitmap files of Linux md arrays. The command line
 * becomes a struct request; the mode it names does the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "explain.h"
#include "options.h"
#include "report.h"

static const struct {
	const char *name, *arguments;
	int least, most;
	int (*run)(const struct request *rq);
} modes[] = {
#define MODE(id, name, short_name, arguments, least, most, help)               \
	[MODE_##id] = { name, arguments, least, most, mode_##id },
	MODES(MODE)
#undef MODE
};

enum kind { KIND_FLAG, KIND_TEXT, KIND_MAYBE };

static const struct {
	const char *name;
	enum kind kind;
	const char *value;		/* KIND_MAYBE without one */
	unsigned int modes;
	size_t offset;			/* in struct request */
} options[] = {
#define AT(id) offsetof(struct request, id)
#define FLAG(id, name, s, help, modes) { name, KIND_FLAG, NULL, modes, AT(id) },
#define TEXT(id, name, s, a, help, modes) { name, KIND_TEXT, NULL, modes, AT(id) },
#define MAYBE(id, name, a, value, help, modes)                                 \
	{ name, KIND_MAYBE, value, modes, AT(id) },
	OPTIONS(FLAG, TEXT, MAYBE)
#undef FLAG
#undef TEXT
#undef MAYBE
};

enum {
	OPTION_COUNT = sizeof(options) / sizeof(options[0]),
	VAL_MODE = 1000,		/* popt's val: VAL_MODE + enum mode */
	VAL_OPTION = 2000,		/* VAL_OPTION + index in options[] */
	VAL_HELP = 3000,
	VAL_USAGE,
	VAL_VERSION,
};

static struct poptOption mode_table[] = {
#define MODE(id, name, short_name, arguments, least, most, help)               \
	{ name, short_name, POPT_ARG_NONE, NULL, VAL_MODE + MODE_##id, help, NULL },
	MODES(MODE)
#undef MODE
	/* Other spellings: mdadm's, for the same thing. */
	{ "examine-bitmap", 'E', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, NULL,
	  VAL_MODE + MODE_examine, NULL, NULL },
	{ "set-faulty", 0, POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, NULL,
	  VAL_MODE + MODE_fail, NULL, NULL },
	POPT_TABLEEND
};

static struct poptOption option_table[] = {
#define FLAG(id, name, s, help, modes) { name, s, POPT_ARG_NONE, NULL, 0, help, NULL },
#define TEXT(id, name, s, arg, help, modes)                                    \
	{ name, s, POPT_ARG_STRING, NULL, 0, help, arg },
#define MAYBE(id, name, arg, value, help, modes)                               \
	{ name, 0, POPT_ARG_STRING, NULL, 0, help, "[" arg "]" },
	OPTIONS(FLAG, TEXT, MAYBE)
#undef FLAG
#undef TEXT
#undef MAYBE
	POPT_TABLEEND
};

static struct poptOption help_table[] = {
	{ "help", '?', POPT_ARG_NONE, NULL, VAL_HELP,
	  "this; with a mode, only what belongs to it", NULL },
	{ "usage", 0, POPT_ARG_NONE, NULL, VAL_USAGE, "the same in short", NULL },
	{ "version", 'V', POPT_ARG_NONE, NULL, VAL_VERSION, "print the version",
	  NULL },
	POPT_TABLEEND
};

static struct poptOption main_table[] = {
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, mode_table, 0, "Modes:", NULL },
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, option_table, 0, "Options:", NULL },
	{ NULL, 0, POPT_ARG_INCLUDE_TABLE, help_table, 0, "Help:", NULL },
	POPT_TABLEEND
};

/* What was asked for, beside the mode: --help and its like. */
struct asked {
	bool help, usage, version;
};

static void number_options(void)
{
	int i;

	for (i = 0; i < OPTION_COUNT; i++)
		option_table[i].val = VAL_OPTION + i;
}

/* --help of one mode: the options that are legal there, and no modes. */
static void print_help(enum mode mode, bool brief)
{
	struct poptOption table[OPTION_COUNT + 1], mine[4];
	const char *argv[] = { "mdbitmap", NULL };
	char tail[128] = "--MODE [OPTION...] ARGUMENT...";
	poptContext popt;
	int i, n = 0;

	if (mode != MODE_NONE)
		snprintf(tail, sizeof(tail), "--%s [OPTION...] %s",
			 modes[mode].name, modes[mode].arguments);
	for (i = 0; mode != MODE_NONE && i < OPTION_COUNT; i++)
		if (options[i].modes & 1u << mode)
			table[n++] = option_table[i];
	table[n] = option_table[OPTION_COUNT];
	memcpy(mine, main_table, sizeof(mine));
	if (mode != MODE_NONE) {
		mine[1].arg = table;
		mine[0] = mine[1];
		mine[1] = mine[2];
		mine[2] = mine[3];
	}
	popt = poptGetContext("mdbitmap", 1, argv, mine, 0);
	poptSetOtherOptionHelp(popt, tail);
	if (brief)
		poptPrintUsage(popt, stdout, 0);
	else
		poptPrintHelp(popt, stdout, 0);
	poptFreeContext(popt);
}

static int take_option(struct request *rq, int index, char *value)
{
	char *field = (char *)rq + options[index].offset;

	if (options[index].kind == KIND_FLAG) {
		*(bool *)field = true;
		if (options[index].offset == AT(write_mostly) &&
		    rq->write_mostly_from == SIZE_MAX)
			rq->write_mostly_from = rq->arg_count;
		return 0;
	}
	if (*(char **)field) {
		free(value);
		return fail(-EINVAL, "--%s is given twice", options[index].name);
	}
	*(char **)field = value;
	return 0;
}

static int take_mode(struct request *rq, enum mode mode)
{
	if (rq->mode != MODE_NONE && rq->mode != mode)
		return fail(-EINVAL, "--%s and --%s: one mode at a time",
			    modes[rq->mode].name, modes[mode].name);
	rq->mode = mode;
	return 0;
}

static int take(struct request *rq, struct asked *asked, int val, char *value)
{
	switch (val) {
	case 0:
		rq->args[rq->arg_count++] = value;
		return 0;
	case VAL_HELP:
		asked->help = true;
		return 0;
	case VAL_USAGE:
		asked->usage = true;
		return 0;
	case VAL_VERSION:
		asked->version = true;
		return 0;
	}
	if (val >= VAL_OPTION)
		return take_option(rq, val - VAL_OPTION, value);
	return take_mode(rq, val - VAL_MODE);
}

static bool has_value(const char *name, char letter)
{
	int i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (options[i].kind == KIND_TEXT &&
		    (name ? !strcmp(name, options[i].name) :
			    letter == option_table[i].shortName))
			return true;
	return false;
}

/* Is the word behind @word its value? Of short ones only the last can be so. */
static bool takes_next(const char *word)
{
	if (*word++ != '-' || !*word)
		return false;
	if (*word == '-')
		return has_value(word + 1, 0);
	while (word[1] && !has_value(NULL, *word))
		word++;
	return !word[1] && has_value(NULL, *word);
}

/* popt would take the next word as the value of an option that may have one. */
static void complete_maybe(int argc, const char **argv)
{
	static char text[64];
	int i, j;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (takes_next(argv[i])) {
			i++;
			continue;
		}
		for (j = 0; j < OPTION_COUNT; j++)
			if (options[j].kind == KIND_MAYBE &&
			    !strncmp(argv[i], "--", 2) &&
			    !strcmp(argv[i] + 2, options[j].name)) {
				snprintf(text, sizeof(text), "--%s=%s",
					 options[j].name, options[j].value);
				argv[i] = text;
			}
	}
}

static int read_command_line(int argc, const char **argv, struct request *rq,
			     struct asked *asked)
{
	poptContext popt;
	const char **rest;
	int val, err = 0;

	complete_maybe(argc, argv);
	/* Options stand behind arguments: here, a --dry-run would become one. */
	unsetenv("POSIXLY_CORRECT");
	popt = poptGetContext("mdbitmap", argc, argv, main_table,
			      POPT_CONTEXT_ARG_OPTS);
	while (!err && (val = poptGetNextOpt(popt)) >= 0)
		err = take(rq, asked, val, poptGetOptArg(popt));
	if (!err && val < -1)
		err = fail(-EINVAL, "%s: %s", safe(poptBadOption(popt, 0)),
			   poptStrerror(val));
	rest = poptGetArgs(popt);
	while (!err && rest && *rest)
		err = take(rq, asked, 0, strdup(*rest++));
	poptFreeContext(popt);
	return err;
}

static int check_options(const struct request *rq)
{
	unsigned int bit = 1u << rq->mode;
	int i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const char *field = (const char *)rq + options[i].offset;
		bool given = options[i].kind == KIND_FLAG ?
				     *(const bool *)field :
				     *(char *const *)field != NULL;

		if (given && !(options[i].modes & bit))
			return fail(-EINVAL, "--%s does not belong to --%s",
				    options[i].name, modes[rq->mode].name);
	}
	if (rq->bitmap && (!strcmp(rq->bitmap, "none") || !strcmp(rq->bitmap, "internal")))
		return fail(-EINVAL, "--bitmap=%s: here it is a file, or a block device; one of that name is ./%s",
			    rq->bitmap, rq->bitmap);
	if (rq->write_mostly && rq->write_mostly_from >= rq->arg_count)
		return fail(-EINVAL, "--write-mostly stands before the members that it is for");
	if (rq->quiet && rq->verbose)
		return fail(-EINVAL, "--quiet and --verbose exclude each other");
	return 0;
}

static int check_request(const struct request *rq)
{
	int count = rq->arg_count;

	if (rq->mode == MODE_NONE)
		return fail(-EINVAL, "no mode given; see mdbitmap --help");
	if (count < modes[rq->mode].least ||
	    (modes[rq->mode].most >= 0 && count > modes[rq->mode].most))
		return fail(-EINVAL, "--%s takes %s, got %s", modes[rq->mode].name,
			    modes[rq->mode].arguments, plural(count, "argument"));
	return check_options(rq);
}

static int run(struct request *rq, const struct asked *asked)
{
	int ret;

	if (asked->help || asked->usage) {
		print_help(rq->mode, asked->usage);
		return report_flush();
	}
	if (asked->version) {
		puts("mdbitmap " VERSION);
		return report_flush();
	}
	ret = check_request(rq);
	if (!ret)
		ret = report_colour(rq->color);
	if (ret)
		return ret;
	style.json = rq->json;
	style.bytes = rq->bytes;
	style.quiet = rq->quiet;
	style.verbose = rq->verbose;
	ret = modes[rq->mode].run(rq);
	if (ret >= 0 && report_flush())
		return -EIO;
	return ret;
}

static void free_request(struct request *rq)
{
	size_t i;

	for (i = 0; i < rq->arg_count; i++)
		free(rq->args[i]);
	free(rq->args);
	for (i = 0; i < OPTION_COUNT; i++)
		if (options[i].kind != KIND_FLAG)
			free(*(char **)((char *)rq + options[i].offset));
}

/*
 * A standard stream that is closed would be the next file that is opened, a
 * bitmap maybe, and messages be written over it. Opened the wrong way round,
 * so that using it still fails.
 */
static bool hold_standard_streams(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct request rq = { .mode = MODE_NONE, .write_mostly_from = SIZE_MAX };
	struct asked asked = { 0 };
	int ret;

	if (!hold_standard_streams())
		return EXIT_FAILED;
	/* A file too large for ulimit is an error like a full disk, not a death. */
	signal(SIGXFSZ, SIG_IGN);
	number_options();
	explain_command(argc, argv);
	rq.args = calloc(argc + 1, sizeof(*rq.args));
	ret = rq.args ? read_command_line(argc, (const char **)argv, &rq, &asked) :
			fail(-ENOMEM, "out of memory");
	if (!ret)
		ret = run(&rq, &asked);
	free_request(&rq);
	return report_result(NULL, ret);
}

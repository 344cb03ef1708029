// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text as that of a dump: either it becomes a file, which --examine takes
 * and whose own text restores to the same bytes; or nothing is there, and one
 * line says why. A file that is replaced stays as it is until then.
 *
 * Input: a byte of choices, then the text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"
#include "report.h"

static struct request request(char **args, enum mode mode)
{
	return (struct request){ .mode = mode, .args = args, .arg_count = 1,
				 .quiet = true };
}

static void check_examine(char **args)
{
	struct request rq = request(args, MODE_examine);
	struct fuzz_said said;

	fuzz_mode(mode_examine, &rq, NULL, 0, &said);
	/* Damaged ones are restored as they were, and examined for what they are. */
	must(said.ret == EXIT_DONE || said.ret == EXIT_CORRUPT ||
	     said.ret == EXIT_UNSUPPORTED || said.ret == EXIT_ATTENTION);
	must(said.out_bytes);
	fuzz_forget(&said);
}

static void check_again(char **args, char *order)
{
	char *back[] = { (char *)(uintptr_t)fuzz_path("again") };
	struct request rq = request(args, MODE_dump);
	struct fuzz_said text, said;
	uint8_t *file;
	size_t size;

	rq.byte_order = order;
	fuzz_mode(mode_dump, &rq, NULL, 0, &text);
	must(!text.ret);
	rq = request(back, MODE_restore);
	fuzz_mode(mode_restore, &rq, text.out, text.out_bytes, &said);
	must(!said.ret);
	file = fuzz_read("file", &size);
	must(fuzz_same("again", file, size));
	free(file);
	fuzz_forget(&text);
	fuzz_forget(&said);
	unlink(back[0]);
}

/*
 * "All go up": none of the ranges that were taken begins within another. The
 * last line is the end, and there is no other.
 */
static void check_text(const struct fuzz_in *in)
{
	char *text = strndup((const char *)in->data, in->left), *line, *rest = text;
	unsigned long long start, end, last = 0;

	must(strlen(text) == in->left);
	while ((line = strsep(&rest, "\n"))) {
		must(strcmp(line, "end") || !rest || !*rest);
		if (sscanf(line, "%llu..%llu", &start, &end) != 2) {
			last = 0;
			continue;
		}
		must(start < end && start >= last);
		last = end;
	}
	free(text);
}

/* The rehearsal says what the act has said, and touches nothing. */
static void check_dry_run(const struct request *real, int ret, const struct fuzz_in *in)
{
	struct request rq = *real;
	struct fuzz_said said;
	size_t files = fuzz_files();
	char *line = strdup(fail_text());

	/* Only the act meets the limit of a file's size. */
	if (ret != -EFBIG) {
		rq.dry_run = true;
		fuzz_mode(mode_restore, &rq, (const char *)in->data, in->left, &said);
		must(said.ret == ret);
		must(!ret || !strcmp(line, fail_text()));
		must(fuzz_files() == files);
		fuzz_forget(&said);
	}
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char old[512] = "bitm\4";
	static char *orders[] = { NULL, "big32", "big64", "little" };
	struct fuzz_in in = { data, size };
	uint8_t how = fuzz_number(&in, 1);
	char *args[] = { (char *)(uintptr_t)fuzz_path("file") };
	struct request rq = request(args, MODE_restore);
	struct fuzz_said said;

	unlink(args[0]);
	rq.force = how & 1;
	rq.byte_order = how & 2 ? orders[how >> 2 & 3] : NULL;
	if (rq.force)
		fuzz_write("file", old, sizeof(old));
	fuzz_mode(mode_restore, &rq, (const char *)in.data, in.left, &said);
	must(said.ret <= 0 && !said.out_bytes);
	must(fuzz_files() == (rq.force || !said.ret));
	if (!said.ret) {
		check_text(&in);
		check_examine(args);
		check_again(args, orders[how >> 2 & 3]);
		unlink(args[0]);
		if (rq.force)
			fuzz_write("file", old, sizeof(old));
		fail_clear();
	} else if (rq.force) {
		must(fuzz_same("file", old, sizeof(old)));
	}
	check_dry_run(&rq, said.ret, &in);
	fuzz_forget(&said);
	unlink(args[0]);
	return 0;
}

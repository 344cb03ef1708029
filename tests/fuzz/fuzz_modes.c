// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a bitmap, and any words about it: every mode that reads or
 * edits bitmap files. Those that only look leave the file as it is; one that
 * fails, or rehearses, too; and what an edit leaves is a sound bitmap.
 *
 * Input: mode, options, a line with an argument, one with a value; the file.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"
#include "image.h"
#include "report.h"

enum { READS, EDITS, MAKES };

static const struct {
	int (*run)(const struct request *rq);
	enum mode mode;
	int kind;
} tried[] = {
	{ mode_examine, MODE_examine, READS },
	{ mode_ranges, MODE_ranges, READS },
	{ mode_map, MODE_map, READS },
	{ mode_check, MODE_check, READS },
	{ mode_diff, MODE_diff, READS },
	{ mode_dump, MODE_dump, READS },
	{ mode_mark, MODE_mark, EDITS },
	{ mode_clear, MODE_clear, EDITS },
	{ mode_resize, MODE_resize, EDITS },
	{ mode_rechunk, MODE_rechunk, EDITS },
	{ mode_merge, MODE_merge, MAKES },
};

enum { TRIED = sizeof(tried) / sizeof(tried[0]) };

/* A disk's bytes in what is printed reach no terminal as they are. */
static void check_output(const struct request *rq, const struct fuzz_said *said)
{
	struct json_object *o;
	size_t i;

	for (i = 0; i < said->out_bytes; i++)
		must((unsigned char)said->out[i] >= 0x20 || said->out[i] == '\n');
	if (!rq->json || said->ret < 0)
		return;
	o = json_tokener_parse(said->out);
	must(o && json_object_is_type(o, json_type_object));
	json_object_put(o);
}

static void check_sound(const char *path)
{
	struct image *image;
	uint64_t dirty;

	must(!image_open(path, IMAGE_FILE, &image));
	must(!image_count_dirty(image, &dirty) && dirty <= image->bits);
	image_close(image);
}

static void take_options(struct fuzz_in *in, struct request *rq)
{
	static char *orders[] = { NULL, "big32", "big64", "little" };
	static char *units[] = { NULL, "sectors", "chunks", "bytes" };
	uint16_t how = fuzz_number(in, 2);

	rq->json = how & 1;
	rq->bytes = how & 2;
	rq->verbose = how & 4;
	rq->force = how & 8;
	rq->brief = how & 16;
	rq->clean = how & 32;
	rq->dry_run = how & 64;
	rq->quiet = how & 128;
	rq->byte_order = orders[how >> 8 & 3];
	rq->unit = units[how >> 10 & 3];
	if (how & 4096 && rq->mode == MODE_map)
		rq->svg = (char *)(uintptr_t)fuzz_path("svg");
}

static void run(unsigned int which, struct request *rq, const struct fuzz_in *file)
{
	char *name = (char *)(uintptr_t)fuzz_path("file");
	char *out = (char *)(uintptr_t)fuzz_path("out");
	struct fuzz_said said;
	bool kept;

	fuzz_write("file", file->data, file->left);
	fuzz_mode(tried[which].run, rq, NULL, 0, &said);
	check_output(rq, &said);
	kept = tried[which].kind != EDITS || said.ret || rq->dry_run;
	if (kept)
		must(fuzz_same("file", file->data, file->left));
	else
		check_sound(name);
	if (tried[which].kind == MAKES) {
		must(fuzz_exists("out") == (!said.ret && !rq->dry_run));
		if (fuzz_exists("out"))
			check_sound(out);
	}
	must(fuzz_files() == 1u + fuzz_exists("out") + fuzz_exists("svg"));
	fuzz_forget(&said);
	unlink(out);
	unlink(fuzz_path("svg"));
	unlink(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned int which = fuzz_number(&in, 1) % TRIED;
	char *name = (char *)(uintptr_t)fuzz_path("file");
	struct request rq = { .mode = tried[which].mode };
	char *args[4] = { name }, *word, *value;

	take_options(&in, &rq);
	word = fuzz_line(&in, 64);
	value = fuzz_line(&in, 32);
	rq.args = args;
	rq.arg_count = 1;
	if (rq.mode == MODE_mark || rq.mode == MODE_clear) {
		args[rq.arg_count++] = word;
		args[rq.arg_count++] = value;
	} else if (rq.mode == MODE_diff) {
		args[rq.arg_count++] = name;
	} else if (rq.mode == MODE_merge) {
		args[0] = (char *)(uintptr_t)fuzz_path("out");
		args[rq.arg_count++] = name;
		args[rq.arg_count++] = name;
	}
	if (rq.mode == MODE_resize)
		rq.size = value;
	if ((rq.mode == MODE_rechunk || rq.mode == MODE_merge) && *value)
		rq.bitmap_chunk = value;
	if ((rq.mode == MODE_ranges || rq.mode == MODE_map) && *value)
		rq.node = value;
	/* The size of a file is limited here, but not how long a rehearsal counts. */
	if (tried[which].kind != READS && rq.mode != MODE_mark && rq.mode != MODE_clear)
		rq.dry_run = false;
	run(which, &rq, &in);
	free(word);
	free(value);
	return 0;
}

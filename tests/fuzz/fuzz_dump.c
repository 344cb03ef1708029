// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a bitmap: what --dump makes of it, --restore turns back into
 * the same bytes, to the last one.
 *
 * Input: the byte order to read it in; then the file.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"
#include "image.h"

static char *orders[] = { NULL, "big32", "big64", "little" };

static void check_json(const struct request *text_rq)
{
	struct request rq = *text_rq;
	struct json_object *o;
	struct fuzz_said said;

	rq.json = true;
	fuzz_mode(mode_dump, &rq, NULL, 0, &said);
	must(!said.ret);
	o = json_tokener_parse(said.out);
	must(o && json_object_is_type(o, json_type_object));
	json_object_put(o);
	fuzz_forget(&said);
}

/* Part of a member, a bitmap has no end of its own: what it needs is dumped. */
static void check_back(const uint8_t *file, size_t size)
{
	struct image *image;
	uint64_t base = 0;

	must(!image_open(fuzz_path("file"), IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &image));
	if (image->member) {
		size_t back;

		base = image->base;
		free(fuzz_read("back", &back));
		must(back <= size - base);
		size = base + back;
	}
	image_close(image);
	must(fuzz_same("back", file + base, size - base));
}

static void restore(char *order, const struct fuzz_said *dumped)
{
	char *args[] = { (char *)(uintptr_t)fuzz_path("back") };
	struct request rq = { .mode = MODE_restore, .args = args, .arg_count = 1,
			      .quiet = true, .byte_order = order };
	struct fuzz_said said;

	fuzz_mode(mode_restore, &rq, dumped->out, dumped->out_bytes, &said);
	must(!said.ret && !said.out_bytes);
	fuzz_forget(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	char *order = orders[fuzz_number(&in, 1) % 4];
	char *args[] = { (char *)(uintptr_t)fuzz_path("file") };
	struct request rq = { .mode = MODE_dump, .args = args, .arg_count = 1,
			      .byte_order = order };
	struct fuzz_said dumped;

	fuzz_write("file", in.data, in.left);
	fuzz_mode(mode_dump, &rq, NULL, 0, &dumped);
	if (!dumped.ret) {
		check_json(&rq);
		restore(NULL, &dumped);
		check_back(in.data, in.left);
		unlink(fuzz_path("back"));
	}
	fuzz_forget(&dumped);
	return 0;
}

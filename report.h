/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything the user reads: one error line, notes, numbers, JSON, colour.
 *
 * Errors: who detects says what happened with fail() and returns; nobody
 * prints on the way; main prints the line once and turns the errno into the
 * documented exit code. A later fail() replaces an earlier one.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <json-c/json.h>

enum exit_code {		/* man page, EXIT STATUS */
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_ATTENTION = 3,	/* a check that asked found something to look at */
	EXIT_NOTHING = 4,	/* no such thing, or not a bitmap */
	EXIT_EXISTS = 5,	/* exists already, or busy */
	EXIT_CORRUPT = 6,	/* corrupt, mismatched or stale */
	EXIT_UNSUPPORTED = 7,	/* by this kernel, driver or filesystem */
};

/*
 * A mode returns 0, a positive enum exit_code, or a -errno after fail().
 * Errnos with a code of their own:
 *   EINVAL                               2  usage
 *   ENOENT ENODEV ENXIO EMEDIUMTYPE      4  nothing there, not a bitmap
 *   EEXIST EBUSY ETXTBSY EWOULDBLOCK     5
 *   EUCLEAN EBADMSG ESTALE               6  corrupt, mismatched, stale
 *   EOPNOTSUPP EPROTONOSUPPORT ENOTTY ENOSYS  7
 * and everything else 1. An ioctl's bare EINVAL is no usage error: callers
 * turn it into what it means before they return it, fail_errno() into EIO.
 */
enum exit_code exit_code_of(int err);

/* Record the one error line, without prefix or newline; returns @err. */
int fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As fail(), with ": strerror(-err)" behind the text. */
int fail_errno(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *fail_text(void);	/* what fail() recorded, "" if nothing */
void fail_clear(void);		/* the error was handled, it is none */

/*
 * The end of one item of several, or of the run: prints the recorded error
 * if @err is one, notes it (or null) in @o unless that is NULL. Exit code.
 */
enum exit_code report_result(struct json_object *o, int err);

/* Lines for people, to stderr: note() unless --quiet, chat() if --verbose. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void chat(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct report_style {
	bool json, bytes, quiet, verbose;
	bool colour;		/* decided: option, NO_COLOR, terminal */
};
extern struct report_style style;

/* --color=WHEN (auto, always, never; NULL: auto), NO_COLOR, isatty. -EINVAL */
int report_colour(const char *when);

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM, PAINT_BOLD };
/* Escape sequence that starts @paint, or "" without colour; PAINT_NONE ends. */
const char *paint(enum paint paint);

/*
 * Text for one value, in a ring of static buffers: good until eight more
 * calls were made.
 */
const char *safe(const char *text);	/* control characters and non-UTF-8 as \ooo */
const char *human(uint64_t bytes);	/* "64 KiB", "1.5 GiB"; --bytes: "65536 B" */
const char *plural(uint64_t n, const char *one); /* "1 chunk", "2 chunks" */
const char *uuid_text(const uint8_t uuid[16]);	/* mdadm's form, four groups of the
						 * raw bytes: 00010203:04050607:... */

/*
 * JSON: one object a run: {"json_version":1,"mode":MODE, ...}. Units in the
 * keys (_bytes, _sectors, _chunks, _seconds, _percent). Strings from outside
 * pass through safe().
 */
struct json_object *json_start(const char *mode);
void json_text(struct json_object *o, const char *key, const char *value); /* NULL: null */
void json_u64(struct json_object *o, const char *key, uint64_t value);
void json_real(struct json_object *o, const char *key, double value);
void json_flag(struct json_object *o, const char *key, bool value);
struct json_object *json_child(struct json_object *o, const char *key);	/* new object */
struct json_object *json_list(struct json_object *o, const char *key);	/* new array */
/* Print the object on stdout and free it. 0 or -EIO after fail(). */
int json_finish(struct json_object *o);

/*
 * Lists too long for memory: prints the object so far with @key as an array
 * left open, then each item (freed), then closes both, with "error" in between:
 * why the list ends early, or null. The end returns @err, or -EIO after fail().
 */
void json_stream_start(struct json_object *o, const char *key);
void json_stream_item(struct json_object *item);
int json_stream_finish(int err);

/* stdout closed and checked for write errors: 0 or -errno after fail(). */
int report_flush(void);

/*
 * "Really? [y/N]" on the terminal. @yes answers it. Without a terminal
 * nothing is asked: -EPERM after fail() saying that --yes is needed.
 */
int confirm(bool yes, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Columns of the terminal on stdout, COLUMNS, or 80. */
unsigned int report_width(void);

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "report.h"

struct report_style style;

/* What safe() and the like return; a name may become four times as long. */
enum { RING = 8, RING_BYTES = 4 * 4096 + 1 };

static char error_text[2 * RING_BYTES + 1024];	/* two names at their longest, and words */

enum exit_code exit_code_of(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return EXIT_DONE;
	case EINVAL:
		return EXIT_USAGE;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EMEDIUMTYPE:
		return EXIT_NOTHING;
	case EEXIST:
	case EBUSY:
	case ETXTBSY:
	case EWOULDBLOCK:
		return EXIT_EXISTS;
	case EUCLEAN:
	case EBADMSG:
	case ESTALE:
		return EXIT_CORRUPT;
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case ENOTTY:
	case ENOSYS:
		return EXIT_UNSUPPORTED;
	default:
		return EXIT_FAILED;
	}
}

int fail(int err, const char *format, ...)
{
	char text[sizeof(error_text)];	/* the arguments may be error_text */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strcpy(error_text, text);
	return err;
}

int fail_errno(int err, const char *format, ...)
{
	char text[sizeof(error_text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail(err, "%s: %s", text, strerror(err < 0 ? -err : err));
	return err == -EINVAL ? -EIO : err;
}

const char *fail_text(void)
{
	return error_text;
}

void fail_clear(void)
{
	error_text[0] = 0;
}

enum exit_code report_result(struct json_object *o, int err)
{
	const char *text = *error_text ? error_text : strerror(-err);

	if (o)
		json_text(o, "error", err < 0 ? text : NULL);
	if (err >= 0)
		return err;
	fflush(stdout);
	fprintf(stderr, "mdbitmap: %s\n", text);
	fail_clear();
	return exit_code_of(err);
}

static void line(bool wanted, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void line(bool wanted, const char *format, va_list args)
{
	if (!wanted)
		return;
	fflush(stdout);
	fputs("mdbitmap: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(!style.quiet, format, args);
	va_end(args);
}

void chat(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(style.verbose, format, args);
	va_end(args);
}

int report_colour(const char *when)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (!when || !strcmp(when, "auto"))
		style.colour = isatty(STDOUT_FILENO) &&
			       !(no_color && *no_color) && term &&
			       strcmp(term, "dumb");
	else if (!strcmp(when, "always"))
		style.colour = true;
	else if (!strcmp(when, "never"))
		style.colour = false;
	else
		return fail(-EINVAL, "--color=%s: auto, always or never", safe(when));
	return 0;
}

const char *paint(enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "\033[0m",   [PAINT_GOOD] = "\033[32m",
		[PAINT_WARN] = "\033[33m",  [PAINT_BAD] = "\033[31m",
		[PAINT_DIM] = "\033[2m",    [PAINT_BOLD] = "\033[1m",
	};

	return style.colour ? codes[paint] : "";
}

/* Eight values may be on their way into one printf. */

static char *ring_next(void)
{
	static char ring[RING][RING_BYTES];
	static unsigned int next;

	return ring[next++ % RING];
}

/* Bytes of the UTF-8 character at @p, 0 if it is none or a control. */
static size_t printable(const unsigned char *p)
{
	size_t n, i;

	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	n = *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;
	if (!n || *p >= 0xf5)
		return 0;
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (p[0] == 0xc2 && p[1] < 0xa0)	/* C1 controls */
		return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

const char *safe(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	char *out = ring_next(), *q = out;

	while (*p && q - out < RING_BYTES - 5) {
		size_t n = printable(p);

		if (n) {
			memcpy(q, p, n);
			p += n;
			q += n;
		} else {
			q += sprintf(q, "\\%03o", *p++);
		}
	}
	*q = 0;
	return out;
}

const char *human(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };
	char *out = ring_next();
	unsigned int i = 0;
	double value = bytes;

	if (style.bytes) {
		snprintf(out, RING_BYTES, "%llu B", (unsigned long long)bytes);
		return out;
	}
	while (value >= 1024 && i < 6) {
		value /= 1024;
		i++;
	}
	if (value == (uint64_t)value)
		snprintf(out, RING_BYTES, "%.0f %s", value, units[i]);
	else
		snprintf(out, RING_BYTES, "%.*f %s", value < 10 ? 2 : 1, value,
			 units[i]);
	return out;
}

const char *plural(uint64_t n, const char *one)
{
	char *out = ring_next();

	snprintf(out, RING_BYTES, "%llu %s%s", (unsigned long long)n, one,
		 n == 1 ? "" : "s");
	return out;
}

const char *uuid_text(const uint8_t uuid[16])
{
	char *out = ring_next(), *q = out;
	int i;

	for (i = 0; i < 16; i++)
		q += sprintf(q, "%s%02x", i && i % 4 == 0 ? ":" : "", uuid[i]);
	return out;
}

enum { JSON_VERSION = 1, JSON_FLAGS = JSON_C_TO_STRING_PRETTY |
	       JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE };

struct json_object *json_start(const char *mode)
{
	struct json_object *o = json_object_new_object();

	json_u64(o, "json_version", JSON_VERSION);
	json_text(o, "mode", mode);
	return o;
}

void json_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key,
			       value ? json_object_new_string(safe(value)) : NULL);
}

void json_u64(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_real(struct json_object *o, const char *key, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	json_object_object_add(o, key, json_object_new_double_s(value, text));
}

void json_flag(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

struct json_object *json_child(struct json_object *o, const char *key)
{
	struct json_object *child = json_object_new_object();

	json_object_object_add(o, key, child);
	return child;
}

struct json_object *json_list(struct json_object *o, const char *key)
{
	struct json_object *list = json_object_new_array();

	json_object_object_add(o, key, list);
	return list;
}

int json_finish(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_FLAGS));
	json_object_put(o);
	return report_flush();
}

static bool stream_empty;

void json_stream_start(struct json_object *o, const char *key)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	printf("%.*s,\"%s\":[", (int)strlen(text) - 1, text, key);
	json_object_put(o);
	stream_empty = true;
}

void json_stream_item(struct json_object *item)
{
	printf("%s\n%s", stream_empty ? "" : ",",
	       json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN));
	json_object_put(item);
	stream_empty = false;
}

int json_stream_finish(int err)
{
	struct json_object *o = json_object_new_object();

	json_text(o, "error", err < 0 ? fail_text() : NULL);
	printf("],%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) + 1);
	json_object_put(o);
	return err ? err : report_flush();
}

int report_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return fail_errno(-EIO, "standard output");
	return 0;
}

int confirm(bool yes, const char *format, ...)
{
	char question[512], answer[16];
	va_list args;

	if (yes)
		return 0;
	va_start(args, format);
	vsnprintf(question, sizeof(question), format, args);
	va_end(args);
	if (!isatty(STDIN_FILENO))
		return fail(-EPERM, "%s Say --yes to go on", question);
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	return fail(-ECANCELED, "not done");
}

unsigned int report_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long n;
	char *end;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	if (columns && *columns >= '0' && *columns <= '9') {
		n = strtoul(columns, &end, 10);
		if (!*end && n >= 1 && n <= 10000)
			return n;
	}
	return 80;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What fuzz targets share: a promise that must hold, the input taken apart,
 * files of their own, and modes of the tool run with all they print caught.
 *
 * A target is a pure function of its input: no time, no random numbers, and
 * of the machine it sees only an empty /sys and /proc and its own directory.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "options.h"

/* libFuzzer calls these. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The code under test broke a promise: say which one, and die. */
#define must(what)                                                             \
	do {                                                                   \
		if (!(what))                                                   \
			fuzz_broken(__FILE__, __LINE__, #what);                \
	} while (0)

void fuzz_broken(const char *file, int line, const char *what)
	__attribute__((noreturn));

/* ---- the input, from its start on; what is not there reads as zero ---- */

struct fuzz_in {
	const uint8_t *data;
	size_t left;
};

/* A little-endian number of @bytes (up to 8). */
uint64_t fuzz_number(struct fuzz_in *in, unsigned int bytes);

/* A number below @n (0: 0), from as many bytes as @n has. */
uint64_t fuzz_below(struct fuzz_in *in, uint64_t n);

/* The next @max bytes at most, up to a newline, which is dropped: malloc'ed
 * text. Bytes of zero end it too. */
char *fuzz_line(struct fuzz_in *in, size_t max);

/* All that is left as malloc'ed text, zeros made '0'. */
char *fuzz_text(struct fuzz_in *in);

/* ---- files ---- */

/*
 * Path of @name in a directory of this process, good for ever; at most 16
 * different ones. The first call
 * makes the directory; it has sys/block/md0/md and proc/self, empty, and is
 * the root of sysfs.h.
 */
const char *fuzz_path(const char *name);

void fuzz_write(const char *name, const void *data, size_t size);
bool fuzz_exists(const char *name);
size_t fuzz_files(void);			/* regular files in the directory */

/* Whole file, malloc'ed, with a NUL behind; it is at most a few MiB. */
uint8_t *fuzz_read(const char *name, size_t *size);
bool fuzz_same(const char *name, const void *data, size_t size);

/* Nothing that is written here grows larger than this: EFBIG then. */
enum { FUZZ_FILE_MAX = 1 << 20 };

/* ---- modes ---- */

struct fuzz_said {
	int ret;		/* of the mode */
	char *out;		/* standard output, malloc'ed */
	size_t out_bytes;
};

/*
 * Run @mode as main() would. What comes back must be a documented exit code
 * or an errno with one line of clean text, and stderr whole lines of such.
 * @in: standard input, NULL for none. fuzz_forget() frees.
 */
void fuzz_mode(int (*mode)(const struct request *rq), const struct request *rq,
	       const char *in, size_t in_bytes, struct fuzz_said *said);
void fuzz_forget(struct fuzz_said *said);

/*
 * The same in two halves, for what is no mode: from the first call on the
 * three streams are ours, from the second on they are what they were.
 */
void fuzz_catch(const char *in, size_t in_bytes, struct fuzz_said *said);
void fuzz_caught(void);

/* What fail() recorded is one line that a terminal may be shown. */
void fuzz_check_line(void);

#endif

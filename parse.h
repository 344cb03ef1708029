/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words of the command line into numbers, strictly: no sign, no blanks, no
 * octal, nothing behind, no overflow. All return 0 or -EINVAL after fail()
 * with @what, the word, and what is accepted.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A size: a decimal number with one of K M G T P (binary, optionally followed
 * by "iB") or s (512-byte sectors) or B; bare numbers are @unit bytes
 * (mdadm: 1024 for --size and --bitmap-chunk).
 */
int parse_size(const char *what, const char *word, uint64_t unit, uint64_t *bytes);

int parse_number(const char *what, const char *word, uint64_t min, uint64_t max,
		 uint64_t *number);

/* 32 hex digits, with ':' (mdadm) or '-' (libuuid) anywhere between them. */
int parse_uuid(const char *word, uint8_t uuid[16]);

/*
 * A range, half-open: START..END, START+LENGTH, START.. (to the end), all.
 * Each a size as above, or a count of chunks with suffix c; bare numbers
 * are @unit bytes (--unit). @chunk_bytes is needed for c. In bytes;
 * *end is UINT64_MAX for "to the end". An empty range is an error.
 */
struct byte_range {
	uint64_t start, end;
};
int parse_range(const char *word, uint64_t unit, uint64_t chunk_bytes,
		struct byte_range *range);

/* --unit=bytes|sectors|chunks: its size in bytes, and its name for keys. */
int parse_unit(const char *word, uint64_t chunk_bytes, uint64_t *unit_bytes,
	       const char **name);

#endif

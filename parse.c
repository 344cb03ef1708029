// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "module/core/port.h"
#include "parse.h"
#include "report.h"

/* Digits at *p into *value, *p behind them. False: none, or too large. */
static bool digits(const char **p, uint64_t *value)
{
	const char *start = *p;

	*value = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**p - '0'), value))
			return false;
	return *p > start;
}

/* Number with unit at *p into bytes. @chunk 0: no suffix c here. */
static bool size_at(const char **p, uint64_t unit, uint64_t chunk, uint64_t *bytes)
{
	static const char prefixes[] = "KMGTP";
	const char *prefix;
	uint64_t value;

	if (!digits(p, &value))
		return false;
	prefix = **p ? strchr(prefixes, toupper((unsigned char)**p)) : NULL;
	if (prefix) {
		unit = 1ULL << (10 * (prefix - prefixes + 1));
		(*p)++;
		if (!strncmp(*p, "iB", 2))
			*p += 2;
	} else if (**p == 's') {
		unit = SECTOR_BYTES;
		(*p)++;
	} else if (**p == 'B') {
		unit = 1;
		(*p)++;
	} else if (**p == 'c' && chunk) {
		unit = chunk;
		(*p)++;
	}
	return !__builtin_mul_overflow(value, unit, bytes);
}

int parse_size(const char *what, const char *word, uint64_t unit, uint64_t *bytes)
{
	const char *p = word;

	if (!size_at(&p, unit, 0, bytes) || *p)
		return fail(-EINVAL,
			    "%s: '%s' is not a size: a number with K, M, G, T, P (binary) or s (sectors), below 2^64 bytes",
			    what, safe(word));
	return 0;
}

int parse_number(const char *what, const char *word, uint64_t min, uint64_t max,
		 uint64_t *number)
{
	const char *p = word;

	if (!digits(&p, number) || *p || *number < min || *number > max)
		return fail(-EINVAL, "%s: '%s' is not a number from %llu to %llu",
			    what, safe(word), (unsigned long long)min,
			    (unsigned long long)max);
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int parse_uuid(const char *word, uint8_t uuid[16])
{
	const char *p;
	int n = 0;

	for (p = word; *p; p++) {
		if ((*p == ':' || *p == '-') && n && n < 32)
			continue;
		if (hex(*p) < 0 || n == 32)
			break;
		uuid[n / 2] = n % 2 ? uuid[n / 2] | hex(*p) : hex(*p) << 4;
		n++;
	}
	if (n < 32 || *p)
		return fail(-EINVAL, "'%s' is not a UUID: 32 hexadecimal digits, as in 01234567:89abcdef:01234567:89abcdef",
			    safe(word));
	return 0;
}

static bool range_end(const char *p, uint64_t unit, uint64_t chunk,
		      struct byte_range *range)
{
	if (!strcmp(p, ".."))
		range->end = UINT64_MAX;
	else if (!strncmp(p, "..", 2)) {
		p += 2;
		return size_at(&p, unit, chunk, &range->end) && !*p;
	} else if (*p == '+') {
		p++;
		return size_at(&p, unit, chunk, &range->end) && !*p &&
		       !__builtin_add_overflow(range->start, range->end,
					       &range->end);
	} else
		return false;
	return true;
}

int parse_range(const char *word, uint64_t unit, uint64_t chunk_bytes,
		struct byte_range *range)
{
	const char *p = word;

	if (!strcmp(word, "all")) {
		range->start = 0;
		range->end = UINT64_MAX;
		return 0;
	}
	if (!size_at(&p, unit, chunk_bytes, &range->start) ||
	    !range_end(p, unit, chunk_bytes, range))
		return fail(-EINVAL, "'%s' is not a range: START..END (END is not part of it), START+LENGTH, START.. or all",
			    safe(word));
	if (range->end <= range->start)
		return fail(-EINVAL, "range '%s' is empty", safe(word));
	return 0;
}

int parse_unit(const char *word, uint64_t chunk_bytes, uint64_t *unit_bytes,
	       const char **name)
{
	if (!word || !strcmp(word, "bytes")) {
		*unit_bytes = 1;
		*name = "bytes";
	} else if (!strcmp(word, "sectors")) {
		*unit_bytes = SECTOR_BYTES;
		*name = "sectors";
	} else if (!strcmp(word, "chunks")) {
		*unit_bytes = chunk_bytes;
		*name = "chunks";
	} else {
		return fail(-EINVAL, "--unit=%s: bytes, sectors or chunks", safe(word));
	}
	return 0;
}

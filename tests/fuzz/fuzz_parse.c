// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words of the command line: sizes, numbers, ranges, UUIDs and names of
 * arrays mean what a second reading of them, in 128 bits, says they mean.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "node.h"
#include "parse.h"
#include "report.h"

typedef unsigned __int128 wide;

static void check_refusal(int err)
{
	must(err == 0 || err == -EINVAL);
	if (err)
		fuzz_check_line();
}

/* Digits at the start of @word, and how many; too large: above 2^64. */
static wide model_digits(const char *word, size_t *count)
{
	const wide limit = (wide)1 << 80;
	wide n = 0;

	for (*count = 0; isdigit((unsigned char)word[*count]); (*count)++)
		if (n < limit)
			n = n * 10 + (word[*count] - '0');
	return n;
}

/* A size at the start of @word into bytes; how long it is, 0: none there. */
static size_t model_size(const char *word, uint64_t unit, uint64_t chunk, wide *bytes)
{
	static const char letters[] = "kmgtp";
	const char *letter;
	size_t n;

	*bytes = model_digits(word, &n);
	if (!n)
		return 0;
	letter = word[n] ? strchr(letters, tolower((unsigned char)word[n])) : NULL;
	if (letter) {
		n++;
		unit = 1024;
		while (letter-- > letters)
			unit *= 1024;
		if (word[n] == 'i' && word[n + 1] == 'B')
			n += 2;
	} else if (word[n] == 's' || word[n] == 'B') {
		unit = word[n++] == 's' ? 512 : 1;
	} else if (word[n] == 'c' && chunk) {
		unit = chunk;
		n++;
	}
	*bytes = *bytes > UINT64_MAX ? (wide)UINT64_MAX + 1 : *bytes * unit;
	return *bytes > UINT64_MAX ? 0 : n;
}

static void check_size(const char *word, uint64_t unit)
{
	uint64_t bytes;
	wide model;
	size_t n = model_size(word, unit, 0, &model);
	int err = parse_size("--size", word, unit, &bytes);

	check_refusal(err);
	must(!err == (n && !word[n]));
	must(err || bytes == model);
}

static void check_number(const char *word, uint64_t min, uint64_t max)
{
	uint64_t number;
	size_t n;
	wide model = model_digits(word, &n);
	int err = parse_number("--node", word, min, max, &number);

	check_refusal(err);
	must(!err == (n && !word[n] && model >= min && model <= max));
	must(err || number == model);
}

static bool model_range(const char *word, uint64_t unit, uint64_t chunk,
			wide *start, wide *end)
{
	size_t n;

	*start = 0;
	*end = UINT64_MAX;
	if (!strcmp(word, "all"))
		return true;
	n = model_size(word, unit, chunk, start);
	if (!n)
		return false;
	word += n;
	if (!strcmp(word, ".."))
		return *start < *end;
	n = word[0] == '+' ? 1 : word[0] == '.' && word[1] == '.' ? 2 : 0;
	if (!n)
		return false;
	if (!model_size(word + n, unit, chunk, end) ||
	    word[n + model_size(word + n, unit, chunk, end)])
		return false;
	if (n == 1)
		*end += *start;
	return *end > *start && *end <= UINT64_MAX;
}

static void check_range(const char *word, uint64_t unit, uint64_t chunk)
{
	struct byte_range range;
	wide start, end;
	int err = parse_range(word, unit, chunk, &range);

	check_refusal(err);
	must(!err == model_range(word, unit, chunk, &start, &end));
	must(err || (range.start == start && range.end == end && start < end));
}

/* What is accepted is its own text again, however it was written. */
static void check_uuid(const char *word)
{
	uint8_t uuid[16], again[16];
	size_t digits = 0, i;
	int err = parse_uuid(word, uuid);

	check_refusal(err);
	if (err)
		return;
	must(!parse_uuid(uuid_text(uuid), again));
	must(!memcmp(uuid, again, sizeof(uuid)));
	for (i = 0; word[i]; i++) {
		char digit[2] = { word[i], 0 };

		if (word[i] == ':' || word[i] == '-')
			continue;
		must(digits < 32 && isxdigit((unsigned char)word[i]));
		must((uuid[digits / 2] >> (digits % 2 ? 0 : 4) & 15) ==
		     (int)strtoul(digit, NULL, 16));
		digits++;
	}
	must(digits == 32);
}

/* The name of an array leads nowhere but into /dev, and is its own name. */
static void check_node(const char *word)
{
	struct node_name name, again;

	if (node_split(word, &name)) {
		must(node_bad_name(word) == -EINVAL);
		fuzz_check_line();
		return;
	}
	must(!strncmp(name.path, "/dev/md", 7) && !strcmp(name.path + 5, name.kernel));
	must(!strchr(name.kernel, '/') && strlen(name.kernel) < 32);
	must(!*name.link || !strcmp(name.link, word));
	must(!node_split(name.path, &again));
	must(!strcmp(again.kernel, name.kernel) && again.driver == name.driver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t units[] = { 1, 512, 1024, 65536, 1ULL << 31, 7 };
	struct fuzz_in in = { data, size };
	uint64_t unit = units[fuzz_below(&in, 6)], chunk = units[fuzz_below(&in, 6)];
	uint64_t min = fuzz_number(&in, 1), max = fuzz_number(&in, 2);
	char *word = fuzz_text(&in);

	fuzz_path("");
	check_size(word, unit);
	check_number(word, min, max);
	check_number(word, 0, UINT64_MAX);
	check_range(word, unit, chunk);
	check_uuid(word);
	check_node(word);
	free(word);
	return 0;
}

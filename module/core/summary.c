// SPDX-License-Identifier: GPL-2.0-only
#include "summary.h"

enum { WORD_BITS = 64 };

static u64 words_for(u64 bits)
{
	return bits / WORD_BITS + (bits % WORD_BITS != 0);
}

u64 summary_words(u64 bound)
{
	u64 words = words_for(bound), sum = words;
	unsigned int levels = 1;

	if (!bound)
		return 1;
	for (; words > 1; levels++) {
		words = words_for(words);
		sum += words;
	}
	return levels > SUMMARY_LEVELS ? 0 : sum;
}

void summary_init(struct summary *s, u64 bound, u64 *words)
{
	u64 n = words_for(bound);

	memset(s, 0, sizeof(*s));
	s->bound = bound;
	s->level[s->levels++] = words;
	while (n > 1 && s->levels < SUMMARY_LEVELS) {
		words += n;
		n = words_for(n);
		s->level[s->levels++] = words;
	}
}

static u64 bit(u64 n)
{
	return 1ULL << (n % WORD_BITS);
}

bool summary_has(const struct summary *s, u64 n)
{
	return s->level[0][n / WORD_BITS] & bit(n);
}

void summary_add(struct summary *s, u64 n)
{
	unsigned int l;

	for (l = 0; l < s->levels; l++, n /= WORD_BITS) {
		u64 *word = &s->level[l][n / WORD_BITS];
		bool known = *word;

		*word |= bit(n);
		if (known)
			return;
	}
}

void summary_remove(struct summary *s, u64 n)
{
	unsigned int l;

	for (l = 0; l < s->levels; l++, n /= WORD_BITS) {
		u64 *word = &s->level[l][n / WORD_BITS];

		*word &= ~bit(n);
		if (*word)
			return;
	}
}

/* From member @n of level @l, which is in the set, to its first of level 0. */
static u64 descend(const struct summary *s, u64 n, unsigned int l)
{
	while (l--)
		n = n * WORD_BITS + port_lowest_bit(s->level[l][n]);
	return n;
}

u64 summary_next(const struct summary *s, u64 from)
{
	u64 bits = s->bound, n = from;
	unsigned int l;

	for (l = 0; l < s->levels && n < bits; l++) {
		u64 word = s->level[l][n / WORD_BITS] >> n % WORD_BITS;

		if (word)
			return descend(s, n + port_lowest_bit(word), l);
		n = n / WORD_BITS + 1;
		bits = words_for(bits);
	}
	return s->bound;
}

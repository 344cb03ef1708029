// SPDX-License-Identifier: GPL-2.0-only
/*
 * --restore: a bitmap file from its text (dump.h). The text may have been
 * edited, or torn: every line is checked, and nothing has a name before the
 * last one was read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dump.h"
#include "image.h"
#include "options.h"
#include "parse.h"
#include "report.h"

enum {
	LINE_BYTES = 1024,
	PIECE_BYTES = 1 << 16,
	FILE_BITS_SHIFT = 3,
};

#define FILE_BYTES_MAX (1ULL << 39)	/* 1024 nodes with all bits there may be */

enum section { SECTION_SUPER, SECTION_BITS, SECTION_STATES };

struct restoring {
	FILE *in;
	const char *name;		/* of the text */
	const char *path;		/* of the file */
	const struct image *replace;
	bool dry_run;

	char line[LINE_BYTES];		/* the one at hand, without its newline */
	uint64_t number;		/* of it, from 1 */
	bool held;			/* read, but not used yet */

	uint64_t file_bytes;
	enum image_byte_order order;
	unsigned int word;		/* bytes of one */
	uint32_t version;
	uint64_t done_bits;		/* of the file: all before has been said */
	enum section section;
	uint64_t section_byte;		/* its OFFSET */

	struct image_writer *writer;	/* NULL before the first superblock */
	uint64_t piece_from;		/* byte of the file at piece[0] */
	u8 piece[PIECE_BYTES];
};

static int bad(struct restoring *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int bad(struct restoring *r, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fail(-EUCLEAN, "%s: line %" PRIu64 ": %s", safe(r->name), r->number, text);
}

static int read_line(struct restoring *r)
{
	size_t used = 0;
	int c;

	if (r->held) {
		r->held = false;
		return 0;
	}
	r->number++;
	errno = 0;
	while ((c = getc_unlocked(r->in)) != EOF && c != '\n') {
		if (!c || used == LINE_BYTES - 1)
			return bad(r, c ? "too long for a line of a dump" : "is not text");
		r->line[used++] = c;
	}
	r->line[used] = 0;
	if (ferror(r->in))
		return fail_errno(errno ? -errno : -EIO, "%s", safe(r->name));
	if (c == EOF && !used)
		return bad(r, "the text ends before its line 'end'");
	return 0;
}

/* What follows "WORD " in the line, or NULL if it begins otherwise. */
static char *after(struct restoring *r, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(r->line, word, n) && r->line[n] == ' ' ? r->line + n + 1 : NULL;
}

/* The next line, which must be "WORD VALUE". */
static int read_value(struct restoring *r, const char *word, char **value)
{
	int err = read_line(r);

	if (err)
		return err;
	*value = after(r, word);
	return *value ? 0 : bad(r, "'%.200s' where '%s' and its value belong", safe(r->line), word);
}

static int number_of(struct restoring *r, const char *what, const char *word, uint64_t min,
		     uint64_t max, uint64_t *n)
{
	return parse_number(what, word, min, max, n) ? bad(r, "%s", fail_text()) : 0;
}

static int hex_number(struct restoring *r, const char *what, const char *word, uint64_t max,
		      uint64_t *n)
{
	size_t digits = strspn(word, "0123456789abcdefx") - 2;

	if (strncmp(word, "0x", 2) || !digits || digits > 8 || word[2 + digits] ||
	    strchr(word + 2, 'x'))
		return bad(r, "%s: '%.200s' is not a number as in 0x1f", what, safe(word));
	*n = strtoull(word, NULL, 16);
	return *n <= max ? 0 : bad(r, "%s: %s is too large", what, safe(word));
}

/* Pairs of hexadecimal digits; how many bytes they were. */
static int hex_bytes(struct restoring *r, const char *word, u8 *to, size_t max, size_t *count)
{
	size_t digits = strspn(word, "0123456789abcdef"), i;
	unsigned int byte;

	if (!digits || digits % 2 || word[digits])
		return bad(r, "'%.200s' is not a number of bytes in hexadecimal", safe(word));
	if (digits / 2 > max)
		return bad(r, "%zu bytes where at most %zu fit", digits / 2, max);
	for (i = 0; i < digits / 2; i++) {
		sscanf(word + 2 * i, "%2x", &byte);
		to[i] = byte;
	}
	*count = i;
	return 0;
}

static int octal(const char *p)
{
	int i, n = 0;

	for (i = 0; i < 3; i++) {
		if (p[i] < '0' || p[i] > '7')
			return -1;
		n = n * 8 + p[i] - '0';
	}
	return n < 256 ? n : -1;
}

static int take_name(struct restoring *r, const char *word, struct bitmap_super *sb)
{
	const char *p = word;
	size_t used = 0;
	int c;

	memset(sb->cluster_name, 0, sizeof(sb->cluster_name));
	if (*p++ != '"')
		return bad(r, "cluster-name: '%.200s' is not in quotes", safe(word));
	for (; *p != '"'; p++) {
		c = (unsigned char)*p;
		if (c == '\\') {
			c = octal(p + 1);
			p += 3;
		}
		if (c < 0 || !*p || used == BITMAP_CLUSTER_NAME_BYTES)
			return bad(r, "cluster-name: '%.200s' is not %u characters at most in quotes, with \\ooo for odd ones",
				   safe(word), BITMAP_CLUSTER_NAME_BYTES);
		sb->cluster_name[used++] = c;
	}
	return p[1] ? bad(r, "cluster-name: text behind the quotes") : 0;
}

static int take_field(struct restoring *r, const struct dump_field *field,
		      struct bitmap_super *sb)
{
	uint64_t value;
	char *word;
	int err = read_value(r, field->name, &word);

	if (err)
		return err;
	err = field->hex ? hex_number(r, field->name, word, field->max, &value) :
			   number_of(r, field->name, word, 0, field->max, &value);
	if (!err)
		dump_field_set(field, sb, value);
	return err;
}

static int set_version(struct restoring *r, uint32_t version)
{
	r->version = version;
	r->word = r->order == IMAGE_BIG_ENDIAN_32 ? 4 :
		  r->order == IMAGE_BIG_ENDIAN_64 ? 8 : 1;
	if (r->word > 1 && version != BITMAP_V3_HOST_ENDIAN)
		return bad(r, "only version 3 has a byte-order");
	return 0;
}

/* Version 6 keeps sectors of it on disk, the others bytes. */
static int check_chunk(struct restoring *r, const struct bitmap_super *sb)
{
	bool sectors = sb->version == BITMAP_V6_LOCKLESS;

	if (sectors ? !(sb->chunk_bytes % SECTOR_BYTES) : sb->chunk_bytes <= UINT32_MAX)
		return 0;
	return bad(r, "chunk-bytes: %" PRIu64 " cannot be kept in version %u",
		   (uint64_t)sb->chunk_bytes, sb->version);
}

/* The field just read; @first: the superblock that makes it a bitmap. */
static int check_field(struct restoring *r, const struct dump_field *field,
		       const struct bitmap_super *sb, bool first)
{
	switch (field->offset) {
	case offsetof(struct bitmap_super, magic):
		if (first && sb->magic != BITMAP_MAGIC)
			return bad(r, "magic is %08x, a bitmap has %08x", sb->magic,
				   BITMAP_MAGIC);
		return 0;
	case offsetof(struct bitmap_super, version):
		return first ? set_version(r, sb->version) : 0;
	case offsetof(struct bitmap_super, chunk_bytes):
		return check_chunk(r, sb);
	}
	return 0;
}

static int read_super(struct restoring *r, struct bitmap_super *sb, bool first)
{
	size_t i, count;
	char *word;
	int err = 0;

	memset(sb, 0, sizeof(*sb));
	for (i = 0; !err && i < dump_field_count; i++) {
		err = take_field(r, &dump_fields[i], sb);
		if (!err)
			err = check_field(r, &dump_fields[i], sb, first);
	}
	if (!err)
		err = read_value(r, "uuid", &word);
	if (!err && parse_uuid(word, sb->uuid))
		err = bad(r, "%s", fail_text());
	if (!err)
		err = read_value(r, "cluster-name", &word);
	if (!err)
		err = take_name(r, word, sb);
	if (!err)
		err = read_line(r);
	if (err)
		return err;
	word = after(r, "pad");
	r->held = !word;
	return word ? hex_bytes(r, word, sb->pad, sizeof(sb->pad), &count) : 0;
}

/*
 * Hand on the piece, and begin the next. Words of a big-endian version 3
 * are turned back: the pieces begin on their grid, and only what a file that
 * ends within a word has behind the last whole one stays as it is.
 */
static int flush_piece(struct restoring *r)
{
	uint64_t count = PIECE_BYTES, skip = r->piece_from ? 0 : BITMAP_SUPER_BYTES;
	int err = 0;

	if (count > r->file_bytes - r->piece_from)
		count = r->file_bytes - r->piece_from;
	if (r->word > 1)
		bits_from_big_endian(r->piece + skip, (count - skip) / r->word * r->word,
				     r->word);
	if (!r->dry_run)
		err = image_writer_bytes(r->writer, r->piece + skip, count - skip);
	memset(r->piece, 0, PIECE_BYTES);
	r->piece_from += count;
	return err;
}

/* Have @byte of the file in the piece. */
static int move_to(struct restoring *r, uint64_t byte)
{
	int err = 0;

	if (r->dry_run && byte - r->piece_from >= PIECE_BYTES) {
		memset(r->piece, 0, PIECE_BYTES);
		r->piece_from = byte / PIECE_BYTES * PIECE_BYTES;
	}
	while (!err && byte - r->piece_from >= PIECE_BYTES)
		err = flush_piece(r);
	return err;
}

/* Bits [from, to) of the file are set. */
static int put_bits(struct restoring *r, uint64_t from, uint64_t to)
{
	uint64_t base, end;
	int err = 0;

	for (; from < to; from = end) {
		err = move_to(r, from / 8);
		if (err)
			return err;
		base = r->piece_from * 8;
		end = to - base < PIECE_BYTES * 8 ? to : base + PIECE_BYTES * 8;
		bits_set(r->piece, from - base, end - base);
	}
	return 0;
}

static int put_bytes(struct restoring *r, uint64_t offset, const u8 *bytes, size_t count)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		err = move_to(r, offset + i);
		if (!err)
			r->piece[offset + i - r->piece_from] = bytes[i];
	}
	return err;
}

/* Bytes [from, to) of the file are @value. */
static int put_value(struct restoring *r, uint64_t from, uint64_t to, u8 value)
{
	uint64_t n;
	int err;

	for (; from < to; from += n) {
		err = move_to(r, from);
		if (err)
			return err;
		n = PIECE_BYTES - (from - r->piece_from);
		if (n > to - from)
			n = to - from;
		memset(r->piece + (from - r->piece_from), value, n);
	}
	return 0;
}

/* An OFFSET, and room for @bytes there: behind all that was said so far. */
static int take_offset(struct restoring *r, const char *word, uint64_t bytes, uint64_t *offset)
{
	int err = number_of(r, "offset", word, 0, r->file_bytes, offset);

	if (err)
		return err;
	if (*offset << FILE_BITS_SHIFT < r->done_bits)
		return bad(r, "offset %" PRIu64 " is not behind what came before", *offset);
	/* There the bytes on disk are turned, whatever they are. */
	if (r->word > 1 && (bytes || *offset != BITMAP_SUPER_BYTES))
		return bad(r, "with a byte-order all behind byte %u is bits", BITMAP_SUPER_BYTES);
	if (bytes > r->file_bytes - *offset)
		return bad(r, "%" PRIu64 " bytes at offset %" PRIu64 " are more than file-bytes",
			   bytes, *offset);
	r->done_bits = (*offset + bytes) << FILE_BITS_SHIFT;
	return 0;
}

static int start_file(struct restoring *r, const struct bitmap_super *sb)
{
	int err;

	if (r->dry_run)
		return 0;
	err = image_writer_start(r->path, r->replace, sb, &r->writer);
	/* From now on the length of the file is what we say. */
	return err ? err : image_writer_bytes(r->writer, "", 0);
}

static int take_super(struct restoring *r, const char *word)
{
	struct bitmap_super_disk raw;
	struct bitmap_super sb;
	uint64_t offset;
	int err = take_offset(r, word, BITMAP_SUPER_BYTES, &offset);

	if (!err)
		err = read_super(r, &sb, !offset);
	if (err)
		return err;
	r->section = SECTION_SUPER;
	if (!offset)
		return start_file(r, &sb);
	bitmap_super_encode(&raw, &sb);
	return put_bytes(r, offset, (const u8 *)&raw, sizeof(raw));
}

static int take_section(struct restoring *r, const char *word, enum section section)
{
	if ((section == SECTION_STATES) != (r->version == BITMAP_V6_LOCKLESS))
		return bad(r, "version 6 has states, the others have bits");
	r->section = section;
	return take_offset(r, word, 0, &r->section_byte);
}

static int take_bytes(struct restoring *r, char *word)
{
	char *hex = strchr(word, ' ');
	u8 bytes[DUMP_BYTES_PER_LINE];
	uint64_t offset;
	size_t count;
	int err;

	if (!hex)
		return bad(r, "bytes: no bytes");
	*hex++ = 0;
	err = hex_bytes(r, hex, bytes, sizeof(bytes), &count);
	if (!err)
		err = take_offset(r, word, count, &offset);
	r->section = SECTION_SUPER;
	return err ? err : put_bytes(r, offset, bytes, count);
}

static int take_state(struct restoring *r, const char *word, u8 *state)
{
	uint64_t value;
	int i, err;

	for (i = 0; i < BITMAP_STATES; i++)
		if (dump_states[i] && !strcmp(word, dump_states[i])) {
			*state = i;
			return 0;
		}
	err = hex_number(r, "state", word, UINT8_MAX, &value);
	*state = err ? 0 : value;
	return err;
}

/* "START..END" in the section at hand, and for states one behind it. */
static int take_range(struct restoring *r)
{
	unsigned int shift = r->section == SECTION_STATES ? FILE_BITS_SHIFT : 0;
	uint64_t base = r->section_byte << FILE_BITS_SHIFT, start, end;
	uint64_t limit = ((r->file_bytes << FILE_BITS_SHIFT) - base) >> shift;
	char *dots = strstr(r->line, ".."), *word;
	u8 state = 0;
	int err;

	if (r->section == SECTION_SUPER || !dots)
		return bad(r, "'%.200s' is not expected here", safe(r->line));
	word = strchr(dots, ' ');
	if (!word != (r->section == SECTION_BITS))
		return bad(r, "'%.200s' is not a range of %s", safe(r->line),
			   word ? "bits" : "states and which one they are in");
	*dots = 0;
	if (word)
		*word++ = 0;
	err = number_of(r, "start", r->line, 0, limit, &start);
	if (!err)
		err = number_of(r, "end", dots + 2, 0, limit, &end);
	if (!err && word)
		err = take_state(r, word, &state);
	if (err)
		return err;
	if (start >= end || base + (start << shift) < r->done_bits)
		return bad(r, "range %" PRIu64 "..%" PRIu64 " is empty or not behind what came before",
			   start, end);
	r->done_bits = base + (end << shift);
	if (r->section == SECTION_BITS)
		return put_bits(r, base + start, base + end);
	return put_value(r, r->section_byte + start, r->section_byte + end, state);
}

static int read_head(struct restoring *r, const char *option)
{
	enum image_byte_order wanted;
	char *word;
	int err = read_line(r);

	if (!err && strcmp(r->line, DUMP_FIRST_LINE))
		return bad(r, "is not '" DUMP_FIRST_LINE "': no text of --dump, or of a later version");
	if (!err)
		err = read_value(r, "file-bytes", &word);
	if (!err)
		err = number_of(r, "file-bytes", word, BITMAP_SUPER_BYTES, FILE_BYTES_MAX,
				&r->file_bytes);
	if (!err)
		err = read_line(r);
	if (err)
		return err;
	word = after(r, "byte-order");
	r->held = !word;
	if (word && parse_byte_order(word, &r->order))
		return bad(r, "byte-order is little, big32 or big64");
	if (!option)
		return 0;
	err = parse_byte_order(option, &wanted);
	if (!err && wanted != r->order)
		err = fail(-EINVAL, "--byte-order=%s: the text has its own, '%s'", safe(option),
			   word ? safe(word) : "little");
	return err;
}

static int read_body(struct restoring *r)
{
	char *word;
	int err = read_value(r, "super", &word);

	if (!err && strcmp(word, "0"))
		err = bad(r, "the first superblock is at offset 0, not %s", safe(word));
	r->held = !err;
	while (!err) {
		err = read_line(r);
		if (err || !strcmp(r->line, "end"))
			return err;
		if ((word = after(r, "super")))
			err = take_super(r, word);
		else if ((word = after(r, "bits")))
			err = take_section(r, word, SECTION_BITS);
		else if ((word = after(r, "states")))
			err = take_section(r, word, SECTION_STATES);
		else if ((word = after(r, "bytes")))
			err = take_bytes(r, word);
		else
			err = take_range(r);
	}
	return err;
}

static int restore(struct restoring *r, const char *byte_order)
{
	int err = read_head(r, byte_order);

	if (!err)
		err = read_body(r);
	if (!err && getc_unlocked(r->in) != EOF) {
		r->number++;
		err = bad(r, "text behind 'end'");
	}
	while (!err && !r->dry_run && r->piece_from < r->file_bytes)
		err = flush_piece(r);
	if (r->dry_run)
		return err;
	if (!err)
		return image_writer_finish(r->writer);
	image_writer_abort(r->writer);
	return err;
}

static int print_outcome(const struct restoring *r)
{
	struct json_object *o;

	if (!style.json) {
		if (!style.quiet)
			printf("%s%s: %" PRIu64 " bytes\n",
			       r->dry_run ? "would restore " : "", safe(r->path),
			       r->file_bytes);
		return 0;
	}
	o = json_start("restore");
	json_text(o, "file", r->path);
	json_u64(o, "file_bytes", r->file_bytes);
	json_flag(o, "dry_run", r->dry_run);
	return json_finish(o);
}

static int open_text(struct restoring *r, const struct request *rq)
{
	r->in = stdin;
	r->name = "standard input";
	if (rq->arg_count < 2 || !strcmp(rq->args[1], "-"))
		return 0;
	r->name = rq->args[1];
	r->in = fopen(r->name, "re");
	return r->in ? 0 : fail_errno(-errno, "%s", safe(r->name));
}

int mode_restore(const struct request *rq)
{
	struct restoring *r = calloc(1, sizeof(*r));
	struct image *replace = NULL;
	int err;

	if (!r)
		return fail(-ENOMEM, "out of memory");
	r->path = rq->args[0];
	r->dry_run = rq->dry_run;
	r->word = 1;
	err = image_replaceable(r->path, rq->force, &replace);
	r->replace = replace;
	if (!err)
		err = open_text(r, rq);
	if (!err)
		err = restore(r, rq->byte_order);
	if (r->in && r->in != stdin)
		fclose(r->in);
	image_close(replace);
	if (!err)
		err = print_outcome(r);
	free(r);
	return err;
}

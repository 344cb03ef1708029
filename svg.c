// SPDX-License-Identifier: GPL-2.0-only
/*
 * A map as an SVG file: no scripts, no fonts, nothing from elsewhere. There
 * is no background, and every colour is to be read on white and on black.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "map.h"
#include "report.h"

enum {				/* pixels */
	MARGIN = 16,
	LETTER = 7,		/* about */
	LABEL_LETTERS = 11,	/* "1023.9 GiB", unless --bytes asks for more */
	TOP = 84,		/* title and summary */
	CELLS_WIDTH = 896,
	CELL_HEIGHT = 14,
	TALL_HEIGHT = 42,	/* of a single row */
	GAP = 2,		/* between cells */
	LEGEND = 56,		/* below them */
};

static const char *const colours[MAP_LEVELS] = {
	[MAP_CLEAN] = "#808080\" fill-opacity=\".2",
	[MAP_SOME] = "#f2c14e",
	[MAP_HALF] = "#f08a24",
	[MAP_MOST] = "#dd4b2c",
	[MAP_ALL] = "#b5173f",
};

struct canvas {
	FILE *out;
	const struct map *map;
	size_t columns, rows;
	double cell_width;
	unsigned int cell_height;
	unsigned int left;		/* of the cells */
};

/* Text between tags. Control characters are gone already: safe() was here. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '\xef':	/* U+FFFE and U+FFFF: not in XML */
			if (text[1] == '\xbf' && (unsigned char)text[2] >= 0xbe) {
				fputc('?', out);
				text += 2;
				break;
			}
			/* fallthrough */
		default:
			fputc(*text, out);
		}
	}
}

static void put_head(const struct canvas *c)
{
	unsigned int height = TOP + c->rows * c->cell_height + LEGEND + MARGIN;
	unsigned int width = c->left + CELLS_WIDTH + MARGIN;
	const char *path = c->map->image->path, *slash = strrchr(path, '/');
	char summary[256];

	map_summary(c->map, summary, sizeof(summary));
	fprintf(c->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\"\n"
		" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#767676\">\n<title>Dirty chunks: ",
		width, height, width, height);
	put_text(c->out, safe(path));
	fprintf(c->out, "</title>\n<desc>%s</desc>\n", summary);
	fprintf(c->out, "<text x=\"%u\" y=\"%u\" font-size=\"18\" font-weight=\"600\">",
		c->left, MARGIN + 18);
	put_text(c->out, safe(slash ? slash + 1 : path));
	fprintf(c->out, "</text>\n<text x=\"%u\" y=\"%u\">%s</text>\n", c->left, MARGIN + 42,
		summary);
	/* Runs of clean cells are one rectangle: the pattern draws the gaps. */
	fprintf(c->out,
		"<defs><pattern id=\"c\" patternUnits=\"userSpaceOnUse\" width=\"%.10g\" height=\"%u\">"
		"<rect width=\"%.10g\" height=\"%u\" rx=\"2\" fill=\"%s\"/></pattern></defs>\n",
		c->cell_width, c->cell_height, c->cell_width - GAP, c->cell_height - GAP,
		colours[MAP_CLEAN]);
}

static void put_title(const struct canvas *c, size_t from, size_t to, uint64_t dirty)
{
	uint64_t first = map_start(c->map, from), end = map_start(c->map, to);

	fprintf(c->out, "<title>%s to %s: %" PRIu64 " of %s dirty</title></rect>\n",
		human(map_place(c->map, first)), human(map_place(c->map, end)), dirty,
		plural(end - first, "chunk"));
}

static void put_cells(const struct canvas *c, size_t row, size_t from, size_t to)
{
	enum map_level level = map_level(c->map, from);
	size_t column = from - row * c->columns;
	unsigned int y = row * c->cell_height;

	fprintf(c->out, "<rect x=\"%.10g\" y=\"%u\" ", column * c->cell_width, y);
	if (level == MAP_CLEAN)
		fprintf(c->out, "width=\"%.10g\" height=\"%u\" fill=\"url(#c)\">",
			(to - from) * c->cell_width, c->cell_height);
	else
		fprintf(c->out, "width=\"%.10g\" height=\"%u\" rx=\"2\" fill=\"%s\">",
			c->cell_width - GAP, c->cell_height - GAP, colours[level]);
	put_title(c, from, to, level == MAP_CLEAN ? 0 : c->map->dirty[from]);
}

static void put_row(const struct canvas *c, size_t row)
{
	size_t from = row * c->columns, end = from + c->columns, to;

	if (end > c->map->cells)
		end = c->map->cells;
	for (; from < end; from = to) {
		to = from + 1;
		while (map_level(c->map, from) == MAP_CLEAN && to < end &&
		       map_level(c->map, to) == MAP_CLEAN)
			to++;
		put_cells(c, row, from, to);
	}
}

static void put_labels(const struct canvas *c)
{
	size_t row;

	fputs("<g text-anchor=\"end\">\n", c->out);
	for (row = 0; row < c->rows; row++)
		fprintf(c->out, "<text x=\"%u\" y=\"%zu\">%s</text>\n", c->left - 8,
			TOP + row * c->cell_height + c->cell_height / 2 + 3,
			human(map_place(c->map, map_start(c->map, row * c->columns))));
	fprintf(c->out, "<text x=\"%u\" y=\"%zu\">%s</text>\n</g>\n",
		c->left + CELLS_WIDTH - GAP, TOP + c->rows * c->cell_height + 14,
		human(map_place(c->map, c->map->image->bits)));
}

static void put_legend(const struct canvas *c)
{
	unsigned int y = TOP + c->rows * c->cell_height + LEGEND - 24, x = c->left;
	int level;

	for (level = 0; level < MAP_LEVELS; level++) {
		fprintf(c->out, "<rect x=\"%u\" y=\"%u\" width=\"12\" height=\"12\" rx=\"2\" fill=\"%s\"/>"
			"<text x=\"%u\" y=\"%u\">%s</text>\n", x, y, colours[level], x + 18,
			y + 10, map_level_words[level]);
		x += 40 + LETTER * strlen(map_level_words[level]);
	}
	if (c->map->cells < c->map->image->bits)
		fprintf(c->out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">a cell: %s, %s</text>\n",
			c->left + CELLS_WIDTH - GAP, y + 10, plural(map_start(c->map, 1), "chunk"),
			human(map_place(c->map, map_start(c->map, 1))));
}

static void put_all(FILE *out, const struct map *map)
{
	struct canvas c = { .out = out, .map = map };
	size_t row, letters;

	c.columns = map->cells < SVG_COLUMNS ? map->cells : SVG_COLUMNS;
	c.rows = c.columns ? (map->cells + c.columns - 1) / c.columns : 0;
	c.cell_width = c.columns ? (double)CELLS_WIDTH / c.columns : CELLS_WIDTH;
	c.cell_height = c.rows > 1 ? CELL_HEIGHT : TALL_HEIGHT;
	letters = strlen(human(map_place(map, map->image->bits)));
	if (letters < LABEL_LETTERS)
		letters = LABEL_LETTERS;
	c.left = MARGIN + LETTER * letters + 8;
	put_head(&c);
	put_labels(&c);
	fprintf(out, "<g transform=\"translate(%u %u)\">\n", c.left, TOP);
	for (row = 0; row < c.rows; row++)
		put_row(&c, row);
	fputs("</g>\n", out);
	put_legend(&c);
	fputs("</svg>\n", out);
}

static int write_text(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, text, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		bytes -= n;
	}
	return 0;
}

static int write_file(const char *path, const char *text, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), err;

	if (fd < 0 && errno == EEXIST)
		return fail(-EEXIST, "%s: exists already; remove it first, or name another file",
			    safe(path));
	if (fd < 0)
		return fail_errno(-errno, "%s", safe(path));
	err = write_text(fd, text, bytes);
	if (close(fd) && !err)
		err = -errno;
	if (!err)
		return 0;
	unlink(path);
	return fail_errno(err, "%s: write", safe(path));
}

int svg_draw(const struct map *map, const char *path)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	int err;

	if (!out)
		return fail(-ENOMEM, "out of memory");
	put_all(out, map);
	err = fclose(out) ? fail(-ENOMEM, "out of memory") :
			    write_file(path, text, bytes);
	free(text);
	return err;
}

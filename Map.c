// SPDX-License-Identifier: GPL-2.0-only
/*
 * --map: where the array is dirty, as a heat map that fills the terminal, as
 * an SVG file, or as the numbers of its cells.
 */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "map.h"
#include "options.h"
#include "report.h"

enum {
	ROWS_MAX = 16,
	COLUMNS_MIN = 8,
	FRAME_COLUMNS = 4,	/* " |" and "|", one column left free */
	SUMMARY_BYTES = 256,
};

const char *const map_level_words[MAP_LEVELS] = {
	[MAP_CLEAN] = "clean",	     [MAP_SOME] = "up to 10% dirty",
	[MAP_HALF] = "up to 50%",    [MAP_MOST] = "more",
	[MAP_ALL] = "all",
};

/* What stands for a level, and what frames the picture. */
struct look {
	const char *cells[MAP_LEVELS];
	const char *bar;
};

static const struct look look_utf8 = {
	{ "·", "░", "▒", "▓", "█" }, "│"
};

static const struct look look_ascii = {
	{ " ", ".", ":", "+", "#" }, "|"
};

static const enum paint paints[MAP_LEVELS] = {
	[MAP_CLEAN] = PAINT_DIM, [MAP_SOME] = PAINT_WARN, [MAP_HALF] = PAINT_WARN,
	[MAP_MOST] = PAINT_BAD,  [MAP_ALL] = PAINT_BAD,
};

uint64_t map_start(const struct map *map, size_t i)
{
	return (unsigned __int128)map->image->bits * i / map->cells;
}

uint64_t map_place(const struct map *map, uint64_t chunk)
{
	return image_chunk_range_bytes(map->image, 0, chunk);
}

enum map_level map_level(const struct map *map, size_t i)
{
	uint64_t chunks = map_start(map, i + 1) - map_start(map, i);
	uint64_t dirty = map->dirty[i];

	if (!dirty)
		return MAP_CLEAN;
	if (dirty == chunks)
		return MAP_ALL;
	return dirty * 10 <= chunks ? MAP_SOME : dirty * 2 <= chunks ? MAP_HALF : MAP_MOST;
}

/* Dirty chunks in [from, to), going forward. */
static int count_cell(struct image *image, uint64_t from, uint64_t to, uint64_t *dirty)
{
	uint64_t first, count, end;
	const u8 *bits;
	int err;

	for (*dirty = 0; from < to; from = end) {
		err = image_view(image, from, &bits, &first, &count);
		if (err)
			return err;
		end = to < first + count ? to : first + count;
		*dirty += bits_count_range(bits, from - first, end - first);
	}
	return 0;
}

int map_make(struct image *image, size_t cells, struct map *map)
{
	uint64_t last;
	size_t i;
	int err = 0;

	memset(map, 0, sizeof(*map));
	map->image = image;
	map->cells = cells < image->bits ? cells : image->bits;
	map->dirty = calloc(map->cells + 1, sizeof(*map->dirty));
	if (!map->dirty)
		return fail(-ENOMEM, "out of memory");
	for (i = 0; !err && i < map->cells; i++) {
		err = count_cell(image, map_start(map, i), map_start(map, i + 1),
				 &map->dirty[i]);
		map->dirty_chunks += map->dirty[i];
	}
	map->dirty_bytes = map->dirty_chunks * image->sb.chunk_bytes;
	/* The last chunk may reach past the end of the array. */
	if (!err && image->bits) {
		err = count_cell(image, image->bits - 1, image->bits, &last);
		map->dirty_bytes -= last * (image->sb.chunk_bytes -
			image_chunk_range_bytes(image, image->bits - 1, image->bits));
	}
	return err;
}

void map_free(struct map *map)
{
	free(map->dirty);
}

static double percent(const struct map *map)
{
	return map->image->bits ? 100.0 * map->dirty_chunks / map->image->bits : 0.0;
}

void map_summary(const struct map *map, char *text, size_t size)
{
	const struct bitmap_super *sb = &map->image->sb;

	snprintf(text, size, "%s in %s of %s: %" PRIu64 " dirty (%.1f%%), %s",
		 human(sb->sync_sectors * SECTOR_BYTES), plural(map->image->bits, "chunk"),
		 human(sb->chunk_bytes), map->dirty_chunks, percent(map),
		 human(map->dirty_bytes));
}

/* The longest label that a row may get: the end of the array is the longest
 * in bytes, and no size takes more than "1023.9 GiB" otherwise. */
static unsigned int label_width(const struct image *image)
{
	if (!style.bytes)
		return strlen("1023.9 GiB");
	return strlen(human(image->sb.sync_sectors * SECTOR_BYTES));
}

static unsigned int columns_of(const struct image *image)
{
	unsigned int width = report_width(), taken = label_width(image) + FRAME_COLUMNS;

	return width >= taken + COLUMNS_MIN ? width - taken : COLUMNS_MIN;
}

static unsigned int rows_of(const struct image *image, unsigned int columns)
{
	uint64_t rows = image->bits / columns;

	return rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows;
}

static void draw_row(const struct map *map, const struct look *look, size_t from,
		     unsigned int columns)
{
	enum map_level level, last = MAP_LEVELS;
	unsigned int c;
	size_t i;

	for (c = 0; c < columns; c++) {
		/* Fewer chunks than columns: each takes several. */
		i = map->cells < columns ? c * map->cells / columns : from + c;
		level = map_level(map, i);
		if (level != last)
			printf("%s%s", paint(PAINT_NONE), paint(paints[level]));
		last = level;
		fputs(look->cells[level], stdout);
	}
	fputs(paint(PAINT_NONE), stdout);
}

static void draw_legend(const struct map *map, const struct look *look, unsigned int indent)
{
	int level;

	printf("%*s ", indent, "");
	for (level = 0; level < MAP_LEVELS; level++)
		printf(" %s%s%s %s%s", paint(paints[level]),
		       strcmp(look->cells[level], " ") ? look->cells[level] : "blank",
		       paint(PAINT_NONE), map_level_words[level],
		       level < MAP_ALL ? " " : "");
	putchar('\n');
	if (map->cells < map->image->bits)
		printf("%*s  a cell: %s, %s\n", indent, "",
		       plural(map_start(map, 1), "chunk"), human(map_place(map, map_start(map, 1))));
}

static void draw(const struct map *map, unsigned int columns)
{
	const struct look *look = strcmp(nl_langinfo(CODESET), "UTF-8") ? &look_ascii :
								       &look_utf8;
	unsigned int width = label_width(map->image);
	char summary[SUMMARY_BYTES];
	size_t from;

	map_summary(map, summary, sizeof(summary));
	printf("%s%s%s\n%s\n", paint(PAINT_BOLD), safe(map->image->path),
	       paint(PAINT_NONE), summary);
	if (!map->cells)
		return;
	putchar('\n');
	for (from = 0; from < map->cells; from += columns) {
		printf("%*s %s", width, human(map_place(map, map_start(map, from))), look->bar);
		draw_row(map, look, from, columns);
		printf("%s\n", look->bar);
	}
	printf("%*s\n\n", width, human(map_place(map, map->image->bits)));
	draw_legend(map, look, width);
}

static int print_json(const struct map *map, unsigned int columns, const char *svg)
{
	const struct bitmap_super *sb = &map->image->sb;
	struct json_object *o = json_start("map"), *cells, *cell;
	size_t i;

	json_text(o, "file", map->image->path);
	json_u64(o, "size_bytes", sb->sync_sectors * SECTOR_BYTES);
	json_u64(o, "chunk_bytes", sb->chunk_bytes);
	json_u64(o, "chunks", map->image->bits);
	json_u64(o, "dirty_chunks", map->dirty_chunks);
	json_u64(o, "dirty_bytes", map->dirty_bytes);
	json_real(o, "dirty_percent", percent(map));
	if (svg)
		json_text(o, "svg_file", svg);
	json_u64(o, "cells_per_row", columns < map->cells ? columns : map->cells);
	cells = json_list(o, "cells");
	for (i = 0; i < map->cells; i++) {
		uint64_t from = map_start(map, i), to = map_start(map, i + 1);

		cell = json_object_new_object();
		json_u64(cell, "start_bytes", map_place(map, from));
		json_u64(cell, "end_bytes", map_place(map, to));
		json_u64(cell, "chunks", to - from);
		json_u64(cell, "dirty_chunks", map->dirty[i]);
		json_object_array_add(cells, cell);
	}
	return json_finish(o);
}

static int draw_map(struct image *image, const struct request *rq)
{
	unsigned int columns = rq->svg ? SVG_COLUMNS : columns_of(image);
	unsigned int rows = rq->svg ? SVG_ROWS : rows_of(image, columns);
	struct map map;
	int err = map_make(image, (size_t)columns * rows, &map);

	if (!err && rq->svg)
		err = svg_draw(&map, rq->svg);
	if (!err && rq->json)
		err = print_json(&map, columns, rq->svg);
	else if (!err && rq->svg)
		note("%s: drawn into %s", safe(image->path), safe(rq->svg));
	else if (!err)
		draw(&map, columns);
	map_free(&map);
	return err;
}

int mode_map(const struct request *rq)
{
	struct image *image;
	int err = image_open(rq->args[0], IMAGE_READ, &image);

	if (err)
		return err;
	setlocale(LC_CTYPE, "");
	err = image_select(image, rq->byte_order, rq->node);
	if (!err) {
		image_note_all_dirty(image);
		err = draw_map(image, rq);
	}
	image_close(image);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bitmap summed up in cells: each an equal part of the array, give or take
 * a chunk, and never less than one chunk.
 */
#ifndef MAP_H
#define MAP_H

#include <stddef.h>
#include <stdint.h>
#include "image.h"

enum map_level {		/* share of a cell's chunks that are dirty */
	MAP_CLEAN,		/* none */
	MAP_SOME,		/* up to 10 percent */
	MAP_HALF,		/* up to 50 percent */
	MAP_MOST,
	MAP_ALL,
	MAP_LEVELS,
};

struct map {
	struct image *image;
	size_t cells;
	uint64_t *dirty;	/* chunks, by cell */
	uint64_t dirty_chunks, dirty_bytes;
};

/* Sum up in at most @cells cells. 0 or -errno after fail(). */
int map_make(struct image *image, size_t cells, struct map *map);
void map_free(struct map *map);

/* First chunk of cell @i; of cell map->cells: the end. */
uint64_t map_start(const struct map *map, size_t i);

/* Place of a chunk in the array, in bytes, at most the array's size. */
uint64_t map_place(const struct map *map, uint64_t chunk);

enum map_level map_level(const struct map *map, size_t i);

/* "10%": what a level means, in words for a legend. */
extern const char *const map_level_words[MAP_LEVELS];

/* "1 GiB in 16384 chunks of 64 KiB: 3 dirty (0.0%), 192 KiB" */
void map_summary(const struct map *map, char *text, size_t size);

/*
 * Draw into a new file: -EEXIST if it is there. The cells should be
 * SVG_CELLS, or fewer.
 */
enum { SVG_COLUMNS = 64, SVG_ROWS = 16, SVG_CELLS = SVG_COLUMNS * SVG_ROWS };
int svg_draw(const struct map *map, const char *path);

#endif

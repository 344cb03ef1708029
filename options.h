/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line, one line per mode and per option: from these two lists
 * come the parser, --help, --usage, the check that an option belongs to the
 * mode, and the struct that the modes read.
 *
 * MODE(id, long name, short, arguments, least, most, help)
 *	least, most: how many arguments; most -1: any number.
 * FLAG, TEXT, MAYBE(id, long name, short, [argument,] help, modes)
 *	MAYBE: the argument is taken only behind '='; default value given.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define MODES(MODE)                                                            \
	MODE(create, "create", 'C', "FILE", 1, 1,                              \
	     "make a new bitmap file")                                         \
	MODE(examine, "examine", 'X', "FILE or MEMBER...", 1, -1,              \
	     "print what a bitmap says")                                       \
	MODE(ranges, "ranges", 0, "FILE or MEMBER", 1, 1,                      \
	     "list the dirty ranges")                                          \
	MODE(map, "map", 0, "FILE or MEMBER", 1, 1,                            \
	     "draw where the array is dirty")                                  \
	MODE(check, "check", 0, "FILE or MEMBER", 1, 1,                        \
	     "say whether a bitmap may be trusted, and what follows")          \
	MODE(mark, "mark", 0, "FILE RANGE...", 2, -1,                          \
	     "set the bits of every chunk touched by RANGE")                   \
	MODE(clear, "clear", 0, "FILE RANGE...", 2, -1,                        \
	     "clear the bits of every chunk wholly in RANGE")                  \
	MODE(merge, "merge", 0, "OUT A B...", 2, -1,                           \
	     "OR bitmaps of one array into a new file")                        \
	MODE(diff, "diff", 0, "A B", 2, 2,                                     \
	     "list the ranges in which two bitmaps differ")                    \
	MODE(resize, "resize", 0, "FILE", 1, 1,                                \
	     "fit a bitmap to another array size")                             \
	MODE(rechunk, "rechunk", 0, "FILE", 1, 1,                              \
	     "give a bitmap another chunk size")                               \
	MODE(dump, "dump", 0, "FILE", 1, 1,                                    \
	     "print a bitmap as text, without loss")                           \
	MODE(restore, "restore", 0, "FILE [TEXT]", 1, 2,                       \
	     "make a bitmap file from such text")                              \
	MODE(assemble, "assemble", 'A', "DEV MEMBER...", 1, -1,                \
	     "start an array with its bitmap file")                            \
	MODE(build, "build", 'B', "DEV MEMBER...", 2, -1,                      \
	     "start an array without metadata")                                \
	MODE(attach, "attach", 0, "DEV", 1, 1,                                 \
	     "give a running array a bitmap file")                             \
	MODE(detach, "detach", 0, "DEV", 1, 1,                                 \
	     "take the bitmap file from a running array")                      \
	MODE(detail, "detail", 'D', "DEV...", 1, -1,                           \
	     "show arrays, their members and bitmaps")                         \
	MODE(stop, "stop", 'S', "DEV...", 1, -1,                               \
	     "stop arrays")                                                    \
	MODE(add, "add", 'a', "DEV MEMBER...", 2, -1,                          \
	     "add members, rebuilt in full")                                   \
	MODE(re_add, "re-add", 0, "DEV MEMBER...", 2, -1,                      \
	     "add former members, rebuilt from the bitmap")                    \
	MODE(remove, "remove", 'r', "DEV MEMBER...", 2, -1,                    \
	     "remove failed or spare members")                                 \
	MODE(fail, "fail", 0, "DEV MEMBER...", 2, -1,                          \
	     "declare members faulty")                                         \
	MODE(wait, "wait", 'W', "DEV", 1, 1,                                   \
	     "wait until resync or recovery is done")

#define M(id) (1u << MODE_##id)
#define M_ALL (~0u)
#define M_EDIT                                                                 \
	(M(mark) | M(clear) | M(merge) | M(resize) | M(rechunk) | M(restore))
#define M_MANAGE (M(stop) | M(add) | M(re_add) | M(remove) | M(fail))
#define M_START (M(assemble) | M(build))
#define M_WRITE                                                                \
	(M(create) | M_EDIT | M_START | M(attach) | M(detach) | M_MANAGE)
#define M_BITS                                                                 \
	(M(examine) | M(ranges) | M(map) | M(check) | M(diff) | M(dump) |      \
	 M_EDIT)

#define OPTIONS(FLAG, TEXT, MAYBE)                                             \
	TEXT(for_dev, "for", 0, "DEV",                                         \
	     "a running array, or any member: size, UUID, events",             \
	     M(create) | M(check))                                             \
	TEXT(size, "size", 'z', "SIZE",                                        \
	     "size of a member used by the array (KiB unless a unit is given)",\
	     M(create) | M(resize) | M(build))                                 \
	TEXT(uuid, "uuid", 'u', "UUID", "of the array",                        \
	     M(create) | M(assemble))                                          \
	TEXT(bitmap_chunk, "bitmap-chunk", 0, "SIZE",                          \
	     "what one bit covers (KiB unless a unit is given)",               \
	     M(create) | M(rechunk) | M(merge) | M(build))                     \
	TEXT(delay, "delay", 'd', "SECONDS",                                   \
	     "how long md leaves a bit before it clears it (5)",               \
	     M(create) | M(build))                                             \
	MAYBE(write_behind, "write-behind", "N", "256",                        \
	      "writes that may be outstanding to write-mostly members (256)",  \
	      M(create) | M(build))                                            \
	FLAG(clean, "clean", 0, "all bits clear at first (new space: clean)",  \
	     M(create) | M(resize))                                            \
	TEXT(bitmap, "bitmap", 'b', "FILE", "the bitmap file",                 \
	     M_START | M(attach))                                              \
	FLAG(scan, "scan", 's', "look for the members on all block devices",   \
	     M(assemble))                                                      \
	FLAG(readonly, "readonly", 'o', "start the array read-only",           \
	     M(assemble))                                                      \
	FLAG(run, "run", 'R', "start it degraded too", M(assemble))            \
	TEXT(level, "level", 'l', "LEVEL", "raid1 or 1", M(build))             \
	TEXT(raid_devices, "raid-devices", 'n', "N", "slots of the array",     \
	     M(build))                                                         \
	FLAG(assume_clean, "assume-clean", 0, "the members are identical",     \
	     M(build))                                                         \
	FLAG(write_mostly, "write-mostly", 0,                                  \
	     "members that follow are read from only if need be",              \
	     M(build) | M(add) | M(re_add))                                    \
	TEXT(unit, "unit", 0, "UNIT",                                          \
	     "of bare numbers: bytes (default), sectors, chunks",              \
	     M(ranges) | M(mark) | M(clear) | M(diff))                         \
	TEXT(node, "node", 0, "N",                                             \
	     "of a clustered bitmap only the bits of this node",               \
	     M(ranges) | M(map))                                               \
	TEXT(byte_order, "byte-order", 0, "ORDER",                             \
	     "of version 3 bits: little (default), big32, big64", M_BITS)      \
	TEXT(svg, "svg", 0, "OUT", "draw into this file", M(map))              \
	FLAG(brief, "brief", 0, "less text", M(examine) | M(detail))           \
	FLAG(json, "json", 0, "print one JSON object", M_ALL)                  \
	FLAG(bytes, "bytes", 0, "print sizes in bytes", M_ALL)                 \
	FLAG(dry_run, "dry-run", 0, "say what would be done, do nothing",      \
	     M_WRITE)                                                          \
	FLAG(yes, "yes", 'y', "answer yes to every question", M_WRITE)         \
	FLAG(force, "force", 'f', "go on where it is merely unwise", M_WRITE)  \
	FLAG(verbose, "verbose", 'v', "say more", M_ALL)                       \
	FLAG(quiet, "quiet", 'q', "say less", M_ALL)                           \
	TEXT(color, "color", 0, "WHEN", "auto (default), always, never", M_ALL)

enum mode {
#define MODE(id, ...) MODE_##id,
	MODES(MODE)
#undef MODE
	MODE_COUNT,
	MODE_NONE = MODE_COUNT,
};

struct request {
	enum mode mode;
	char **args;			/* what is not an option, in order */
	size_t arg_count;
	size_t write_mostly_from;	/* index in args: the first one after
					 * --write-mostly */
#define FLAG(id, ...) bool id;
#define TEXT(id, ...) char *id;
#define MAYBE(id, ...) char *id;
	OPTIONS(FLAG, TEXT, MAYBE)
#undef FLAG
#undef TEXT
#undef MAYBE
};

/* One function per mode, in the Capitalised file of its name. See report.h
 * for what it returns. */
#define MODE(id, ...) int mode_##id(const struct request *rq);
MODES(MODE)
#undef MODE

#endif

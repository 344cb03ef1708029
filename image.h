/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bitmap on disk: a bitmap file, or the internal bitmap of a member (block
 * device or image of one), read and edited in constant memory.
 *
 * Whatever the version, readers see version 4 bits: v3 of a big-endian host
 * is turned round, the slots of v5 are OR-ed together (or one is picked),
 * the states of v6 become bits. Reads are O_DIRECT where the filesystem can,
 * because stock md writes an attached file behind the page cache's back.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "module/core/bits.h"
#include "module/core/bitmap_super.h"
#include "member.h"

enum {
	IMAGE_WINDOW_BYTES = 1 << 20,
};

enum image_flags {
	IMAGE_READ = 0,
	IMAGE_FILE = 1,		/* a bitmap file, and no symlink to one, or a device
				 * as the store: no member */
	IMAGE_EDIT = 2 | IMAGE_FILE, /* for writing: exclusive lock, not attached,
				 * not read-only; versions 3 and 4 only */
	IMAGE_SHORT_OK = 4,	/* a file shorter than its bits is no error */
	IMAGE_FAULTY_OK = 8,	/* nor is a superblock that fails its check: the
				 * bits cannot be read then, check_error says why */
	IMAGE_FORCE = 16,	/* edit although the mode bits say read-only, or an
				 * array's file cannot be found: this may be it */
};

enum image_byte_order {		/* of version 3 bits: the file does not say */
	IMAGE_LITTLE_ENDIAN,
	IMAGE_BIG_ENDIAN_32,
	IMAGE_BIG_ENDIAN_64,
};

/* --byte-order=little|big32|big64 (NULL: little). -EINVAL after fail(). */
int parse_byte_order(const char *word, enum image_byte_order *order);

struct image {
	char *path;
	int fd;
	struct stat st;
	struct bitmap_super sb;		/* v5: of slot 0 */
	struct bitmap_super all;	/* v5: what all slots say: every state flag, the
					 * newest events; or what the one says that
					 * image_select() chose */
	struct bitmap_super_disk raw;
	struct member *member;		/* NULL for a file */
	uint64_t base;			/* byte offset of the superblock in fd */
	uint64_t room_bytes;		/* from base to the end of the file or to
					 * what the device has */
	uint64_t bits;			/* chunks of the array */
	uint64_t bits_present;		/* of them held by this file (short: less) */
	enum image_byte_order order;
	int slot;			/* v5: >= 0 only this node; -1 OR of all */
	int check_error;		/* bitmap_super_check() or 0 */
	struct fault fault;
	struct image_buffer *buffer;	/* private to window.c */
};

/*
 * Open and read the superblock. -errno after fail(): ENOENT, EMEDIUMTYPE
 * (no bitmap here), EUCLEAN, EPROTONOSUPPORT, ELOOP a symlink where a file
 * is expected, EBUSY attached or locked by another editor, EROFS/EACCES.
 */
int image_open(const char *path, unsigned int flags, struct image **out);
void image_close(struct image *image);

/* --byte-order and --node, as the user wrote them (NULL: not given). */
int image_select(struct image *image, const char *byte_order, const char *node);

/*
 * Superblock of slot @slot of a clustered (v5) bitmap. -EUCLEAN: it is not
 * there, or not of this bitmap. Without IMAGE_FAULTY_OK all have been seen.
 */
int image_slot_super(struct image *image, unsigned int slot, struct bitmap_super *sb);

/*
 * The bits around chunk @from, *first <= @from: bit i of *bits is chunk
 * *first + i, for *count bits; *first is a multiple of 8. *count is 0 past
 * the last bit present. The view is good until the next call on @image.
 * Calls that go forward stream the file; any position is legal.
 */
int image_view(struct image *image, uint64_t from, const u8 **bits,
	       uint64_t *first, uint64_t *count);

/* Copy @count bits from @first (a multiple of 8) on; past the end: zeros. */
int image_read_bits(struct image *image, uint64_t first, uint64_t count, u8 *out);

/*
 * Bytes as they are on disk, from byte @from after the superblock's start
 * on; *count is 0 past the end of the room. Any superblock will do. The view
 * is good until the next call on @image; calls that go forward stream.
 */
int image_raw(struct image *image, uint64_t from, const u8 **data, uint64_t *count);

/*
 * Lock @fd, open on the file of @image, against editors, and see that this is still
 * what its path names. -EBUSY after fail().
 */
int image_lock(const struct image *image, int fd);

/* Does its superblock still say what @image does? -EBUSY after fail(). */
int image_see_unchanged(const struct image *image);

/* Is the file of @image still what that name is of? -EBUSY after fail(). */
int image_check_name(const struct image *image, int dirfd, const char *name);

/*
 * Read what all slots of a clustered bitmap say; of others, the one superblock.
 * 0, or the error of a slot, said with fail(). image_open() did it already; with
 * IMAGE_FAULTY_OK slots that cannot be read count as stale.
 */
int image_gather_super(struct image *image, struct bitmap_super *sb);

/* The flag by which every chunk counts as dirty, whatever the bits say; or NULL. */
const char *image_why_all_dirty(const struct image *image);

/* Is there one? That is said in a note then. */
bool image_note_all_dirty(const struct image *image);

/* Dirty chunks among those present. Streams over the whole bitmap. */
int image_count_dirty(struct image *image, uint64_t *dirty);

/*
 * Next dirty range at or after chunk *start: [*start, *end). 1 found, 0 no
 * more, -errno. Call again with *start = *end of the last one.
 */
int image_next_range(struct image *image, uint64_t *start, uint64_t *end);

/* v6: how many chunks are in each state. */
int image_count_states(struct image *image, uint64_t counts[BITMAP_STATES]);

/* One dirty chunk is this many bytes of the array (last one may be less). */
uint64_t image_chunk_range_bytes(const struct image *image, uint64_t start, uint64_t end);

/*
 * Editing in place (IMAGE_EDIT): set or clear chunks [start, end), and make
 * all edits so far durable. Signals are held off within a call.
 */
int image_set_chunks(struct image *image, uint64_t start, uint64_t end, bool dirty);
int image_write_super(struct image *image, const struct bitmap_super *sb);
int image_sync(struct image *image);

/* The superblock of a bitmap file that is open for writing as @fd. -errno, nothing said. */
int image_put_super(int fd, const struct bitmap_super_disk *raw);

/*
 * A bitmap file in the making: written beside its name as .NAME.XXXXXX,
 * mode 0600, every block really written, durable, superblock last; takes
 * its name in one step; nothing is left behind if it is given up or if a
 * signal came (-EINTR).
 */
struct image_writer;

/*
 * May @path become a new bitmap file? If nothing is there, in a directory
 * that can be written: *replace is NULL. With @force also if a bitmap file
 * is there, be it a damaged one, that image_open() lets us edit: *replace
 * is that file, open and locked; keep it until the writer has finished.
 * Otherwise -errno after fail(), -EEXIST for whatever is no bitmap file.
 */
int image_replaceable(const char *path, bool force, struct image **replace);

/* bitmap_super_check_new(), with a line for the user: 0 or -EINVAL after fail(). */
int image_check_new(const struct bitmap_super *sb);

/*
 * The same on a block device, which is written to in place: if that is given
 * up, no bitmap is there any more. @fd, O_RDWR, is the writer's from now on.
 */
int image_writer_start_device(const char *path, int fd, const struct bitmap_super *sb,
			      struct image_writer **out);

/* What a new bitmap takes of a device. */
uint64_t image_device_bytes(const struct bitmap_super *sb);

/*
 * @replace NULL: a new file, -EEXIST if the name is taken. Otherwise the
 * open (IMAGE_EDIT) image whose name, owner and mode the new file takes: -EBUSY at
 * the end if the name is of another one by then.
 * image_writer_check() makes nothing, and says whether this could: for --dry-run.
 */
int image_writer_check(const char *path, const struct image *replace);
int image_writer_start(const char *path, const struct image *replace,
		       const struct bitmap_super *sb, struct image_writer **out);

/* Next @count bits (a multiple of 8 except for the last call), from 0 on. */
int image_writer_bits(struct image_writer *w, const u8 *bits, uint64_t count);

/*
 * Next @bytes of what follows the superblock, as they are to be on disk (any
 * version); not to be mixed with image_writer_bits(). May go past the last
 * bit: --restore gives back a file as it was.
 */
int image_writer_bytes(struct image_writer *w, const void *data, uint64_t bytes);

/* All the remaining bits equal. */
int image_writer_fill(struct image_writer *w, bool dirty);

/* Durable under its name, or -errno after fail() with nothing changed. Frees. */
int image_writer_finish(struct image_writer *w);
void image_writer_abort(struct image_writer *w);	/* NULL is fine */

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a bitmap: where it is, whether its superblock holds water, whether
 * it may be edited. What it holds is read in window.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include "driver.h"
#include "image.h"
#include "mdarray.h"
#include "parse.h"
#include "report.h"
#include "window.h"

int parse_byte_order(const char *word, enum image_byte_order *order)
{
	if (!word || !strcmp(word, "little"))
		*order = IMAGE_LITTLE_ENDIAN;
	else if (!strcmp(word, "big32"))
		*order = IMAGE_BIG_ENDIAN_32;
	else if (!strcmp(word, "big64"))
		*order = IMAGE_BIG_ENDIAN_64;
	else
		return fail(-EINVAL, "--byte-order=%s: little, big32 or big64", safe(word));
	return 0;
}

int image_select(struct image *image, const char *byte_order, const char *node)
{
	uint64_t slot;
	int err = 0;

	if (byte_order)
		err = parse_byte_order(byte_order, &image->order);
	if (err || !node)
		return err;
	if (image->sb.version != BITMAP_V5_CLUSTERED || !image->sb.nodes)
		return fail(-EINVAL, "--node: %s is not clustered: its bitmap is everybody's",
			    safe(image->path));
	err = parse_number("--node", node, 0, image->sb.nodes - 1, &slot);
	if (err)
		return err;
	image->slot = slot;
	image->all = image->sb;
	return slot ? image_slot_super(image, slot, &image->all) : 0;
}

int image_slot_super(struct image *image, unsigned int slot, struct bitmap_super *sb)
{
	uint64_t place = image->base + slot * bitmap_slot_bytes(&image->sb);
	struct bitmap_super_disk raw;
	int ret = window_read_head(image, place, &raw);

	if (ret == 1)
		return fail(-EUCLEAN, "%s: truncated: the superblock of node %u is not there",
			    safe(image->path), slot);
	if (ret)
		return ret;
	bitmap_super_decode(sb, &raw);
	if (sb->magic != BITMAP_MAGIC)
		return fail(-EUCLEAN, "%s: node %u has no bitmap superblock: magic is %08x, must be %08x",
			    safe(image->path), slot, sb->magic, BITMAP_MAGIC);
	if (sb->version != image->sb.version || sb->chunk_bytes != image->sb.chunk_bytes ||
	    sb->sync_sectors != image->sb.sync_sectors)
		return fail(-EUCLEAN, "%s: version, chunk or size of node %u differ from node 0's",
			    safe(image->path), slot);
	return 0;
}

int image_gather_super(struct image *image, struct bitmap_super *sb)
{
	struct bitmap_super other;
	unsigned int slot;
	int err;

	*sb = image->sb;
	for (slot = 1; slot < image->sb.nodes; slot++) {
		err = image_slot_super(image, slot, &other);
		if (err)
			return err;
		sb->state |= other.state;
		if (other.events > sb->events)
			sb->events = other.events;
		if (other.events_cleared > sb->events_cleared)
			sb->events_cleared = other.events_cleared;
	}
	return 0;
}

const char *image_why_all_dirty(const struct image *image)
{
	u32 state = image->all.state;

	if (state & BITMAP_WRITE_ERROR)
		return "WRITE_ERROR";
	if (state & BITMAP_STALE)
		return "STALE";
	/* The kernel has not given its chunks a state yet. */
	return image->sb.version == BITMAP_V6_LOCKLESS && state & BITMAP_FIRST_USE ?
	       "FIRST_USE" : NULL;
}

bool image_note_all_dirty(const struct image *image)
{
	const char *why = image_why_all_dirty(image);

	if (why)
		note("%s: its state is %s: every chunk counts as dirty",
		     safe(image->path), why);
	return why;
}

/* Superblock at image->base. 1: too short, or not the magic number. */
static int read_super(struct image *image)
{
	int ret = window_read_head(image, image->base, &image->raw);

	if (ret)
		return ret;
	bitmap_super_decode(&image->sb, &image->raw);
	image->all = image->sb;
	return image->sb.magic != BITMAP_MAGIC;
}

static int size_of(struct image *image, uint64_t *bytes)
{
	if (S_ISREG(image->st.st_mode))
		*bytes = image->st.st_size;
	else if (ioctl(image->fd, BLKGETSIZE64, bytes))
		return fail_errno(-errno, "%s: size", safe(image->path));
	return 0;
}

static int not_a_bitmap(const struct image *image, unsigned int flags)
{
	const char *path = safe(image->path);

	if (S_ISBLK(image->st.st_mode) && driver_has_number(image->st.st_rdev))
		return fail(-EMEDIUMTYPE, "%s: is an array; name one of its members, or use --detail", path);
	if (S_ISREG(image->st.st_mode) && image->st.st_size < BITMAP_SUPER_BYTES)
		return fail(-EMEDIUMTYPE, "%s: %lld bytes is too short for a bitmap", path,
			    (long long)image->st.st_size);
	if (flags & IMAGE_FILE && S_ISBLK(image->st.st_mode))
		return fail(-EMEDIUMTYPE, "%s: no bitmap is on it; --create makes one", path);
	if (flags & IMAGE_FILE)
		return fail(-EMEDIUMTYPE, "%s: is no bitmap file", path);
	return fail(-EMEDIUMTYPE, "%s: is neither a bitmap file nor a member of an array", path);
}

/* The internal bitmap of a member. 1: no member either. */
static int find_in_member(struct image *image)
{
	struct member *member = calloc(1, sizeof(*member));
	int ret;

	if (!member)
		return fail(-ENOMEM, "out of memory");
	ret = member_read(image->fd, image->path, member);
	if (ret) {
		free(member);
		return ret;
	}
	image->member = member;
	if (!member->super.has_bitmap)
		return fail(-EMEDIUMTYPE, "%s: member of an array without an internal bitmap",
			    safe(image->path));
	image->base = (uint64_t)member->super.bitmap_sector * SECTOR_BYTES;
	ret = read_super(image);
	if (ret == 1)
		return fail(-EUCLEAN, "%s: no bitmap superblock at sector %lld, where the member's superblock says",
			    safe(image->path), (long long)member->super.bitmap_sector);
	return ret;
}

static int find_super(struct image *image, unsigned int flags)
{
	bool file = S_ISREG(image->st.st_mode);
	int ret = 1;

	if (file || flags & IMAGE_FILE) {
		ret = read_super(image);
		if (ret <= 0)
			return ret;
	}
	if (!(flags & IMAGE_FILE))
		ret = find_in_member(image);
	if (ret == 1 && !file && !(flags & IMAGE_FILE))
		ret = read_super(image);	/* a raw device as the store */
	return ret == 1 ? not_a_bitmap(image, flags) : ret;
}

static int judge_slots(struct image *image, unsigned int flags)
{
	int err = image_gather_super(image, &image->all);

	if (!err || !(flags & IMAGE_FAULTY_OK))
		return err;
	image->all.state |= BITMAP_STALE;
	fail_clear();
	return 0;
}

static int judge_super(struct image *image, unsigned int flags)
{
	const struct fault *f = &image->fault;
	uint64_t size, head, held;
	int err = size_of(image, &size);

	if (err)
		return err;
	image->room_bytes = size > image->base ? size - image->base : 0;
	image->check_error = bitmap_super_check(&image->sb, &image->fault);
	if (image->check_error && !(flags & IMAGE_FAULTY_OK))
		return fail(image->check_error, "%s: bitmap superblock: %s is %llu, must be %s",
			    safe(image->path), f->field, (unsigned long long)f->found,
			    f->expected);
	if (image->check_error)
		return 0;
	image->bits = bitmap_bits(image->sb.sync_sectors, image->sb.chunk_bytes);
	head = bitmap_head_bytes(&image->sb);
	held = image->room_bytes > head ? image->room_bytes - head : 0;
	if (!image_is_lockless(image))
		held = held > UINT64_MAX / 8 ? UINT64_MAX : held * 8;
	image->bits_present = held < image->bits ? held : image->bits;
	if (image->bits_present < image->bits && !(flags & IMAGE_SHORT_OK))
		return fail(-EUCLEAN, "%s: truncated: %llu bytes, its %llu chunks need %llu",
			    safe(image->path), (unsigned long long)image->room_bytes,
			    (unsigned long long)image->bits,
			    (unsigned long long)bitmap_bytes(&image->sb));
	return judge_slots(image, flags);
}

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int fail_replaced(const struct image *image)
{
	return fail(-EBUSY, "%s: another program replaced it just now; try again",
		    safe(image->path));
}

int image_lock(const struct image *image, int fd)
{
	const char *path = safe(image->path);
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ?
			fail(-EBUSY, "%s: another program is editing it", path) :
			fail_errno(-errno, "%s: lock", path);
	if (fstat(fd, &st) || !is_same_inode(&st, &image->st))
		return fail_replaced(image);
	return image_check_name(image, AT_FDCWD, image->path);
}

int image_check_name(const struct image *image, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !is_same_inode(&st, &image->st))
		return fail_replaced(image);
	return 0;
}

/* mdbitmap.ko lets nobody else write to what it has. */
static int explain_taken(const char *path, int err)
{
	char md[64];

	if (mdarray_uses_path(path, md))
		return fail(-EBUSY, "%s: is attached to %s; --detach it first", safe(path),
			    md);
	if (err == -ETXTBSY)
		return fail(err, "%s: somebody lets nobody write to it: an array that is not seen from here, or it is a program that runs",
			    safe(path));
	return fail(err, "%s: in use: mounted, or part of something else", safe(path));
}

static int open_failed(const char *path, unsigned int flags)
{
	int err = -errno;

	if (err == -EISDIR)
		return fail(-EMEDIUMTYPE, "%s: is not a regular file", safe(path));
	if (err == -EBUSY || err == -ETXTBSY)
		return explain_taken(path, err);
	if (err == -ELOOP && flags & IMAGE_FILE)
		return fail(err, "%s: is a symbolic link; name the file itself", safe(path));
	return fail_errno(err, "%s", safe(path));
}

static bool is_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

static int open_fd(struct image *image, unsigned int flags)
{
	bool edit = (flags & IMAGE_EDIT) == IMAGE_EDIT;
	bool device = is_device(image->path);
	int how = O_CLOEXEC | O_NONBLOCK | (edit ? O_RDWR : O_RDONLY);

	/* Names of devices are links often; a file is named itself. */
	if (flags & IMAGE_FILE && !device)
		how |= O_NOFOLLOW;
	if (edit && device)
		how |= O_EXCL;
	image->fd = open(image->path, how);
	if (image->fd < 0)
		return open_failed(image->path, flags);
	if (fstat(image->fd, &image->st))
		return fail_errno(-errno, "%s", safe(image->path));
	if (device ? !S_ISBLK(image->st.st_mode) : !S_ISREG(image->st.st_mode))
		return fail(-EMEDIUMTYPE, "%s: is not a regular file", safe(image->path));
	/*
	 * What stock md wrote is on the disk, not in the cache, which keeps what it has
	 * of a file that somebody has mapped.
	 */
	if (fcntl(image->fd, F_SETFL, O_DIRECT)) {
		fcntl(image->fd, F_SETFL, 0);
		posix_fadvise(image->fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	return 0;
}

/* Nobody else edits the file, no array uses it, and its name still means it. */
static int claim(struct image *image, unsigned int flags)
{
	const char *path = safe(image->path);
	char md[64];
	int ret;

	if (!(image->st.st_mode & 0200) && !(flags & IMAGE_FORCE))
		return fail(-EACCES, "%s: is read-only (mode %04o); chmod u+w, or --force",
			    path, image->st.st_mode & 07777);
	if (S_ISBLK(image->st.st_mode))
		return 0;		/* open exclusively: nobody else has it */
	ret = image_lock(image, image->fd);
	if (ret)
		return ret;
	ret = mdarray_uses_file(image->fd, md);
	if (ret == 1)
		return fail(-EBUSY, "%s: is attached to %s; --detach it first", path, md);
	if (ret == -ESTALE && !(flags & IMAGE_FORCE))
		return fail(-EBUSY, "%s: cannot tell whether it is the bitmap file of %s, which is not to be found by its name; --force goes on",
			    path, md);
	if (ret < 0 && ret != -ESTALE)
		return fail_errno(ret, "%s: cannot tell whether an array uses it", path);
	return 0;
}

static int check_editable(const struct image *image)
{
	u32 version = image->sb.version;

	if (version == BITMAP_V3_HOST_ENDIAN || version == BITMAP_V4)
		return 0;
	return fail(-EOPNOTSUPP, "%s: version %u bitmaps can be read, not edited",
		    safe(image->path), version);
}

static int look(struct image *image, unsigned int flags)
{
	int err = find_super(image, flags);

	return err ? err : judge_super(image, flags);
}

/*
 * What was read before the file was ours may be out of date: another editor
 * or an array may have let go of it only just now.
 */
static int look_again(struct image *image, unsigned int flags)
{
	posix_fadvise(image->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (fstat(image->fd, &image->st))
		return fail_errno(-errno, "%s", safe(image->path));
	return look(image, flags);
}

int image_see_unchanged(const struct image *image)
{
	struct bitmap_super_disk now;
	int ret = window_read_head(image, image->base, &now);

	if (ret < 0)
		return ret;
	if (!ret && !memcmp(&now, &image->raw, sizeof(now)))
		return 0;
	return fail(-EBUSY, "%s: another program changed it just now; try again",
		    safe(image->path));
}

int image_open(const char *path, unsigned int flags, struct image **out)
{
	struct image *image = calloc(1, sizeof(*image));
	bool edit = (flags & IMAGE_EDIT) == IMAGE_EDIT;
	int err;

	if (!image || !(image->path = strdup(path))) {
		free(image);
		return fail(-ENOMEM, "out of memory");
	}
	image->slot = -1;
	err = open_fd(image, flags);
	if (!err)
		err = look(image, flags);
	if (!err && edit)
		err = claim(image, flags);
	if (!err && edit)
		err = look_again(image, flags);
	if (!err && edit && !(flags & IMAGE_FAULTY_OK))	/* else: to be replaced */
		err = check_editable(image);
	if (err) {
		image_close(image);
		return err;
	}
	*out = image;
	return 0;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	window_free(image->buffer);
	if (image->fd >= 0)
		close(image->fd);
	member_free(image->member);
	free(image->path);
	free(image);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bitmap files in the making. The half of image.h that never touches the
 * file of the final name before it replaces it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "image.h"
#include "report.h"

enum {
	BLOCK = 4096,
	BUFFER = IMAGE_WINDOW_BYTES,
	NAME_KEPT = 200,	/* of the name, within the temporary one */
};

struct image_writer {
	char *path;
	char *dir;
	const char *name;		/* within path */
	char temp[NAME_KEPT + 16];
	int dirfd, fd;			/* -1: not open */
	bool temp_exists, direct, exact;
	bool device;			/* fd is the place itself, not a file beside it */
	const struct image *replace;
	struct bitmap_super sb;
	u8 *buffer;			/* BUFFER bytes, aligned */
	u8 *head;			/* the first block, kept for the end */
	uint64_t fill;			/* bytes in buffer */
	uint64_t flushed;		/* bytes in the file */
	uint64_t bits_left;
};

static volatile sig_atomic_t interrupted;
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
static struct sigaction old_actions[sizeof(signals) / sizeof(signals[0])];

static void on_signal(int signal)
{
	interrupted = signal;
}

static void catch_signals(void)
{
	struct sigaction catch = { .sa_handler = on_signal };
	size_t i;

	interrupted = 0;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &old_actions[i]);
		if (old_actions[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &catch, NULL);
	}
}

static void release_signals(void)
{
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &old_actions[i], NULL);
}

static int split_path(struct image_writer *w, const char *path)
{
	char *slash;

	w->path = strdup(path);
	w->dir = strdup(path);
	if (!w->path || !w->dir)
		return fail(-ENOMEM, "out of memory");
	slash = strrchr(w->dir, '/');
	w->name = slash ? w->path + (slash - w->dir) + 1 : w->path;
	if (!slash)
		strcpy(w->dir, *w->dir ? "." : "");
	else if (slash == w->dir)
		strcpy(w->dir, "/");
	else
		*slash = 0;
	if (!*w->name || !strcmp(w->name, ".") || !strcmp(w->name, ".."))
		return fail(-EISDIR, "%s: is not a file name", safe(path));
	return 0;
}

static int open_dir(struct image_writer *w)
{
	struct stat st;

	w->dirfd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dirfd < 0)
		return fail_errno(-errno, "%s: directory %s", safe(w->path), safe(w->dir));
	if (!w->replace && !fstatat(w->dirfd, w->name, &st, AT_SYMLINK_NOFOLLOW))
		return fail(-EEXIST, "%s: exists already", safe(w->path));
	return 0;
}

static int open_temp(struct image_writer *w)
{
	const int how = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	unsigned int tries = 16;
	uint32_t random;

	do {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return fail_errno(-errno, "random numbers");
		snprintf(w->temp, sizeof(w->temp), ".%.*s.%06x", NAME_KEPT, w->name,
			 random & 0xffffff);
		w->fd = openat(w->dirfd, w->temp, how, 0600);
	} while (w->fd < 0 && errno == EEXIST && --tries);
	if (w->fd < 0)
		return fail_errno(-errno, "%s: cannot be created", safe(w->path));
	w->temp_exists = true;
	w->direct = !fcntl(w->fd, F_SETFL, O_DIRECT);
	return 0;
}

static int fail_chunk(const struct bitmap_super *sb, const struct fault *fault)
{
	return fail(-EINVAL, "chunks of %s: the size of a chunk must be %s; choose --bitmap-chunk from 4 KiB to 2 GiB",
		    human(sb->chunk_bytes), fault->expected);
}

/* A size that was refused: which chunk would do? */
static int fail_size(const struct bitmap_super *sb)
{
	uint64_t chunk = sb->chunk_bytes;

	if (sb->sync_sectors > UINT64_MAX / 2 / SECTOR_BYTES)
		return fail(-EINVAL, "the array must be smaller than 8 EiB");
	while (bitmap_bits(sb->sync_sectors, chunk) > BITMAP_BITS_MAX)
		chunk *= 2;
	if (chunk > BITMAP_CHUNK_MAX_BYTES)
		return fail(-EINVAL, "%s is too large for a bitmap of 2^31 chunks of at most 2 GiB",
			    human(sb->sync_sectors * SECTOR_BYTES));
	return fail(-EINVAL, "%s in chunks of %s: more than 2^31 chunks; choose --bitmap-chunk=%llu%c or more",
		    human(sb->sync_sectors * SECTOR_BYTES), human(sb->chunk_bytes),
		    (unsigned long long)chunk >> (chunk >> 20 ? 20 : 10), chunk >> 20 ? 'M' : 'K');
}

int image_check_new(const struct bitmap_super *sb)
{
	struct fault fault = { 0 };
	int err = bitmap_super_check_new(sb, &fault);

	if (!err)
		return 0;
	if (!strcmp(fault.field, "chunksize"))
		return fail_chunk(sb, &fault);
	if (!strcmp(fault.field, "sync_size") && sb->sync_sectors)
		return fail_size(sb);
	return fail(err, "%s is %llu, must be %s", fault.field,
		    (unsigned long long)fault.found, fault.expected);
}

static int fail_device(const char *path)
{
	return fail(-EOPNOTSUPP, "%s: a block device: only --create makes a bitmap there",
		    safe(path));
}

int image_writer_check(const char *path, const struct image *replace)
{
	struct image_writer w = { .dirfd = -1, .replace = replace };
	int err;

	if (replace && S_ISBLK(replace->st.st_mode))
		return fail_device(path);
	err = split_path(&w, path);
	if (!err)
		err = open_dir(&w);
	if (!err && faccessat(w.dirfd, ".", W_OK | X_OK, AT_EACCESS))
		err = fail_errno(-errno, "%s: directory %s", safe(path), safe(w.dir));
	if (w.dirfd >= 0)
		close(w.dirfd);
	free(w.path);
	free(w.dir);
	return err;
}

int image_replaceable(const char *path, bool force, struct image **replace)
{
	const unsigned int flags = IMAGE_EDIT | IMAGE_FORCE | IMAGE_SHORT_OK |
				   IMAGE_FAULTY_OK;
	struct stat st;
	int err;

	*replace = NULL;
	if (lstat(path, &st))
		return errno == ENOENT ? image_writer_check(path, NULL) :
					 fail_errno(-errno, "%s", safe(path));
	if (!force)
		return fail(-EEXIST, "%s: exists already; --force replaces a bitmap file, but nothing else",
			    safe(path));
	if (!stat(path, &st) && S_ISBLK(st.st_mode))
		return fail_device(path);
	err = image_open(path, flags, replace);
	if (err == -EMEDIUMTYPE)
		return fail(-EEXIST, "%s: exists and is no bitmap file: not replaced; choose another name",
			    safe(path));
	return err ? err : image_writer_check(path, *replace);
}

/* 0, or -errno after fail(): then image_writer_abort() takes it. */
static int make_writer(const char *path, const struct bitmap_super *sb,
		       struct image_writer **out)
{
	struct image_writer *w = *out = calloc(1, sizeof(*w));

	if (!w)
		return fail(-ENOMEM, "out of memory");
	w->dirfd = w->fd = -1;
	w->sb = *sb;
	/* --restore gives back damaged ones too: image_writer_bytes() only. */
	if (!bitmap_super_check(sb, NULL))
		w->bits_left = bitmap_bits(sb->sync_sectors, sb->chunk_bytes);
	w->buffer = aligned_alloc(BLOCK, BUFFER);
	w->head = aligned_alloc(BLOCK, BLOCK);
	catch_signals();
	if (!w->buffer || !w->head)
		return fail(-ENOMEM, "out of memory");
	memset(w->buffer, 0, BITMAP_SUPER_BYTES);	/* the superblock goes last */
	w->fill = BITMAP_SUPER_BYTES;
	return split_path(w, path);
}

int image_writer_start(const char *path, const struct image *replace,
		       const struct bitmap_super *sb, struct image_writer **out)
{
	struct image_writer *w;
	int err = make_writer(path, sb, &w);

	if (!err) {
		w->replace = replace;
		err = open_dir(w);
	}
	if (!err)
		err = open_temp(w);
	if (err)
		image_writer_abort(w);
	else
		*out = w;
	return err;
}

static int interrupted_error(const struct image_writer *w)
{
	return fail(-EINTR, w->device ? "%s: interrupted, it holds no bitmap now" :
		    "%s: interrupted, nothing changed", safe(w->path));
}

static int write_all(struct image_writer *w, const u8 *from, uint64_t bytes,
		     uint64_t offset)
{
	while (bytes && !interrupted) {
		ssize_t n = pwrite(w->fd, from, bytes, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EINVAL && w->direct) {
			fcntl(w->fd, F_SETFL, 0);
			w->direct = false;
			continue;
		}
		if (n < 0)
			return fail_errno(-errno, "%s: write", safe(w->path));
		from += n;
		bytes -= n;
		offset += n;
	}
	/* What is written is written. Of a file the name says whether it counts. */
	return interrupted && (bytes || !w->device) ? interrupted_error(w) : 0;
}

static int flush(struct image_writer *w)
{
	uint64_t bytes = (w->fill + BLOCK - 1) / BLOCK * BLOCK;
	int err;

	memset(w->buffer + w->fill, 0, bytes - w->fill);
	if (!w->flushed)
		memcpy(w->head, w->buffer, BLOCK);
	err = write_all(w, w->buffer, bytes, w->flushed);
	w->flushed += w->fill;
	w->fill = 0;
	return err;
}

static int put(struct image_writer *w, const u8 *from, uint64_t bytes)
{
	int err = 0;

	while (bytes && !err) {
		uint64_t n = BUFFER - w->fill;

		if (n > bytes)
			n = bytes;
		memcpy(w->buffer + w->fill, from, n);
		w->fill += n;
		from += n;
		bytes -= n;
		if (w->fill == BUFFER)
			err = flush(w);
	}
	return err;
}

int image_writer_bytes(struct image_writer *w, const void *data, uint64_t bytes)
{
	w->exact = true;
	w->bits_left = 0;
	return put(w, data, bytes);
}

int image_writer_bits(struct image_writer *w, const u8 *bits, uint64_t count)
{
	w->bits_left -= count < w->bits_left ? count : w->bits_left;
	return put(w, bits, bits_bytes(count));
}

int image_writer_fill(struct image_writer *w, bool dirty)
{
	uint64_t bytes = bits_bytes(w->bits_left), left = bytes;
	int err = 0;

	while (left && !err) {
		uint64_t n = BUFFER - w->fill;

		if (n > left)
			n = left;
		memset(w->buffer + w->fill, dirty ? 0xff : 0, n);
		w->fill += n;
		left -= n;
		if (w->fill == BUFFER)
			err = flush(w);
	}
	w->bits_left = 0;
	return err;
}

static int sync_file(struct image_writer *w)
{
	if (fsync(w->fd))
		return fail_errno(-errno, "%s: fsync", safe(w->path));
	return 0;
}

/*
 * With a list of access rights the group's bits of the mode are a mask: without the
 * list they would be the group's. A new file may have one of its directory.
 */
static int copy_access(struct image_writer *w)
{
	static const char name[] = "system.posix_acl_access";
	u8 list[4096];
	ssize_t n = fgetxattr(w->replace->fd, name, list, sizeof(list));

	if (n < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return -errno;
	if (n >= 0)
		return fsetxattr(w->fd, name, list, n, 0) ? -errno : 0;
	return fremovexattr(w->fd, name) && errno != ENODATA && errno != EOPNOTSUPP ? -errno : 0;
}

/* A file that replaces another keeps its owner, mode and access rights. */
static int dress(struct image_writer *w)
{
	const struct stat *st = &w->replace->st;
	int err;

	if (fchown(w->fd, st->st_uid, st->st_gid))
		return fail_errno(-errno, "%s: owner", safe(w->path));
	err = copy_access(w);
	if (err)
		return fail_errno(err, "%s: access rights", safe(w->path));
	if (fchmod(w->fd, st->st_mode & 07777))
		return fail_errno(-errno, "%s: mode", safe(w->path));
	return 0;
}

static int take_name(struct image_writer *w)
{
	unsigned int how = w->replace ? 0 : RENAME_NOREPLACE;
	int ret;

	if (interrupted)	/* while it was synced, which takes longest */
		return interrupted_error(w);
	/* Neither what another program has put there goes, nor what is in another directory. */
	ret = w->replace ? image_check_name(w->replace, w->dirfd, w->name) : 0;
	if (ret)
		return ret;
	ret = renameat2(w->dirfd, w->temp, w->dirfd, w->name, how);
	/* A filesystem without the flag: a link never replaces either. */
	if (ret && errno == EINVAL && how) {
		ret = linkat(w->dirfd, w->temp, w->dirfd, w->name, 0);
		if (!ret)
			unlinkat(w->dirfd, w->temp, 0);
	}
	if (ret && errno == EEXIST)
		return fail(-EEXIST, "%s: exists already", safe(w->path));
	if (ret)
		return fail_errno(-errno, "%s: rename", safe(w->path));
	w->temp_exists = false;
	/* EINVAL: a filesystem that syncs no directories. */
	if (fsync(w->dirfd) && errno != EINVAL)
		return fail_errno(-errno, "%s: is in place, but its directory is not synced",
				  safe(w->path));
	return 0;
}

static int finish(struct image_writer *w)
{
	int err = image_writer_fill(w, false);

	if (!err && w->fill)
		err = flush(w);
	if (!err && w->exact && ftruncate(w->fd, w->flushed))
		err = fail_errno(-errno, "%s: truncate", safe(w->path));
	if (!err)
		err = sync_file(w);
	if (err)
		return err;
	bitmap_super_encode((struct bitmap_super_disk *)w->head, &w->sb);
	if (w->exact && w->flushed < BLOCK) {
		fcntl(w->fd, F_SETFL, 0);
		w->direct = false;
		err = write_all(w, w->head, w->flushed, 0);
	} else {
		err = write_all(w, w->head, BLOCK, 0);
	}
	if (!err && w->replace)
		err = dress(w);
	if (!err)
		err = sync_file(w);
	return err || w->device ? err : take_name(w);
}

/* Whole blocks are written. */
uint64_t image_device_bytes(const struct bitmap_super *sb)
{
	return (bitmap_bytes(sb) + BLOCK - 1) / BLOCK * BLOCK;
}

/*
 * Until the new superblock is there none is: what is only half written must
 * not be taken for a bitmap.
 */
static int drop_super(struct image_writer *w)
{
	int err;

	memset(w->head, 0, BLOCK);
	err = write_all(w, w->head, BLOCK, 0);
	return err ? err : sync_file(w);
}

int image_writer_start_device(const char *path, int fd, const struct bitmap_super *sb,
			      struct image_writer **out)
{
	struct image_writer *w;
	int err = make_writer(path, sb, &w);

	if (w) {
		w->fd = fd;
		w->device = true;
		w->direct = !fcntl(fd, F_SETFL, O_DIRECT);
	} else {
		close(fd);
	}
	if (!err)
		err = drop_super(w);
	if (err)
		image_writer_abort(w);
	else
		*out = w;
	return err;
}

static void destroy(struct image_writer *w)
{
	if (w->temp_exists)
		unlinkat(w->dirfd, w->temp, 0);
	if (w->fd >= 0)
		close(w->fd);
	if (w->dirfd >= 0)
		close(w->dirfd);
	free(w->buffer);
	free(w->head);
	free(w->path);
	free(w->dir);
	free(w);
	release_signals();
}

int image_writer_finish(struct image_writer *w)
{
	int err = finish(w);

	destroy(w);
	return err;
}

void image_writer_abort(struct image_writer *w)
{
	if (w)
		destroy(w);
}

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "device.h"
#include "holders.h"
#include "image.h"
#include "mdarray.h"
#include "probe.h"
#include "report.h"
#include "stack.h"
#include "sysfs.h"

bool device_is_one(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

static int explain_busy(const char *path)
{
	char name[64], who[256];
	struct stat st;

	if (mdarray_uses_path(path, name))
		return fail(-EBUSY, "%s: is attached to %s; --detach it first", safe(path),
			    safe(name));
	if (!stat(path, &st) && !sysfs_name(st.st_rdev, name) && holders_find(name, who))
		return fail(-EBUSY, "%s: in use, %s; end that first", safe(path), who);
	return fail(-EBUSY, "%s: in use; end what uses it first", safe(path));
}

static int open_device(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	return errno == EBUSY ? explain_busy(path) :
				fail_errno(-errno, "%s: cannot be opened for writing",
					   safe(path));
}

/* Is it a member of the array of that UUID? */
static bool is_member(const char *path, const uint8_t uuid[UUID_BYTES])
{
	struct member *member;
	bool is;

	if (member_open(path, &member)) {
		fail_clear();
		return false;
	}
	is = !memcmp(member->super.uuid, uuid, UUID_BYTES);
	member_free(member);
	return is;
}

static bool is_on(const char *path, const char *other_path)
{
	struct stat st, other;

	return !stat(path, &st) && !stat(other_path, &other) && S_ISBLK(other.st_mode) &&
	       (stack_is_on(st.st_rdev, other.st_rdev) ||
		stack_is_on(other.st_rdev, st.st_rdev));
}

/* Not the array itself, nor below or above it, nor another member of it. */
static int check_apart(const char *path, const char *for_dev,
		       const uint8_t uuid[UUID_BYTES])
{
	if (is_member(path, uuid))
		return fail(-ELOOP, "%s: is a member of the array that the bitmap is for; choose a device outside the array",
			    safe(path));
	if (!for_dev || !is_on(path, for_dev))
		return 0;
	return fail(-ELOOP, "%s: is or lies on what the bitmap is for, %s; choose a device outside the array",
		    safe(path), safe(for_dev));
}

static int check_size(const char *path, int fd, uint64_t bytes)
{
	uint64_t size;

	if (ioctl(fd, BLKGETSIZE64, &size))
		return fail_errno(-errno, "%s: cannot find its size", safe(path));
	if (size >= bytes)
		return 0;
	return fail(-ENOSPC, "%s: too small: %s, the bitmap takes %s; choose a larger --bitmap-chunk, or another device",
		    safe(path), human(size), human(bytes));
}

static bool has_bitmap(const char *path)
{
	struct image *image;
	int err = image_open(path, IMAGE_FILE | IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &image);

	if (err)
		fail_clear();
	else
		image_close(image);
	return !err;
}

static int check_content(const char *path, bool force, char **content)
{
	int err = probe_content(path, content);

	if (err)
		return err;
	if (!*content && has_bitmap(path))
		*content = strdup("a bitmap");
	if (!*content || force)
		return 0;
	err = fail(-EEXIST, "%s: %s is on it already; --force writes over that", safe(path),
		   safe(*content));
	free(*content);
	*content = NULL;
	return err;
}

int device_claim(const char *path, const char *for_dev, const struct bitmap_super *sb,
		 bool force, int *fd, char **content)
{
	int err = check_apart(path, for_dev, sb->uuid);

	*content = NULL;
	if (err)
		return err;
	err = open_device(path, fd);
	if (err)
		return err;
	err = check_size(path, *fd, image_device_bytes(sb));
	if (!err)
		err = check_content(path, force, content);
	if (err)
		close(*fd);
	return err;
}

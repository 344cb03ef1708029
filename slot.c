// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "module/core/port.h"
#include "probe.h"
#include "report.h"
#include "slot.h"

static int measure(struct slot *slot)
{
	const char *path = safe(slot->path);
	int fd, err = 0;
	uint64_t bytes;
	struct stat st;

	fd = open(slot->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(-errno, "cannot open %s", path);
	if (fstat(fd, &st))
		err = fail_errno(-errno, "%s", path);
	else if (S_ISREG(st.st_mode))
		bytes = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode))
		err = fail(-ENOTBLK, "%s: not a block device", path);
	else if (ioctl(fd, BLKGETSIZE64, &bytes))
		err = fail_errno(-errno, "%s: cannot find its size", path);
	close(fd);
	if (err)
		return err;
	slot->rdev = S_ISBLK(st.st_mode) ? st.st_rdev : 0;
	slot->sectors = bytes / SECTOR_BYTES;
	return 0;
}

static int check_twice(const struct slot *slots, const struct slot *slot)
{
	const struct slot *other;

	for (other = slots; other < slot; other++) {
		if (!other->path)
			continue;
		if (slot->rdev ? slot->rdev == other->rdev :
				 !strcmp(slot->path, other->path))
			return fail(-EEXIST, "%s and %s are one device: name it once",
				    safe(other->path), safe(slot->path));
	}
	return 0;
}

/* Filesystems are what a mirror without metadata shows; metadata is not. */
static int check_content(const struct slot *slot, bool force)
{
	char *type;
	int err = probe_content(slot->path, &type);
	bool member;

	if (err)
		return err;
	member = type && strstr(type, "linux_raid_member");
	free(type);
	if (!member || force)
		return 0;
	return fail(-EEXIST, "%s is a member of an array with metadata, which --build would write over; use --assemble, or --force",
		    safe(slot->path));
}

int slot_read(struct slot *slots, unsigned int i, const char *word, bool force)
{
	struct slot *slot = &slots[i];
	int err;

	err = probe_resolve(word, &slot->path);
	if (!err)
		err = measure(slot);
	if (!err)
		err = check_twice(slots, slot);
	if (!err)
		err = check_content(slot, force);
	return err;
}

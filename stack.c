// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a block device is built on.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "proc.h"
#include "stack.h"
#include "sysfs.h"

enum {
	STACK_DEPTH_MAX = 24,		/* the kernel's own limits are lower */
};

static bool is_on(dev_t dev, dev_t base, unsigned int depth);

static bool slave_is_on(dev_t dev, dev_t base, unsigned int depth)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	dev_t slave;
	DIR *dir;

	if (sysfs_below_root(path, "/sys/dev/block/%u:%u/slaves", major(dev), minor(dev)))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    sysfs_below_root(path, "/sys/dev/block/%u:%u/slaves/%s/dev",
			       major(dev), minor(dev), entry->d_name) ||
		    sysfs_read_devt(path, &slave))
			continue;
		found = is_on(slave, base, depth);
	}
	closedir(dir);
	return found;
}

static bool disk_of_partition_is_on(dev_t dev, dev_t base, unsigned int depth)
{
	char path[PATH_MAX];
	dev_t disk;

	if (sysfs_below_root(path, "/sys/dev/block/%u:%u/partition", major(dev),
		       minor(dev)) || access(path, F_OK))
		return false;
	/* ".." of what the link leads to: the partition's disk. */
	if (sysfs_below_root(path, "/sys/dev/block/%u:%u/../dev", major(dev),
		       minor(dev)) || sysfs_read_devt(path, &disk))
		return false;
	return is_on(disk, base, depth);
}

/* A loop device is on whatever holds its file. */
static bool backing_file_is_on(dev_t dev, dev_t base, unsigned int depth)
{
	char path[PATH_MAX], file[PATH_MAX];
	struct mount_point *mp;
	struct stat st;
	bool found = false;
	int fd;

	/* A moved root has its own devices: this machine's files say nothing. */
	if (sysfs_root_moved() ||
	    sysfs_below_root(path, "/sys/dev/block/%u:%u/loop/backing_file",
		       major(dev), minor(dev)) ||
	    sysfs_read_line(path, file, sizeof(file)))
		return false;
	fd = open(file, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	mp = malloc(sizeof(*mp));
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode))
		found = is_on(st.st_rdev, base, depth);
	else if (mp && !mount_of_fd(fd, mp) && mp->device)
		found = is_on(mp->device, base, depth);
	free(mp);
	close(fd);
	return found;
}

static bool is_on(dev_t dev, dev_t base, unsigned int depth)
{
	if (dev == base)
		return true;
	if (!depth)
		return false;
	return slave_is_on(dev, base, depth - 1) ||
	       disk_of_partition_is_on(dev, base, depth - 1) ||
	       backing_file_is_on(dev, base, depth - 1);
}

bool stack_is_on(dev_t dev, dev_t base)
{
	return is_on(dev, base, STACK_DEPTH_MAX);
}

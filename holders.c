// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who keeps a block device in use: /sys/block/NAME/holders, mountinfo, swaps.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "holders.h"
#include "report.h"
#include "sysfs.h"

enum { WHO_BYTES = 256, NAME_BYTES = 64 };

/* The disk itself, or a partition of it. */
static bool is_of_disk(dev_t dev, const char *disk)
{
	char part[64], path[PATH_MAX];
	struct stat st;

	if (sysfs_name(dev, part))
		return false;
	if (!strcmp(part, disk))
		return true;
	snprintf(path, sizeof(path), "/sys/block/%s/%s/partition", disk, part);
	return !stat(path, &st);
}

static bool is_node_of_disk(const char *node, const char *disk)
{
	struct stat st;

	return *node == '/' && !stat(node, &st) && S_ISBLK(st.st_mode) &&
	       is_of_disk(st.st_rdev, disk);
}

/*
 * "36 35 98:0 /root /mount options [tags] - type source ...". btrfs has a
 * number of its own there; its source says the device.
 */
static bool mount_of_line(char *line, const char *disk, char who[WHO_BYTES])
{
	char mount[PATH_MAX], source[PATH_MAX] = "", *tail;
	unsigned int ma, mi;

	if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &ma, &mi, mount) != 3)
		return false;
	tail = strstr(line, " - ");
	if (tail && sscanf(tail + 3, "%*s %4095s", source) != 1)
		*source = '\0';
	if (!is_of_disk(makedev(ma, mi), disk) && !is_node_of_disk(source, disk))
		return false;
	snprintf(who, WHO_BYTES, "it is mounted at %s", safe(mount));
	return true;
}

static bool swap_of_line(char *line, const char *disk, char who[WHO_BYTES])
{
	line[strcspn(line, " \t")] = '\0';
	if (!is_node_of_disk(line, disk))
		return false;
	snprintf(who, WHO_BYTES, "it is swapped to");
	return true;
}

static bool find_in_lines(const char *file, const char *disk, char who[WHO_BYTES],
			  bool (*is_it)(char *, const char *, char[WHO_BYTES]))
{
	char *text, *rest, *line;
	bool found = false;

	if (sysfs_slurp(file, &text))
		return false;
	rest = text;
	while (!found && (line = strsep(&rest, "\n")))
		found = is_it(line, disk, who);
	free(text);
	return found;
}

static bool first_of(const char *directory, char name[NAME_BYTES])
{
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(directory);

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		found = *entry->d_name != '.';
		snprintf(name, NAME_BYTES, "%.63s", entry->d_name);
	}
	closedir(dir);
	return found;
}

bool holders_stacked(dev_t dev, char name[NAME_BYTES])
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev),
		 minor(dev));
	return first_of(path, name);
}

static bool find_stacked(const char *directory, char who[WHO_BYTES])
{
	char name[NAME_BYTES];
	bool found = first_of(directory, name);

	if (found)
		snprintf(who, WHO_BYTES, "%s is built on it", safe(name));
	return found;
}

static bool find_stacked_on_parts(const char *disk, char who[WHO_BYTES])
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/block/%s", disk);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, disk, strlen(disk)))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/%s/holders", disk,
			 entry->d_name);
		found = find_stacked(path, who);
	}
	closedir(dir);
	return found;
}

bool holders_find(const char *name, char who[WHO_BYTES])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/block/%s/holders", name);
	return find_in_lines("/proc/self/mountinfo", name, who, mount_of_line) ||
	       find_stacked(path, who) || find_stacked_on_parts(name, who) ||
	       find_in_lines("/proc/swaps", name, who, swap_of_line);
}

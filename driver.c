// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which driver serves which array: the name of the node tells.
 */
#include <ctype.h>
#include <limits.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "driver.h"
#include "proc.h"
#include "sysfs.h"

static const struct driver stock = {
	.prefix = "md", .module = "md_mod", .major = MD_MAJOR,
	.status = "/proc/mdstat",
};

static const struct driver ours = {
	.prefix = "mdb", .module = "mdbitmap",
	.status = "/proc/mdbstat", .ours = true,
};

/* With takeover=1, in the place of both. */
static const struct driver ours_as_md = {
	.prefix = "md", .module = "mdbitmap", .major = MD_MAJOR,
	.status = "/proc/mdstat", .ours = true,
};

bool driver_has_taken_over(void)
{
	char path[PATH_MAX], text[8];

	return !sysfs_below_root(path, "/sys/module/%s/parameters/takeover",
				 ours_as_md.module) &&
	       !sysfs_read_line(path, text, sizeof(text)) &&
	       (*text == 'Y' || *text == '1');
}

const char *driver_behind_prefix(const struct driver *driver, const char *word)
{
	size_t len = strlen(driver->prefix);

	if (strncmp(word, driver->prefix, len))
		return NULL;
	word += len;
	return isdigit((unsigned char)*word) || *word == '_' || *word == '/' ?
	       word : NULL;
}

static const char *without_dev(const char *word)
{
	return strncmp(word, "/dev/", 5) ? word : word + 5;
}

const struct driver *driver_of_word(const char *word)
{
	word = without_dev(word);
	if (driver_behind_prefix(&ours, word))
		return &ours;
	if (driver_behind_prefix(&stock, word))
		return driver_has_taken_over() ? &ours_as_md : &stock;
	return NULL;
}

const struct driver *driver_of_node(const char *node)
{
	struct stat st;
	char name[64];

	if (!stat(node, &st) && S_ISBLK(st.st_mode) && !sysfs_name(st.st_rdev, name))
		return driver_of_word(name);
	return driver_of_word(node);
}

const char *driver_status(const char *kernel)
{
	const struct driver *driver = driver_of_word(kernel);

	return driver ? driver->status : stock.status;
}

bool driver_has_number(dev_t dev)
{
	char name[64];

	if (major(dev) == MD_MAJOR ||
	    (!sysfs_name(dev, name) && sysfs_md_exists(name)))
		return true;
	return proc_block_major(ours.module) == (int)major(dev);
}

bool driver_our_word(const char *word, char *text, size_t size)
{
	const char *rest = driver_behind_prefix(&stock, without_dev(word));
	int n = -1;

	if (rest)
		n = snprintf(text, size, "%.*s%s%s", (int)(without_dev(word) - word),
			     word, ours.prefix, rest);
	return n >= 0 && (size_t)n < size;
}

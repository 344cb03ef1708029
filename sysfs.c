// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys and /proc, below a root that tests may move.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "sysfs.h"

enum {
	SLURP_FIRST_BYTES = 1 << 16,	/* big reads: /proc/mdstat is then consistent */
	SLURP_MAX_BYTES = 1 << 24,
};

static const char *root = "";

void sysfs_set_root(const char *new_root)
{
	root = new_root;
}

bool sysfs_root_moved(void)
{
	return *root;
}

/* The path below the root; -ENAMETOOLONG rather than a cut one. */
int sysfs_below_root(char path[PATH_MAX], const char *format, ...)
{
	size_t used = strlen(root);
	va_list args;
	int n;

	if (used >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, root, used);
	va_start(args, format);
	n = vsnprintf(path + used, PATH_MAX - used, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= PATH_MAX - used ? -ENAMETOOLONG : 0;
}

/* A name that leads nowhere else: one component of a path. */
static bool is_component(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

static ssize_t read_retry(int fd, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, buf, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* First line of the file, without its newline; -E2BIG if it does not fit. */
int sysfs_read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char next = '\n';
	ssize_t n, more = 0;

	if (fd < 0)
		return -errno;
	n = read_retry(fd, buf, size - 1);
	if (n == (ssize_t)size - 1)
		more = read_retry(fd, &next, 1);
	close(fd);
	if (n < 0 || more < 0)
		return (int)(n < 0 ? n : more);
	buf[n] = '\0';
	if (next != '\n' && !strchr(buf, '\n'))
		return -E2BIG;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* A file that holds "MAJOR:MINOR". */
int sysfs_read_devt(const char *path, dev_t *dev)
{
	char text[32];
	unsigned int ma, mi;
	int err = sysfs_read_line(path, text, sizeof(text));

	if (err)
		return err;
	if (sscanf(text, "%u:%u", &ma, &mi) != 2)
		return -EINVAL;
	*dev = makedev(ma, mi);
	return 0;
}

int sysfs_name(dev_t dev, char name[64])
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;
	int err = sysfs_below_root(path, "/sys/dev/block/%u:%u", major(dev), minor(dev));

	if (err)
		return err;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) >= 64)
		return -ENAMETOOLONG;
	memcpy(name, base, strlen(base) + 1);
	return 0;
}

int sysfs_devt(const char *name, dev_t *dev)
{
	char path[PATH_MAX];
	int err;

	if (!is_component(name))
		return -ENODEV;
	err = sysfs_below_root(path, "/sys/class/block/%s/dev", name);
	if (err)
		return err;
	err = sysfs_read_devt(path, dev);
	if (err != -ENOENT)
		return err;
	err = sysfs_below_root(path, "/sys/block/%s/dev", name);
	return err ? err : sysfs_read_devt(path, dev);
}

static int md_path(char path[PATH_MAX], const char *md, const char *attribute)
{
	if (!is_component(md))
		return -ENODEV;
	return sysfs_below_root(path, "/sys/block/%s/md/%s", md, attribute);
}

int sysfs_md_read(const char *md, const char *attribute, char *buf, size_t size)
{
	char path[PATH_MAX];
	int err = md_path(path, md, attribute);

	return err ? err : sysfs_read_line(path, buf, size);
}

int sysfs_md_read_u64(const char *md, const char *attribute, uint64_t *value)
{
	char text[64], *end;
	int err = sysfs_md_read(md, attribute, text, sizeof(text));

	if (err)
		return err;
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	/* "2 (4)" while a reshape runs: the first is the one in force. */
	if (errno || (*end && *end != ' '))
		return -EINVAL;
	return 0;
}

int sysfs_md_write(const char *md, const char *attribute, const char *text)
{
	char path[PATH_MAX];
	size_t len = strlen(text);
	ssize_t n;
	int fd, err = md_path(path, md, attribute);

	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	err = n < 0 ? -errno : (size_t)n != len ? -EIO : 0;
	close(fd);
	return err;
}

bool sysfs_md_exists(const char *md)
{
	char path[PATH_MAX];

	return !md_path(path, md, "array_state") && !access(path, F_OK);
}

int sysfs_slurp(const char *path, char **text)
{
	size_t size = SLURP_FIRST_BYTES, used = 0;
	char full[PATH_MAX], *buf, *more;
	ssize_t n;
	int fd, err = sysfs_below_root(full, "%s", path);

	if (err)
		return err;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buf = malloc(size);
	n = buf ? 1 : -ENOMEM;
	while (n > 0) {
		n = read_retry(fd, buf + used, size - 1 - used);
		if (n <= 0)
			break;
		used += n;
		if (used < size - 1)
			continue;
		more = size < SLURP_MAX_BYTES ? realloc(buf, size * 2) : NULL;
		if (!more)
			n = -EFBIG;
		else
			buf = more, size *= 2;
	}
	close(fd);
	if (n < 0) {
		free(buf);
		return (int)n;
	}
	buf[used] = '\0';
	*text = buf;
	return 0;
}

static int only_arrays(const struct dirent *entry)
{
	return is_component(entry->d_name) && sysfs_md_exists(entry->d_name);
}

static int list_arrays(const char *path, char ***names, size_t *count)
{
	struct dirent **entries = NULL;
	int i, n, err = 0;
	char **list;

	n = scandir(path, &entries, only_arrays, versionsort);
	if (n < 0)
		return -errno;
	list = calloc((size_t)n + 1, sizeof(*list));
	for (i = 0; i < n; i++) {
		if (list)
			list[i] = strdup(entries[i]->d_name);
		if (!list || !list[i])
			err = -ENOMEM;
		free(entries[i]);
	}
	free(entries);
	if (err || !list) {
		sysfs_free(list, list ? (size_t)n : 0);
		return -ENOMEM;
	}
	*names = list;
	*count = (size_t)n;
	return 0;
}

int sysfs_md_list(char ***names, size_t *count)
{
	char path[PATH_MAX];
	int err = sysfs_below_root(path, "/sys/block");

	return err ? err : list_arrays(path, names, count);
}

void sysfs_free(char **names, size_t count)
{
	while (count)
		free(names[--count]);
	free(names);
}

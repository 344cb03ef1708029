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
	STACK_DEPTH_MAX = 24,		/* the kernel's own limits are lower */
};

static const char *root = "";

void sysfs_set_root(const char *new_root)
{
	root = new_root;
}

/* The path below the root; -ENAMETOOLONG rather than a cut one. */
static int __attribute__((format(printf, 2, 3)))
below_root(char path[PATH_MAX], const char *format, ...)
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
static int read_line(const char *path, char *buf, size_t size)
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
static int read_dev(const char *path, dev_t *dev)
{
	char text[32];
	unsigned int ma, mi;
	int err = read_line(path, text, sizeof(text));

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
	int err = below_root(path, "/sys/dev/block/%u:%u", major(dev), minor(dev));

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
	err = below_root(path, "/sys/class/block/%s/dev", name);
	if (err)
		return err;
	err = read_dev(path, dev);
	if (err != -ENOENT)
		return err;
	err = below_root(path, "/sys/block/%s/dev", name);
	return err ? err : read_dev(path, dev);
}

static int md_path(char path[PATH_MAX], const char *md, const char *attribute)
{
	if (!is_component(md))
		return -ENODEV;
	return below_root(path, "/sys/block/%s/md/%s", md, attribute);
}

int sysfs_md_read(const char *md, const char *attribute, char *buf, size_t size)
{
	char path[PATH_MAX];
	int err = md_path(path, md, attribute);

	return err ? err : read_line(path, buf, size);
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
	int fd, err = below_root(full, "%s", path);

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

int sysfs_md_list(char ***names, size_t *count)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX], **list;
	int i, n, err = below_root(path, "/sys/block");

	if (err)
		return err;
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

void sysfs_free(char **names, size_t count)
{
	while (count)
		free(names[--count]);
	free(names);
}

/* ---- what is built on what ---- */

static bool is_on(dev_t dev, dev_t base, unsigned int depth);

static bool slave_is_on(dev_t dev, dev_t base, unsigned int depth)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	dev_t slave;
	DIR *dir;

	if (below_root(path, "/sys/dev/block/%u:%u/slaves", major(dev), minor(dev)))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (!is_component(entry->d_name) ||
		    below_root(path, "/sys/dev/block/%u:%u/slaves/%s/dev",
			       major(dev), minor(dev), entry->d_name) ||
		    read_dev(path, &slave))
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

	if (below_root(path, "/sys/dev/block/%u:%u/partition", major(dev),
		       minor(dev)) || access(path, F_OK))
		return false;
	/* ".." of what the link leads to: the partition's disk. */
	if (below_root(path, "/sys/dev/block/%u:%u/../dev", major(dev),
		       minor(dev)) || read_dev(path, &disk))
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
	if (*root ||
	    below_root(path, "/sys/dev/block/%u:%u/loop/backing_file",
		       major(dev), minor(dev)) ||
	    read_line(path, file, sizeof(file)))
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

bool sysfs_is_on(dev_t dev, dev_t base)
{
	return is_on(dev, base, STACK_DEPTH_MAX);
}

/* ---- text of /proc ---- */

/*
 * \ooo into its character, in place. @which: only these are unescaped (the
 * kernel escapes no others in that file, so "\101" is meant as it stands);
 * NULL: all.
 */
static void unescape(char *text, const char *which)
{
	const char *in = text;
	char *out = text;

	while (*in) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' &&
		    in[2] >= '0' && in[2] <= '7' && in[3] >= '0' && in[3] <= '7') {
			char c = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 |
					(in[3] - '0'));

			if (c && (!which || strchr(which, c))) {
				*out++ = c;
				in += 4;
				continue;
			}
		}
		*out++ = *in++;
	}
	*out = '\0';
}

/*
 * The next word, its end made '\0'; NULL at the end of the line. Blanks are
 * what separates words in every file read here.
 */
static char *next_word(char **line)
{
	char *word = *line + strspn(*line, " \t");
	char *end = word + strcspn(word, " \t");

	if (!*word)
		return NULL;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static char *next_line(char **text)
{
	char *line = *text;

	if (!*line)
		return NULL;
	*text = line + strcspn(line, "\n");
	if (**text)
		*(*text)++ = '\0';
	return line;
}

static void copy_word(char *to, size_t size, const char *from, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* "12.6" whatever the locale's decimal point is; 0 without a number. */
static double decimal(const char *text)
{
	char *end;
	double value = (double)strtoull(text, &end, 10), digit = 0.1;

	if (*end++ != '.')
		return value;
	for (; isdigit((unsigned char)*end); end++, digit /= 10)
		value += (*end - '0') * digit;
	return value;
}

/* ---- /proc/mdstat ---- */

/* "active (read-only) raid1 sdb1[1](W) sda1[0]", behind "NAME : " */
static void parse_head(char *line, struct mdstat *m)
{
	char *word = next_word(&line);

	m->found = true;
	if (!word)
		return;
	copy_word(m->state, sizeof(m->state), word, strlen(word));
	while ((word = next_word(&line))) {
		if (!strcmp(word, "(read-only)"))
			m->read_only = true;
		else if (!strcmp(word, "(auto-read-only)"))
			m->auto_read_only = true;
		else if (*word == '(' || strchr(word, '['))
			continue;
		else if (!*m->level && strcmp(m->state, "inactive"))
			copy_word(m->level, sizeof(m->level), word, strlen(word));
	}
}

/* "1047552 blocks super 1.2 [2/2] [UU]" */
static void parse_blocks(char *line, struct mdstat *m)
{
	char *end;
	uint64_t blocks = strtoull(line, &end, 10);

	if (!strncmp(end, " blocks", 7))
		m->blocks_kib = blocks;
}

/* "bitmap: 1/8 pages [4KB], 64KB chunk, file: /var/lib/a\040b" */
static void parse_bitmap(char *line, struct mdstat *m)
{
	static const char file[] = ", file: ";
	unsigned long long used, total, kib;
	char *path = strstr(line, file), *chunk, *end;
	uint64_t bytes;

	m->has_bitmap = true;
	if (path) {
		*path = '\0';
		unescape(path + sizeof(file) - 1, " \t\n");
		m->bitmap_path = strdup(path + sizeof(file) - 1);
	}
	if (sscanf(line, "bitmap: %llu/%llu pages [%lluKB]", &used, &total, &kib) == 3) {
		m->pages_used = used;
		m->pages_total = total;
		m->pages_kib = kib;
	}
	chunk = strstr(line, "], ");
	if (!chunk)
		return;
	bytes = strtoull(chunk + 3, &end, 10);
	if (!strncmp(end, "KB chunk", 8))
		m->chunk_bytes = bytes << 10;
	else if (!strncmp(end, "B chunk", 7))
		m->chunk_bytes = bytes;
}

/* The word for member rebuild is "recovery", only its REMOTE form differs. */
static void set_action(struct mdstat *m, const char *word, size_t len)
{
	if (len == 7 && !strncmp(word, "recover", 7))
		word = "recovery", len = 8;
	copy_word(m->action, sizeof(m->action), word, len);
}

/* "[==>....]  resync = 12.6% (132096/1047552) finish=0.4min speed=33024K/sec" */
static void parse_progress(char *line, struct mdstat *m)
{
	unsigned long long done, total;
	char *word = strchr(line, ']'), *rest;
	size_t len;

	if (!word)
		return;
	word += 1 + strspn(word + 1, " ");
	len = strcspn(word, " =");
	rest = word + len + strspn(word + len, " ");
	if (!len || *rest != '=')
		return;
	set_action(m, word, len);
	rest += 1 + strspn(rest + 1, " ");
	m->percent = decimal(rest);
	rest += strcspn(rest, "(");
	if (sscanf(rest, "(%llu/%llu)", &done, &total) == 2) {
		m->done_kib = done;
		m->total_kib = total;
	}
	word = strstr(rest, "finish=");
	if (word)
		m->finish_min = decimal(word + 7);
	word = strstr(rest, "speed=");
	if (word)
		m->speed_kib_s = strtoull(word + 6, NULL, 10);
}

/*
 * "resync=DELAYED", "resync=PENDING", "recover=REMOTE". Another cluster node
 * at work is, seen from here, a delay: no figures are known.
 */
static void parse_waiting(char *line, struct mdstat *m)
{
	size_t len = strcspn(line, " =");
	const char *how = line + len;

	if (*how++ != '=')
		return;
	if (!strncmp(how, "PENDING", 7))
		m->pending = true;
	else if (!strncmp(how, "DELAYED", 7) || !strncmp(how, "REMOTE", 6))
		m->delayed = true;
	else
		return;
	set_action(m, line, len);
}

static void parse_body(char *line, struct mdstat *m)
{
	line += strspn(line, " \t");
	if (isdigit((unsigned char)*line))
		parse_blocks(line, m);
	else if (*line == '[')
		parse_progress(line, m);
	else if (!strncmp(line, "bitmap:", 7))
		parse_bitmap(line, m);
	else
		parse_waiting(line, m);
}

int mdstat_read(const char *md, struct mdstat *out)
{
	char *text, *rest, *line;
	size_t len = strlen(md);
	bool mine = false;
	int err;

	memset(out, 0, sizeof(*out));
	err = sysfs_slurp("/proc/mdstat", &text);
	if (err)
		return err;
	rest = text;
	while ((line = next_line(&rest))) {
		if (!*line || *line == ' ' || *line == '\t') {
			if (mine)
				parse_body(line, out);
			continue;
		}
		mine = !strncmp(line, md, len) && !strncmp(line + len, " : ", 3);
		if (mine)
			parse_head(line + len + 3, out);
	}
	free(text);
	return 0;
}

void mdstat_clear(struct mdstat *m)
{
	free(m->bitmap_path);
	memset(m, 0, sizeof(*m));
}

/* ---- mounts ---- */

/* Number of the block device that @source names, 0 if it names none. */
static dev_t source_number(const char *source)
{
	char path[PATH_MAX];
	struct stat st;

	if (*source != '/' || below_root(path, "%s", source) || stat(path, &st) ||
	    !S_ISBLK(st.st_mode))
		return 0;
	return st.st_rdev;
}

/*
 * "36 35 98:0 /root /mount options [tags] - ext4 /dev/vda rw". 1 if it is
 * the mount with this id. Filesystems over several devices, as btrfs, have
 * an anonymous number (major 0) there; their source names one of the devices.
 */
static int parse_mount(char *line, uint64_t id, struct mount_point *out)
{
	char *tail = strstr(line, " - "), *number, *mount, *type, *source;
	unsigned int ma, mi;

	if (!tail || strtoull(line, NULL, 10) != id)
		return 0;
	*tail = '\0';
	tail += 3;
	next_word(&line);
	next_word(&line);
	number = next_word(&line);
	next_word(&line);
	mount = next_word(&line);
	type = next_word(&tail);
	source = next_word(&tail);
	if (!mount || !type || sscanf(number, "%u:%u", &ma, &mi) != 2)
		return 0;
	unescape(mount, NULL);
	unescape(type, NULL);
	copy_word(out->mount, sizeof(out->mount), mount, strlen(mount));
	copy_word(out->fs_type, sizeof(out->fs_type), type, strlen(type));
	if (source)
		unescape(source, NULL);
	out->device = ma ? makedev(ma, mi) : source ? source_number(source) : 0;
	return 1;
}

int mount_of_fd(int fd, struct mount_point *out)
{
	char *text, *rest, *line;
	struct statx stx;
	int err;

	memset(out, 0, sizeof(*out));
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx))
		return -errno;
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	err = sysfs_slurp("/proc/self/mountinfo", &text);
	if (err)
		return err;
	err = -ENOENT;
	rest = text;
	while (err && (line = next_line(&rest)))
		if (parse_mount(line, stx.stx_mnt_id, out))
			err = 0;
	free(text);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdstat, mountinfo and devices of /proc: text in lines and words.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "proc.h"
#include "sysfs.h"

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

/* ---- the status of arrays ---- */

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
		free(m->bitmap_path);
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

	if (!len || *how++ != '=')
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

int mdstat_read(const char *status, const char *md, struct mdstat *out)
{
	char *text, *rest, *line;
	size_t len = strlen(md);
	bool mine = false;
	int err;

	memset(out, 0, sizeof(*out));
	err = sysfs_slurp(status, &text);
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

	if (*source != '/' || sysfs_below_root(path, "%s", source) || stat(path, &st) ||
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

/* ---- majors ---- */

/* Digits as a number that an int holds, or -ENOENT. */
static int small_number(const char *word)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	return isdigit((unsigned char)*word) && !*end && n <= INT_MAX ? (int)n : -ENOENT;
}

/* "Block devices:" and then lines "  9 md" */
int proc_block_major(const char *name)
{
	char *text, *rest, *line, *number;
	bool block = false;
	int err, found = -ENOENT;

	err = sysfs_slurp("/proc/devices", &text);
	if (err)
		return err;
	rest = text;
	while (found < 0 && (line = next_line(&rest))) {
		if (!strncmp(line, "Block devices", 13))
			block = true;
		number = next_word(&line);
		if (block && number && !strcmp(line, name))
			found = small_number(number);
	}
	free(text);
	return found;
}

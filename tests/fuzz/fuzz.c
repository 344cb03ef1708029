// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "report.h"
#include "sysfs.h"

enum { PATHS = 16, EXIT_CODES = 8 };

static char directory[PATH_MAX / 2];
static char paths[PATHS][PATH_MAX];

void fuzz_broken(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s:%d: broken: %s\n", file, line, what);
	if (*fail_text())
		dprintf(STDERR_FILENO, "the tool said: %s\n", fail_text());
	abort();
}

/* ---- the input ---- */

uint64_t fuzz_number(struct fuzz_in *in, unsigned int bytes)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < bytes && in->left; i++, in->left--)
		n |= (uint64_t)*in->data++ << 8 * i;
	return n;
}

uint64_t fuzz_below(struct fuzz_in *in, uint64_t n)
{
	unsigned int bytes = 1;

	while (bytes < 8 && n >> 8 * bytes)
		bytes++;
	return n ? fuzz_number(in, bytes) % n : 0;
}

char *fuzz_line(struct fuzz_in *in, size_t max)
{
	size_t n = 0;
	char *text;

	while (n < in->left && n < max && in->data[n] && in->data[n] != '\n')
		n++;
	text = strndup((const char *)in->data, n);
	must(text);
	if (n < in->left && (!in->data[n] || in->data[n] == '\n'))
		n++;
	in->data += n;
	in->left -= n;
	return text;
}

char *fuzz_text(struct fuzz_in *in)
{
	char *text = malloc(in->left + 1);
	size_t i;

	must(text);
	for (i = 0; i < in->left; i++)
		text[i] = in->data[i] ? (char)in->data[i] : '0';
	text[i] = 0;
	in->left = 0;
	return text;
}

/* ---- files ---- */

static void clear_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

/* In the order in which they are made. */
static const char *const subdirectories[] = {
	"", "/sys", "/sys/block", "/sys/block/md0", "/sys/block/md0/md", "/proc",
	"/proc/self",
};

enum { SUBDIRECTORIES = sizeof(subdirectories) / sizeof(subdirectories[0]) };

static void remove_directory(void)
{
	char path[PATH_MAX];
	int i;

	for (i = SUBDIRECTORIES - 1; i >= 0; i--) {
		snprintf(path, sizeof(path), "%s%s", directory, subdirectories[i]);
		clear_directory(path);
		rmdir(path);
	}
}

static void make_directory(void)
{
	const char *where = getenv("TMPDIR");
	struct rlimit limit = { FUZZ_FILE_MAX, FUZZ_FILE_MAX };
	char path[PATH_MAX];
	int i;

	snprintf(directory, sizeof(directory), "%s/fuzz.XXXXXX",
		 where && *where ? where : "/tmp");
	must(mkdtemp(directory));
	for (i = 1; i < SUBDIRECTORIES; i++) {
		snprintf(path, sizeof(path), "%s%s", directory, subdirectories[i]);
		must(!mkdir(path, 0700));
	}
	atexit(remove_directory);
	sysfs_set_root(directory);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

const char *fuzz_path(const char *name)
{
	char path[PATH_MAX];
	size_t i;

	if (!*directory)
		make_directory();
	must(strlen(name) < 256);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (i = 0; i < PATHS && *paths[i]; i++)
		if (!strcmp(paths[i], path))
			return paths[i];
	must(i < PATHS);
	return strcpy(paths[i], path);
}

void fuzz_write(const char *name, const void *data, size_t size)
{
	int fd = open(fuzz_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	must(fd >= 0);
	n = write(fd, data, size);
	must(n == (ssize_t)size || (n >= 0 && size > FUZZ_FILE_MAX));
	close(fd);
}

bool fuzz_exists(const char *name)
{
	struct stat st;

	return !lstat(fuzz_path(name), &st);
}

size_t fuzz_files(void)
{
	DIR *dir;
	struct dirent *entry;
	size_t n = 0;

	fuzz_path("");
	dir = opendir(directory);
	must(dir);
	while ((entry = readdir(dir)))
		n += entry->d_type == DT_REG;
	closedir(dir);
	return n;
}

uint8_t *fuzz_read(const char *name, size_t *size)
{
	int fd = open(fuzz_path(name), O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *data;

	must(fd >= 0 && !fstat(fd, &st));
	data = malloc(st.st_size + 1);
	must(data && read(fd, data, st.st_size) == st.st_size);
	data[st.st_size] = 0;
	*size = st.st_size;
	close(fd);
	return data;
}

bool fuzz_same(const char *name, const void *data, size_t size)
{
	size_t found;
	uint8_t *now = fuzz_read(name, &found);
	bool same = found == size && !memcmp(now, data, size);

	free(now);
	return same;
}

/* ---- modes ---- */

static bool is_clean(const char *text, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return bytes;
}

void fuzz_check_line(void)
{
	must(is_clean(fail_text(), strlen(fail_text())));
}

/* Every line begins as all of ours do, and the last one is whole. */
static void check_lines(const char *text)
{
	static const char start[] = "mdbitmap: ";

	while (*text) {
		size_t n = strcspn(text, "\n");

		must(!strncmp(text, start, strlen(start)));
		must(is_clean(text, n));
		must(text[n] == '\n');
		text += n + 1;
	}
}

static FILE *real_in, *real_out, *real_err;
static char *caught;
static size_t caught_bytes;

void fuzz_catch(const char *in, size_t in_bytes, struct fuzz_said *said)
{
	static char nothing[1];

	real_in = stdin;
	real_out = stdout;
	real_err = stderr;
	fail_clear();
	stdin = fmemopen(in_bytes ? (void *)(uintptr_t)in : nothing, in_bytes, "r");
	stdout = open_memstream(&said->out, &said->out_bytes);
	stderr = open_memstream(&caught, &caught_bytes);
	must(stdin && stdout && stderr);
}

void fuzz_caught(void)
{
	fclose(stdin);
	fclose(stdout);
	fclose(stderr);
	stdin = real_in;
	stdout = real_out;
	stderr = real_err;
	check_lines(caught);
	free(caught);
}

void fuzz_mode(int (*mode)(const struct request *rq), const struct request *rq,
	       const char *in, size_t in_bytes, struct fuzz_said *said)
{
	style.json = rq->json;
	style.bytes = rq->bytes;
	style.quiet = rq->quiet;
	style.verbose = rq->verbose;
	fuzz_catch(in, in_bytes, said);
	said->ret = mode(rq);
	fuzz_caught();
	must(said->ret < EXIT_CODES);
	if (said->ret < 0)
		fuzz_check_line();
}

void fuzz_forget(struct fuzz_said *said)
{
	free(said->out);
	said->out = NULL;
}

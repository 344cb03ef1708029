// SPDX-License-Identifier: GPL-2.0-only
/*
 * disturb SEED SECONDS WORKERS NODE FILE... -- MEMBER...: md ioctls, words for
 * sysfs, reads and writes, at random, by so many workers at once, as nobody should. FILE...
 * may be bitmap files, or not; MEMBER... may be members, or not, and are written
 * to behind the array's back. The same SEED draws the same for each worker.
 * A worker that hangs at the end, after all is let go on, is said: exit status 1.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>

enum { PATHS = 256, PATIENCE_S = 60 };

static const unsigned long commands[] = {
	RAID_VERSION, GET_ARRAY_INFO, GET_DISK_INFO, RAID_AUTORUN, GET_BITMAP_FILE,
	CLEAR_ARRAY, ADD_NEW_DISK, ADD_NEW_DISK, ADD_NEW_DISK, HOT_REMOVE_DISK,
	SET_ARRAY_INFO, SET_ARRAY_INFO, SET_ARRAY_INFO, SET_DISK_INFO, WRITE_RAID_INFO,
	UNPROTECT_ARRAY, PROTECT_ARRAY, HOT_ADD_DISK, SET_DISK_FAULTY,
	HOT_GENERATE_ERROR, SET_BITMAP_FILE, SET_BITMAP_FILE, RUN_ARRAY, RUN_ARRAY,
	RUN_ARRAY, STOP_ARRAY, STOP_ARRAY_RO, RESTART_ARRAY_RW, BLKRRPART, BLKFLSBUF,
	BLKROSET, BLKGETSIZE64,
};

static const char *const words[] = {
	"0", "1", "2", "3", "-1", "8", "64", "512", "1000", "65536", "4294967296",
	"18446744073709551615", "max", "none", "idle", "frozen", "check", "repair",
	"resync", "recover", "clear", "inactive", "readonly", "read-auto", "clean", "active",
	"write-pending", "faulty", "-faulty", "remove", "re-add", "writemostly",
	"-writemostly", "blocked", "-blocked", "in_sync", "-in_sync", "external",
	"failfast", "1.2", "0.90", "raid1", "linear", "+8", "+0", "file", "", "\n", "0-1",
	"0-100000", "want_replacement", "system", "9:0", "write_error", "can_clear", "true", "false",
};

static char *node, *files[16], *members[16];
static unsigned int file_count, member_count;
static char paths[PATHS][256];
static unsigned int path_count;
static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % below;
}

static int number(void)
{
	static const int some[] = { 0, 1, 2, 3, -1, 4, 8, 9, 64, 90, 128, 0x7fffffff,
				    (int)0x80000000, 4096, 65536 };

	return draw(8) ? some[draw(sizeof(some) / sizeof(some[0]))] : (int)draw(~0u);
}

static dev_t some_member(void)
{
	struct stat st;

	return stat(members[draw(member_count)], &st) ? 0 : st.st_rdev;
}

/* What makes sense now and then, or the states would all be the first. */
static void fill(unsigned long cmd, int *ints)
{
	dev_t dev = some_member();

	for (int i = 0; i < 32; i++)
		ints[i] = draw(3) ? 0 : number();
	if (cmd == SET_ARRAY_INFO && draw(4)) {
		memset(ints, 0, 32 * sizeof(*ints));
		ints[0] = draw(2) ? 1 : 0; /* major, minor version */
		ints[1] = ints[0] ? 2 : 90;
	} else if (cmd == ADD_NEW_DISK && draw(4)) {
		memset(ints, 0, 32 * sizeof(*ints));
		ints[1] = major(dev);
		ints[2] = minor(dev);
		ints[3] = draw(3); /* slot */
		ints[4] = draw(16); /* state */
	} else if (cmd == RUN_ARRAY && draw(4)) {
		memset(ints, 0, 32 * sizeof(*ints));
	}
}

static void one_ioctl(int fd)
{
	unsigned long cmd = commands[draw(sizeof(commands) / sizeof(commands[0]))];
	static int ints[1024];
	unsigned long arg = (unsigned long)ints;
	int file = -1;

	if (!draw(64))
		cmd = draw(~0u);
	fill(cmd, ints);
	if (cmd == SET_BITMAP_FILE) {
		file = draw(4) ? open(files[draw(file_count)], O_RDWR) : number();
		arg = file;
	} else if (cmd == HOT_ADD_DISK || cmd == HOT_REMOVE_DISK || cmd == SET_DISK_FAULTY) {
		dev_t dev = some_member();

		arg = (minor(dev) & 0xff) | major(dev) << 8;
	}
	if (!draw(64))
		arg = number();
	ioctl(fd, cmd, arg);
	if (file > 2)
		close(file);
}

/* All files below a directory of sysfs, links to elsewhere left out. */
static void find_paths(const char *dir, unsigned int depth)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) && path_count < PATHS) {
		char path[256];

		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		if (e->d_type == DT_DIR && depth)
			find_paths(path, depth - 1);
		else if (e->d_type == DT_REG)
			strcpy(paths[path_count++], path);
	}
	if (d)
		closedir(d);
}

static void one_word(void)
{
	char dir[64], text[4096];
	const char *word = words[draw(sizeof(words) / sizeof(words[0]))];
	int fd;

	if (!path_count || !draw(200)) {
		path_count = 0;
		snprintf(dir, sizeof(dir), "/sys/block/%s/md", strrchr(node, '/') + 1);
		find_paths(dir, 2);
	}
	if (!path_count)
		return;
	fd = open(paths[draw(path_count)], O_RDWR | O_NONBLOCK);
	if (fd < 0)
		return;
	if (draw(3)) {
		if (write(fd, word, strlen(word)) < 0)
			errno = 0;
	} else if (read(fd, text, sizeof(text)) < 0) {
		errno = 0;
	}
	close(fd);
}

static void one_block(const char *path, off_t below)
{
	static char block[65536] __attribute__((aligned(4096)));
	size_t bytes = 512u << draw(7);
	off_t at = (off_t)draw(below / 512) * 512;
	int fd = open(path, O_RDWR | O_DIRECT | O_NONBLOCK | (draw(4) ? 0 : O_SYNC));

	if (fd < 0)
		return;
	memset(block, draw(256), bytes);
	if (draw(2)) {
		if (pwrite(fd, block, bytes, at) < 0)
			errno = 0;
	} else if (pread(fd, block, bytes, at) < 0) {
		errno = 0;
	}
	if (!draw(16))
		fsync(fd);
	close(fd);
}

static void one_truncation(void)
{
	const char *path = files[draw(file_count)];
	struct stat st;

	if (!stat(path, &st) && S_ISREG(st.st_mode) &&
	    truncate(path, draw(2) ? st.st_size : draw(65536)))
		errno = 0;
}

static void work(uint64_t seed, time_t end)
{
	int fd = -1;

	state = seed * 0x9e3779b97f4a7c15ull | 1;
	while (time(NULL) < end) {
		if (fd < 0 || !draw(50)) {
			if (fd >= 0)
				close(fd);
			fd = open(node, O_RDONLY | O_NONBLOCK | (draw(8) ? 0 : O_EXCL));
		}
		switch (draw(8)) {
		case 0: case 1: case 2: case 3:
			if (fd >= 0)
				one_ioctl(fd);
			break;
		case 4: case 5:
			one_word();
			break;
		case 6:
			one_block(node, 16 << 20);
			break;
		default:
			if (!draw(20))
				one_block(members[draw(member_count)], 16384);
			else if (!draw(20))
				one_truncation();
			else
				one_block(node, 16 << 20);
		}
	}
	_exit(0);
}

static void put_word(const char *attribute, const char *word)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/md/%s", strrchr(node, '/') + 1, attribute);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, word, strlen(word)) < 0)
		errno = 0;
	close(fd);
}

/* What a worker may have stopped. */
static void let_go_on(void)
{
	put_word("suspend_hi", "0");
	put_word("suspend_lo", "0");
	put_word("sync_max", "max");
	put_word("sync_speed_max", "1000000");
	put_word("sync_action", "idle");
}

int main(int argc, char **argv)
{
	unsigned int workers, left;
	bool after = false;
	uint64_t seed;
	time_t end;

	if (argc < 8)
		return 2;
	seed = strtoull(argv[1], NULL, 0);
	end = time(NULL) + atoi(argv[2]);
	workers = left = atoi(argv[3]);
	node = argv[4];
	for (char **arg = argv + 5; *arg; arg++) {
		if (!strcmp(*arg, "--"))
			after = true;
		else if (after && member_count < 16)
			members[member_count++] = *arg;
		else if (!after && file_count < 16)
			files[file_count++] = *arg;
	}
	if (!member_count || !file_count)
		return 2;
	for (unsigned int i = 0; i < workers; i++)
		if (!fork())
			work(seed + i, end);
	while (left && time(NULL) < end + PATIENCE_S) {
		if (waitpid(-1, NULL, WNOHANG) > 0) {
			left--;
			continue;
		}
		if (time(NULL) > end)
			let_go_on();
		usleep(100000);
	}
	if (left)
		printf("%u of %u workers hang\n", left, workers);
	return left ? 1 : 0;
}

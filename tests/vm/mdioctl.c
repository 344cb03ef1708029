// SPDX-License-Identifier: GPL-2.0-only
/*
 * mdioctl [OPTION...] NODE COMMAND [WORD...] [+ COMMAND [WORD...]]...: md ioctls,
 * one after the other, as scenarios want them, right or wrong. Each prints
 * "ok", or what it filled in, or the name of the errno. Exit status 1 if one
 * failed, 2 if it could not be tried.
 *
 *	-c	as a 32-bit program would
 *	-u	as a user without any privilege, after NODE was opened
 *	-r	NODE opened for reading only
 *	-f N	the N-th allocation within the last command fails, by the kernel's fault
 *		injection; a line more: "failed", or "no more" if there are fewer
 *	-t	when stdin ends, the file of SET_BITMAP_FILE is truncated, by its descriptor
 *
 * COMMAND is a name or a number. A WORD is a number, 0x for hexadecimal; a
 * block device, which gives two numbers in a struct, and else one; for
 * SET_BITMAP_FILE: a number is the descriptor itself, FILE is opened, ro:FILE
 * for reading only; "bad" or "null" for such a pointer. What is left
 * of a struct is zero.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>

enum kind {
	NOTHING,
	VALUE,		/* a number by value */
	IN,		/* a struct of ints, filled from the words */
	NUMBERS,	/* the same, and then printed */
	TEXT,		/* a path comes back */
	LONG,		/* one u64 comes back */
};

static const struct command {
	const char *name;
	unsigned long number;
	enum kind kind;
	int ints;	/* of the struct */
} commands[] = {
	{ "RAID_VERSION", RAID_VERSION, NUMBERS, 3 },
	{ "GET_ARRAY_INFO", GET_ARRAY_INFO, NUMBERS, 18 },
	{ "GET_DISK_INFO", GET_DISK_INFO, NUMBERS, 5 },
	{ "RAID_AUTORUN", RAID_AUTORUN, NOTHING, 0 },
	{ "GET_BITMAP_FILE", GET_BITMAP_FILE, TEXT, 0 },
	{ "CLEAR_ARRAY", CLEAR_ARRAY, NOTHING, 0 },
	{ "ADD_NEW_DISK", ADD_NEW_DISK, IN, 5 },
	{ "HOT_REMOVE_DISK", HOT_REMOVE_DISK, VALUE, 0 },
	{ "SET_ARRAY_INFO", SET_ARRAY_INFO, IN, 18 },
	{ "SET_DISK_INFO", SET_DISK_INFO, NOTHING, 0 },
	{ "WRITE_RAID_INFO", WRITE_RAID_INFO, NOTHING, 0 },
	{ "UNPROTECT_ARRAY", UNPROTECT_ARRAY, NOTHING, 0 },
	{ "PROTECT_ARRAY", PROTECT_ARRAY, NOTHING, 0 },
	{ "HOT_ADD_DISK", HOT_ADD_DISK, VALUE, 0 },
	{ "SET_DISK_FAULTY", SET_DISK_FAULTY, VALUE, 0 },
	{ "HOT_GENERATE_ERROR", HOT_GENERATE_ERROR, NOTHING, 0 },
	{ "SET_BITMAP_FILE", SET_BITMAP_FILE, VALUE, 0 },
	{ "RUN_ARRAY", RUN_ARRAY, IN, 3 },
	{ "STOP_ARRAY", STOP_ARRAY, NOTHING, 0 },
	{ "STOP_ARRAY_RO", STOP_ARRAY_RO, NOTHING, 0 },
	{ "RESTART_ARRAY_RW", RESTART_ARRAY_RW, NOTHING, 0 },
	{ "CLUSTERED_DISK_NACK", CLUSTERED_DISK_NACK, NOTHING, 0 },
	{ "BLKGETSIZE64", BLKGETSIZE64, LONG, 0 },
	{ "BLKROGET", BLKROGET, NUMBERS, 1 },
	{ "BLKROSET", BLKROSET, IN, 1 },
	{ "HDIO_GETGEO", HDIO_GETGEO, LONG, 0 }, /* heads, sectors, cylinders */
};

static bool compat, cut;	/* options -c, -t */
static int fail_nth_fd;		/* option -f */

/* What a 32-bit program can point to. */
static union {
	int ints[18];
	char text[4096];
	uint64_t number;
} *low;

static int fail(const char *what)
{
	fprintf(stderr, "mdioctl: %s: %m\n", what);
	return 2;
}

/* Of what this thread allocates from now on; 0 for none. */
static bool arm(unsigned long nth)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lu", nth);

	return pwrite(fail_nth_fd, text, n, 0) == n;
}

/* Has it failed? */
static bool disarm(void)
{
	char text[24] = "";
	bool failed = pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0 && !atol(text);

	arm(0);
	return failed;
}

static int ioctl32(int fd, unsigned long cmd, unsigned long arg)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54L), "b" ((long)fd), "c" (cmd), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	ret = (int)ret;
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static bool is_number(const char *word, long long *n)
{
	char *end;

	*n = strtoll(word, &end, 0);
	return end != word && !*end;
}

static bool device_of(const char *word, dev_t *dev)
{
	struct stat st;

	if (stat(word, &st) || !S_ISBLK(st.st_mode))
		return false;
	*dev = st.st_rdev;
	return true;
}

/* The words of a struct, one after the other; a device is its two numbers. */
static bool fill(char **words, int max)
{
	long long n;
	dev_t dev;
	int i = 0;

	for (; *words; words++) {
		if (is_number(*words, &n)) {
			if (i + 1 > max)
				return false;
			low->ints[i++] = n;
		} else if (device_of(*words, &dev)) {
			if (i + 2 > max)
				return false;
			low->ints[i++] = major(dev);
			low->ints[i++] = minor(dev);
		} else {
			return false;
		}
	}
	return true;
}

/* What goes by value: a number, a device, or a file, which is opened. */
static bool value_of(const char *word, bool fd, unsigned long *value)
{
	long long n;
	dev_t dev;

	if (is_number(word, &n)) {
		*value = n;
	} else if (!fd && device_of(word, &dev)) {
		*value = (minor(dev) & 0xff) | major(dev) << 8 | (minor(dev) & ~0xffu) << 12;
	} else if (fd) {
		bool ro = !strncmp(word, "ro:", 3);
		int file = open(word + 3 * ro, ro ? O_RDONLY : O_RDWR);

		if (file < 0)
			return false;
		*value = file;
	} else {
		return false;
	}
	return true;
}

static void show(const struct command *c)
{
	int i;

	if (c->kind == NUMBERS) {
		for (i = 0; i < c->ints; i++)
			printf("%d%c", low->ints[i], i + 1 < c->ints ? ' ' : '\n');
	} else if (c->kind == TEXT) {
		printf("%s\n", low->text);
	} else if (c->kind == LONG) {
		printf("%llu\n", (unsigned long long)low->number);
	} else {
		puts("ok");
	}
}

/* One command with its words, up to NULL; the nth allocation fails, if any shall. */
static int step(int fd, char **words, unsigned long nth)
{
	struct command unknown = { .kind = NOTHING };
	const struct command *c = NULL;
	unsigned long arg = 0;
	size_t i;
	bool failed = false;
	int ret, err;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(words[0], commands[i].name))
			c = &commands[i];
	if (!c) {
		unknown.number = strtoul(words[0], NULL, 0);
		c = &unknown;
	}
	memset(low, 0, sizeof(*low));
	if (words[1] && !strcmp(words[1], "bad")) {
		arg = 16;
	} else if (words[1] && !strcmp(words[1], "null")) {
		arg = 0;
	} else if (c->kind == VALUE) {
		if (words[1] && !value_of(words[1], c->number == SET_BITMAP_FILE, &arg)) {
			puts(strerrorname_np(errno)); /* of the open, which ours may refuse */
			return 1;
		}
	} else if (c->kind != NOTHING) {
		arg = (unsigned long)low;
		if (!fill(words + 1, c->ints))
			return fail("words");
	}
	if (nth && !arm(nth))
		return fail("fail-nth");
	ret = compat ? ioctl32(fd, c->number, arg) : ioctl(fd, c->number, arg);
	err = errno;
	if (nth)
		failed = disarm();
	if (c->number == SET_BITMAP_FILE && words[1] && !isdigit(words[1][strspn(words[1], "-")])) {
		while (cut && getchar() != EOF)
			;
		if (cut && !ret && ftruncate(arg, 0))
			return fail("ftruncate");
		close(arg); /* the array has its own hold of it */
	}
	if (ret < 0)
		puts(strerrorname_np(err));
	else
		show(c);
	if (nth)
		puts(failed ? "failed" : "no more");
	return ret < 0;
}

/* What was stopped a moment ago may still be about to go, and nobody opens it then. */
static int open_node(const char *path, int mode)
{
	int fd, tries = 100;

	do {
		fd = open(path, mode);
	} while (fd < 0 && (errno == ENODEV || errno == ENXIO) && tries-- && !usleep(50000));
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long nth = 0;
	bool nobody = false;
	int mode = O_RDWR, status = 0, opt, fd, ret;
	char **words, **end;

	while ((opt = getopt(argc, argv, "+curtf:")) != -1) {
		switch (opt) {
		case 'c': compat = true; break;
		case 'u': nobody = true; break;
		case 'r': mode = O_RDONLY; break;
		case 't': cut = true; break;
		case 'f': nth = strtoul(optarg, NULL, 0); break;
		default: return 2;
		}
	}
	argv += optind;
	if (argc - optind < 2)
		return 2;
	low = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return fail("mmap");
	fd = open_node(argv[0], mode | O_NONBLOCK);
	if (fd < 0) {
		puts(strerrorname_np(errno));
		return 1;
	}
	if (nth) {
		fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
		if (fail_nth_fd < 0)
			return fail("fail-nth");
	}
	if (nobody && (setgid(65534) || setuid(65534)))
		return fail("setuid");
	for (words = argv + 1; words && *words; words = end) {
		for (end = words; *end && strcmp(*end, "+"); end++)
			;
		if (*end)
			*end++ = NULL;
		if (!*words)
			return 2;
		ret = step(fd, words, *end ? 0 : nth);
		if (ret > status)
			status = ret;
	}
	return status;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of /proc and /sys with any text in them.
 *
 * Input: a line that names the file, then its text.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "counters.h"
#include "fuzz.h"
#include "proc.h"
#include "sysfs.h"

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size);
}

static bool same_text(const char *a, const char *b)
{
	return !a == !b && (!a || !strcmp(a, b));
}

static bool same(const struct mdstat *a, const struct mdstat *b)
{
	return a->found == b->found && same_text(a->state, b->state) &&
	       a->read_only == b->read_only && a->auto_read_only == b->auto_read_only &&
	       same_text(a->level, b->level) && a->blocks_kib == b->blocks_kib &&
	       a->has_bitmap == b->has_bitmap && a->pages_used == b->pages_used &&
	       a->pages_total == b->pages_total && a->pages_kib == b->pages_kib &&
	       a->chunk_bytes == b->chunk_bytes &&
	       same_text(a->bitmap_path, b->bitmap_path) &&
	       same_text(a->action, b->action) && a->delayed == b->delayed &&
	       a->pending == b->pending && a->done_kib == b->done_kib &&
	       a->total_kib == b->total_kib && a->percent == b->percent &&
	       a->finish_min == b->finish_min && a->speed_kib_s == b->speed_kib_s;
}

/* Does a line begin "NAME : "? */
static bool named(const char *text, const char *name)
{
	while (text) {
		if (!strncmp(text, name, strlen(name)) &&
		    !strncmp(text + strlen(name), " : ", 3))
			return true;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

static void read_status(const char *text, struct mdstat *m)
{
	fuzz_write("status", text, strlen(text));
	must(!mdstat_read("/status", "md0", m));
	must(m->found == named(text, "md0"));
	must(ends(m->state, sizeof(m->state)) && ends(m->level, sizeof(m->level)) &&
	     ends(m->action, sizeof(m->action)));
	must(!strpbrk(m->state, " \n") && !strpbrk(m->level, " \n[") &&
	     !strpbrk(m->action, " =\n"));
	must(isfinite(m->percent) && m->percent >= 0);
	must(isfinite(m->finish_min) && m->finish_min >= 0);
	must(!m->bitmap_path || m->has_bitmap);
	must(!(m->delayed || m->pending) || *m->action);
}

/* What the file says of another array changes nothing of what it says of one. */
static void check_status(const char *text)
{
	static const char other[] =
		"md1 : active (read-only) raid1 sdb[1] sda[0]\n"
		"      9 blocks [2/2] [UU]\n"
		"      bitmap: 1/8 pages [4KB], 64KB chunk, file: /b\n\n";
	size_t size = strlen(text) + 2 * sizeof(other);
	char *more = malloc(size);
	struct mdstat alone, beside;

	must(more);
	read_status(text, &alone);
	snprintf(more, size, "%s%s\n%s", other, text, other);
	read_status(more, &beside);
	/* A text that begins within an array would have gone on with md1. */
	must(same(&alone, &beside));
	mdstat_clear(&alone);
	mdstat_clear(&beside);
	free(more);
}

/* The id that is looked for is not the input's to know: put it in for "@". */
static void check_mounts(const char *text)
{
	struct mount_point at;
	char id[64], *more, *to;
	struct statx stx;
	const char *p;
	int fd, err;

	fuzz_path("");
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && !statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)stx.stx_mnt_id);
	more = to = malloc(strlen(text) * sizeof(id) + 1);
	must(more);
	for (p = text; *p; p++)
		to = *p == '@' ? stpcpy(to, id) : (*to = *p, to + 1);
	*to = 0;
	fuzz_write("proc/self/mountinfo", more, to - more);
	err = mount_of_fd(fd, &at);
	must(!err || err == -ENOENT || err == -EFBIG);
	must(ends(at.fs_type, sizeof(at.fs_type)) && ends(at.mount, sizeof(at.mount)));
	must(!err || (!*at.mount && !at.device));
	must(strlen(at.mount) <= strlen(more));
	free(more);
	close(fd);
}

static void check_devices(const char *text)
{
	int major;

	fuzz_write("proc/devices", text, strlen(text));
	major = proc_block_major("mdbitmap");
	must(major >= 0 || major == -ENOENT);
	must(major < 0 || strstr(text, "mdbitmap"));
}

/* One line of an attribute, and the numbers in it. */
static void check_attribute(const char *text)
{
	const char *path = fuzz_path("attribute");
	size_t line = strcspn(text, "\n");
	unsigned int ma, mi;
	char buf[64];
	dev_t dev;
	int err;

	fuzz_write("attribute", text, strlen(text));
	err = sysfs_read_line(path, buf, sizeof(buf));
	must(err == (line < sizeof(buf) ? 0 : -E2BIG));
	must(err || (strlen(buf) == line && !memcmp(buf, text, line)));
	err = sysfs_read_devt(path, &dev);
	must(!err || err == -E2BIG || err == -EINVAL);
	if (!err && sscanf(text, "%u:%u", &ma, &mi) == 2)
		must(dev == makedev(ma, mi));
}

/* A number, and of "2 (4)" the first; never more than 64 bits of it. */
static void check_number(const char *text)
{
	size_t line = strcspn(text, "\n"), n = 0;
	unsigned __int128 model = 0;
	uint64_t value;
	int err;

	fuzz_write("sys/block/md0/md/number", text, strlen(text));
	must(sysfs_md_read_u64("..", "number", &value) == -ENODEV);
	must(sysfs_md_read_u64("md0/md", "number", &value) == -ENODEV);
	err = sysfs_md_read_u64("md0", "number", &value);
	for (; isdigit((unsigned char)text[n]); n++)
		if (model <= UINT64_MAX)
			model = model * 10 + (text[n] - '0');
	if (line >= 64)
		must(err == -E2BIG);
	else
		must(!err == (n && model <= UINT64_MAX && (n == line || text[n] == ' ')));
	must(err || value == model);
}

/* How many numbers @text is, one blank between each two; 0: it is no such. */
static size_t model_counter(const char *text, unsigned __int128 *sum)
{
	unsigned __int128 n;
	size_t count = 0;

	for (*sum = 0;; text++) {
		if (!isdigit((unsigned char)*text))
			return 0;
		for (n = 0; isdigit((unsigned char)*text); text++)
			if (n <= UINT64_MAX)
				n = n * 10 + (*text - '0');
		if (n > UINT64_MAX || ++count > COUNTER_BUCKETS_MAX)
			return 0;
		*sum += n;
		if (*text != ' ')
			return *text ? 0 : count;
	}
}

/* Is @percent of @sum in the buckets below @bound, and not in one less? */
static void check_bound(const struct counter *c, unsigned __int128 sum, int err,
			unsigned int percent, uint64_t bound)
{
	unsigned __int128 below = 0, nearer = 0;
	size_t i;

	for (i = 0; i < c->count && UINT64_C(1) << i < bound; i++) {
		nearer = below;
		below += c->n[i];
	}
	if (err)
		must(i == c->count - 1 && below * 100 < sum * percent);
	else
		must(below * 100 >= sum * percent && nearer * 100 < sum * percent);
}

static void check_counter(const char *text)
{
	unsigned __int128 sum;
	size_t count = model_counter(text, &sum);
	unsigned int percent;
	struct counter c;
	uint64_t bound;
	int err;

	must(counter_parse(text, &c) == (count > 0) && c.count == count);
	for (percent = 1; percent <= 100; percent++) {
		err = counter_bound(&c, percent, &bound);
		must((err == -ENODATA) == (!count || !sum || sum > UINT64_MAX));
		must(!err || err == -ENODATA || err == -ERANGE);
		if (err != -ENODATA)
			check_bound(&c, sum, err, percent, bound);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	char *which = fuzz_line(&in, 16), *text = fuzz_text(&in);

	fuzz_path("");
	if (!strcmp(which, "mountinfo"))
		check_mounts(text);
	else if (!strcmp(which, "devices"))
		check_devices(text);
	else if (!strcmp(which, "attribute"))
		check_attribute(text);
	else if (!strcmp(which, "number"))
		check_number(text);
	else if (!strcmp(which, "counter"))
		check_counter(text);
	else
		check_status(text);
	free(which);
	free(text);
	return 0;
}

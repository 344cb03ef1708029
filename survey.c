// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "driver.h"
#include "image.h"
#include "parse.h"
#include "proc.h"
#include "report.h"
#include "survey.h"

enum { SECTORS_PER_KIB = 2 };

/* What could not be learned: fail()'s line, which is then none any more. */
static void add_gap(struct survey *s, const char *what)
{
	char *text;

	if (s->gap_count < SURVEY_GAPS_MAX &&
	    asprintf(&text, "%s: %s", what, fail_text()) >= 0)
		s->gaps[s->gap_count++] = text;
	fail_clear();
}

/* ---- without privilege ---- */

/* Level as a number, as GET_ARRAY_INFO has it: for the geometry. */
static int level_number(const char *level)
{
	int n;

	return sscanf(level, "raid%d", &n) == 1 ? n : strcmp(level, "linear") ? 0 : -1;
}

static uint32_t state_bits(const char *words)
{
	uint32_t bits = 0;

	if (strstr(words, "faulty"))
		bits |= 1 << MD_DISK_FAULTY;
	if (strstr(words, "in_sync"))
		bits |= 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC;
	if (strstr(words, "write_mostly"))
		bits |= 1 << MD_DISK_WRITEMOSTLY;
	return bits;
}

static int read_slot(const struct mdarray *a, int slot, struct mdarray_member *m)
{
	char attribute[64], text[256];
	unsigned int ma, mi;
	int err;

	snprintf(attribute, sizeof(attribute), "rd%d/block/dev", slot);
	err = sysfs_md_read(a->name, attribute, text, sizeof(text));
	if (err || sscanf(text, "%u:%u", &ma, &mi) != 2)
		return err ? err : -EINVAL;
	memset(m, 0, sizeof(*m));
	m->info.number = -1;		/* of the superblock: not in sysfs */
	m->info.raid_disk = slot;
	m->info.major = (int)ma;
	m->info.minor = (int)mi;
	snprintf(attribute, sizeof(attribute), "rd%d/state", slot);
	if (!sysfs_md_read(a->name, attribute, text, sizeof(text)))
		m->info.state = (int)state_bits(text);
	if (sysfs_name(makedev(ma, mi), m->name))
		snprintf(m->name, sizeof(m->name), "%u:%u", ma, mi);
	snprintf(m->path, sizeof(m->path), "/dev/%s", m->name);
	return 0;
}

static int read_slots(struct mdarray *a)
{
	int slot;

	a->members = calloc((size_t)a->info.raid_disks + 1, sizeof(*a->members));
	if (!a->members)
		return fail(-ENOMEM, "out of memory");
	for (slot = 0; slot < a->info.raid_disks; slot++) {
		struct mdarray_member *m = &a->members[a->member_count];

		if (read_slot(a, slot, m))
			continue;
		a->member_count++;
		if (m->info.state & 1 << MD_DISK_FAULTY)
			a->info.failed_disks++;
		else if (m->info.state & 1 << MD_DISK_SYNC)
			a->info.active_disks++;
		else
			a->info.spare_disks++;
	}
	a->info.nr_disks = (int)a->member_count;
	a->info.working_disks = a->info.nr_disks - a->info.failed_disks;
	return 0;
}

static int fill_from_sysfs(struct mdarray *a)
{
	char text[64];
	uint64_t n;

	if (sysfs_md_read(a->name, "array_state", a->state, sizeof(a->state)))
		a->state[0] = '\0';
	if (sysfs_md_read(a->name, "metadata_version", a->metadata,
			  sizeof(a->metadata)))
		a->metadata[0] = '\0';
	a->persistent = *a->metadata && strcmp(a->metadata, "none");
	a->info.not_persistent = !a->persistent;
	if (!sysfs_md_read(a->name, "level", text, sizeof(text)))
		a->info.level = level_number(text);
	/* The kernel's own limit is lower; this one bounds the loop. */
	if (!sysfs_md_read_u64(a->name, "raid_disks", &n) && n <= MEMBER_MAX_SLOTS)
		a->info.raid_disks = (int)n;
	if (!sysfs_md_read_u64(a->name, "component_size", &n))
		a->component_sectors = n * SECTORS_PER_KIB;
	a->sync_sectors = a->component_sectors;
	if (!sysfs_md_read(a->name, "bitmap/location", text, sizeof(text)))
		a->internal_bitmap = *text == '+' || *text == '-';
	return read_slots(a);
}

/* Kernel name of the array that @node means. */
static int name_of(const char *node, char name[64])
{
	const char *base = strrchr(node, '/');
	struct stat st;

	if (!stat(node, &st) && S_ISBLK(st.st_mode))
		return sysfs_name(st.st_rdev, name);
	base = base ? base + 1 : node;
	if (strlen(base) >= 64)
		return -ENODEV;
	strcpy(name, base);
	return sysfs_md_exists(name) ? 0 : -ENODEV;
}

/* The array as everybody may see it; the caller has fail()ed already. */
static int open_unprivileged(const char *node, int failed, struct mdarray **out)
{
	struct mdarray *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return fail(-ENOMEM, "out of memory");
	a->fd = -1;
	snprintf(a->node, sizeof(a->node), "%s", node);
	err = name_of(node, a->name) || !sysfs_md_exists(a->name) ? failed :
	      fill_from_sysfs(a);
	if (err)
		mdarray_close(a);
	else
		*out = a;
	return err;
}

static int open_array(const char *node, struct survey *s)
{
	int err = mdarray_open(node, O_RDONLY, &s->array);

	s->privileged = !err;
	if (err != -EACCES && err != -EPERM)
		return err;
	err = open_unprivileged(node, err, &s->array);
	if (!err)
		add_gap(s, "the superblocks and spares");
	return err;
}

/* ---- members ---- */

/* O_DIRECT: md writes superblocks behind the page cache. */
static int read_events(const struct mdarray_member *m, struct survey_member *out)
{
	struct member *member = calloc(1, sizeof(*member));
	int fd, err;

	if (!member)
		return fail(-ENOMEM, "out of memory");
	fd = open(m->path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
	err = fd < 0 ? fail_errno(-errno, "%s", safe(m->path)) :
	      member_read(fd, m->path, member);
	if (err == 1)
		err = fail(-EMEDIUMTYPE, "%s: no superblock", safe(m->path));
	else if (!err && member->rdev != makedev(m->info.major, m->info.minor))
		err = fail(-ENODEV, "%s: is another device", safe(m->path));
	if (!err) {
		out->events_known = true;
		out->events = member->super.events;
	}
	if (fd >= 0)
		close(fd);
	free(member);
	return err;
}

static int take_members(struct survey *s)
{
	const struct mdarray *a = s->array;
	size_t i;

	s->members = calloc(a->member_count + 1, sizeof(*s->members));
	if (!s->members)
		return fail(-ENOMEM, "out of memory");
	for (i = 0; a->persistent && i < a->member_count; i++)
		if (read_events(&a->members[i], &s->members[i]))
			add_gap(s, "events of a member");
	return 0;
}

/* ---- the bitmap ---- */

static int count(struct image *image, struct survey_bitmap *b)
{
	uint64_t start = 0, end;
	int ret;

	b->sb = image->sb;
	b->chunks = image->bits;
	while ((ret = image_next_range(image, &start, &end)) > 0) {
		b->dirty_chunks += end - start;
		b->dirty_bytes += image_chunk_range_bytes(image, start, end);
		start = end;
	}
	return ret;
}

/* Where the bits are: the file, or the first member in sync. */
static const char *bits_path(const struct survey *s)
{
	const struct mdarray *a = s->array;
	size_t i;

	if (s->bitmap.kind == SURVEY_FILE)
		return a->bitmap_path ? a->bitmap_path : s->stat.bitmap_path;
	for (i = 0; i < a->member_count; i++)
		if (a->members[i].info.state & 1 << MD_DISK_SYNC)
			return a->members[i].path;
	return NULL;
}

static void take_bits(struct survey *s)
{
	const char *path = bits_path(s);
	struct image *image;
	int err;

	if (!path)
		return;
	err = image_open(path, IMAGE_SHORT_OK, &image);
	if (!err) {
		err = count(image, &s->bitmap);
		image_close(image);
	}
	s->bitmap.readable = !err;
	if (err)
		add_gap(s, "the bitmap's bits");
}

/* Stock md has none of these attributes. */
static void take_engine(const char *md, struct survey_bitmap *b)
{
	uint64_t kib;

	b->budget_known = !sysfs_md_read_u64(md, "bitmap/resync_budget", &kib);
	if (b->budget_known)
		b->budget_bytes = kib * 1024;
	if (sysfs_md_read(md, "bitmap/store_state", b->store, sizeof(b->store)))
		b->store[0] = '\0';
	counters_read(md, &b->counters);
}

static void take_bitmap(struct survey *s)
{
	struct survey_bitmap *b = &s->bitmap;
	const struct mdarray *a = s->array;
	char text[64];

	if (a->bitmap_path || s->stat.bitmap_path)
		b->kind = SURVEY_FILE;
	else if (a->internal_bitmap)
		b->kind = SURVEY_INTERNAL;
	if (b->kind == SURVEY_NONE)
		return;
	take_bits(s);
	b->chunk_bytes = b->readable ? b->sb.chunk_bytes : s->stat.chunk_bytes;
	if (!sysfs_md_read(a->name, "bitmap/time_base", text, sizeof(text)))
		b->delay_known = sscanf(text, "%lf", &b->delay_s) == 1;
	else if ((b->delay_known = b->readable))
		b->delay_s = b->sb.delay_s;
	b->behind_known = !sysfs_md_read_u64(a->name, "bitmap/backlog",
					     &b->write_behind);
	if (!b->behind_known && (b->behind_known = b->readable))
		b->write_behind = b->sb.write_behind;
	take_engine(a->name, b);
}

/* ---- all of it ---- */

/* sysfs has the raw bytes in order; 0.90's words are shown swapped. */
static void take_uuid(struct survey *s)
{
	struct member_super like = { .format = MEMBER_1_2 };
	const struct mdarray *a = s->array;
	char text[64];

	if (!a->persistent)
		return;
	if (a->super) {
		snprintf(s->uuid, sizeof(s->uuid), "%s", member_uuid_text(a->super));
		return;
	}
	if (!strncmp(a->metadata, "0.9", 3))
		like.format = MEMBER_0_90;
	if (sysfs_md_read(a->name, "uuid", text, sizeof(text)))
		return;
	if (parse_uuid(text, like.uuid))
		fail_clear();
	else
		snprintf(s->uuid, sizeof(s->uuid), "%s", member_uuid_text(&like));
}

static void take_words(struct survey *s)
{
	const char *md = s->array->name;

	if (sysfs_md_read(md, "level", s->level, sizeof(s->level)) || !*s->level)
		snprintf(s->level, sizeof(s->level), "%d", s->array->info.level);
	if (sysfs_md_read(md, "consistency_policy", s->policy, sizeof(s->policy)))
		s->policy[0] = '\0';
	if (sysfs_md_read(md, "sync_action", s->action, sizeof(s->action)))
		s->action[0] = '\0';
}

int survey_take(const char *node, struct survey *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = open_array(node, s);
	if (err)
		return err;
	s->driver = driver_of_word(s->array->name);
	err = mdstat_read(driver_status(s->array->name), s->array->name, &s->stat);
	if (err) {
		fail_errno(err, "%s", driver_status(s->array->name));
		add_gap(s, "the progress");
	}
	take_words(s);
	take_uuid(s);
	err = take_members(s);
	if (!err)
		take_bitmap(s);
	if (err)
		survey_free(s);
	return err;
}

void survey_free(struct survey *s)
{
	while (s->gap_count)
		free(s->gaps[--s->gap_count]);
	mdstat_clear(&s->stat);
	free(s->members);
	mdarray_close(s->array);
	s->members = NULL;
	s->array = NULL;
}

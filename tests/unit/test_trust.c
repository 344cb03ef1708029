// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judging and forecasting on bitmap files made by hand from the offsets of
 * the format's description (md-abi.md 4.1), in front of a /sys and a /proc
 * of our own.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "unit.h"
#include "report.h"
#include "sysfs.h"
#include "trust.h"

enum {
	HEAD = 256,
	CHUNK = 65536,
	CHUNK_SECTORS = CHUNK / 512,
	CHUNKS = 100,
	SECTORS = CHUNKS * CHUNK_SECTORS,
	FILE_BYTES = HEAD + 13,
};

static char root[] = "/tmp/test_trust.XXXXXX";
static char path[PATH_MAX];

static const uint8_t uuid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* The file at @path: as a sound one unless a test changes it. */
static struct {
	uint32_t version, state, chunk;
	uint64_t events, cleared, sectors;
	uint64_t noted, utime;		/* the update of members that it knows */
	size_t bytes;			/* of the file */
	mode_t mode;
	uint8_t bits[1 << 17];
} file;

static struct findings found;
static struct trust_target target;
static struct forecast forecast;

static void in_root(char full[PATH_MAX], const char *name)
{
	snprintf(full, PATH_MAX, "%s%s", root, name);
}

static void put(const char *name, const char *text)
{
	char full[PATH_MAX], *slash;
	FILE *f;

	in_root(full, name);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void put32(uint8_t *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, sizeof(v));
}

static void put64(uint8_t *to, uint64_t v)
{
	v = htole64(v);
	memcpy(to, &v, sizeof(v));
}

static void write_file(void)
{
	uint8_t head[HEAD] = "bitm";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	put32(head + 4, file.version);
	memcpy(head + 8, uuid, 16);
	put64(head + 24, file.events);
	put64(head + 32, file.cleared);
	put64(head + 40, file.sectors);
	put32(head + 48, file.state);
	put32(head + 52, file.chunk);
	put32(head + 56, 5);
	put64(head + 232, file.noted);
	put64(head + 240, file.utime);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, head, HEAD), HEAD);
	assert_true(file.bytes <= HEAD + sizeof(file.bits));
	if (file.bytes > HEAD)
		assert_int_equal(write(fd, file.bits, file.bytes - HEAD),
				 file.bytes - HEAD);
	assert_int_equal(ftruncate(fd, file.bytes), 0);
	assert_int_equal(fchmod(fd, file.mode), 0);
	assert_int_equal(close(fd), 0);
}

static void dirty(uint64_t chunk)
{
	file.bits[chunk / 8] |= 1 << (chunk % 8);
}

static void remove_tree(const char *name)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "%s/%s", root, name);
	unlink(command);
}

static int fresh(void **state)
{
	memset(&file, 0, sizeof(file));
	file.version = 4;
	file.chunk = CHUNK;
	file.events = 40;
	file.cleared = 38;
	file.sectors = SECTORS;
	file.bytes = FILE_BYTES;
	file.mode = 0600;
	memset(&target, 0, sizeof(target));
	target.name = "/dev/md7";
	target.has_array = true;
	target.persistent = true;
	memcpy(target.uuid, uuid, 16);
	target.events = 40;
	target.sync_sectors = SECTORS;
	target.in_sync = 2;
	remove_tree("proc/self/mountinfo");
	remove_tree("proc/mdstat");
	remove_tree("sys/block/md7/md/array_state");
	fail_clear();
	return 0;
}

static struct image *open_image(void)
{
	struct image *image;

	write_file();
	assert_int_equal(image_open(path, IMAGE_SHORT_OK | IMAGE_FAULTY_OK, &image), 0);
	return image;
}

static void judge(void)
{
	struct image *image = open_image();

	assert_int_equal(trust_judge(image, &target, &found), 0);
	image_close(image);
}

static const struct finding *finding(const char *topic)
{
	size_t i;

	for (i = 0; i < found.count; i++)
		if (!strcmp(found.list[i].topic, topic))
			return &found.list[i];
	return NULL;
}

static void assert_weight(const char *topic, enum finding_weight weight)
{
	const struct finding *f = finding(topic);

	if (!f || f->weight != weight)
		print_error("%s: %s\n", topic, f ? f->text : "nothing said");
	assert_non_null(f);
	assert_int_equal(f->weight, weight);
}

static void assert_bad(const char *topic, int err, bool forcible)
{
	assert_weight(topic, FINDING_BAD);
	assert_int_equal(finding(topic)->err, err);
	assert_int_equal(finding(topic)->forcible, forcible);
}

static void assert_silent(const char *topic)
{
	assert_null(finding(topic));
}

/* The mount of @path, as /proc/self/mountinfo is to show it. */
static void mounted(const char *type, const char *device)
{
	char text[256];
	struct statx stx;

	write_file();
	assert_int_equal(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stx), 0);
	snprintf(text, sizeof(text), "%llu 1 %s / /mnt rw - %s /dev/none rw\n",
		 (unsigned long long)stx.stx_mnt_id, device, type);
	put("/proc/self/mountinfo", text);
}

/* ---- the bitmap by itself ---- */

static void a_current_bitmap_has_nothing_bad(void **state)
{
	judge();
	assert_weight("structure", FINDING_GOOD);
	assert_weight("length", FINDING_GOOD);
	assert_weight("holes", FINDING_GOOD);
	assert_weight("state", FINDING_GOOD);
	assert_weight("uuid", FINDING_GOOD);
	assert_weight("events", FINDING_GOOD);
	assert_weight("events_cleared", FINDING_GOOD);
	assert_weight("size", FINDING_GOOD);
	assert_weight("in use", FINDING_GOOD);
	assert_null(findings_refusal(&found, false));
}

static void of_a_damaged_superblock_nothing_more_is_judged(void **state)
{
	file.chunk = 0;
	judge();
	assert_bad("structure", -EUCLEAN, false);
	assert_non_null(strstr(finding("structure")->text, "chunksize"));
	assert_int_equal(found.count, 1);
	fresh(NULL);
	file.version = 9;
	judge();
	assert_bad("structure", -EPROTONOSUPPORT, false);
}

static void version_3_is_noted(void **state)
{
	file.version = 3;
	file.state = 0x8000;
	judge();
	assert_weight("version", FINDING_NOTICE);
	assert_weight("state", FINDING_GOOD);
}

static void clustered_and_lockless_files_are_not_for_the_kernel(void **state)
{
	file.version = 5;
	judge();
	assert_weight("version", FINDING_ATTENTION);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("version", -EPROTONOSUPPORT, false);
	file.version = 6;
	file.chunk = CHUNK_SECTORS;
	file.bytes = 1024 + CHUNKS;
	judge();
	assert_bad("version", -EPROTONOSUPPORT, false);
}

static void padding_is_fine_and_one_byte_short_is_not(void **state)
{
	file.bytes = FILE_BYTES + 4000;
	judge();
	assert_weight("length", FINDING_GOOD);
	file.bytes = FILE_BYTES - 1;
	judge();
	assert_bad("length", -EUCLEAN, false);
}

static void a_hole_is_bad_for_the_kernel_alone(void **state)
{
	int fd;

	file.chunk = 512;
	file.sectors = target.sync_sectors = 1 << 19;
	file.bytes = HEAD + (1 << 16);
	write_file();
	fd = open(path, O_WRONLY);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 16384)) {
		close(fd);
		skip();
	}
	close(fd);
	{
		struct image *image;

		assert_int_equal(image_open(path, 0, &image), 0);
		assert_int_equal(trust_judge(image, &target, &found), 0);
		assert_weight("holes", FINDING_ATTENTION);
		assert_non_null(strstr(finding("holes")->text, "byte 16384"));
		target.use = TRUST_KERNEL;
		assert_int_equal(trust_judge(image, &target, &found), 0);
		assert_bad("holes", -EUCLEAN, false);
		image_close(image);
	}
}

static void space_that_was_never_written_is_bad_for_the_kernel(void **state)
{
	struct image *image;
	int fd;

	file.chunk = 512;
	file.sectors = target.sync_sectors = 1 << 19;
	file.bytes = 8192;
	write_file();
	fd = open(path, O_WRONLY);
	if (fallocate(fd, 0, 8192, HEAD + (1 << 16) - 8192)) {
		close(fd);
		skip();
	}
	close(fd);
	target.use = TRUST_KERNEL;
	assert_int_equal(image_open(path, 0, &image), 0);
	assert_int_equal(trust_judge(image, &target, &found), 0);
	image_close(image);
	assert_bad("holes", -EUCLEAN, false);
	assert_non_null(strstr(finding("holes")->text, "byte 8192"));
}

static void a_hole_behind_the_last_bit_is_no_concern(void **state)
{
	file.bytes = FILE_BYTES;
	write_file();
	assert_int_equal(truncate(path, 1 << 20), 0);
	{
		struct image *image;

		assert_int_equal(image_open(path, 0, &image), 0);
		assert_int_equal(trust_judge(image, &target, &found), 0);
		image_close(image);
	}
	assert_weight("holes", FINDING_GOOD);
}

static void stale_asks_for_attention_and_a_write_error_refuses(void **state)
{
	file.state = 2;
	judge();
	assert_weight("state", FINDING_ATTENTION);
	file.state = 4 | 2;
	judge();
	assert_bad("state", -EUCLEAN, false);
	assert_non_null(strstr(finding("state")->text, "EIO"));
	assert_ptr_equal(findings_refusal(&found, true), finding("state"));
	file.state = 0x100;
	judge();
	assert_weight("state", FINDING_NOTICE);
}

/* ---- the bitmap and the array ---- */

static void another_arrays_bitmap_is_refused_even_by_force(void **state)
{
	target.uuid[15] ^= 1;
	judge();
	assert_bad("uuid", -EBADMSG, false);
	assert_silent("events");
}

static void without_metadata_neither_uuid_nor_events_are_compared(void **state)
{
	target.persistent = false;
	target.uuid[0] ^= 1;
	target.events = 1000;
	judge();
	assert_weight("uuid", FINDING_NOTICE);
	assert_silent("events");
	assert_null(findings_refusal(&found, false));
}

static void what_could_not_be_read_is_not_compared(void **state)
{
	memset(target.uuid, 0, 16);
	target.events_unknown = true;
	target.events = 0;
	judge();
	assert_weight("uuid", FINDING_NOTICE);
	assert_weight("events", FINDING_NOTICE);
}

static void an_older_bitmap_is_stale_unless_forced(void **state)
{
	target.events = 42;
	judge();
	assert_bad("events", -ESTALE, true);
	assert_non_null(strstr(finding("events")->text, "stale"));
	assert_ptr_equal(findings_refusal(&found, false), finding("events"));
	assert_null(findings_refusal(&found, true));
}

static void a_bitmap_one_event_behind_is_stale_and_yet_taken(void **state)
{
	target.events = 41;
	judge();
	assert_weight("events", FINDING_ATTENTION);
	assert_non_null(strstr(finding("events")->text, "stale"));
	assert_null(findings_refusal(&found, false));
}

static void a_bitmap_far_ahead_shows_that_a_fresher_member_is_missing(void **state)
{
	file.events = 42;
	judge();
	assert_weight("events", FINDING_NOTICE);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("events", -ESTALE, true);
	file.events = 41;	/* md writes the bitmap first */
	judge();
	assert_weight("events", FINDING_NOTICE);
}

static void without_metadata_a_bitmap_with_a_uuid_is_somebody_elses(void **state)
{
	target.persistent = false;
	judge();
	assert_weight("uuid", FINDING_NOTICE);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("uuid", -EBADMSG, true);
}

static void a_new_bitmap_is_not_called_stale_if_all_is_dirty(void **state)
{
	file.events = file.cleared = 0;
	memset(file.bits, 0xff, sizeof(file.bits));
	judge();
	assert_weight("events", FINDING_NOTICE);
	assert_null(findings_refusal(&found, false));
	file.bits[5] = 0xfe;
	judge();
	assert_weight("events", FINDING_ATTENTION);
	assert_non_null(strstr(finding("events")->text, "stale"));
}

static void a_newer_bitmap_is_believed(void **state)
{
	file.events = 41;
	judge();
	assert_weight("events", FINDING_NOTICE);
	file.events = 400;
	judge();
	assert_weight("events", FINDING_NOTICE);
}

static void a_bitmap_of_another_history_is_stale_though_its_events_are_the_same(void **state)
{
	file.noted = 40;
	file.utime = member_time(1700000000, 5);
	target.utime = member_time(1700000000, 6);
	judge();
	assert_bad("events", -ESTALE, true);
	assert_non_null(strstr(finding("events")->text, "without this bitmap"));
	assert_non_null(strstr(finding("events")->text, "stock md would not notice"));
	target.utime = file.utime;
	judge();
	assert_weight("events", FINDING_GOOD);
	/* stock md wrote to the members, and to the file too, perhaps */
	target.utime = member_time(1700000009, 0);
	judge();
	assert_weight("events", FINDING_GOOD);
}

static void events_cleared_cannot_be_later_than_events(void **state)
{
	file.cleared = 42;
	judge();
	assert_bad("events_cleared", -EUCLEAN, false);
}

static void events_cleared_is_one_later_of_a_bitmap_attached_while_one_was_away(void **state)
{
	file.cleared = 41;
	judge();
	assert_weight("events_cleared", FINDING_NOTICE);
	assert_null(findings_refusal(&found, false));
}

static void another_size_is_refused_unless_forced(void **state)
{
	target.sync_sectors = SECTORS - 2;
	judge();
	assert_bad("size", -EBADMSG, true);
}

static void half_a_kib_is_no_other_size(void **state)
{
	file.sectors = SECTORS;
	target.sync_sectors = SECTORS + 1;
	file.bytes = FILE_BYTES + 1;
	judge();
	assert_weight("size", FINDING_GOOD);
}

static void a_file_too_small_for_the_array_is_refused_even_by_force(void **state)
{
	target.sync_sectors = SECTORS + 8 * CHUNK_SECTORS;
	judge();
	assert_bad("size", -EUCLEAN, false);
}

/* ---- its place ---- */

static void a_file_on_the_array_itself_is_refused(void **state)
{
	mounted("ext4", "253:7");
	put("/sys/dev/block/253:7/slaves/md7/dev", "9:7\n");
	target.array_dev = makedev(9, 7);
	judge();
	assert_bad("place", -ELOOP, false);
	target.array_dev = makedev(9, 8);
	judge();
	assert_weight("place", FINDING_GOOD);
}

static void a_file_on_a_member_is_refused(void **state)
{
	dev_t members[2] = { makedev(8, 1), makedev(253, 9) };

	mounted("ext4", "253:9");
	target.member_devs = members;
	target.member_count = 2;
	judge();
	assert_bad("place", -ELOOP, false);
	members[1] = makedev(253, 10);
	judge();
	assert_weight("place", FINDING_GOOD);
}

static void a_filesystem_that_moves_blocks_is_named_and_refused(void **state)
{
	mounted("f2fs", "253:9");
	judge();
	assert_weight("filesystem", FINDING_NOTICE);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("filesystem", -EOPNOTSUPP, false);
	assert_non_null(strstr(finding("filesystem")->text, "f2fs"));
	assert_non_null(strstr(finding("filesystem")->text, "ext4"));
}

static void a_check_tells_what_stock_md_thinks_of_the_filesystem(void **state)
{
	mounted("btrfs", "0:40");
	judge();
	assert_weight("filesystem", FINDING_NOTICE);
	mounted("ext4", "253:9");
	judge();
	assert_weight("filesystem", FINDING_GOOD);
}

static void a_file_that_an_array_uses_is_not_for_the_kernel(void **state)
{
	char text[PATH_MAX + 200];

	put("/sys/block/md7/md/array_state", "clean\n");
	snprintf(text, sizeof(text), "Personalities : [raid1] \n"
		 "md7 : active raid1 vdc[1] vdb[0]\n"
		 "      6400 blocks super 1.2 [2/2] [UU]\n"
		 "      bitmap: 0/1 pages [0KB], 64KB chunk, file: %s\n\n"
		 "unused devices: <none>\n", path);
	put("/proc/mdstat", text);
	judge();
	assert_weight("in use", FINDING_NOTICE);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("in use", -EBUSY, false);
	assert_non_null(strstr(finding("in use")->text, "md7"));
}

static void a_file_that_others_may_write_asks_for_attention(void **state)
{
	file.mode = 0620;
	judge();
	assert_weight("permissions", FINDING_ATTENTION);
	file.mode = 0602;
	judge();
	assert_weight("permissions", FINDING_ATTENTION);
}

static void a_read_only_file_is_not_for_the_kernel_unless_forced(void **state)
{
	file.mode = 0400;
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("permissions", -EACCES, true);
}

/* ---- opening for the kernel ---- */

/* Stock md's own condition cannot be met on every filesystem of a test. */
static void need_bmap(void)
{
	int fd, block = 0, ret, err;

	mounted("ext4", "253:9");
	fd = open(path, O_RDONLY);
	ret = ioctl(fd, FIBMAP, &block);
	err = errno;
	close(fd);
	if (ret ? err != EPERM : !block)
		skip();
}

static void a_good_file_is_opened_once_for_writing(void **state)
{
	struct image *image;
	int fd;

	need_bmap();
	assert_int_equal(trust_open(path, &target, false, &image, &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fcntl(image->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	image_close(image);
	close(fd);
}

static void a_stale_file_is_opened_only_by_force(void **state)
{
	struct image *image;
	int fd;

	need_bmap();
	style.quiet = true;
	target.events = 50;
	assert_int_equal(trust_open(path, &target, false, &image, &fd), -ESTALE);
	assert_non_null(strstr(fail_text(), "--force"));
	assert_non_null(strstr(fail_text(), path));
	assert_int_equal(trust_open(path, &target, true, &image, &fd), 0);
	image_close(image);
	close(fd);
}

static void a_file_being_edited_is_busy(void **state)
{
	struct image *image, *editor;
	int fd;

	need_bmap();
	assert_int_equal(image_open(path, IMAGE_EDIT, &editor), 0);
	assert_int_equal(trust_open(path, &target, false, &image, &fd), -EBUSY);
	assert_non_null(strstr(fail_text(), "editing"));
	image_close(editor);
}

/* What happens between judging a file and locking it. */
static void (*before_lock)(void);

int flock(int fd, int operation)
{
	void (*fn)(void) = before_lock;

	before_lock = NULL;
	if (fn)
		fn();
	return syscall(SYS_flock, fd, operation);
}

static void edit(void)
{
	struct image *editor;
	struct bitmap_super sb;

	assert_int_equal(image_open(path, IMAGE_EDIT, &editor), 0);
	sb = editor->sb;
	sb.state |= BITMAP_STALE;
	assert_int_equal(image_write_super(editor, &sb), 0);
	image_close(editor);
}

static void a_file_that_was_edited_since_it_was_judged_is_busy(void **state)
{
	struct image *image;
	int fd;

	need_bmap();
	before_lock = edit;
	assert_int_equal(trust_open(path, &target, false, &image, &fd), -EBUSY);
	assert_null(before_lock);
	assert_non_null(strstr(fail_text(), "just now"));
}

static void a_file_that_was_opened_is_locked_until_the_kernel_has_it(void **state)
{
	struct image *image, *editor;
	int fd;

	need_bmap();
	assert_int_equal(trust_open(path, &target, false, &image, &fd), 0);
	assert_int_equal(image_open(path, IMAGE_EDIT, &editor), -EBUSY);
	trust_unlock(fd);
	assert_int_equal(image_open(path, IMAGE_EDIT, &editor), 0);
	image_close(editor);
	image_close(image);
	close(fd);
}

static void a_file_that_is_to_be_made_is_judged_by_its_directory(void **state)
{
	dev_t members[2] = { makedev(8, 1), makedev(253, 9) };

	mounted("ext4", "253:8");
	unlink(path);
	target.member_devs = members;
	target.member_count = 2;
	assert_int_equal(trust_judge_place(path, &target), 0);
	mounted("tmpfs", "0:33");
	unlink(path);
	assert_int_equal(trust_judge_place(path, &target), -EOPNOTSUPP);
	assert_non_null(strstr(fail_text(), "tmpfs"));
	mounted("ext4", "253:9");
	unlink(path);
	assert_int_equal(trust_judge_place(path, &target), -ELOOP);
}

static void a_symbolic_link_is_not_opened(void **state)
{
	char link[PATH_MAX];
	struct image *image;
	int fd;

	write_file();
	in_root(link, "/link");
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(trust_open(link, &target, true, &image, &fd), -ELOOP);
	unlink(link);
}

/* ---- what will be copied ---- */

static void predict(void)
{
	struct image *image = open_image();

	assert_int_equal(forecast_assembly(image, &target, &forecast), 0);
	assert_true(*forecast.why);
	image_close(image);
}

static void a_clean_array_copies_nothing_whatever_is_set(void **state)
{
	dirty(3);
	target.clean = true;
	predict();
	assert_int_equal(forecast.bytes, 0);
	file.events = 20;
	predict();
	assert_int_equal(forecast.bytes, 0);
}

static void an_unclean_array_copies_the_dirty_chunks(void **state)
{
	dirty(3);
	dirty(4);
	dirty(99);
	predict();
	assert_int_equal(forecast.bytes, 3 * CHUNK);
	assert_false(forecast.full);
}

static void bits_past_the_end_are_nobodys(void **state)
{
	file.sectors = target.sync_sectors = SECTORS - 8;
	dirty(99);
	dirty(100);
	dirty(103);
	predict();
	assert_int_equal(forecast.bytes, CHUNK - 8 * 512);
}

static void an_unclean_array_with_a_stale_bitmap_copies_all(void **state)
{
	target.events = 41;
	predict();
	assert_int_equal(forecast.bytes, (uint64_t)SECTORS * 512);
	assert_true(forecast.full);
	fresh(NULL);
	file.state = 2;
	predict();
	assert_int_equal(forecast.bytes, (uint64_t)SECTORS * 512);
}

static void without_metadata_events_make_nothing_stale(void **state)
{
	target.persistent = false;
	target.events = 41;
	dirty(3);
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
}

static void chunks_that_end_before_the_checkpoint_are_done(void **state)
{
	dirty(3);
	dirty(4);
	dirty(50);
	target.resync_sector = 5 * CHUNK_SECTORS;
	predict();
	assert_int_equal(forecast.bytes, 2 * CHUNK);
	target.resync_sector = 5 * CHUNK_SECTORS + 1;
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
}

static void a_member_alone_copies_nothing(void **state)
{
	dirty(3);
	target.degraded = true;
	target.in_sync = 1;
	predict();
	assert_int_equal(forecast.bytes, 0);
}

static void of_a_degraded_array_no_bit_is_passed_over(void **state)
{
	dirty(3);
	dirty(50);
	target.degraded = true;
	target.resync_sector = 40 * CHUNK_SECTORS;
	predict();
	assert_int_equal(forecast.bytes, 2 * CHUNK);
	file.cleared = file.events;
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
}

/* ---- with our driver ---- */

static void with_ours(void)
{
	target.driver = driver_of_word("/dev/mdb0");
	assert_true(trust_is_ours(&target));
}

static void our_driver_copies_each_set_bit_of_a_current_bitmap(void **state)
{
	with_ours();
	dirty(3);
	dirty(50);
	target.clean = true;
	predict();
	assert_int_equal(forecast.bytes, 2 * CHUNK);
	assert_false(forecast.full);
	/* the checkpoint counts for nothing */
	target.clean = false;
	target.resync_sector = 40 * CHUNK_SECTORS;
	predict();
	assert_int_equal(forecast.bytes, 2 * CHUNK);
}

static void our_driver_believes_members_in_sync_against_a_stale_bitmap(void **state)
{
	with_ours();
	dirty(3);
	target.clean = true;
	target.events = 50;
	predict();
	assert_int_equal(forecast.bytes, 0);
	judge();
	assert_weight("events", FINDING_NOTICE);
	assert_null(findings_refusal(&found, false));
	target.clean = false;
	predict();
	assert_true(forecast.full);
	assert_int_equal(forecast.bytes, (uint64_t)SECTORS * 512);
	judge();
	assert_bad("events", -ESTALE, true);
}

static void our_driver_takes_a_bitmap_far_ahead_for_stale(void **state)
{
	with_ours();
	dirty(3);
	file.events = 42;
	judge();
	assert_weight("events", FINDING_ATTENTION);
	predict();
	assert_true(forecast.full);
	/* what runs may be there itself by now */
	target.running = true;
	judge();
	assert_weight("events", FINDING_NOTICE);
	target.running = false;
	file.events = 41;
	predict();
	assert_false(forecast.full);
}

static void our_driver_knows_a_bitmap_of_another_history(void **state)
{
	with_ours();
	dirty(3);
	file.noted = 40;
	file.utime = member_time(1700000000, 5);
	target.utime = member_time(1700000000, 6);
	predict();
	assert_true(forecast.full);
	judge();
	assert_bad("events", -ESTALE, true);
	target.clean = true;
	predict();
	assert_int_equal(forecast.bytes, 0);
	judge();
	assert_weight("events", FINDING_NOTICE);
	target.utime = file.utime;
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
}

static void our_driver_without_metadata_goes_by_the_bits_unless_assume_clean(void **state)
{
	with_ours();
	dirty(3);
	target.persistent = false;
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
	target.clean = true;
	predict();
	assert_int_equal(forecast.bytes, 0);
}

static void a_clean_stop_of_a_healthy_array_of_ours_leaves_nothing_to_copy(void **state)
{
	with_ours();
	dirty(3);
	target.running = true;
	target.clean = true;
	predict();
	assert_int_equal(forecast.bytes, 0);
	target.degraded = true;		/* of three, and one is away */
	predict();
	assert_int_equal(forecast.bytes, CHUNK);
}

static void our_driver_keeps_a_bitmap_on_any_filesystem(void **state)
{
	static const char *const types[] = { "btrfs", "overlay", "ext4", "nilfs2" };
	size_t i;

	with_ours();
	target.use = TRUST_KERNEL;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		mounted(types[i], "0:33");
		judge();
		assert_weight("filesystem", FINDING_GOOD);
	}
	mounted("tmpfs", "0:33");
	judge();
	assert_weight("filesystem", FINDING_NOTICE);
	assert_null(findings_refusal(&found, false));
}

static void our_driver_refuses_a_hole_as_stock_md_does(void **state)
{
	int fd;
	struct image *image;

	with_ours();
	target.use = TRUST_KERNEL;
	file.chunk = 512;
	file.sectors = target.sync_sectors = 1 << 19;
	file.bytes = HEAD + (1 << 16);
	write_file();
	fd = open(path, O_WRONLY);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 16384)) {
		close(fd);
		skip();
	}
	close(fd);
	assert_int_equal(image_open(path, 0, &image), 0);
	assert_int_equal(trust_judge(image, &target, &found), 0);
	image_close(image);
	assert_bad("holes", -EUCLEAN, false);
	assert_null(strstr(finding("holes")->text, "stock md"));
}

static void our_driver_refuses_what_others_may_write_to(void **state)
{
	with_ours();
	file.mode = 0666;
	judge();
	assert_weight("permissions", FINDING_ATTENTION);
	target.use = TRUST_KERNEL;
	judge();
	assert_bad("permissions", -EPERM, false);
	target.driver = NULL;
	judge();
	assert_weight("permissions", FINDING_ATTENTION);
}

static struct member_super member(uint64_t events)
{
	struct member_super ms = {
		.format = MEMBER_1_2,
		.level = 1,
		.raid_disks = 2,
		.size_sectors = SECTORS,
		.events = events,
		.resync_sector = MEMBER_IN_SYNC,
		.max_devices = 4,
		.roles = { 0, 1, MEMBER_ROLE_SPARE, MEMBER_ROLE_SPARE },
		.role = 1,
		.number = 1,
	};

	memcpy(ms.uuid, uuid, 16);
	return ms;
}

static void predict_re_add(const struct member_super *joining, bool with_bitmap)
{
	struct member_super array = member(40);
	struct image *image = open_image();

	assert_int_equal(forecast_re_add(with_bitmap ? image : NULL, &array, joining,
					 &forecast), 0);
	assert_true(*forecast.why);
	image_close(image);
}

static void a_former_member_gets_the_dirty_chunks(void **state)
{
	struct member_super joining = member(38);

	dirty(7);
	dirty(8);
	predict_re_add(&joining, true);
	assert_int_equal(forecast.bytes, 2 * CHUNK);
	assert_false(forecast.full);
}

static void one_older_than_events_cleared_is_rebuilt(void **state)
{
	struct member_super joining = member(37);

	predict_re_add(&joining, true);
	assert_true(forecast.full);
	assert_int_equal(forecast.bytes, (uint64_t)SECTORS * 512);
}

static void one_of_another_array_is_rebuilt(void **state)
{
	struct member_super joining = member(40);

	joining.uuid[3] ^= 1;
	predict_re_add(&joining, true);
	assert_true(forecast.full);
}

static void one_that_held_no_slot_is_rebuilt(void **state)
{
	struct member_super joining = member(40);

	joining.role = MEMBER_ROLE_SPARE;
	predict_re_add(&joining, true);
	assert_true(forecast.full);
}

static void one_that_was_being_rebuilt_is_rebuilt_unless_by_bitmap(void **state)
{
	struct member_super joining = member(40);

	joining.features = MEMBER_FEATURE_RECOVERY_OFFSET;
	predict_re_add(&joining, true);
	assert_true(forecast.full);
	joining.features |= MEMBER_FEATURE_RECOVERY_BITMAP;
	predict_re_add(&joining, true);
	assert_false(forecast.full);
}

static void without_a_bitmap_only_equal_events_save_the_rebuild(void **state)
{
	struct member_super joining = member(39);

	predict_re_add(&joining, false);
	assert_true(forecast.full);
	joining.events = 40;
	predict_re_add(&joining, false);
	assert_false(forecast.full);
	assert_int_equal(forecast.bytes, 0);
}

/* ---- targets ---- */

static void a_members_superblock_tells_what_the_array_owes(void **state)
{
	struct member_super ms = member(40);

	trust_target_from_member(&target, "/dev/vdb", &ms);
	assert_true(target.clean);
	assert_false(target.degraded);
	assert_int_equal(target.in_sync, 2);
	assert_int_equal(target.sync_sectors, SECTORS);
	ms.resync_sector = 4096;
	ms.roles[1] = MEMBER_ROLE_FAULTY;
	trust_target_from_member(&target, "/dev/vdb", &ms);
	assert_false(target.clean);
	assert_int_equal(target.resync_sector, 4096);
	assert_true(target.degraded);
	assert_int_equal(target.in_sync, 1);
}

static void a_member_being_rebuilt_is_not_in_sync(void **state)
{
	struct member_super ms = member(40);

	ms.features = MEMBER_FEATURE_RECOVERY_OFFSET;
	trust_target_from_member(&target, "/dev/vdb", &ms);
	assert_true(target.degraded);
	assert_int_equal(target.in_sync, 1);
}

static int make_root(void **state)
{
	if (!mkdtemp(root))
		return -1;
	in_root(path, "/bitmap");
	sysfs_set_root(root);
	put("/sys/block/none", "");
	return 0;
}

static int drop(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(name);
}

static int drop_root(void **state)
{
	sysfs_set_root("");
	return nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, fresh)
	const struct CMUnitTest tests[] = {
		TEST(a_current_bitmap_has_nothing_bad),
		TEST(of_a_damaged_superblock_nothing_more_is_judged),
		TEST(version_3_is_noted),
		TEST(clustered_and_lockless_files_are_not_for_the_kernel),
		TEST(padding_is_fine_and_one_byte_short_is_not),
		TEST(a_hole_is_bad_for_the_kernel_alone),
		TEST(space_that_was_never_written_is_bad_for_the_kernel),
		TEST(a_hole_behind_the_last_bit_is_no_concern),
		TEST(stale_asks_for_attention_and_a_write_error_refuses),
		TEST(another_arrays_bitmap_is_refused_even_by_force),
		TEST(without_metadata_neither_uuid_nor_events_are_compared),
		TEST(what_could_not_be_read_is_not_compared),
		TEST(an_older_bitmap_is_stale_unless_forced),
		TEST(a_bitmap_one_event_behind_is_stale_and_yet_taken),
		TEST(a_bitmap_far_ahead_shows_that_a_fresher_member_is_missing),
		TEST(without_metadata_a_bitmap_with_a_uuid_is_somebody_elses),
		TEST(a_new_bitmap_is_not_called_stale_if_all_is_dirty),
		TEST(a_newer_bitmap_is_believed),
		TEST(a_bitmap_of_another_history_is_stale_though_its_events_are_the_same),
		TEST(events_cleared_cannot_be_later_than_events),
		TEST(events_cleared_is_one_later_of_a_bitmap_attached_while_one_was_away),
		TEST(another_size_is_refused_unless_forced),
		TEST(half_a_kib_is_no_other_size),
		TEST(a_file_too_small_for_the_array_is_refused_even_by_force),
		TEST(a_file_on_the_array_itself_is_refused),
		TEST(a_file_on_a_member_is_refused),
		TEST(a_filesystem_that_moves_blocks_is_named_and_refused),
		TEST(a_check_tells_what_stock_md_thinks_of_the_filesystem),
		TEST(a_file_that_an_array_uses_is_not_for_the_kernel),
		TEST(a_file_that_others_may_write_asks_for_attention),
		TEST(a_read_only_file_is_not_for_the_kernel_unless_forced),
		TEST(a_good_file_is_opened_once_for_writing),
		TEST(a_stale_file_is_opened_only_by_force),
		TEST(a_file_being_edited_is_busy),
		TEST(a_file_that_was_edited_since_it_was_judged_is_busy),
		TEST(a_file_that_was_opened_is_locked_until_the_kernel_has_it),
		TEST(a_file_that_is_to_be_made_is_judged_by_its_directory),
		TEST(a_symbolic_link_is_not_opened),
		TEST(a_clean_array_copies_nothing_whatever_is_set),
		TEST(an_unclean_array_copies_the_dirty_chunks),
		TEST(bits_past_the_end_are_nobodys),
		TEST(an_unclean_array_with_a_stale_bitmap_copies_all),
		TEST(without_metadata_events_make_nothing_stale),
		TEST(chunks_that_end_before_the_checkpoint_are_done),
		TEST(a_member_alone_copies_nothing),
		TEST(of_a_degraded_array_no_bit_is_passed_over),
		TEST(our_driver_copies_each_set_bit_of_a_current_bitmap),
		TEST(our_driver_believes_members_in_sync_against_a_stale_bitmap),
		TEST(our_driver_takes_a_bitmap_far_ahead_for_stale),
		TEST(our_driver_knows_a_bitmap_of_another_history),
		TEST(our_driver_without_metadata_goes_by_the_bits_unless_assume_clean),
		TEST(a_clean_stop_of_a_healthy_array_of_ours_leaves_nothing_to_copy),
		TEST(our_driver_keeps_a_bitmap_on_any_filesystem),
		TEST(our_driver_refuses_a_hole_as_stock_md_does),
		TEST(our_driver_refuses_what_others_may_write_to),
		TEST(a_former_member_gets_the_dirty_chunks),
		TEST(one_older_than_events_cleared_is_rebuilt),
		TEST(one_of_another_array_is_rebuilt),
		TEST(one_that_held_no_slot_is_rebuilt),
		TEST(one_that_was_being_rebuilt_is_rebuilt_unless_by_bitmap),
		TEST(without_a_bitmap_only_equal_events_save_the_rebuild),
		TEST(a_members_superblock_tells_what_the_array_owes),
		TEST(a_member_being_rebuilt_is_not_in_sync),
	};

	return cmocka_run_group_tests(tests, make_root, drop_root);
}

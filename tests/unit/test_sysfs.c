// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys and /proc as kernels write them, from files below a root of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>
#include "proc.h"
#include "stack.h"
#include "sysfs.h"

static char root[] = "/tmp/test_sysfs.XXXXXX";

static void in_root(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s%s", root, name);
}

static void make_parents(char *path)
{
	char *slash = path + strlen(root);

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			fail_msg("mkdir %s: %s", path, strerror(errno));
		*slash = '/';
	}
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	in_root(path, name);
	make_parents(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static void put_link(const char *name, const char *target)
{
	char path[PATH_MAX];

	in_root(path, name);
	make_parents(path);
	assert_int_equal(symlink(target, path), 0);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

static int make_root(void **state)
{
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	if (!mkdtemp(root))
		return -1;
	sysfs_set_root(root);
	return 0;
}

static int remove_root(void **state)
{
	sysfs_set_root("");
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A disk as the kernel shows it: a directory and the links that lead to it. */
static void put_disk(const char *name, unsigned int ma, unsigned int mi)
{
	char file[256], link[256], text[256];

	snprintf(file, sizeof(file), "/sys/devices/virtual/block/%s/dev", name);
	snprintf(text, sizeof(text), "%u:%u\n", ma, mi);
	put(file, text);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", ma, mi);
	snprintf(text, sizeof(text), "../../devices/virtual/block/%s", name);
	put_link(link, text);
	snprintf(link, sizeof(link), "/sys/block/%s", name);
	snprintf(text, sizeof(text), "../devices/virtual/block/%s", name);
	put_link(link, text);
	snprintf(link, sizeof(link), "/sys/class/block/%s", name);
	snprintf(text, sizeof(text), "../../devices/virtual/block/%s", name);
	put_link(link, text);
}

static void put_partition(const char *disk, const char *name, unsigned int ma,
			  unsigned int mi)
{
	char file[256], link[256], text[256];

	snprintf(file, sizeof(file), "/sys/devices/virtual/block/%s/%s/dev", disk, name);
	snprintf(text, sizeof(text), "%u:%u\n", ma, mi);
	put(file, text);
	snprintf(file, sizeof(file), "/sys/devices/virtual/block/%s/%s/partition",
		 disk, name);
	put(file, "1\n");
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", ma, mi);
	snprintf(text, sizeof(text), "../../devices/virtual/block/%s/%s", disk, name);
	put_link(link, text);
	snprintf(link, sizeof(link), "/sys/class/block/%s", name);
	put_link(link, text);
}

/* @upper is built on @lower, a path below /sys/devices/virtual/block. */
static void put_slave(const char *upper, const char *lower)
{
	const char *base = strrchr(lower, '/');
	char link[256], text[256];

	snprintf(link, sizeof(link), "/sys/devices/virtual/block/%s/slaves/%s",
		 upper, base ? base + 1 : lower);
	snprintf(text, sizeof(text), "../../%s", lower);
	put_link(link, text);
}

static void put_attribute(const char *md, const char *attribute, const char *text)
{
	char file[256];

	snprintf(file, sizeof(file), "/sys/devices/virtual/block/%s/md/%s", md, attribute);
	put(file, text);
}

/* ---- sysfs ---- */

static void names_and_numbers_lead_to_each_other(void **state)
{
	char name[64];
	dev_t dev;

	put_disk("md_home", 9, 512);
	put_disk("vdb", 254, 16);
	put_partition("vdb", "vdb1", 254, 17);
	assert_int_equal(sysfs_name(makedev(9, 512), name), 0);
	assert_string_equal(name, "md_home");
	assert_int_equal(sysfs_name(makedev(254, 17), name), 0);
	assert_string_equal(name, "vdb1");
	assert_int_equal(sysfs_devt("vdb1", &dev), 0);
	assert_int_equal(dev, makedev(254, 17));
	assert_int_equal(sysfs_name(makedev(9, 1), name), -ENOENT);
	assert_int_equal(sysfs_devt("vdc", &dev), -ENOENT);
}

static void a_name_with_a_slash_reaches_nothing(void **state)
{
	char text[16];
	dev_t dev;

	put("/sys/secret/md/array_state", "clean\n");
	put("/sys/block/x/y", "");
	assert_int_equal(sysfs_md_read("../secret", "array_state", text, sizeof(text)),
			 -ENODEV);
	assert_int_equal(sysfs_devt("..", &dev), -ENODEV);
	assert_false(sysfs_md_exists("../secret"));
	assert_false(sysfs_md_exists(""));
}

static void an_attribute_is_read_without_its_newline(void **state)
{
	char text[16];

	put_disk("md0", 9, 0);
	put_attribute("md0", "array_state", "clean\n");
	put_attribute("md0", "level", "");
	assert_int_equal(sysfs_md_read("md0", "array_state", text, sizeof(text)), 0);
	assert_string_equal(text, "clean");
	assert_int_equal(sysfs_md_read("md0", "level", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(sysfs_md_read("md0", "layout", text, sizeof(text)), -ENOENT);
}

static void an_attribute_too_long_is_refused_not_cut(void **state)
{
	char text[8];

	put_disk("md0", 9, 0);
	put_attribute("md0", "array_state", "1234567\n");
	assert_int_equal(sysfs_md_read("md0", "array_state", text, sizeof(text)), 0);
	assert_string_equal(text, "1234567");
	put_attribute("md0", "array_state", "12345678\n");
	assert_int_equal(sysfs_md_read("md0", "array_state", text, sizeof(text)), -E2BIG);
}

static void numbers_are_read_strictly(void **state)
{
	uint64_t n;

	put_disk("md0", 9, 0);
	put_attribute("md0", "component_size", "18014398509481984\n");
	assert_int_equal(sysfs_md_read_u64("md0", "component_size", &n), 0);
	assert_true(n == 1ULL << 54);
	put_attribute("md0", "raid_disks", "2 (4)\n");
	assert_int_equal(sysfs_md_read_u64("md0", "raid_disks", &n), 0);
	assert_int_equal(n, 2);
	put_attribute("md0", "bad", "none\n");
	assert_int_equal(sysfs_md_read_u64("md0", "bad", &n), -EINVAL);
	put_attribute("md0", "bad", "-1\n");
	assert_int_equal(sysfs_md_read_u64("md0", "bad", &n), -EINVAL);
	put_attribute("md0", "bad", "12x\n");
	assert_int_equal(sysfs_md_read_u64("md0", "bad", &n), -EINVAL);
	put_attribute("md0", "bad", "18446744073709551616\n");
	assert_int_equal(sysfs_md_read_u64("md0", "bad", &n), -EINVAL);
}

static void an_attribute_written_holds_the_text(void **state)
{
	char text[16];

	put_disk("md0", 9, 0);
	put_attribute("md0", "sync_action", "");
	assert_int_equal(sysfs_md_write("md0", "sync_action", "check"), 0);
	assert_int_equal(sysfs_md_read("md0", "sync_action", text, sizeof(text)), 0);
	assert_string_equal(text, "check");
	assert_int_equal(sysfs_md_write("md0", "nothing", "x"), -ENOENT);
}

static void all_arrays_and_only_arrays_are_listed_in_order(void **state)
{
	char **names;
	size_t count;

	put_disk("md10", 9, 10);
	put_attribute("md10", "array_state", "clean\n");
	put_disk("md9", 9, 9);
	put_attribute("md9", "array_state", "inactive\n");
	put_disk("md_home", 9, 512);
	put_attribute("md_home", "array_state", "clear\n");
	put_disk("vda", 254, 0);
	assert_int_equal(sysfs_md_list(&names, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "md9");
	assert_string_equal(names[1], "md10");
	assert_string_equal(names[2], "md_home");
	sysfs_free(names, count);
}

static void a_file_longer_than_the_first_buffer_is_read_whole(void **state)
{
	size_t i, size = 200000;
	char *big = malloc(size + 1), *text;

	assert_non_null(big);
	for (i = 0; i < size; i++)
		big[i] = (char)('a' + i % 26);
	big[size] = '\0';
	put("/proc/mdstat", big);
	assert_int_equal(sysfs_slurp("/proc/mdstat", &text), 0);
	assert_string_equal(text, big);
	free(text);
	free(big);
	assert_int_equal(sysfs_slurp("/proc/nothing", &text), -ENOENT);
}

/* ---- is_on ---- */

static void an_array_is_on_its_members_and_their_disks(void **state)
{
	put_disk("vdb", 254, 16);
	put_partition("vdb", "vdb1", 254, 17);
	put_disk("vdc", 254, 32);
	put_disk("md0", 9, 0);
	put_slave("md0", "vdb/vdb1");
	put_slave("md0", "vdc");
	assert_true(stack_is_on(makedev(9, 0), makedev(9, 0)));
	assert_true(stack_is_on(makedev(9, 0), makedev(254, 17)));
	assert_true(stack_is_on(makedev(9, 0), makedev(254, 16)));
	assert_true(stack_is_on(makedev(9, 0), makedev(254, 32)));
	assert_false(stack_is_on(makedev(254, 16), makedev(9, 0)));
	assert_false(stack_is_on(makedev(9, 0), makedev(254, 48)));
}

static void a_volume_on_a_partition_of_the_array_is_on_the_array(void **state)
{
	put_disk("md0", 9, 0);
	put_partition("md0", "md0p1", 259, 0);
	put_disk("dm-0", 253, 0);
	put_slave("dm-0", "md0/md0p1");
	put_disk("dm-1", 253, 1);
	put_slave("dm-1", "dm-0");
	assert_true(stack_is_on(makedev(253, 1), makedev(9, 0)));
	assert_true(stack_is_on(makedev(259, 0), makedev(9, 0)));
}

static void partitions_of_one_disk_are_not_on_each_other(void **state)
{
	put_disk("vdb", 254, 16);
	put_partition("vdb", "vdb1", 254, 17);
	put_partition("vdb", "vdb2", 254, 18);
	assert_false(stack_is_on(makedev(254, 17), makedev(254, 18)));
}

static void devices_in_a_circle_end_the_search(void **state)
{
	put_disk("dm-0", 253, 0);
	put_disk("dm-1", 253, 1);
	put_slave("dm-0", "dm-1");
	put_slave("dm-1", "dm-0");
	assert_false(stack_is_on(makedev(253, 0), makedev(9, 0)));
}

static void a_loop_file_outside_a_moved_root_is_not_asked(void **state)
{
	put_disk("loop0", 7, 0);
	put("/sys/devices/virtual/block/loop0/loop/backing_file", "/etc/passwd\n");
	assert_false(stack_is_on(makedev(7, 0), makedev(9, 0)));
}

/* ---- mdstat ---- */

static const char mdstat_all[] =
	"Personalities : [raid1] [raid10] [raid6] [raid5] [raid4] \n"
	"md0 : active raid1 sdb1[1](W) sda1[0]\n"
	"      1047552 blocks super 1.2 [2/2] [UU]\n"
	"      [==>..................]  resync = 12.6% (132096/1047552) finish=0.4min speed=33024K/sec\n"
	"      bitmap: 1/8 pages [4KB], 64KB chunk, file: /var/lib/md0.bitmap\n"
	"\n"
	"md_home : active (auto-read-only) raid1 sdd1[2](S) sdc1[0]\n"
	"      524224 blocks super 1.2 [2/1] [U_]\n"
	"      \tresync=PENDING\n"
	"      \n"
	"md3 : inactive sde1[0](S)\n"
	"      1046528 blocks super 1.2\n"
	"       \n"
	"md4 : active (read-only) raid10 vdf[3] vde[2] vdd[1] vdc[0](F)\n"
	"      2093056 blocks super 1.2 512K chunks 2 near-copies [4/3] [_UUU]\n"
	"      bitmap: 0/16 pages [0KB], 512B chunk\n"
	"\n"
	"md5 : active raid5 vdi[3] vdh[1] vdg[0]\n"
	"      2093056 blocks level 5, 512k chunk, algorithm 2 [3/2] [UU_]\n"
	"      \tresync=DELAYED\n"
	"      \n"
	"md6 : active raid1 vdk[2] vdj[0]\n"
	"      1048512 blocks [2/1] [U_]\n"
	"      [>....................]  recovery =  5.0% (52480/1048512) finish=1.2min speed=13120K/sec\n"
	"      \n"
	"md7 : active raid1 vdm[1] vdl[0]\n"
	"      1048512 blocks super non-persistent [2/2] [UU]\n"
	"      [====================>]  check =100.0% (1048512/1048512) finish=0.0min speed=9K/sec\n"
	"      \n"
	"md8 : broken raid1 vdo[1](F) vdn[0]\n"
	"      1048512 blocks super external:/md127/0 [2/1] [U_]\n"
	"      \trecover=REMOTE\n"
	"      \n"
	"md9 : active raid6 vdq[1] vdp[0]\n"
	"      1048512 blocks super 0.91 level 6, 64k chunk, algorithm 18 [4/4] [UUUU]\n"
	"      [=========>...........]  reshape = 45.0% (471830/1048512) finish=10.7min speed=896K/sec\n"
	"      bitmap: 3/3 pages [12KB], 65536KB chunk\n"
	"\n"
	"unused devices: <none>\n";

static void read_all(const char *md, struct mdstat *m)
{
	put("/proc/mdstat", mdstat_all);
	assert_int_equal(mdstat_read("/proc/mdstat", md, m), 0);
	assert_true(m->found);
}

static void mdstat_shows_a_resync_and_a_bitmap_file(void **state)
{
	struct mdstat m;

	read_all("md0", &m);
	assert_string_equal(m.state, "active");
	assert_string_equal(m.level, "raid1");
	assert_false(m.read_only || m.auto_read_only || m.delayed || m.pending);
	assert_int_equal(m.blocks_kib, 1047552);
	assert_string_equal(m.action, "resync");
	assert_true(m.percent > 12.59 && m.percent < 12.61);
	assert_int_equal(m.done_kib, 132096);
	assert_int_equal(m.total_kib, 1047552);
	assert_true(m.finish_min > 0.39 && m.finish_min < 0.41);
	assert_int_equal(m.speed_kib_s, 33024);
	assert_true(m.has_bitmap);
	assert_int_equal(m.pages_used, 1);
	assert_int_equal(m.pages_total, 8);
	assert_int_equal(m.pages_kib, 4);
	assert_int_equal(m.chunk_bytes, 65536);
	assert_string_equal(m.bitmap_path, "/var/lib/md0.bitmap");
	mdstat_clear(&m);
}

static void mdstat_shows_an_auto_read_only_array_with_a_pending_resync(void **state)
{
	struct mdstat m;

	read_all("md_home", &m);
	assert_true(m.auto_read_only);
	assert_false(m.read_only);
	assert_string_equal(m.level, "raid1");
	assert_string_equal(m.action, "resync");
	assert_true(m.pending);
	assert_false(m.delayed || m.has_bitmap);
	mdstat_clear(&m);
}

static void mdstat_shows_an_inactive_array_without_a_level(void **state)
{
	struct mdstat m;

	read_all("md3", &m);
	assert_string_equal(m.state, "inactive");
	assert_string_equal(m.level, "");
	assert_string_equal(m.action, "");
	assert_int_equal(m.blocks_kib, 1046528);
	mdstat_clear(&m);
}

static void mdstat_shows_a_read_only_array_with_an_internal_bitmap(void **state)
{
	struct mdstat m;

	read_all("md4", &m);
	assert_true(m.read_only);
	assert_string_equal(m.level, "raid10");
	assert_int_equal(m.blocks_kib, 2093056);
	assert_true(m.has_bitmap);
	assert_null(m.bitmap_path);
	assert_int_equal(m.pages_total, 16);
	assert_int_equal(m.chunk_bytes, 512);
	mdstat_clear(&m);
}

static void mdstat_shows_a_delayed_resync(void **state)
{
	struct mdstat m;

	read_all("md5", &m);
	assert_string_equal(m.action, "resync");
	assert_true(m.delayed);
	assert_int_equal(m.total_kib, 0);
	mdstat_clear(&m);
}

static void waiting_for_nothing_is_no_delay(void **state)
{
	struct mdstat m;

	put("/proc/mdstat", "md0 : active raid1 sda[0]\n      =REMOTE\n      =PENDING\n");
	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), 0);
	assert_false(m.delayed);
	assert_false(m.pending);
	assert_string_equal(m.action, "");
	mdstat_clear(&m);
}

/* The sanitizer sees to it that the first path is not lost. */
static void of_two_bitmap_files_the_last_counts(void **state)
{
	struct mdstat m;

	put("/proc/mdstat", "md0 : active raid1 sda[0]\n"
	    "      bitmap: 1/8 pages [4KB], 64KB chunk, file: /one\n"
	    "      bitmap: 1/8 pages [4KB], 64KB chunk, file: /two\n");
	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), 0);
	assert_string_equal(m.bitmap_path, "/two");
	mdstat_clear(&m);
}

static void mdstat_shows_recovery_check_and_reshape_with_their_figures(void **state)
{
	struct mdstat m;

	read_all("md6", &m);
	assert_string_equal(m.action, "recovery");
	assert_true(m.percent > 4.99 && m.percent < 5.01);
	mdstat_clear(&m);
	read_all("md7", &m);
	assert_string_equal(m.action, "check");
	assert_true(m.percent > 99.99 && m.percent < 100.01);
	assert_int_equal(m.done_kib, m.total_kib);
	mdstat_clear(&m);
	read_all("md9", &m);
	assert_string_equal(m.action, "reshape");
	assert_int_equal(m.done_kib, 471830);
	assert_int_equal(m.chunk_bytes, 64 << 20);
	mdstat_clear(&m);
}

static void mdstat_shows_a_broken_array_that_another_node_rebuilds(void **state)
{
	struct mdstat m;

	read_all("md8", &m);
	assert_string_equal(m.state, "broken");
	assert_string_equal(m.level, "raid1");
	assert_string_equal(m.action, "recovery");
	assert_true(m.delayed);
	mdstat_clear(&m);
}

static void an_array_mdstat_does_not_list_is_not_found(void **state)
{
	struct mdstat m;

	put("/proc/mdstat", mdstat_all);
	assert_int_equal(mdstat_read("/proc/mdstat", "md", &m), 0);
	assert_false(m.found);
	assert_int_equal(mdstat_read("/proc/mdstat", "md00", &m), 0);
	assert_false(m.found);
	assert_int_equal(mdstat_read("/proc/mdstat", "Personalities", &m), 0);
	assert_false(m.has_bitmap);
}

static void no_mdstat_at_all_is_an_error_of_its_own(void **state)
{
	struct mdstat m;

	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), -ENOENT);
	assert_false(m.found);
}

static void a_bitmap_path_is_unescaped_where_the_kernel_escapes(void **state)
{
	struct mdstat m;

	put("/proc/mdstat",
	    "md0 : active raid1 a[0]\n"
	    "      8 blocks super 1.2 [2/1] [U_]\n"
	    "      bitmap: 0/1 pages [0KB], 4KB chunk, file: /a\\040b\\011c\\012d\\101\\, file: x\\040(deleted)\n"
	    "\n");
	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), 0);
	assert_string_equal(m.bitmap_path, "/a b\tc\nd\\101\\, file: x (deleted)");
	assert_int_equal(m.chunk_bytes, 4096);
	mdstat_clear(&m);
}

static void a_path_that_looks_like_progress_is_a_path(void **state)
{
	struct mdstat m;

	put("/proc/mdstat",
	    "md0 : active raid1 a[0]\n"
	    "      8 blocks super 1.2 [2/1] [U_]\n"
	    "      bitmap: 0/1 pages [0KB], 4KB chunk, file: /]resync=PENDING\n\n");
	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), 0);
	assert_string_equal(m.action, "");
	assert_false(m.pending);
	assert_string_equal(m.bitmap_path, "/]resync=PENDING");
	mdstat_clear(&m);
}

static void words_unknown_to_us_are_passed_over(void **state)
{
	struct mdstat m;

	put("/proc/mdstat",
	    "md0 : active (frozen) raid1 (x) vdb[0](Z) newword\n"
	    "      8 blocks super 9.9 shiny [2/1] [U_]\n"
	    "      gizmo: 7\n"
	    "      colour=BLUE\n"
	    "      [=>..] wait\n"
	    "      ]\n"
	    "      bitmap: odd\n");
	assert_int_equal(mdstat_read("/proc/mdstat", "md0", &m), 0);
	assert_string_equal(m.state, "active");
	assert_string_equal(m.level, "raid1");
	assert_int_equal(m.blocks_kib, 8);
	assert_string_equal(m.action, "");
	assert_true(m.has_bitmap);
	assert_int_equal(m.chunk_bytes, 0);
	mdstat_clear(&m);
}

/* Every way of cutting the text off: the sanitizers are the judge. */
static void mdstat_cut_anywhere_is_survived(void **state)
{
	char *text = strdup(mdstat_all);
	struct mdstat m;
	size_t len;

	assert_non_null(text);
	for (len = strlen(text); len-- > 1000;) {
		text[len] = '\0';
		put("/proc/mdstat", text);
		assert_int_equal(mdstat_read("/proc/mdstat", "md9", &m), 0);
		mdstat_clear(&m);
	}
	free(text);
}

/* ---- mounts ---- */

/* mountinfo with one line for the mount that /dev/null's descriptor is on. */
static int put_mount(const char *rest)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[1024];
	struct statx stx;

	assert_true(fd >= 0);
	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx), 0);
	snprintf(text, sizeof(text),
		 "%llu 1 8:99 / /other rw - ext3 /dev/other rw\n"
		 "%llu 1 %s\n"
		 "1 1 8:98 / /last rw - ext2 /dev/last rw\n",
		 (unsigned long long)stx.stx_mnt_id * 10 + 1,
		 (unsigned long long)stx.stx_mnt_id, rest);
	put("/proc/self/mountinfo", text);
	return fd;
}

static void a_mount_is_found_by_its_id_with_or_without_tags(void **state)
{
	struct mount_point mp;
	int fd = put_mount("254:1 / /srv rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw");

	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_string_equal(mp.fs_type, "ext4");
	assert_string_equal(mp.mount, "/srv");
	assert_int_equal(mp.device, makedev(254, 1));
	close(fd);
	fd = put_mount("0:24 / /run rw - tmpfs tmpfs rw");
	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_string_equal(mp.fs_type, "tmpfs");
	assert_int_equal(mp.device, 0);
	close(fd);
}

static void octal_in_a_mount_point_is_unescaped(void **state)
{
	struct mount_point mp;
	int fd = put_mount("254:1 / /a\\040b\\134040\\012 rw - fuse.x\\043y /dev/vda1 rw");

	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_string_equal(mp.mount, "/a b\\040\n");
	assert_string_equal(mp.fs_type, "fuse.x#y");
	close(fd);
}

static void a_mount_without_source_has_no_device(void **state)
{
	struct mount_point mp;
	int fd = put_mount("0:24 / /x rw - odd");

	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_string_equal(mp.fs_type, "odd");
	assert_int_equal(mp.device, 0);
	close(fd);
	fd = put_mount("0:24 / /x rw - btrfs /dev/not-there rw");
	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_int_equal(mp.device, 0);
	close(fd);
}

static void btrfs_has_the_number_of_its_source(void **state)
{
	struct mount_point mp;
	char path[PATH_MAX];
	int fd;

	put("/dev/here", "");
	in_root(path, "/dev/vdz 9");
	if (mknod(path, S_IFBLK | 0600, makedev(254, 99)))
		skip();
	fd = put_mount("0:33 /sub /b rw - btrfs /dev/vdz\\0409 rw");
	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_int_equal(mp.device, makedev(254, 99));
	close(fd);
}

static void a_mount_that_is_not_listed_is_said_to_be_missing(void **state)
{
	struct mount_point mp;
	int fd = put_mount("254:1 / /srv rw - ext4 /dev/vda1 rw");

	put("/proc/self/mountinfo", "\n1 2 3\nnothing - \n");
	assert_int_equal(mount_of_fd(fd, &mp), -ENOENT);
	close(fd);
}

static void the_real_mountinfo_knows_where_a_file_lives(void **state)
{
	struct mount_point mp;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sysfs_set_root("");
	assert_int_equal(mount_of_fd(fd, &mp), 0);
	assert_true(*mp.fs_type);
	assert_int_equal(mp.mount[0], '/');
	close(fd);
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOT(names_and_numbers_lead_to_each_other),
		IN_ROOT(a_name_with_a_slash_reaches_nothing),
		IN_ROOT(an_attribute_is_read_without_its_newline),
		IN_ROOT(an_attribute_too_long_is_refused_not_cut),
		IN_ROOT(numbers_are_read_strictly),
		IN_ROOT(an_attribute_written_holds_the_text),
		IN_ROOT(all_arrays_and_only_arrays_are_listed_in_order),
		IN_ROOT(a_file_longer_than_the_first_buffer_is_read_whole),
		IN_ROOT(an_array_is_on_its_members_and_their_disks),
		IN_ROOT(a_volume_on_a_partition_of_the_array_is_on_the_array),
		IN_ROOT(partitions_of_one_disk_are_not_on_each_other),
		IN_ROOT(devices_in_a_circle_end_the_search),
		IN_ROOT(a_loop_file_outside_a_moved_root_is_not_asked),
		IN_ROOT(mdstat_shows_a_resync_and_a_bitmap_file),
		IN_ROOT(mdstat_shows_an_auto_read_only_array_with_a_pending_resync),
		IN_ROOT(mdstat_shows_an_inactive_array_without_a_level),
		IN_ROOT(mdstat_shows_a_read_only_array_with_an_internal_bitmap),
		IN_ROOT(mdstat_shows_a_delayed_resync),
		IN_ROOT(waiting_for_nothing_is_no_delay),
		IN_ROOT(of_two_bitmap_files_the_last_counts),
		IN_ROOT(mdstat_shows_recovery_check_and_reshape_with_their_figures),
		IN_ROOT(mdstat_shows_a_broken_array_that_another_node_rebuilds),
		IN_ROOT(an_array_mdstat_does_not_list_is_not_found),
		IN_ROOT(no_mdstat_at_all_is_an_error_of_its_own),
		IN_ROOT(a_bitmap_path_is_unescaped_where_the_kernel_escapes),
		IN_ROOT(a_path_that_looks_like_progress_is_a_path),
		IN_ROOT(words_unknown_to_us_are_passed_over),
		IN_ROOT(mdstat_cut_anywhere_is_survived),
		IN_ROOT(a_mount_is_found_by_its_id_with_or_without_tags),
		IN_ROOT(octal_in_a_mount_point_is_unescaped),
		IN_ROOT(a_mount_without_source_has_no_device),
		IN_ROOT(btrfs_has_the_number_of_its_source),
		IN_ROOT(a_mount_that_is_not_listed_is_said_to_be_missing),
		IN_ROOT(the_real_mountinfo_knows_where_a_file_lives),
	};

	return cmocka_run_group_tests_name("sysfs", tests, NULL, NULL);
}

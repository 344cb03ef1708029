// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "place.h"
#include "proc.h"
#include "report.h"
#include "stack.h"
#include "sysfs.h"

enum {
	EXTENTS = 64,			/* of one FIEMAP call */
};

/* ---- holes ---- */

/* What of [0, end) is not a plain written block; where it begins. */
struct gap {
	const char *what;		/* NULL: none */
	uint64_t start;
};

static const struct {
	uint32_t flag;
	const char *what;
} odd_extents[] = {
	{ FIEMAP_EXTENT_DATA_INLINE, "kept inside metadata, not in a block of its own" },
	{ FIEMAP_EXTENT_DATA_TAIL, "in a block shared with other files" },
	{ FIEMAP_EXTENT_UNWRITTEN, "allocated but never written" },
	{ FIEMAP_EXTENT_DELALLOC, "not yet on the disk" },
	{ FIEMAP_EXTENT_UNKNOWN, "at no known place of the disk" },
	{ FIEMAP_EXTENT_ENCODED, "compressed or encrypted" },
	{ FIEMAP_EXTENT_NOT_ALIGNED, "not aligned to blocks" },
	{ FIEMAP_EXTENT_SHARED, "shared with another file (reflink or snapshot)" },
};

static const char *odd_extent(uint32_t flags)
{
	size_t i;

	for (i = 0; i < sizeof(odd_extents) / sizeof(odd_extents[0]); i++)
		if (flags & odd_extents[i].flag)
			return odd_extents[i].what;
	return NULL;
}

/* One answer of the filesystem; *at moves behind it. True: there is more. */
static bool look_at_extents(const struct fiemap *map, uint64_t end, uint64_t *at,
			    struct gap *gap)
{
	uint32_t i;

	for (i = 0; i < map->fm_mapped_extents; i++) {
		const struct fiemap_extent *e = &map->fm_extents[i];

		if (e->fe_logical > *at)
			return false;	/* a hole: SEEK_HOLE's to judge */
		gap->what = odd_extent(e->fe_flags);
		gap->start = e->fe_logical;
		if (gap->what)
			return false;
		if (e->fe_flags & FIEMAP_EXTENT_LAST ||
		    e->fe_logical + e->fe_length <= *at)
			return false;
		*at = e->fe_logical + e->fe_length;
		if (*at >= end)
			return false;
	}
	return map->fm_mapped_extents;
}

/* With FIEMAP_FLAG_SYNC: md syncs the file too, before it asks for blocks. */
static int find_odd_extent(int fd, uint64_t end, struct gap *gap)
{
	size_t bytes = sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent);
	struct fiemap *map = malloc(bytes);
	uint64_t at = 0;
	int err = 0;

	if (!map)
		return fail(-ENOMEM, "out of memory");
	do {
		memset(map, 0, bytes);
		map->fm_start = at;
		map->fm_length = end - at;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, map))
			err = -errno;
	} while (!err && look_at_extents(map, end, &at, gap));
	free(map);
	return err;
}

static void find_hole(int fd, uint64_t end, struct gap *gap)
{
	off_t hole = lseek(fd, 0, SEEK_HOLE);

	/* A filesystem that cannot tell says that there is none. */
	if (hole < 0 || (uint64_t)hole >= end)
		return;
	gap->what = "a hole";
	gap->start = (uint64_t)hole;
}

static void add_gap(struct findings *out, const struct trust_target *t,
		    const struct gap *gap)
{
	enum finding_weight weight = t->use == TRUST_KERNEL ? FINDING_BAD : FINDING_ATTENTION;

	if (trust_is_ours(t))
		findings_add(out, weight, -EUCLEAN, "holes",
			     "from byte %llu on it is %s, and the driver takes no bitmap that may run out of space; copy it with cp --sparse=never",
			     (unsigned long long)gap->start, gap->what);
	else
		findings_add(out, weight, -EUCLEAN, "holes",
			     "from byte %llu on it is %s, and stock md, which writes to the blocks below the file, cannot use it; copy it with cp --sparse=never --reflink=never",
			     (unsigned long long)gap->start, gap->what);
}

int place_judge_holes(const struct image *image, const struct trust_target *t,
		      struct findings *out)
{
	uint64_t end = (bitmap_bytes(&image->sb) + 4095) / 4096 * 4096; /* of its last block */
	struct gap gap = { 0 };
	int err;

	if (image->member || !S_ISREG(image->st.st_mode))
		return 0;
	if (end > image->room_bytes)
		end = image->room_bytes;
	/* Where the blocks are is nothing to a driver that writes to the file. */
	err = trust_is_ours(t) ? 0 : find_odd_extent(image->fd, end, &gap);
	if (err == -ENOMEM)
		return err;
	if (!gap.what)
		find_hole(image->fd, end, &gap);
	if (!gap.what)
		findings_add(out, FINDING_GOOD, 0, "holes", "every block is written");
	else
		add_gap(out, t, &gap);
	return 0;
}

/* ---- devices and filesystem ---- */

/* The device below: of a file its filesystem's. 0 if there is none. */
static dev_t device_below(const struct image *image)
{
	struct mount_point mp;

	if (S_ISBLK(image->st.st_mode))
		return image->st.st_rdev;
	return mount_of_fd(image->fd, &mp) ? 0 : mp.device;
}

static bool is_on_member(dev_t device, const struct trust_target *t)
{
	size_t i;

	for (i = 0; i < t->member_count; i++)
		if (t->member_devs[i] && stack_is_on(device, t->member_devs[i]))
			return true;
	return false;
}

void place_judge_devices(const struct image *image, const struct trust_target *t,
			 struct findings *out)
{
	bool on_array, on_member;
	dev_t device;

	if (image->member || (!t->array_dev && !t->member_count))
		return;
	device = device_below(image);
	if (!device)
		return;
	on_array = t->array_dev && stack_is_on(device, t->array_dev);
	on_member = is_on_member(device, t);
	if (on_array)
		findings_add(out, FINDING_BAD, -ELOOP, "place",
			     "lies on the array itself: a write would wait for its bit, and the bit for that write; keep it on a device outside the array");
	else if (on_member)
		findings_add(out, FINDING_BAD, -ELOOP, "place",
			     "lies on a member of the array, which md will write to as a whole; keep it on a device outside the array");
	else
		findings_add(out, FINDING_GOOD, 0, "place",
			     "lies outside the array");
}

/* What is known of filesystems by their names. md-abi.md 3.2 */
enum bmap { BMAP_UNKNOWN, BMAP_YES, BMAP_NO, BMAP_MOVES };

static const struct {
	const char *name;
	enum bmap bmap;
} filesystems[] = {
	{ "ext4", BMAP_YES },	   { "ext3", BMAP_YES },
	{ "ext2", BMAP_YES },	   { "xfs", BMAP_YES },
	{ "jfs", BMAP_YES },	   { "reiserfs", BMAP_YES },
	{ "btrfs", BMAP_NO },	   { "bcachefs", BMAP_NO },
	{ "zfs", BMAP_NO },	   { "tmpfs", BMAP_NO },
	{ "ramfs", BMAP_NO },	   { "rootfs", BMAP_NO },
	{ "overlay", BMAP_NO },	   { "squashfs", BMAP_NO },
	{ "nfs", BMAP_NO },	   { "nfs4", BMAP_NO },
	{ "cifs", BMAP_NO },	   { "smb3", BMAP_NO },
	{ "9p", BMAP_NO },	   { "virtiofs", BMAP_NO },
	{ "ceph", BMAP_NO },	   { "ubifs", BMAP_NO },
	{ "nilfs2", BMAP_MOVES },  { "f2fs", BMAP_MOVES },
};

static enum bmap bmap_by_name(const char *fs)
{
	size_t i;

	for (i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++)
		if (!strcmp(fs, filesystems[i].name))
			return filesystems[i].bmap;
	return BMAP_UNKNOWN;
}

/* Ask for the first block, as md does for each. */
static enum bmap bmap_by_asking(int fd)
{
	int block = 0;

	if (!ioctl(fd, FIBMAP, &block))
		return block ? BMAP_YES : BMAP_NO;
	/* A block number too large for FIBMAP's int is one nevertheless. */
	if (errno == ERANGE)
		return BMAP_YES;
	return errno == EPERM || errno == EACCES ? BMAP_UNKNOWN : BMAP_NO;
}

/* The filesystem would do, but not with this file. */
static void add_unmapped(struct findings *out, const char *fs)
{
	findings_add(out, FINDING_BAD, -EOPNOTSUPP, "filesystem",
		     "%s does not tell where the blocks of this file are, so that stock md cannot use it: a file that once shared blocks (reflink) stays so; copy it with cp --reflink=never",
		     safe(fs));
}

static void add_filesystem(struct findings *out, const char *fs, enum bmap bmap,
			   bool for_kernel)
{
	if (bmap == BMAP_YES)
		findings_add(out, FINDING_GOOD, 0, "filesystem", "on %s", safe(fs));
	else if (bmap == BMAP_UNKNOWN)
		findings_add(out, FINDING_NOTICE, 0, "filesystem",
			     "on %s: whether stock md can use it shows only when it tries",
			     safe(fs));
	else
		findings_add(out, for_kernel ? FINDING_BAD : FINDING_NOTICE,
			     -EOPNOTSUPP, "filesystem",
			     "on %s, %s, so that stock md cannot keep a bitmap there; ext4, ext3, ext2 and xfs work, and arrays of mdbitmap.ko (/dev/mdbN) keep one anywhere",
			     safe(fs), bmap == BMAP_MOVES ?
			     "which moves blocks when it writes" :
			     "which does not tell where its blocks are");
}

/* Nothing to keep a bitmap from its driver, but a power failure takes it. */
static bool is_in_memory(const char *fs)
{
	return !strcmp(fs, "tmpfs") || !strcmp(fs, "ramfs") || !strcmp(fs, "rootfs");
}

static void add_filesystem_for_ours(struct findings *out, const char *fs)
{
	if (is_in_memory(fs))
		findings_add(out, FINDING_NOTICE, 0, "filesystem",
			     "on %s, in memory: after a power failure it is gone, and every chunk is copied",
			     safe(fs));
	else
		findings_add(out, FINDING_GOOD, 0, "filesystem", "on %s", safe(fs));
}

static void add_device(struct findings *out, const struct trust_target *t)
{
	if (trust_is_ours(t))
		findings_add(out, FINDING_GOOD, 0, "filesystem",
			     "none: on a block device of its own");
	else
		findings_add(out, t->use == TRUST_KERNEL ? FINDING_BAD : FINDING_NOTICE,
			     -EMEDIUMTYPE, "filesystem",
			     "on a block device: is not a regular file, which stock md needs; arrays of mdbitmap.ko (/dev/mdbN) take it");
}

void place_judge_filesystem(const struct image *image, const struct trust_target *t,
			    struct findings *out)
{
	enum bmap named, asked = BMAP_UNKNOWN;
	struct mount_point mp;

	if (image->member)
		return;
	if (S_ISBLK(image->st.st_mode)) {
		add_device(out, t);
		return;
	}
	if (mount_of_fd(image->fd, &mp))
		strcpy(mp.fs_type, "an unknown filesystem");
	if (trust_is_ours(t)) {
		add_filesystem_for_ours(out, mp.fs_type);
		return;
	}
	named = bmap_by_name(mp.fs_type);
	/* Of a directory, where a file is to be, its name tells. */
	if (t->use == TRUST_KERNEL && named != BMAP_MOVES && S_ISREG(image->st.st_mode))
		asked = bmap_by_asking(image->fd);
	if (named == BMAP_YES && asked == BMAP_NO)
		add_unmapped(out, mp.fs_type);
	else
		add_filesystem(out, mp.fs_type,
			       asked == BMAP_UNKNOWN ? named : asked, t->use == TRUST_KERNEL);
}

/* ---- who uses it, who may ---- */

void place_judge_use(const struct image *image, const struct trust_target *t,
		     struct findings *out)
{
	bool for_kernel = t->use == TRUST_KERNEL;
	char md[64];
	int ret;

	if (image->member)
		return;
	ret = mdarray_uses_file(image->fd, md);
	if (ret == 1)
		findings_add(out, for_kernel ? FINDING_BAD : FINDING_NOTICE, -EBUSY,
			     "in use", "attached to %s now%s", safe(md),
			     for_kernel ? "; --detach it there first" :
					  ": its bits change while they are read");
	else if (ret < 0)
		findings_add(out, FINDING_NOTICE, 0, "in use",
			     "whether an array uses it cannot be told: %s",
			     strerror(-ret));
	else
		findings_add(out, FINDING_GOOD, 0, "in use", "no array uses it");
}

void place_judge_permissions(const struct image *image, const struct trust_target *t,
			     struct findings *out)
{
	/* Ours takes no store that somebody else may write to. */
	bool ours = trust_is_ours(t);
	mode_t mode = image->st.st_mode & 07777;
	struct finding *f;
	bool odd = false;

	if (!S_ISREG(image->st.st_mode) || image->member)
		return;
	if (!(mode & 0200)) {
		f = findings_add(out, t->use >= TRUST_PLAN ? FINDING_BAD : FINDING_ATTENTION,
				 -EACCES, "permissions", "read-only (mode %04o), but md writes to it; chmod u+w",
				 mode);
		f->forcible = true;
		odd = true;
	}
	if (mode & 022) {
		findings_add(out, ours && t->use >= TRUST_PLAN ? FINDING_BAD : FINDING_ATTENTION,
			     -EPERM, "permissions",
			     "others than its owner may write to it (mode %04o) and so hide dirty chunks; chmod 600",
			     mode);
		odd = true;
	}
	if (image->st.st_uid) {
		findings_add(out, ours && t->use == TRUST_KERNEL ? FINDING_BAD : FINDING_ATTENTION,
			     -EPERM, "permissions",
			     "belongs to user %u, who may hide dirty chunks; chown root",
			     (unsigned int)image->st.st_uid);
		odd = true;
	}
	if (!odd)
		findings_add(out, FINDING_GOOD, 0, "permissions",
			     "root's, mode %04o", mode);
}

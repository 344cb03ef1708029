// SPDX-License-Identifier: GPL-2.0-only
/*
 * The md ioctls. md-abi.md sections 1 to 3
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "ioctl.h"
#include "patience.h"

/*
 * EINTR comes from waiting for the array's lock, before anything was done,
 * so asking again is always right.
 */
static int call_md(int fd, unsigned long request, void *arg)
{
	int r;

	do {
		r = ioctl(fd, request, arg);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int call_md_value(int fd, unsigned long request, uint32_t value)
{
	return call_md(fd, request, (void *)(uintptr_t)value);
}

/* The kernel's 32-bit "new" encoding: 12 bits of major amid 20 of minor. */
static int call_md_dev(int fd, unsigned long request, dev_t dev)
{
	uint32_t ma = major(dev), mi = minor(dev);

	if (ma > 0xfff || mi > 0xfffff)
		return -EOVERFLOW;
	return call_md_value(fd, request,
			     (mi & 0xff) | ma << 8 | (mi & ~0xffu) << 12);
}

int md_open(const char *node, int open_flags, int *fd)
{
	mdu_version_t version;
	struct stat st;
	int f, err;

	/* Opening a FIFO or a tape is not harmless: look first. */
	if (stat(node, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode))
		return -ENOTTY;
	f = open(node, open_flags | O_CLOEXEC);
	if (f < 0)
		return -errno;
	err = call_md(f, RAID_VERSION, &version);
	if (err) {
		close(f);
		return err == -EINVAL ? -ENOTTY : err;
	}
	*fd = f;
	return 0;
}

int md_array_info(int fd, mdu_array_info_t *info)
{
	memset(info, 0, sizeof(*info));
	return call_md(fd, GET_ARRAY_INFO, info);
}

int md_disk_info(int fd, int number, mdu_disk_info_t *info)
{
	memset(info, 0, sizeof(*info));
	info->number = number;
	return call_md(fd, GET_DISK_INFO, info);
}

int md_bitmap_file(int fd, char path[4096])
{
	mdu_bitmap_file_t file;
	int err;

	memset(&file, 0, sizeof(file));
	err = call_md(fd, GET_BITMAP_FILE, &file);
	if (err)
		return err;
	file.pathname[sizeof(file.pathname) - 1] = '\0';
	memcpy(path, file.pathname, sizeof(file.pathname));
	return 0;
}

int md_set_array(int fd, const mdu_array_info_t *info)
{
	return call_md(fd, SET_ARRAY_INFO, (void *)info);
}

int md_add_disk(int fd, const mdu_disk_info_t *info)
{
	return call_md(fd, ADD_NEW_DISK, (void *)info);
}

int md_hot_add(int fd, dev_t dev)
{
	return call_md_dev(fd, HOT_ADD_DISK, dev);
}

int md_hot_remove(int fd, dev_t dev)
{
	return call_md_dev(fd, HOT_REMOVE_DISK, dev);
}

int md_set_faulty(int fd, dev_t dev)
{
	return call_md_dev(fd, SET_DISK_FAULTY, dev);
}

int md_set_bitmap(int fd, int bitmap_fd)
{
	return call_md_value(fd, SET_BITMAP_FILE, (uint32_t)bitmap_fd);
}

int md_run(int fd)
{
	return call_md(fd, RUN_ARRAY, NULL);
}

int md_stop(int fd)
{
	return call_md(fd, STOP_ARRAY, NULL);
}

int md_restart_rw(int fd)
{
	return call_md(fd, RESTART_ARRAY_RW, NULL);
}

int md_retry_busy(int (*call)(void *arg), void *arg, unsigned int pause_ms,
		  unsigned int limit_ms)
{
	int64_t end = patience_now_ms() + limit_ms;
	int err;

	for (;;) {
		err = call(arg);
		if (err != -EBUSY || patience_now_ms() + pause_ms > end)
			return err;
		patience_sleep_ms(pause_ms);
	}
}

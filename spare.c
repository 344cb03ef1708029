// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new spare's superblock, made of that of an in-sync member. 0.90 and
 * arrays without metadata need none of this: md writes 0.90 itself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <uuid/uuid.h>
#include "module/core/member_super_disk.h"
#include "report.h"
#include "spare.h"

typedef uint8_t block_t[MEMBER_SUPER_BYTES];

static int too_small(const char *path, uint64_t has, uint64_t wanted)
{
	return fail(-ENOSPC, "%s is too small: %s for data, the array uses %s of each "
		    "member", safe(path), human(has * SECTOR_BYTES),
		    human(wanted * SECTOR_BYTES));
}

static uint64_t room_of_0_90(uint64_t device_sectors)
{
	uint64_t sector;

	return member_super_location(MEMBER_0_90, device_sectors, &sector) ? 0 : sector;
}

static int make(const char *path, block_t raw, const struct member *sample,
		uint64_t device_sectors, uint32_t number)
{
	const struct member_super *ms = &sample->super;
	uuid_t uuid;
	int err;

	uuid_generate_random(uuid);
	memcpy(raw, sample->raw, MEMBER_SUPER_BYTES);
	err = member_super_make_spare(raw, ms->format, device_sectors, number, uuid);
	if (err == -ENOSPC)
		return too_small(path, device_sectors > ms->data_sector ?
				 device_sectors - ms->data_sector : 0,
				 ms->size_sectors);
	if (err == -EOPNOTSUPP)
		return fail(err, "%s: the array has a PPL or is being reshaped; use "
			    "mdadm --add", safe(path));
	if (err)
		return fail(-EUCLEAN, "%s: no superblock for it can be made from that "
			    "of %s", safe(path), safe(sample->path));
	return 0;
}

int spare_check_size(const char *path, uint64_t device_sectors,
		     const struct member *sample, uint64_t component_sectors)
{
	uint64_t room = device_sectors;
	block_t raw;

	if (sample && sample->super.format != MEMBER_0_90)
		return make(path, raw, sample, device_sectors, sample->super.number);
	if (sample)
		room = room_of_0_90(device_sectors);
	return room < component_sectors ? too_small(path, room, component_sectors) : 0;
}

static int write_block(int fd, const uint8_t *block, uint64_t sector)
{
	ssize_t n = pwrite(fd, block, MEMBER_SUPER_BYTES, (off_t)(sector * SECTOR_BYTES));

	if (n < 0)
		return -errno;
	return n == MEMBER_SUPER_BYTES ? 0 : -EIO;
}

/* Superblocks, sound in themselves, of every format. */
static int wipe_all(int fd, uint64_t device_sectors)
{
	static const _Alignas(MEMBER_SUPER_BYTES) block_t zero;
	_Alignas(MEMBER_SUPER_BYTES) block_t found;
	struct member_super ms;
	uint64_t sector;
	int format, err = 0;

	for (format = 0; !err && format < MEMBER_FORMATS; format++) {
		if (member_super_location(format, device_sectors, &sector) ||
		    pread(fd, found, sizeof(found), (off_t)(sector * SECTOR_BYTES)) !=
			    sizeof(found) ||
		    member_super_decode(&ms, format, found, device_sectors, NULL))
			continue;
		err = write_block(fd, zero, sector);
	}
	return err;
}

int spare_write(int fd, const char *path, const struct member *sample,
		uint64_t device_sectors, uint32_t number)
{
	_Alignas(MEMBER_SUPER_BYTES) block_t raw;
	uint64_t sector;
	int err = make(path, raw, sample, device_sectors, number);

	if (err)
		return err;
	err = member_super_location(sample->super.format, device_sectors, &sector);
	if (!err)
		err = wipe_all(fd, device_sectors);
	if (!err)
		err = write_block(fd, raw, sector);
	if (!err && fsync(fd))
		err = -errno;
	return err ? fail_errno(err, "%s: cannot write a superblock", safe(path)) : 0;
}

void spare_wipe(int fd, uint64_t device_sectors)
{
	if (!wipe_all(fd, device_sectors))
		fsync(fd);
}
